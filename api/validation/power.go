package validation

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

const powerFault = "an OverridePolicy changes labels and annotations of what says who may do what, and nothing else: " +
	"the hub checks who may grant what when the object itself is written; change the object, or have a ClusterOverridePolicy made"

// GrantsPower says whether the objects of a group say who may do what. An API server lets nobody write
// one that grants more than the writer has; it can not tell what is made of it later.
func GrantsPower(group string) bool {
	return group == "rbac.authorization.k8s.io" || group == "authorization.openshift.io"
}

// validatePower checks that a namespaced policy that selects what grants power leaves it as it was
// written. One that selects every kind is checked where it is applied.
func validatePower(p *policyv1alpha1.OverridePolicy) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "resourceSelectors")
	for i, s := range p.Spec.ResourceSelectors {
		if GrantsPower(schema.FromAPIVersionAndKind(s.APIVersion, s.Kind).Group) && reachesBeyondMetadata(&p.Spec) {
			errs = append(errs, field.Forbidden(path.Index(i).Child("kind"), powerFault))
		}
	}
	return errs
}

func reachesBeyondMetadata(spec *policyv1alpha1.OverrideSpec) bool {
	all := []*policyv1alpha1.Overriders{&spec.Overriders}
	for i := range spec.OverrideRules {
		all = append(all, &spec.OverrideRules[i].Overriders)
	}
	for _, o := range all {
		if len(o.ImageOverrider)+len(o.CommandOverrider)+len(o.ArgsOverrider) > 0 {
			return true
		}
		for i := range o.Plaintext {
			if !inMetadata(o.Plaintext[i].Path) {
				return true
			}
		}
		for i := range o.FieldOverrider {
			if !inMetadata(o.FieldOverrider[i].FieldPath) {
				return true
			}
		}
	}
	return false
}

func inMetadata(pointer string) bool {
	tokens, err := parsePointer(pointer)
	return err == nil && len(tokens) > 1 && tokens[0] == "metadata"
}
