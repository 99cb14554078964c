package validation

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

var (
	fieldSelectorKeys      = []string{policyv1alpha1.ProviderField, policyv1alpha1.RegionField, policyv1alpha1.ZoneField}
	fieldSelectorOperators = []corev1.NodeSelectorOperator{corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn}
)

// ValidateClusterAffinity checks a choice of clusters; nil is valid.
func ValidateClusterAffinity(a *policyv1alpha1.ClusterAffinity, path *field.Path) field.ErrorList {
	if a == nil {
		return nil
	}
	errs := validateLabelSelector(a.LabelSelector, path.Child("labelSelector"))
	if a.FieldSelector == nil {
		return errs
	}
	for i, e := range a.FieldSelector.MatchExpressions {
		at := path.Child("fieldSelector", "matchExpressions").Index(i)
		if !slices.Contains(fieldSelectorKeys, e.Key) {
			errs = append(errs, field.NotSupported(at.Child("key"), e.Key, fieldSelectorKeys))
		}
		if !slices.Contains(fieldSelectorOperators, e.Operator) {
			errs = append(errs, field.NotSupported(at.Child("operator"), e.Operator, fieldSelectorOperators))
		}
	}
	return errs
}

// validateLabelSelector refuses a selector that could never match.
func validateLabelSelector(s *metav1.LabelSelector, path *field.Path) field.ErrorList {
	return metav1validation.ValidateLabelSelector(s, metav1validation.LabelSelectorValidationOptions{}, path)
}

func isEmptyAffinity(a *policyv1alpha1.ClusterAffinity) bool {
	return a.LabelSelector == nil && a.FieldSelector == nil && len(a.ClusterNames) == 0 && len(a.ExcludeClusters) == 0
}
