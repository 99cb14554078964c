package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Affinity is a ClusterAffinity made ready to be matched many times. The zero value matches all.
type Affinity struct {
	source   *policyv1alpha1.ClusterAffinity
	selector labels.Selector // nil matches all
}

// NewAffinity compiles a. A nil one matches every cluster. The errors name what cannot be parsed,
// below path.
func NewAffinity(a *policyv1alpha1.ClusterAffinity, path *field.Path) (Affinity, field.ErrorList) {
	if a == nil {
		return Affinity{}, nil
	}
	out, errs := Affinity{source: a}, field.ErrorList(nil)
	if a.LabelSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(a.LabelSelector)
		if err != nil {
			errs = append(errs, field.Invalid(path.Child("labelSelector"), a.LabelSelector, err.Error()))
		}
		out.selector = selector
	}
	if a.FieldSelector != nil {
		errs = append(errs, checkFields(a.FieldSelector, path.Child("fieldSelector"))...)
	}
	return out, errs
}

func checkFields(s *policyv1alpha1.FieldSelector, path *field.Path) (errs field.ErrorList) {
	keys := []string{policyv1alpha1.ProviderField, policyv1alpha1.RegionField, policyv1alpha1.ZoneField}
	operators := []corev1.NodeSelectorOperator{corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn}
	for i, e := range s.MatchExpressions {
		at := path.Child("matchExpressions").Index(i)
		if !slices.Contains(keys, e.Key) {
			errs = append(errs, field.NotSupported(at.Child("key"), e.Key, keys))
		}
		if !slices.Contains(operators, e.Operator) {
			errs = append(errs, field.NotSupported(at.Child("operator"), e.Operator, operators))
		}
	}
	return errs
}

// Matches says whether the cluster is in the set.
func (a Affinity) Matches(c *clusterv1alpha1.Cluster) bool { return a.mismatch(c) == "" }

// mismatch says what keeps the cluster out of the set; empty when nothing does. The texts are
// constants, as most clusters of a large fleet are out of most sets.
func (a Affinity) mismatch(c *clusterv1alpha1.Cluster) string {
	if a.source == nil {
		return ""
	}
	switch {
	case slices.Contains(a.source.ExcludeClusters, c.Name):
		return "is listed in exclude"
	case a.selector != nil && !a.selector.Matches(labels.Set(c.Labels)):
		return "does not match labelSelector"
	case a.source.FieldSelector != nil && !fieldsMatch(a.source.FieldSelector, c):
		return "does not match fieldSelector"
	case len(a.source.ClusterNames) > 0 && !slices.Contains(a.source.ClusterNames, c.Name):
		return "is not listed in clusterNames"
	}
	return ""
}

func fieldsMatch(s *policyv1alpha1.FieldSelector, c *clusterv1alpha1.Cluster) bool {
	for i := range s.MatchExpressions {
		e := &s.MatchExpressions[i]
		var values []string
		switch e.Key {
		case policyv1alpha1.ProviderField:
			values = present(c.Spec.Provider)
		case policyv1alpha1.RegionField:
			values = present(c.Spec.Region)
		case policyv1alpha1.ZoneField:
			values = zones(c)
		}
		listed := slices.ContainsFunc(values, func(v string) bool { return slices.Contains(e.Values, v) })
		if listed != (e.Operator == corev1.NodeSelectorOpIn) {
			return false
		}
	}
	return true
}

func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// zones includes the deprecated single zone when admission has not moved it yet.
func zones(c *clusterv1alpha1.Cluster) []string {
	if len(c.Spec.Zones) > 0 {
		return c.Spec.Zones
	}
	return present(c.Spec.Zone)
}

// term is one entry of clusterAffinities, or the one clusterAffinity with an empty name.
type term struct {
	name string
	// tiers are the term itself and its overflow terms in order.
	tiers []Affinity
}

// tierOf is the first tier the cluster is in. Without one it is -1 and says what keeps the cluster
// out of the main tier.
func (t *term) tierOf(c *clusterv1alpha1.Cluster) (tier int, mismatch string) {
	for i := range t.tiers {
		why := t.tiers[i].mismatch(c)
		if why == "" {
			return i, ""
		}
		if i == 0 {
			mismatch = why
		}
	}
	return -1, mismatch
}

// termsOf compiles the affinities of a placement. There is always at least one term.
func termsOf(p *policyv1alpha1.Placement, path *field.Path) ([]term, field.ErrorList) {
	if len(p.ClusterAffinities) == 0 {
		a, errs := NewAffinity(p.ClusterAffinity, path.Child("clusterAffinity"))
		return []term{{tiers: []Affinity{a}}}, errs
	}
	var errs field.ErrorList
	if p.ClusterAffinity != nil {
		errs = append(errs, field.Forbidden(path.Child("clusterAffinity"), "give either clusterAffinity or clusterAffinities"))
	}
	terms := make([]term, 0, len(p.ClusterAffinities))
	for i := range p.ClusterAffinities {
		source, at := &p.ClusterAffinities[i], path.Child("clusterAffinities").Index(i)
		main, bad := NewAffinity(&source.ClusterAffinity, at)
		errs = append(errs, bad...)
		t := term{name: source.AffinityName, tiers: []Affinity{main}}
		for j := range source.OverflowAffinities {
			overflow, bad := NewAffinity(&source.OverflowAffinities[j].ClusterAffinity, at.Child("overflowAffinities").Index(j))
			errs = append(errs, bad...)
			t.tiers = append(t.tiers, overflow)
		}
		terms = append(terms, t)
	}
	return terms, errs
}

// Interest is the set of clusters whose changes concern a binding.
type Interest struct{ terms []term }

// NewInterest compiles the interest of a binding: the affinity it uses, or all of them while it
// uses none. Bindings with equal arguments have equal interests. A placement that cannot be parsed
// waits for no cluster, as none can help.
func NewInterest(p *policyv1alpha1.Placement, observedAffinity string) Interest {
	terms, errs := termsOf(p, field.NewPath("spec", "placement"))
	if len(errs) > 0 {
		return Interest{}
	}
	if i := slices.IndexFunc(terms, func(t term) bool { return t.name == observedAffinity }); i >= 0 {
		terms = terms[i : i+1]
	}
	return Interest{terms: terms}
}

// Includes says whether a change of the cluster concerns the binding. A cluster that changed is
// asked for twice, as it was and as it is.
func (i Interest) Includes(c *clusterv1alpha1.Cluster) bool {
	return slices.ContainsFunc(i.terms, func(t term) bool {
		tier, _ := t.tierOf(c)
		return tier >= 0
	})
}
