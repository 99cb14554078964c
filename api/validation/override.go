package validation

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// DefaultOverride fills in what a policy leaves out.
func DefaultOverride(p policyv1alpha1.Override) {
	if _, namespaced := p.(*policyv1alpha1.OverridePolicy); namespaced {
		defaultSelectorNamespace(p.GetOverrideSpec().ResourceSelectors, p.GetNamespace())
	}
}

// ValidateOverride checks a policy. Whether DefaultOverride has seen it makes no difference.
func ValidateOverride(p policyv1alpha1.Override) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec")
	spec := p.GetOverrideSpec()
	local, namespaced := p.(*policyv1alpha1.OverridePolicy)
	if namespaced {
		errs = append(errs, validatePower(local)...)
	}
	for i, s := range spec.ResourceSelectors {
		at := path.Child("resourceSelectors").Index(i)
		if namespaced {
			errs = append(errs, validateOwnNamespace(s, p.GetNamespace(), at)...)
		}
		errs = append(errs, validateLabelSelector(s.LabelSelector, at.Child("labelSelector"))...)
	}
	if len(spec.OverrideRules) > 0 && (spec.TargetCluster != nil || !isEmptyOverriders(&spec.Overriders)) {
		errs = append(errs, field.Forbidden(path.Child("overrideRules"),
			"excludes the deprecated targetCluster and overriders; write them as a rule"))
	}
	errs = append(errs, ValidateClusterAffinity(spec.TargetCluster, path.Child("targetCluster"))...)
	errs = append(errs, validateOverriders(&spec.Overriders, path.Child("overriders"))...)
	for i := range spec.OverrideRules {
		at := path.Child("overrideRules").Index(i)
		errs = append(errs, ValidateClusterAffinity(spec.OverrideRules[i].TargetCluster, at.Child("targetCluster"))...)
		errs = append(errs, validateOverriders(&spec.OverrideRules[i].Overriders, at.Child("overriders"))...)
	}
	return errs
}

func isEmptyOverriders(o *policyv1alpha1.Overriders) bool {
	return len(o.Plaintext)+len(o.ImageOverrider)+len(o.CommandOverrider)+len(o.ArgsOverrider)+
		len(o.LabelsOverrider)+len(o.AnnotationsOverrider)+len(o.FieldOverrider) == 0
}

func validateOverriders(o *policyv1alpha1.Overriders, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range o.Plaintext {
		errs = append(errs, validatePlaintext(&o.Plaintext[i], path.Child("plaintext").Index(i))...)
	}
	for i, image := range o.ImageOverrider {
		if image.Predicate != nil {
			errs = append(errs, validateTarget(image.Predicate.Path, path.Child("imageOverrider").Index(i).Child("predicate", "path"))...)
		}
	}
	for i, label := range o.LabelsOverrider {
		errs = append(errs, validateLabelOverrider(label, path.Child("labelsOverrider").Index(i).Child("value"))...)
	}
	for i, annotation := range o.AnnotationsOverrider {
		errs = append(errs, validateAnnotationKeys(annotation.Value, path.Child("annotationsOverrider").Index(i).Child("value"))...)
	}
	for i := range o.FieldOverrider {
		errs = append(errs, validateFieldOverrider(&o.FieldOverrider[i], path.Child("fieldOverrider").Index(i))...)
	}
	return errs
}

func validatePlaintext(o *policyv1alpha1.PlaintextOverrider, path *field.Path) field.ErrorList {
	errs := validateTarget(o.Path, path.Child("path"))
	if o.Operator != policyv1alpha1.OverriderOpRemove && o.Value.IsZero() {
		errs = append(errs, field.Required(path.Child("value"), "add and replace need a value; use remove to clear the field"))
	}
	return append(errs, validateMarks(o, path.Child("value"))...)
}

func validateLabelOverrider(o policyv1alpha1.LabelAnnotationOverrider, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(o.Value)) {
		at := path.Key(key)
		if names.IsOwnershipLabel(key) {
			errs = append(errs, field.Forbidden(at, ownershipFault))
		}
		if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
			errs = append(errs, field.Invalid(at, key, strings.Join(msgs, "; ")))
		}
		if msgs := validation.IsValidLabelValue(o.Value[key]); len(msgs) > 0 {
			errs = append(errs, field.Invalid(at, o.Value[key], strings.Join(msgs, "; ")))
		}
	}
	return errs
}

// validateAnnotationKeys is as strict as the API server, which allows capitals in the
// prefix of an annotation's key.
func validateAnnotationKeys(value map[string]string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(value)) {
		if names.IsOwnershipAnnotation(key) {
			errs = append(errs, field.Forbidden(path.Key(key), ownershipFault))
		}
		if msgs := validation.IsQualifiedName(strings.ToLower(key)); len(msgs) > 0 {
			errs = append(errs, field.Invalid(path.Key(key), key, strings.Join(msgs, "; ")))
		}
	}
	return errs
}

func validateFieldOverrider(o *policyv1alpha1.FieldOverrider, path *field.Path) field.ErrorList {
	errs := validateTarget(o.FieldPath, path.Child("fieldPath"))
	switch {
	case len(o.JSON) > 0 && len(o.YAML) > 0:
		errs = append(errs, field.Forbidden(path.Child("yaml"), "json and yaml exclude each other; keep the one the text is written in"))
	case len(o.JSON) == 0 && len(o.YAML) == 0:
		errs = append(errs, field.Required(path, "set json or yaml, whichever the text is written in"))
	}
	for i, op := range o.JSON {
		errs = append(errs, validateTextOperation(op.SubPath, op.Operator, op.Value, path.Child("json").Index(i))...)
	}
	for i, op := range o.YAML {
		errs = append(errs, validateTextOperation(op.SubPath, op.Operator, op.Value, path.Child("yaml").Index(i))...)
	}
	return errs
}

func validateTextOperation(subPath string, operator policyv1alpha1.OverriderOperator, value policyv1alpha1.JSON, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if _, err := parsePointer(subPath); err != nil {
		errs = append(errs, field.Invalid(path.Child("subPath"), subPath, err.Error()))
	}
	switch remove := operator == policyv1alpha1.OverriderOpRemove; {
	case remove && !value.IsZero():
		errs = append(errs, field.Forbidden(path.Child("value"), "remove takes no value; leave it out"))
	case !remove && value.IsZero():
		errs = append(errs, field.Required(path.Child("value"), "add and replace need a value"))
	}
	return errs
}
