package explain

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// miss says what keeps a policy from claiming a template.
type miss struct {
	Policy string `json:"policy"`
	Why    string `json:"why"`
	// nearness is higher for what takes less to change.
	nearness int
}

// nearest are the policies that nearly claim a template, the nearest first.
func nearest(all []*policy, t claim.Template) []miss {
	const most = 5
	var out []miss
	for _, p := range all {
		if m, near := missOf(p, t); near {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b miss) int {
		return cmp.Or(cmp.Compare(b.nearness, a.nearness), cmp.Compare(a.Policy, b.Policy))
	})
	return out[:min(len(out), most)]
}

// missOf is false for policies that are about other kinds, or would claim the template.
func missOf(p *policy, t claim.Template) (miss, bool) {
	m := miss{Policy: p.String()}
	if p.ready.Match(t) != claim.NoMatch {
		switch {
		case p.GetDeletionTimestamp() != nil:
			m.Why, m.nearness = "selects it, but is being deleted", 6
		case len(p.errs) > 0:
			m.Why, m.nearness = "selects it, but is not valid: "+p.errs.ToAggregate().Error(), 7
		default:
			return miss{}, false
		}
		return m, true
	}
	selectors := p.GetPropagationSpec().ResourceSelectors
	for i := range selectors {
		if why, nearness := mismatch(&selectors[i], t); nearness > m.nearness {
			m.Why, m.nearness = fmt.Sprintf("spec.resourceSelectors[%d] %s", i, why), nearness
		}
	}
	return m, m.nearness > 0
}

// mismatch says why a selector does not select the template. Nearness is 0 when it is about another
// kind altogether.
func mismatch(s *policyv1alpha1.ResourceSelector, t claim.Template) (why string, nearness int) {
	gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
	switch {
	case gvk.Kind != t.GVK.Kind:
		return "", 0
	case gvk.Group != t.GVK.Group:
		return fmt.Sprintf("selects apiVersion %s, and this is %s", s.APIVersion, t.GVK.GroupVersion()), 1
	case gvk.Version != t.GVK.Version:
		return fmt.Sprintf("selects apiVersion %s; write %s, the version that the hub prefers", s.APIVersion, t.GVK.GroupVersion()), 5
	case s.Namespace != "" && s.Namespace != t.GetNamespace():
		return "selects in namespace " + s.Namespace, 2
	case s.Name != "" && s.Name != t.GetName():
		return "selects the name " + s.Name, 3
	case s.LabelSelector != nil:
		return "selects the labels " + metav1.FormatLabelSelector(s.LabelSelector), 4
	}
	return "selects nothing outside its own namespace", 0
}
