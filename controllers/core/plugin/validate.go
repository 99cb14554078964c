package plugin

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Validate says what is wrong with a PlacementPlugin, its expressions included. Admission and the
// reconciler ask it.
func Validate(p *trafficv1alpha1.PlacementPlugin) field.ErrorList {
	errs := traffic.ValidatePlacementPlugin(p)
	if p.Spec.CEL != nil {
		_, wrong := Compile(p.Spec.CEL, field.NewPath("spec", "cel"))
		errs = append(errs, wrong...)
	}
	return errs
}

// Selects says whether a plugin with these selectors is asked about a template. Without any it is asked
// about all.
func Selects(selectors []policyv1alpha1.ResourceSelector, template workv1alpha2.ObjectReference) bool {
	return len(selectors) == 0 || slices.ContainsFunc(selectors, func(s policyv1alpha1.ResourceSelector) bool {
		return s.APIVersion == template.APIVersion && s.Kind == template.Kind &&
			(s.Namespace == "" || s.Namespace == template.Namespace) && (s.Name == "" || s.Name == template.Name)
	})
}
