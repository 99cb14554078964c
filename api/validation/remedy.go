package validation

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
)

var remedyOperators = []remedyv1alpha1.ClusterConditionOperator{remedyv1alpha1.ClusterConditionEqual, remedyv1alpha1.ClusterConditionNotEqual}

// ValidateRemedy checks what the schema does not: a status that no condition has would make NotEqual hold
// always. Actions are free: others may know more of them.
func ValidateRemedy(r *remedyv1alpha1.Remedy) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec")
	if a := r.Spec.ClusterAffinity; a != nil {
		for i, name := range a.ClusterNames {
			errs = append(errs, ValidateClusterName(name, path.Child("clusterAffinity", "clusterNames").Index(i))...)
		}
	}
	for i, match := range r.Spec.DecisionMatches {
		at := path.Child("decisionMatches").Index(i).Child("clusterConditionMatch")
		test := match.ClusterConditionMatch
		if test == nil {
			errs = append(errs, field.Required(at, "say which condition; leave decisionMatches out to match always"))
			continue
		}
		if test.ConditionType == "" {
			errs = append(errs, field.Required(at.Child("conditionType"), "name the condition of a Cluster, such as "+remedyv1alpha1.ServiceDomainNameResolutionReady))
		}
		if !slices.Contains(remedyOperators, test.Operator) {
			errs = append(errs, field.NotSupported(at.Child("operator"), test.Operator, remedyOperators))
		}
		if !slices.Contains(conditionStatuses, metav1.ConditionStatus(test.ConditionStatus)) {
			errs = append(errs, field.NotSupported(at.Child("conditionStatus"), metav1.ConditionStatus(test.ConditionStatus), conditionStatuses))
		}
	}
	for i, action := range r.Spec.Actions {
		if action == "" {
			errs = append(errs, field.Required(path.Child("actions").Index(i), "name an action, such as "+string(remedyv1alpha1.TrafficControl)))
		}
	}
	return errs
}
