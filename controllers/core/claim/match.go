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

// selectors are those of one policy, sorted so that a template is compared with the few that can
// select it: a policy may name thousands of objects.
type selectors struct {
	named map[name]struct{}
	wide  map[schema.GroupVersionKind][]wide
}

// name is a template as a selector with a name has it; an empty namespace stands for any.
type name struct {
	schema.GroupVersionKind
	namespace, name string
}

// wide is a selector without a name.
type wide struct {
	namespace string
	labels    labels.Selector // nil selects all
}

// sortSelectors goes by the exact apiVersion and kind; with a name a label selector is ignored. A
// label selector that cannot be parsed selects nothing.
func sortSelectors(in []policyv1alpha1.ResourceSelector) selectors {
	out := selectors{named: map[name]struct{}{}, wide: map[schema.GroupVersionKind][]wide{}}
	for i := range in {
		s := &in[i]
		gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
		if s.Name != "" {
			out.named[name{gvk, s.Namespace, s.Name}] = struct{}{}
			continue
		}
		w := wide{namespace: s.Namespace}
		if s.LabelSelector != nil {
			var err error
			if w.labels, err = metav1.LabelSelectorAsSelector(s.LabelSelector); err != nil {
				continue
			}
		}
		out.wide[gvk] = append(out.wide[gvk], w)
	}
	return out
}

func (s *selectors) match(t Template) Match {
	for _, namespace := range [...]string{t.GetNamespace(), ""} {
		if _, ok := s.named[name{t.GVK, namespace, t.GetName()}]; ok {
			return MatchName
		}
	}
	best := NoMatch
	for _, w := range s.wide[t.GVK] {
		switch {
		case w.namespace != "" && w.namespace != t.GetNamespace():
		case w.labels == nil:
			best = max(best, MatchAll)
		case w.labels.Matches(labels.Set(t.GetLabels())):
			return MatchLabels
		}
	}
	return best
}

// best is the policy that wins the template among those that accept it, or nil: the highest
// priority, then the closest match, then the smallest name.
func best(policies []*Policy, t Template, accept func(*Policy) bool) *Policy {
	var winner *Policy
	var closest Match
	for _, p := range policies {
		m := p.Match(t)
		if m == NoMatch || (winner != nil && !wins(p, m, winner, closest)) || !accept(p) {
			continue
		}
		winner, closest = p, m
	}
	return winner
}

func wins(a *Policy, am Match, b *Policy, bm Match) bool {
	if ap, bp := a.priority(), b.priority(); ap != bp {
		return ap > bp
	}
	if am != bm {
		return am > bm
	}
	return a.Propagation.GetName() < b.Propagation.GetName()
}
