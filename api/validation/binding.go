package validation

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/util/validation/field"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// IdentifyBinding gives a new binding its permanent id, unless it has one.
func IdentifyBinding(b workv1alpha2.Binding, permanentID string) {
	identify(b, BindingIDLabel(b), permanentID)
}

// BindingIDLabel returns the label that holds a binding's permanent id.
func BindingIDLabel(b workv1alpha2.Binding) string {
	if _, namespaced := b.(*workv1alpha2.ResourceBinding); namespaced {
		return names.ResourceBindingPermanentID
	}
	return names.ClusterResourceBindingPermanentID
}

// ValidateBinding checks what a binding's schema does not. Quotas are checked elsewhere;
// they need to see other bindings.
func ValidateBinding(b workv1alpha2.Binding) field.ErrorList {
	var errs field.ErrorList
	if text, ok := b.GetAnnotations()[names.DependenciesAnnotation]; ok {
		var list []configv1alpha1.DependentObjectReference
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "annotations").Key(names.DependenciesAnnotation), text,
				"must be a JSON list of object references: "+err.Error()))
		}
	}
	seen := map[string]bool{}
	for i, component := range b.GetBindingSpec().Components {
		if seen[component.Name] {
			errs = append(errs, field.Duplicate(field.NewPath("spec", "components").Index(i).Child("name"), component.Name))
		}
		seen[component.Name] = true
	}
	return errs
}
