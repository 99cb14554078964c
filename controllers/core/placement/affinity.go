package placement

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// term is one entry of clusterAffinities, or the one clusterAffinity with an empty name.
type term struct {
	name string
	// tiers are the term itself and its overflow terms in order.
	tiers []affinity.Matcher
}

// tierOf is the first tier the cluster is in. Without one it is -1 and says what keeps the cluster
// out of the main tier.
func (t *term) tierOf(c *clusterv1alpha1.Cluster) (tier int, mismatch string) {
	for i := range t.tiers {
		why := t.tiers[i].Mismatch(c)
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
func termsOf(p *policyv1alpha1.Placement) []term {
	if len(p.ClusterAffinities) == 0 {
		return []term{{tiers: []affinity.Matcher{affinity.New(p.ClusterAffinity)}}}
	}
	terms := make([]term, 0, len(p.ClusterAffinities))
	for i := range p.ClusterAffinities {
		source := &p.ClusterAffinities[i]
		t := term{name: source.AffinityName, tiers: []affinity.Matcher{affinity.New(&source.ClusterAffinity)}}
		for j := range source.OverflowAffinities {
			t.tiers = append(t.tiers, affinity.New(&source.OverflowAffinities[j].ClusterAffinity))
		}
		terms = append(terms, t)
	}
	return terms
}

func checkAffinities(p *policyv1alpha1.Placement, path *field.Path) field.ErrorList {
	errs := validation.ValidateClusterAffinity(p.ClusterAffinity, path.Child("clusterAffinity"))
	if p.ClusterAffinity != nil && len(p.ClusterAffinities) > 0 {
		errs = append(errs, field.Forbidden(path.Child("clusterAffinity"), "give either clusterAffinity or clusterAffinities"))
	}
	for i := range p.ClusterAffinities {
		t, at := &p.ClusterAffinities[i], path.Child("clusterAffinities").Index(i)
		errs = append(errs, validation.ValidateClusterAffinity(&t.ClusterAffinity, at)...)
		at = at.Child("overflowAffinities")
		if len(t.OverflowAffinities) > 0 && !StrategyOf(p).byCapacity() {
			errs = append(errs, field.Forbidden(at, "overflow needs replicas divided by dynamicWeight or Aggregated"))
		}
		for j := range t.OverflowAffinities {
			errs = append(errs, validation.ValidateClusterAffinity(&t.OverflowAffinities[j].ClusterAffinity, at.Index(j))...)
		}
	}
	return errs
}

// Interest is the set of clusters whose changes concern a binding.
type Interest struct{ terms []term }

// NewInterest compiles the interest of a binding: the affinity it uses, or all of them while it
// uses none. Bindings with equal arguments have equal interests. What cannot be parsed waits for no
// cluster, as none can help.
func NewInterest(p *policyv1alpha1.Placement, observedAffinity string) Interest {
	terms := termsOf(p)
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

// GroupNamed is the place of a group of clusterAffinities, by its name; -1 when there is none of that name.
func GroupNamed(p *policyv1alpha1.Placement, name string) int {
	return slices.IndexFunc(p.ClusterAffinities, func(t policyv1alpha1.ClusterAffinityTerm) bool { return t.AffinityName == name })
}

// GroupOf is the place of the first group of clusterAffinities that a cluster is in; -1 when it is in none.
func GroupOf(p *policyv1alpha1.Placement, c *clusterv1alpha1.Cluster) int {
	if len(p.ClusterAffinities) == 0 {
		return -1
	}
	return slices.IndexFunc(termsOf(p), func(t term) bool {
		tier, _ := t.tierOf(c)
		return tier >= 0
	})
}
