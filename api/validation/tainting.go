package validation

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

var (
	conditionOperators = []policyv1alpha1.MatchConditionOperator{policyv1alpha1.MatchConditionOpIn, policyv1alpha1.MatchConditionOpNotIn}
	conditionStatuses  = []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown}
)

// ValidateClusterTaintPolicy checks what the schema does not. Taints with the effect NoExecute, which are there
// to drive out what runs, are refused unless they are allowed, as in Karmada.
func ValidateClusterTaintPolicy(p *policyv1alpha1.ClusterTaintPolicy, allowNoExecute bool) field.ErrorList {
	path := field.NewPath("spec")
	errs := ValidateClusterAffinity(p.Spec.TargetClusters, path.Child("targetClusters"))
	errs = append(errs, validateMatchConditions(p.Spec.AddOnConditions, path.Child("addOnConditions"))...)
	errs = append(errs, validateMatchConditions(p.Spec.RemoveOnConditions, path.Child("removeOnConditions"))...)
	taints := make([]corev1.Taint, len(p.Spec.Taints))
	for i, t := range p.Spec.Taints {
		taints[i] = corev1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect}
		if t.Effect == corev1.TaintEffectNoExecute && !allowNoExecute {
			errs = append(errs, field.Forbidden(path.Child("taints").Index(i).Child("effect"),
				"NoExecute is not allowed here; use NoSchedule, or run the controllers with --allow-no-execute-taint-policy"))
		}
	}
	return append(errs, validateTaints(taints, path.Child("taints"))...)
}

func validateMatchConditions(conditions []policyv1alpha1.MatchCondition, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, c := range conditions {
		at := path.Index(i)
		if c.ConditionType == "" {
			errs = append(errs, field.Required(at.Child("conditionType"), "name the condition of a Cluster, such as Ready"))
		}
		if !slices.Contains(conditionOperators, c.Operator) {
			errs = append(errs, field.NotSupported(at.Child("operator"), c.Operator, conditionOperators))
		}
		if len(c.StatusValues) == 0 {
			errs = append(errs, field.Required(at.Child("statusValues"), "set at least one of True, False and Unknown"))
		}
		for j, status := range c.StatusValues {
			if !slices.Contains(conditionStatuses, status) {
				errs = append(errs, field.NotSupported(at.Child("statusValues").Index(j), status, conditionStatuses))
			}
		}
	}
	return errs
}
