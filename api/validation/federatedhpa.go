package validation

import (
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
)

// defaultUtilization is the CPU target of an autoscaler that names no metric, in percent of requests.
const defaultUtilization = 80

// DefaultFederatedHPA fills in what a HorizontalPodAutoscaler (autoscaling/v2) would have filled in.
func DefaultFederatedHPA(h *autoscalingv1alpha1.FederatedHPA) {
	if h.Spec.MinReplicas == nil {
		h.Spec.MinReplicas = ptr.To[int32](1)
	}
	if len(h.Spec.Metrics) == 0 {
		h.Spec.Metrics = []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To[int32](defaultUtilization)}},
		}}
	}
	if b := h.Spec.Behavior; b != nil {
		double := autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15}
		four := autoscalingv2.HPAScalingPolicy{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15}
		b.ScaleUp = defaultScaling(b.ScaleUp, ptr.To[int32](0), four, double)
		b.ScaleDown = defaultScaling(b.ScaleDown, nil, double)
	}
}

func defaultScaling(rules *autoscalingv2.HPAScalingRules, window *int32, policies ...autoscalingv2.HPAScalingPolicy) *autoscalingv2.HPAScalingRules {
	if rules == nil {
		rules = &autoscalingv2.HPAScalingRules{}
	}
	if rules.StabilizationWindowSeconds == nil {
		rules.StabilizationWindowSeconds = window
	}
	if rules.SelectPolicy == nil {
		rules.SelectPolicy = ptr.To(autoscalingv2.MaxChangePolicySelect)
	}
	if rules.Policies == nil {
		rules.Policies = policies
	}
	return rules
}

// ValidateFederatedHPA checks after DefaultFederatedHPA what a HorizontalPodAutoscaler has to hold.
func ValidateFederatedHPA(h *autoscalingv1alpha1.FederatedHPA) field.ErrorList {
	path := field.NewPath("spec")
	errs := validateReference(h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name, path.Child("scaleTargetRef"))
	least := ptr.Deref(h.Spec.MinReplicas, 1)
	if least < 1 {
		errs = append(errs, field.Invalid(path.Child("minReplicas"), least, "must be at least 1"))
	}
	if most := h.Spec.MaxReplicas; most < 1 || most < least {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), most, "must be at least 1 and at least minReplicas"))
	}
	for i := range h.Spec.Metrics {
		errs = append(errs, validateMetric(&h.Spec.Metrics[i], path.Child("metrics").Index(i))...)
	}
	if b := h.Spec.Behavior; b != nil {
		errs = append(errs, validateScaling(b.ScaleUp, path.Child("behavior", "scaleUp"))...)
		errs = append(errs, validateScaling(b.ScaleDown, path.Child("behavior", "scaleDown"))...)
	}
	return errs
}

var metricTypes = []autoscalingv2.MetricSourceType{autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType,
	autoscalingv2.PodsMetricSourceType, autoscalingv2.ObjectMetricSourceType, autoscalingv2.ExternalMetricSourceType}

// validateMetric wants the one source that the type names.
func validateMetric(m *autoscalingv2.MetricSpec, path *field.Path) field.ErrorList {
	if !slices.Contains(metricTypes, m.Type) {
		return field.ErrorList{field.NotSupported(path.Child("type"), m.Type, metricTypes)}
	}
	var errs field.ErrorList
	for _, source := range []struct {
		kind     autoscalingv2.MetricSourceType
		name     string
		set      bool
		validate func(at *field.Path) field.ErrorList
	}{
		{autoscalingv2.ResourceMetricSourceType, "resource", m.Resource != nil, func(at *field.Path) field.ErrorList {
			return validateResourceMetric(m.Resource.Name, m.Resource.Target, at)
		}},
		{autoscalingv2.ContainerResourceMetricSourceType, "containerResource", m.ContainerResource != nil, func(at *field.Path) field.ErrorList {
			errs := validateResourceMetric(m.ContainerResource.Name, m.ContainerResource.Target, at)
			if m.ContainerResource.Container == "" {
				errs = append(errs, field.Required(at.Child("container"), "name the container"))
			}
			return errs
		}},
		{autoscalingv2.PodsMetricSourceType, "pods", m.Pods != nil, func(at *field.Path) field.ErrorList {
			return append(validateMetricName(m.Pods.Metric, at), validateMetricTarget(m.Pods.Target, at, autoscalingv2.AverageValueMetricType)...)
		}},
		{autoscalingv2.ObjectMetricSourceType, "object", m.Object != nil, func(at *field.Path) field.ErrorList {
			errs := append(validateMetricName(m.Object.Metric, at), validateReference(m.Object.DescribedObject.Kind, m.Object.DescribedObject.Name, at.Child("describedObject"))...)
			return append(errs, validateMetricTarget(m.Object.Target, at, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType)...)
		}},
		{autoscalingv2.ExternalMetricSourceType, "external", m.External != nil, func(at *field.Path) field.ErrorList {
			return append(validateMetricName(m.External.Metric, at),
				validateMetricTarget(m.External.Target, at, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType)...)
		}},
	} {
		at := path.Child(source.name)
		switch wanted := source.kind == m.Type; {
		case wanted && !source.set:
			errs = append(errs, field.Required(at, "must be set with type: "+string(m.Type)))
		case wanted:
			errs = append(errs, source.validate(at)...)
		case source.set:
			errs = append(errs, field.Forbidden(at, "goes with another type than "+string(m.Type)+"; leave it out"))
		}
	}
	return errs
}

