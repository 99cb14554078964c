package estimate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// matcher says on which nodes a replica may run, as kube-scheduler's plugins NodeAffinity and
// TaintToleration do with their default feature gates.
type matcher struct {
	selector    map[string]string
	bound       bool // there is a node affinity, and one of the terms must hold
	terms       []term
	tolerations []corev1.Toleration
}

// term is one alternative of a node affinity: everything in it must hold.
type term struct {
	labels labels.Requirements
	fields []field
}

// field is a requirement on a field of a node, which can only be its name.
type field struct {
	key, value string
	not        bool
}

func newMatcher(claim *workv1alpha2.NodeClaim) matcher {
	if claim == nil {
		return matcher{}
	}
	m := matcher{selector: claim.NodeSelector, tolerations: claim.Tolerations}
	if claim.HardNodeAffinity != nil {
		m.bound = true
		for i := range claim.HardNodeAffinity.NodeSelectorTerms {
			if t, ok := newTerm(&claim.HardNodeAffinity.NodeSelectorTerms[i]); ok {
				m.terms = append(m.terms, t)
			}
		}
	}
	return m
}

var operators = map[corev1.NodeSelectorOperator]selection.Operator{
	corev1.NodeSelectorOpIn:           selection.In,
	corev1.NodeSelectorOpNotIn:        selection.NotIn,
	corev1.NodeSelectorOpExists:       selection.Exists,
	corev1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
	corev1.NodeSelectorOpGt:           selection.GreaterThan,
	corev1.NodeSelectorOpLt:           selection.LessThan,
}

// newTerm is false for a term that matches no node: an empty one, or one that can not be understood.
func newTerm(in *corev1.NodeSelectorTerm) (term, bool) {
	var t term
	for _, e := range in.MatchExpressions {
		operator, known := operators[e.Operator]
		if !known {
			return t, false
		}
		r, err := labels.NewRequirement(e.Key, operator, e.Values)
		if err != nil {
			return t, false
		}
		t.labels = append(t.labels, *r)
	}
	for _, e := range in.MatchFields {
		not := e.Operator == corev1.NodeSelectorOpNotIn
		if !not && e.Operator != corev1.NodeSelectorOpIn || len(e.Values) != 1 {
			return t, false
		}
		t.fields = append(t.fields, field{e.Key, e.Values[0], not})
	}
	return t, len(t.labels)+len(t.fields) > 0
}

func (m *matcher) matches(n *Node) bool {
	if !n.Usable {
		return false
	}
	for key, value := range m.selector {
		if present, ok := n.Labels[key]; !ok || present != value {
			return false
		}
	}
	for i := range n.Taints {
		if !m.tolerates(&n.Taints[i]) {
			return false
		}
	}
	if !m.bound {
		return true
	}
	for i := range m.terms {
		if m.terms[i].matches(n) {
			return true
		}
	}
	return false
}

func (t *term) matches(n *Node) bool {
	for i := range t.labels {
		if !t.labels[i].Matches(labels.Set(n.Labels)) {
			return false
		}
	}
	for _, f := range t.fields {
		present := ""
		if f.key == "metadata.name" {
			present = n.Name
		}
		if (present == f.value) == f.not {
			return false
		}
	}
	return true
}

func (m *matcher) tolerates(taint *corev1.Taint) bool {
	for i := range m.tolerations {
		t := &m.tolerations[i]
		if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
			continue
		}
		switch t.Operator {
		case corev1.TolerationOpExists:
			return true
		case "", corev1.TolerationOpEqual:
			if t.Value == taint.Value {
				return true
			}
		}
		// Gt and Lt are behind a feature gate that is off by default.
	}
	return false
}
