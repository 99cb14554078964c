package placement

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// assign gives replicas to the selected clusters, which are sorted by name, and returns the targets
// in that order.
func (p *placer) assign(selected []candidate, tiers int, d *TermDiagnosis) ([]workv1alpha2.TargetCluster, *refusal) {
	if !p.workload {
		return everywhere(selected, 0), nil
	}
	if p.strategy == Duplicated {
		d.Division = &Division{Strategy: Duplicated, Mode: FromScratch, Replicas: p.spec.Replicas}
		return p.withoutEmpty(everywhere(selected, p.spec.Replicas)), nil
	}
	targets := everywhere(selected, 0)
	add := func(shares []Share) {
		for _, s := range shares {
			i, _ := find(targets, s.Cluster)
			targets[i].Replicas += s.Replicas
		}
	}
	if p.strategy == StaticWeight {
		d.Division = p.divideByWeight(selected)
		add(d.Division.Shares)
		return p.withoutEmpty(targets), nil
	}
	division, keep, refused := p.divideByRoom(selected, tiers)
	d.Division = division
	if refused != nil {
		return nil, refused
	}
	for i := range selected {
		if keep[selected[i].tier] {
			targets[i].Replicas = selected[i].present
		}
	}
	add(division.Shares)
	return p.withoutEmpty(targets), nil
}

func everywhere(selected []candidate, replicas int32) []workv1alpha2.TargetCluster {
	targets := make([]workv1alpha2.TargetCluster, 0, len(selected))
	for _, c := range selected {
		targets = append(targets, workv1alpha2.TargetCluster{Name: c.Name, Replicas: replicas})
	}
	return targets
}

func (p *placer) withoutEmpty(targets []workv1alpha2.TargetCluster) []workv1alpha2.TargetCluster {
	if p.in.KeepEmpty {
		return targets
	}
	return slices.DeleteFunc(targets, func(t workv1alpha2.TargetCluster) bool { return t.Replicas == 0 })
}

// weightAffinities compiles the clusters of the static weights, in order.
func weightAffinities(policy *policyv1alpha1.Placement) []affinity.Matcher {
	if StrategyOf(policy) != StaticWeight || policy.ReplicaScheduling.WeightPreference == nil {
		return nil
	}
	rules := policy.ReplicaScheduling.WeightPreference.StaticWeightList
	out := make([]affinity.Matcher, 0, len(rules))
	for i := range rules {
		out = append(out, affinity.New(&rules[i].TargetCluster))
	}
	return out
}

// divideByWeight divides all replicas from scratch by static weight. A cluster weighs as much as the
// heaviest rule that matches it; without one it gets nothing, unless none has any: then all are
// equal.
func (p *placer) divideByWeight(selected []candidate) *Division {
	shares := make([]Share, 0, len(selected))
	for _, c := range selected {
		var weight int64
		for i := range p.weights {
			if p.weights[i].Matches(c.Cluster) {
				weight = max(weight, p.policy.ReplicaScheduling.WeightPreference.StaticWeightList[i].Weight)
			}
		}
		if weight > 0 {
			shares = append(shares, Share{Cluster: c.Name, Weight: weight})
		}
	}
	if len(shares) == 0 {
		for _, c := range selected {
			shares = append(shares, Share{Cluster: c.Name, Weight: 1})
		}
	}
	Divide(p.spec.Replicas, shares, p.descend)
	return &Division{Strategy: StaticWeight, Mode: FromScratch, Replicas: p.spec.Replicas, Descend: p.descend, Shares: shares}
}

// divideByRoom divides by capacity, tier by tier: each takes as many replicas as it has room for, with
// those that are there already. In tiers that keep theirs the shares come on top of the present
// replicas.
func (p *placer) divideByRoom(selected []candidate, tiers int) (d *Division, keep []bool, refused *refusal) {
	d = &Division{Strategy: p.strategy, Mode: Unchanged, Descend: p.descend}
	if p.fresh {
		d.Mode = FromScratch
	}
	keep = make([]bool, tiers)
	rest := int64(p.spec.Replicas)
	for tier := range tiers {
		members := slices.DeleteFunc(slices.Clone(selected), func(c candidate) bool { return c.tier != tier })
		n := min(rest, roomOf(members))
		rest -= n
		keep[tier] = p.divideTier(members, n, d)
	}
	if rest > 0 {
		wanted := int64(d.Replicas) + rest
		room := d.Replicas
		d.Replicas = int32(min(wanted, math.MaxInt32))
		return d, keep, &refusal{workv1alpha2.ReasonUnschedulable, fmt.Sprintf("there is room for %d of %d replicas", room, wanted)}
	}
	return d, keep, nil
}

// divideTier divides n replicas, for which there is room, over the members of a tier, and says whether
// they keep their present ones.
func (p *placer) divideTier(members []candidate, n int64, d *Division) (keep bool) {
	var assigned int64
	for _, c := range members {
		assigned += int64(c.present)
	}
	mode, weigh := FromScratch, func(c candidate) int64 { return c.available }
	switch {
	case p.fresh:
	case assigned == n:
		return true
	case assigned > n:
		mode, weigh = ScaleDown, func(c candidate) int64 { return int64(c.present) }
	default:
		mode, weigh, keep = ScaleUp, func(c candidate) int64 { return c.estimate }, true
		n -= assigned
	}
	if d.Mode == Unchanged {
		d.Mode = mode
	}
	if n == 0 {
		return keep
	}
	shares := sharesOf(members, weigh)
	if p.strategy == Aggregated {
		shares = aggregate(shares, int32(n), p.preferred(members, mode))
	}
	Divide(int32(n), shares, p.descend)
	d.Shares, d.Replicas = append(d.Shares, shares...), d.Replicas+int32(n)
	return keep
}

func sharesOf(members []candidate, weigh func(candidate) int64) (shares []Share) {
	for _, c := range members {
		if weight := weigh(c); weight > 0 {
			shares = append(shares, Share{Cluster: c.Name, Weight: weight})
		}
	}
	return shares
}

// preferred are the clusters an aggregation fills first: those that have replicas, when these stay.
func (p *placer) preferred(selected []candidate, mode Mode) map[string]bool {
	out := map[string]bool{}
	for _, c := range selected {
		out[c.Name] = mode == ScaleUp && c.present > 0
	}
	return out
}

// aggregate leaves the fewest clusters that have room for n: the preferred first, then by room.
func aggregate(shares []Share, n int32, preferred map[string]bool) []Share {
	slices.SortFunc(shares, func(a, b Share) int {
		if preferred[a.Cluster] != preferred[b.Cluster] {
			if preferred[a.Cluster] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Cluster, b.Cluster))
	})
	var sum int64
	for i, s := range shares {
		if sum += s.Weight; sum >= int64(n) {
			return shares[:i+1]
		}
	}
	return shares
}

// placed says how many clusters a placement uses.
func placed(targets []workv1alpha2.TargetCluster) string {
	switch len(targets) {
	case 0:
		return "Placed in no cluster: no replicas are wanted."
	case 1:
		return "Placed in 1 cluster."
	}
	return fmt.Sprintf("Placed in %d clusters.", len(targets))
}
