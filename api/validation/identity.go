package validation

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// identify sets a permanent id unless the object has one.
func identify(obj metav1.Object, label, id string) {
	labels := obj.GetLabels()
	if labels[label] != "" {
		return
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[label] = id
	obj.SetLabels(labels)
}

// validateIdentity checks that the permanent id is there and never changes. The object
// is compared with its labels before the change, which are nil at creation.
func validateIdentity(obj metav1.Object, before map[string]string, label string) field.ErrorList {
	path := field.NewPath("metadata", "labels").Key(label)
	id := obj.GetLabels()[label]
	switch was := before[label]; {
	case id == "":
		return field.ErrorList{field.Required(path, "the permanent id is set at creation; do not remove it")}
	case was != "" && was != id:
		return field.ErrorList{field.Invalid(path, id, fmt.Sprintf("the permanent id never changes; set it back to %q", was))}
	}
	return nil
}

// validateReference wants what names an object within its namespace.
func validateReference(kind, name string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if kind == "" {
		errs = append(errs, field.Required(path.Child("kind"), "name the kind"))
	}
	if name == "" {
		errs = append(errs, field.Required(path.Child("name"), "name the object"))
	}
	return errs
}