func validateResourceMetric(name corev1.ResourceName, target autoscalingv2.MetricTarget, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the resource, such as cpu"))
	}
	return append(errs, validateMetricTarget(target, path, autoscalingv2.UtilizationMetricType, autoscalingv2.AverageValueMetricType)...)
}

func validateMetricName(m autoscalingv2.MetricIdentifier, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if m.Name == "" {
		errs = append(errs, field.Required(path.Child("metric", "name"), "name the metric"))
	}
	return append(errs, validateLabelSelector(m.Selector, path.Child("metric", "selector"))...)
}

// validateMetricTarget wants the value that the target's type names, and a type that goes with the
// metric.
func validateMetricTarget(t autoscalingv2.MetricTarget, path *field.Path, types ...autoscalingv2.MetricTargetType) field.ErrorList {
	path = path.Child("target")
	if !slices.Contains(types, t.Type) {
		return field.ErrorList{field.NotSupported(path.Child("type"), t.Type, types)}
	}
	if t.Type == autoscalingv2.UtilizationMetricType {
		if ptr.Deref(t.AverageUtilization, 0) < 1 {
			return field.ErrorList{field.Invalid(path.Child("averageUtilization"), ptr.Deref(t.AverageUtilization, 0), "must be above 0 with type: Utilization")}
		}
		return nil
	}
	value, at := t.Value, path.Child("value")
	if t.Type == autoscalingv2.AverageValueMetricType {
		value, at = t.AverageValue, path.Child("averageValue")
	}
	if value == nil {
		return field.ErrorList{field.Required(at, "must be set with type: "+string(t.Type))}
	}
	if value.Sign() < 1 {
		return field.ErrorList{field.Invalid(at, value.String(), "must be above 0")}
	}
	return nil
}

// Bounds of scaling rules, in seconds.
const (
	mostStabilization = 3600
	mostScalingPeriod = 1800
)

var (
	selectPolicies = []autoscalingv2.ScalingPolicySelect{autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect, autoscalingv2.DisabledPolicySelect}
	scalingTypes   = []autoscalingv2.HPAScalingPolicyType{autoscalingv2.PodsScalingPolicy, autoscalingv2.PercentScalingPolicy}
)

func validateScaling(r *autoscalingv2.HPAScalingRules, path *field.Path) field.ErrorList {
	if r == nil {
		return nil
	}
	var errs field.ErrorList
	if w := r.StabilizationWindowSeconds; w != nil && (*w < 0 || *w > mostStabilization) {
		errs = append(errs, field.Invalid(path.Child("stabilizationWindowSeconds"), *w, "must be from 0 to 3600"))
	}
	if r.SelectPolicy != nil && !slices.Contains(selectPolicies, *r.SelectPolicy) {
		errs = append(errs, field.NotSupported(path.Child("selectPolicy"), *r.SelectPolicy, selectPolicies))
	}
	if r.Tolerance != nil && r.Tolerance.Sign() < 0 {
		errs = append(errs, field.Invalid(path.Child("tolerance"), r.Tolerance.String(), "must be at least 0"))
	}
	if len(r.Policies) == 0 {
		errs = append(errs, field.Required(path.Child("policies"), "set at least one, or leave the list out for the default"))
	}
	for i, p := range r.Policies {
		at := path.Child("policies").Index(i)
		if !slices.Contains(scalingTypes, p.Type) {
			errs = append(errs, field.NotSupported(at.Child("type"), p.Type, scalingTypes))
		}
		if p.Value < 1 {
			errs = append(errs, field.Invalid(at.Child("value"), p.Value, "must be at least 1"))
		}
		if p.PeriodSeconds < 1 || p.PeriodSeconds > mostScalingPeriod {
			errs = append(errs, field.Invalid(at.Child("periodSeconds"), p.PeriodSeconds, "must be from 1 to 1800"))
		}
	}
	return errs
}
