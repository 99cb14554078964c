package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// ValidatePropagation checks a policy after DefaultPropagation.
func ValidatePropagation(p, old policyv1alpha1.Propagation) field.ErrorList {
	var before map[string]string
	var errs field.ErrorList
	path := field.NewPath("spec")
	spec := p.GetPropagationSpec()
	if old != nil {
		before = old.GetLabels()
		was := schedulerName(old)
		if is := schedulerName(p); is != was {
			errs = append(errs, field.Invalid(path.Child("schedulerName"), is,
				fmt.Sprintf("the scheduler can not be changed; set it back to %q or make a new policy", was)))
		}
	}
	errs = append(errs, validateIdentity(p, before, PropagationIDLabel(p))...)
	errs = append(errs, validateSelectors(p, path.Child("resourceSelectors"))...)
	errs = append(errs, validatePlacement(&spec.Placement, path.Child("placement"))...)
	errs = append(errs, validateFailover(spec, path.Child("failover"))...)
	errs = append(errs, validateSuspension(spec.Suspension, path.Child("suspension"))...)
	return errs
}

// schedulerName resolves the schema's default.
func schedulerName(p policyv1alpha1.Propagation) string {
	if name := p.GetPropagationSpec().SchedulerName; name != "" {
		return name
	}
	return policyv1alpha1.DefaultSchedulerName
}

func validateSelectors(p policyv1alpha1.Propagation, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	spec := p.GetPropagationSpec()
	_, namespaced := p.(*policyv1alpha1.PropagationPolicy)
	for i, s := range spec.ResourceSelectors {
		at := path.Index(i)
		if namespaced {
			errs = append(errs, validateOwnNamespace(s, p.GetNamespace(), at)...)
		}
		if spec.Preemption == policyv1alpha1.PreemptAlways && s.Name == "" {
			errs = append(errs, field.Required(at.Child("name"),
				"a policy with preemption Always names each object it may take; set a name or preemption: Never"))
		}
		errs = append(errs, validateLabelSelector(s.LabelSelector, at.Child("labelSelector"))...)
	}
	return errs
}

func validateOwnNamespace(s policyv1alpha1.ResourceSelector, namespace string, path *field.Path) field.ErrorList {
	if s.Namespace == "" || s.Namespace == namespace {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("namespace"), s.Namespace,
		fmt.Sprintf("a namespaced policy selects in its own namespace %q only; leave this out or use the cluster-scoped policy", namespace))}
}

func validateSuspension(s *policyv1alpha1.Suspension, path *field.Path) field.ErrorList {
	all := s != nil && s.Dispatching != nil && *s.Dispatching
	some := s != nil && s.DispatchingOnClusters != nil && len(s.DispatchingOnClusters.ClusterNames) > 0
	if !all || !some {
		return nil
	}
	return field.ErrorList{field.Forbidden(path.Child("dispatchingOnClusters"),
		"dispatching: true suspends all clusters already; keep one of the two")}
}
