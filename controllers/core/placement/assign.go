package placement

import (
	"cmp"
	"fmt"
	"slices"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// assign gives replicas to the selected clusters, which are sorted by name, and returns the targets
// in that order.
func (p *placer) assign(selected []candidate, tiers int, d *TermDiagnosis) ([]workv1alpha2.TargetCluster, *refusal) {
	if !p.workload || p.demand.inSets() {
		return everywhere(selected, 0), nil
	}
	replicas := p.demand.replicas
	if p.strategy == Duplicated {
		d.Division = &Division{Strategy: Duplicated, Mode: FromScratch, Replicas: replicas}
		return p.withoutEmpty(everywhere(selected, replicas)), nil
	}
	targets := everywhere(selected, 0)
	if p.strategy == StaticWeight {
		var refused *refusal
		if d.Division, refused = p.divideByWeight(selected); refused != nil {
			return nil, refused
		}
		addShares(targets, d.Division.Shares)
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
	addShares(targets, division.Shares)
	return p.withoutEmpty(targets), nil
}

func everywhere(selected []candidate, replicas int32) []workv1alpha2.TargetCluster {
	targets := make([]workv1alpha2.TargetCluster, 0, len(selected))
	for i := range selected {
		targets = append(targets, workv1alpha2.TargetCluster{Name: selected[i].Name, Replicas: replicas})
	}
	return targets
}

// addShares adds replicas to targets, which are sorted by name. Most divisions are too.
func addShares(targets []workv1alpha2.TargetCluster, shares []Share) {
	next := 0
	for i := range shares {
		for next < len(targets) && targets[next].Name < shares[i].Cluster {
			next++
		}
		if next == len(targets) || targets[next].Name != shares[i].Cluster {
			next, _ = find(targets, shares[i].Cluster)
		}
		targets[next].Replicas += shares[i].Replicas
	}
}

func (p *placer) withoutEmpty(targets []workv1alpha2.TargetCluster) []workv1alpha2.TargetCluster {
	if p.in.KeepEmpty {
		return targets
	}
	return slices.DeleteFunc(targets, func(t workv1alpha2.TargetCluster) bool { return t.Replicas == 0 })
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
	rest := int64(p.demand.replicas)
	for tier := range tiers {
		all, room := make([]*candidate, 0, len(selected)), int64(0)
		for i := range selected {
			if c := &selected[i]; c.tier == tier {
				all, room = append(all, c), room+c.available
			}
		}
		n := min(rest, room)
		rest -= n
		keep[tier] = p.divideTier(all, n, d)
	}
	if rest > 0 {
		room, wanted := d.Replicas, int64(d.Replicas)+rest
		d.Replicas = clamp(wanted)
		return d, keep, &refusal{workv1alpha2.ReasonUnschedulable, fmt.Sprintf("there is room for %d of %d replicas", room, wanted)}
	}
	return d, keep, nil
}

// divideTier divides n replicas, for which there is room, over the clusters of a tier, and says
// whether they keep their present ones.
func (p *placer) divideTier(all []*candidate, n int64, d *Division) (keep bool) {
	var assigned int64
	for _, c := range all {
		assigned += int64(c.present)
	}
	mode, weigh := FromScratch, func(c *candidate) int64 { return c.available }
	switch {
	case p.fresh:
		pinned, others, left := p.pin(all, n)
		d.Shares, d.Replicas = append(d.Shares, pinned...), d.Replicas+int32(n-left)
		all, n = others, left
	case assigned == n:
		return true
	case assigned > n:
		mode, weigh = ScaleDown, func(c *candidate) int64 { return int64(c.present) }
	default:
		mode, weigh, keep = ScaleUp, func(c *candidate) int64 { return c.estimate }, true
		n -= assigned
	}
	if d.Mode == Unchanged {
		d.Mode = mode
	}
	for _, level := range p.levels(all, mode) {
		shares := sharesOf(level, weigh)
		part := int32(min(n, weightOf(shares)))
		if part == 0 {
			continue
		}
		if p.strategy == Aggregated {
			shares = aggregate(shares, part, preferred(level, mode))
		}
		Divide(part, shares, p.descend)
		d.Shares, d.Replicas = append(d.Shares, shares...), d.Replicas+part
		n -= int64(part)
	}
	return keep
}

// levels are the clusters of a tier in the order in which they are filled. They are one level, but for
// two: of an aggregation that custom algorithms advise the better-scored are filled first; and who has to
// give replicas up keeps them in whole clusters first, since those that are lost may have none that run.
func (p *placer) levels(all []*candidate, mode Mode) [][]*candidate {
	advised := p.strategy == Aggregated && slices.ContainsFunc(all, func(c *candidate) bool { return c.advised != 0 })
	troubled := mode == ScaleDown && slices.ContainsFunc(all, func(c *candidate) bool { return trouble(c.Cluster) > 0 })
	if !advised && !troubled {
		return [][]*candidate{all}
	}
	rank := func(c *candidate) (worse int, points int64) {
		if troubled {
			worse = trouble(c.Cluster)
		}
		if advised {
			points = c.advised
			if mode == ScaleUp && c.present > 0 {
				points += localityScore
			}
		}
		return worse, points
	}
	compare := func(a, b *candidate) int {
		worseA, pointsA := rank(a)
		worseB, pointsB := rank(b)
		return cmp.Or(cmp.Compare(worseA, worseB), cmp.Compare(pointsB, pointsA))
	}
	slices.SortStableFunc(all, compare)
	var levels [][]*candidate
	for i, c := range all {
		if i == 0 || compare(all[i-1], c) != 0 {
			levels = append(levels, nil)
		}
		levels[len(levels)-1] = append(levels[len(levels)-1], c)
	}
	return levels
}

func sharesOf(level []*candidate, weigh func(*candidate) int64) []Share {
	shares := make([]Share, 0, len(level))
	for _, c := range level {
		if weight := weigh(c); weight > 0 {
			shares = append(shares, Share{Cluster: c.Name, Weight: weight})
		}
	}
	return shares
}

func weightOf(shares []Share) (sum int64) {
	for _, s := range shares {
		sum += s.Weight
	}
	return sum
}

// preferred are the clusters an aggregation fills first: those that have replicas, when these stay.
func preferred(level []*candidate, mode Mode) map[string]bool {
	out := map[string]bool{}
	for _, c := range level {
		if mode == ScaleUp && c.present > 0 {
			out[c.Name] = true
		}
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
