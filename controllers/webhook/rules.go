package webhook

import (
	"context"
	"slices"
	"strconv"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

// rule is what is done at admission for one kind.
type rule struct {
	resource schema.GroupVersionResource
	// name is the last part of the paths /mutate-NAME and /validate-NAME, and the first of the
	// webhook's own name, which a refusal quotes.
	name  string
	empty func() client.Object
	// fill completes an object; nil when there is nothing to fill in.
	fill func(obj client.Object, op admissionv1.Operation)
	// inspect finds what is wrong; old is nil at creation.
	inspect func(obj, old client.Object) field.ErrorList
	// evicting is inspect under Options.AllowNoExecuteTaints; nil where it is the same.
	evicting func(obj, old client.Object) field.ErrorList
	// compare finds what is wrong beside others of the kind; nil where they do not matter.
	compare func(ctx context.Context, others client.Reader, obj, old client.Object) (field.ErrorList, error)
	// fillWhen and inspectWhen spare the API server the question when they do not hold.
	fillWhen, inspectWhen []admissionregistrationv1.MatchCondition
	// sparesUs leaves what the controllers themselves write: it is complete, and there is a lot of it.
	sparesUs bool
	// fillAtCreation leaves updates alone.
	fillAtCreation bool
}

var rules = []rule{
	{
		resource: policyv1alpha1.GroupVersion.WithResource("propagationpolicies"), name: "propagationpolicy",
		empty: func() client.Object { return &policyv1alpha1.PropagationPolicy{} }, fill: fillPropagation, inspect: inspectPropagation,
		compare: comparePropagation,
	}, {
		resource: policyv1alpha1.GroupVersion.WithResource("clusterpropagationpolicies"), name: "clusterpropagationpolicy",
		empty: func() client.Object { return &policyv1alpha1.ClusterPropagationPolicy{} }, fill: fillPropagation, inspect: inspectPropagation,
		compare: comparePropagation,
	}, {
		resource: policyv1alpha1.GroupVersion.WithResource("overridepolicies"), name: "overridepolicy",
		empty: func() client.Object { return &policyv1alpha1.OverridePolicy{} }, fill: filled(validation.DefaultOverride), inspect: alone(validation.ValidateOverride),
	}, {
		resource: policyv1alpha1.GroupVersion.WithResource("clusteroverridepolicies"), name: "clusteroverridepolicy",
		empty: func() client.Object { return &policyv1alpha1.ClusterOverridePolicy{} }, fill: filled(validation.DefaultOverride), inspect: alone(validation.ValidateOverride),
	}, {
		resource: policyv1alpha1.GroupVersion.WithResource("clustertaintpolicies"), name: "clustertaintpolicy",
		empty: func() client.Object { return &policyv1alpha1.ClusterTaintPolicy{} }, inspect: inspectTaints(false), evicting: inspectTaints(true),
	}, {
		resource: policyv1alpha1.GroupVersion.WithResource("federatedresourcequotas"), name: "federatedresourcequota",
		empty: func() client.Object { return &policyv1alpha1.FederatedResourceQuota{} }, inspect: alone(validation.ValidateFederatedResourceQuota), inspectWhen: specChanges,
	}, {
		resource: workv1alpha2.GroupVersion.WithResource("resourcebindings"), name: "resourcebinding",
		empty: func() client.Object { return &workv1alpha2.ResourceBinding{} }, inspect: alone(validation.ValidateBinding), inspectWhen: bindingClaims,
		fill: identified(validation.IdentifyBinding), fillAtCreation: true, fillWhen: without(names.ResourceBindingPermanentID),
	}, {
		resource: workv1alpha2.GroupVersion.WithResource("clusterresourcebindings"), name: "clusterresourcebinding",
		empty: func() client.Object { return &workv1alpha2.ClusterResourceBinding{} }, inspect: alone(validation.ValidateBinding), inspectWhen: bindingClaims,
		fill: identified(validation.IdentifyBinding), fillAtCreation: true, fillWhen: without(names.ClusterResourceBindingPermanentID),
	}, {
		resource: workv1alpha1.GroupVersion.WithResource("works"), name: "work",
		empty: func() client.Object { return &workv1alpha1.Work{} }, fill: identified(validation.DefaultWork), inspect: compared(validation.ValidateWork),
		fillWhen: workChanges, inspectWhen: workChanges, sparesUs: true,
	}, {
		resource: configv1alpha1.GroupVersion.WithResource("resourceinterpreterwebhookconfigurations"), name: "resourceinterpreterwebhookconfiguration",
		empty: func() client.Object { return &configv1alpha1.ResourceInterpreterWebhookConfiguration{} }, inspect: alone(validation.ValidateInterpreterWebhooks),
	}, {
		resource: configv1alpha1.GroupVersion.WithResource("resourceinterpretercustomizations"), name: "resourceinterpretercustomization",
		empty: func() client.Object { return &configv1alpha1.ResourceInterpreterCustomization{} }, inspect: alone(inspectCustomization),
		compare: compareCustomization,
	}, {
		resource: remedyv1alpha1.GroupVersion.WithResource("remedies"), name: "remedy",
		empty: func() client.Object { return &remedyv1alpha1.Remedy{} }, inspect: alone(validation.ValidateRemedy),
	}, {
		resource: autoscalingv1alpha1.GroupVersion.WithResource("federatedhpas"), name: "federatedhpa",
		empty: func() client.Object { return &autoscalingv1alpha1.FederatedHPA{} }, fill: filled(validation.DefaultFederatedHPA), inspect: alone(validation.ValidateFederatedHPA),
	}, {
		resource: autoscalingv1alpha1.GroupVersion.WithResource("cronfederatedhpas"), name: "cronfederatedhpa",
		empty: func() client.Object { return &autoscalingv1alpha1.CronFederatedHPA{} }, inspect: alone(validation.ValidateCronFederatedHPA),
	}, {
		resource: networkingv1alpha1.GroupVersion.WithResource("multiclusterservices"), name: "multiclusterservice",
		empty: func() client.Object { return &networkingv1alpha1.MultiClusterService{} },
		fill:  identified(validation.DefaultMultiClusterService), inspect: compared(validation.ValidateMultiClusterService),
	}, {
		resource: networkingv1alpha1.GroupVersion.WithResource("multiclusteringresses"), name: "multiclusteringress",
		empty: func() client.Object { return &networkingv1alpha1.MultiClusterIngress{} }, inspect: alone(validation.ValidateMultiClusterIngress),
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("zones"), name: "zone",
		empty: func() client.Object { return &trafficv1alpha1.Zone{} }, inspect: compared(traffic.ValidateZone),
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("zonerecords"), name: "zonerecords",
		empty: func() client.Object { return &trafficv1alpha1.ZoneRecords{} }, inspect: compared(traffic.ValidateZoneRecords),
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("regionmaps"), name: "regionmap",
		empty: func() client.Object { return &trafficv1alpha1.RegionMap{} }, inspect: compared(traffic.ValidateRegionMap),
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("trafficpolicies"), name: "trafficpolicy",
		empty: func() client.Object { return &trafficv1alpha1.TrafficPolicy{} }, inspect: compared(traffic.ValidatePolicy), compare: compareResidency,
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("drills"), name: "drill",
		empty: func() client.Object { return &trafficv1alpha1.Drill{} }, inspect: compared(traffic.ValidateDrill), inspectWhen: specChanges,
	}, {
		resource: corev1.SchemeGroupVersion.WithResource("namespaces"), name: "namespace",
		empty: func() client.Object { return &corev1.Namespace{} }, inspect: alone(inspectNamespace), inspectWhen: walled,
	}, {
		resource: trafficv1alpha1.GroupVersion.WithResource("placementplugins"), name: "placementplugin",
		empty: func() client.Object { return &trafficv1alpha1.PlacementPlugin{} }, inspect: alone(plugin.Validate),
	}, {
		resource: appsv1alpha1.GroupVersion.WithResource("workloadrebalancers"), name: "workloadrebalancer",
		empty: func() client.Object { return &appsv1alpha1.WorkloadRebalancer{} }, inspect: alone(validation.ValidateWorkloadRebalancer),
	},
}

// webhook is the webhook's own name. Clients of Karmada look for those of its kinds in refusals.
func (r *rule) webhook() string {
	if r.resource.Group == trafficv1alpha1.GroupVersion.Group || r.resource.Group == corev1.GroupName {
		return r.name + "." + trafficv1alpha1.GroupVersion.Group
	}
	return r.name + ".karmada.io"
}

// without holds for objects that do not have the label: what our own controllers write has it, and is
// spared the round trip.
func without(label string) []admissionregistrationv1.MatchCondition {
	return []admissionregistrationv1.MatchCondition{{
		Name:       "no-permanent-id",
		Expression: "!has(object.metadata.labels) || !('" + label + "' in object.metadata.labels)",
	}}
}

// bindingClaims holds for bindings with something in them that can be wrong. Bindings are written
// far more often than anything else.
var bindingClaims = []admissionregistrationv1.MatchCondition{{
	Name: "something-to-check",
	Expression: "(has(object.spec.resource.namespace) ? object.spec.resource.namespace : '') != (has(object.metadata.namespace) ? object.metadata.namespace : '') || " +
		"has(object.spec.components) || has(object.metadata.annotations) && '" +
		names.DependenciesAnnotation + "' in object.metadata.annotations",
}}

// workChanges holds for Works whose manifests or id somebody writes, or that have no id. Finalizers and
// annotations come and go with every Work, and can not be wrong; status is not asked about at all.
var workChanges = []admissionregistrationv1.MatchCondition{{
	Name: "spec-or-id-changes",
	Expression: "oldObject == null || object.spec != oldObject.spec" +
		" || object.metadata.?labels[?'" + names.WorkPermanentID + "'].orValue('') == ''" +
		" || object.metadata.?labels[?'" + names.WorkPermanentID + "'] != oldObject.metadata.?labels[?'" + names.WorkPermanentID + "']",
}}

// unlessBy adds to conditions that the request is not a user's.
func unlessBy(user string, conditions []admissionregistrationv1.MatchCondition) []admissionregistrationv1.MatchCondition {
	return append(slices.Clone(conditions), admissionregistrationv1.MatchCondition{
		Name:       "not-by-the-controllers",
		Expression: "request.userInfo.username != " + strconv.Quote(user),
	})
}

// specChanges holds unless the spec stays as it is: ledgers are kept on quotas all the time.
var specChanges = []admissionregistrationv1.MatchCondition{{
	Name:       "spec-changes",
	Expression: "oldObject == null || object.spec != oldObject.spec",
}}

func fillPropagation(obj client.Object, op admissionv1.Operation) {
	p := obj.(policyv1alpha1.Propagation)
	validation.DefaultPropagation(p)
	if op == admissionv1.Create {
		validation.IdentifyPropagation(p, string(uuid.NewUUID()))
	}
}

func inspectPropagation(obj, old client.Object) field.ErrorList {
	if old == nil {
		return validation.ValidatePropagation(obj.(policyv1alpha1.Propagation), nil)
	}
	return validation.ValidatePropagation(obj.(policyv1alpha1.Propagation), old.(policyv1alpha1.Propagation))
}

func inspectTaints(allowNoExecute bool) func(obj, old client.Object) field.ErrorList {
	return alone(func(p *policyv1alpha1.ClusterTaintPolicy) field.ErrorList {
		return validation.ValidateClusterTaintPolicy(p, allowNoExecute)
	})
}

// inspectCustomization also compiles the scripts.
func inspectCustomization(c *configv1alpha1.ResourceInterpreterCustomization) field.ErrorList {
	return append(validation.ValidateCustomization(c), lua.Validate(c, lua.DefaultLimits)...)
}

// compareCustomization finds what others explain already. What was so before is left: then the older of
// the two counts, and both can be edited.
func compareCustomization(ctx context.Context, others client.Reader, obj, old client.Object) (field.ErrorList, error) {
	var list configv1alpha1.ResourceInterpreterCustomizationList
	if err := others.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	errs := validation.ConflictingCustomizations(obj.(*configv1alpha1.ResourceInterpreterCustomization), list.Items)
	if old == nil {
		return errs, nil
	}
	before := validation.ConflictingCustomizations(old.(*configv1alpha1.ResourceInterpreterCustomization), list.Items)
	return slices.DeleteFunc(errs, func(e *field.Error) bool {
		return slices.ContainsFunc(before, func(b *field.Error) bool { return b.Error() == e.Error() })
	}), nil
}

// filled makes a fill of a function that knows the kind.
func filled[T any](fill func(T)) func(client.Object, admissionv1.Operation) {
	return func(obj client.Object, _ admissionv1.Operation) { fill(obj.(T)) }
}

// identified is filled with a new permanent id.
func identified[T any](fill func(obj T, permanentID string)) func(client.Object, admissionv1.Operation) {
	return func(obj client.Object, _ admissionv1.Operation) { fill(obj.(T), string(uuid.NewUUID())) }
}

// alone makes an inspection of a function that knows the kind.
func alone[T any](inspect func(T) field.ErrorList) func(obj, old client.Object) field.ErrorList {
	return func(obj, _ client.Object) field.ErrorList { return inspect(obj.(T)) }
}

// compared is alone with the old object, nil at creation.
func compared[T any](inspect func(obj, old *T) field.ErrorList) func(obj, old client.Object) field.ErrorList {
	return func(obj, old client.Object) field.ErrorList {
		before, _ := any(old).(*T)
		return inspect(any(obj).(*T), before)
	}
}
