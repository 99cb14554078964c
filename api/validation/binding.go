package validation

import (
	"encoding/json"
	"strconv"

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
	if fault := ValidateReach(b); fault != nil {
		errs = append(errs, fault)
	}
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

// ValidateReach checks that a binding speaks of what lies in its own namespace, and one without a
// namespace of what has none. Who may write bindings in one namespace could have anything brought into
// clusters otherwise. Whether a kind has namespaces is not known here: what acts on a binding checks
// that the object it reads is the one that the binding names.
func ValidateReach(b workv1alpha2.Binding) *field.Error {
	path, own := field.NewPath("spec", "resource", "namespace"), b.GetNamespace()
	switch got := b.GetBindingSpec().Resource.Namespace; {
	case got == own:
		return nil
	case own == "":
		return field.Forbidden(path, "a ClusterResourceBinding is about an object without a namespace; leave it empty")
	default:
		return field.Invalid(path, got, "a ResourceBinding is about an object of its own namespace; must be "+strconv.Quote(own))
	}
}
