package claim

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Template is what a claim depends on: the kind and the metadata of an object.
type Template struct {
	GVK schema.GroupVersionKind
	metav1.Object
}

// Match is how closely a policy selects a template. It ranks policies of equal priority.
type Match int

// The ways to match, the closest last.
const (
	NoMatch Match = iota
	MatchAll
	MatchLabels
	MatchName
)

// Matches returns the closest match of the policy's selectors.
func Matches(p policyv1alpha1.Propagation, t Template) Match {
	if !mayClaim(p, t) {
		return NoMatch
	}
	best := NoMatch
	selectors := p.GetPropagationSpec().ResourceSelectors
	for i := range selectors {
		best = max(best, match(&selectors[i], t))
	}
	return best
}

// mayClaim: a namespaced policy has no say outside its namespace.
func mayClaim(p policyv1alpha1.Propagation, t Template) bool {
	return p.GetNamespace() == "" || p.GetNamespace() == t.GetNamespace()
}

// match goes by the exact apiVersion and kind; a name beats a label selector. A label selector that
// cannot be parsed matches nothing.
func match(s *policyv1alpha1.ResourceSelector, t Template) Match {
	switch {
	case schema.FromAPIVersionAndKind(s.APIVersion, s.Kind) != t.GVK:
		return NoMatch
	case s.Namespace != "" && s.Namespace != t.GetNamespace():
		return NoMatch
	case s.Name != "":
		if s.Name == t.GetName() {
			return MatchName
		}
		return NoMatch
	case s.LabelSelector == nil:
		return MatchAll
	}
	selector, err := metav1.LabelSelectorAsSelector(s.LabelSelector)
	if err != nil || !selector.Matches(labels.Set(t.GetLabels())) {
		return NoMatch
	}
	return MatchLabels
}

// best is the policy that wins the template among those that accept it, or nil: the highest
// priority, then the closest match, then the smallest name.
func best(policies []policyv1alpha1.Propagation, t Template, accept func(policyv1alpha1.Propagation) bool) policyv1alpha1.Propagation {
	var winner policyv1alpha1.Propagation
	var closest Match
	for _, p := range policies {
		m := Matches(p, t)
		if m == NoMatch || (winner != nil && !wins(p, m, winner, closest)) || !accept(p) {
			continue
		}
		winner, closest = p, m
	}
	return winner
}

func wins(a policyv1alpha1.Propagation, am Match, b policyv1alpha1.Propagation, bm Match) bool {
	if ap, bp := priority(a), priority(b); ap != bp {
		return ap > bp
	}
	if am != bm {
		return am > bm
	}
	return a.GetName() < b.GetName()
}

func priority(p policyv1alpha1.Propagation) int32 { return p.GetPropagationSpec().GetPriority() }
