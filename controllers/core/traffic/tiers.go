package traffic

import (
	"cmp"
	"maps"
	"math"
	"slices"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// fullWeight is the weight in a tier of a cluster of weight 1 that has its full share: weights are
// in per-mille, so that a part of a share can be said in whole numbers.
const fullWeight = 1000

// group is a set of candidates of equal preference.
type group struct {
	candidates []candidate
	// full are those that have their whole share.
	full []candidate
	// tier of the candidates by themselves.
	tier trafficv1alpha1.PlanTier
	// left is what they leave over.
	left int64
	// unit that weights are told in: numbers of replicas in lowest terms, given weights as they are.
	unit int64
	// weight of the candidates, and that of the endpoints that the group has lost.
	weight, lost int64
}

// split makes a group of the candidates with equal keys, and sorts the groups by them. lost are
// endpoints that are missing from them.
func split[K cmp.Ordered](candidates, lost []candidate, keyOf func(candidate) K) []*group {
	index := map[K]int{}
	var sizes []int
	of := make([]int, len(candidates))
	for i, c := range candidates {
		k := keyOf(c)
		n, seen := index[k]
		if !seen {
			n = len(sizes)
			index[k], sizes = n, append(sizes, 0)
		}
		of[i] = n
		sizes[n]++
	}
	groups, room := make([]group, len(sizes)), make([]candidate, len(candidates))
	for n, size := range sizes {
		groups[n].candidates, room = room[:0:size], room[size:]
	}
	for i, c := range candidates {
		groups[of[i]].add(c)
	}
	for _, c := range lost {
		if n, there := index[keyOf(c)]; there {
			groups[n].lost += c.weight
		}
	}
	out := make([]*group, 0, len(groups))
	for _, k := range slices.Sorted(maps.Keys(index)) {
		g := &groups[index[k]]
		g.finish()
		out = append(out, g)
	}
	return out
}

func (g *group) add(c candidate) {
	g.candidates = append(g.candidates, c)
	g.weight += c.weight
}

// whole says whether at least half of a group, by weight, is left. The few survivors of another would
// get the requests of all.
func (g *group) whole() bool { return g.weight >= g.lost }

// wholeFirst puts groups that have lost most of their weight behind those that have not. Where all
// have, what is left of them serves together. A name server that sees endpoints fall decides the same
// before it has the plan that says so.
func wholeFirst(groups []*group) []*group {
	if !slices.ContainsFunc(groups, func(g *group) bool { return !g.whole() }) {
		return groups
	}
	var whole, thin []*group
	for _, g := range groups {
		if g.whole() {
			whole = append(whole, g)
		} else {
			thin = append(thin, g)
		}
	}
	if len(whole) > 0 {
		return append(whole, thin...)
	}
	all := &group{}
	for _, g := range thin {
		for _, c := range g.candidates {
			all.add(c)
		}
	}
	all.finish()
	return []*group{all}
}

// finish lets those of the group that have their share in full take what the others leave over.
func (g *group) finish() {
	g.unit = 1
	if g.candidates[0].counted {
		g.unit = 0
		for _, c := range g.candidates {
			g.unit = gcd(g.unit, c.weight)
		}
	}
	g.full = g.candidates
	for _, c := range g.candidates {
		g.left += c.weight / g.unit * (100 - c.percent) * fullWeight / 100
	}
	if g.left > 0 {
		g.full = slices.DeleteFunc(slices.Clone(g.candidates), func(c candidate) bool { return c.percent < 100 })
	}
	if g.left > 0 && len(g.full) > 0 {
		g.tier = g.with(g.full)
		g.left = 0
		return
	}
	g.tier = g.with(nil)
}

// with is the group as a tier in which others take what is left over: some of the group, or others.
func (g *group) with(standIns []candidate) trafficv1alpha1.PlanTier {
	weights := make([]weight, 0, len(g.candidates)+len(standIns))
	for _, c := range g.candidates {
		weights = append(weights, weight{c.cluster, c.weight / g.unit * c.percent * fullWeight / 100})
	}
	return tier(spread(weights, g.left, standIns))
}

// tiers turns groups, best first, into tiers. What a candidate with a part of its share leaves over
// goes to those of its own group that have theirs in full; when there is none, clusters of the next
// group that has such join the tier for it. So a quarter of a share is a quarter of the requests also
// where a cluster is alone in its tier.
func tiers(groups []*group) []trafficv1alpha1.PlanTier {
	groups = groups[:min(len(groups), maxTiers)]
	out := make([]trafficv1alpha1.PlanTier, 0, len(groups))
	for i, g := range groups {
		t := g.tier
		if g.left > 0 {
			if next := firstFull(groups[i:]); next != nil {
				t = g.with(next.full)
			}
		}
		out = append(out, t)
	}
	return out
}

// asStandby makes the second of two tiers part of the first, with weight 0: for a policy of weights it
// is no other place to go to when the first has lost half, but what serves when nothing of the first
// does.
func asStandby(list []trafficv1alpha1.PlanTier) []trafficv1alpha1.PlanTier {
	if len(list) < 2 {
		return list
	}
	t := list[0]
	first := t.Clusters
	for _, c := range list[1].Clusters {
		if _, there := slices.BinarySearchFunc(first, c.Name, func(o trafficv1alpha1.WeightedCluster, name string) int { return cmp.Compare(o.Name, name) }); !there {
			t.Clusters = append(t.Clusters, trafficv1alpha1.WeightedCluster{Name: c.Name})
		}
	}
	sortClusters(&t)
	return []trafficv1alpha1.PlanTier{t}
}

func sortClusters(t *trafficv1alpha1.PlanTier) {
	slices.SortFunc(t.Clusters, func(a, b trafficv1alpha1.WeightedCluster) int { return cmp.Compare(a.Name, b.Name) })
}

func firstFull(groups []*group) *group {
	for _, g := range groups {
		if len(g.full) > 0 {
			return g
		}
	}
	return nil
}

// weight is a cluster and its weight before it is made to fit.
type weight struct {
	cluster string
	n       int64
}

// spread divides an amount over candidates by weight, to the last unit: each gets what is due to all
// up to itself, less what those before it got. Those who have a weight already come in its order.
func spread(weights []weight, amount int64, to []candidate) []weight {
	var total, seen, given int64
	for _, c := range to {
		total += c.weight
	}
	had, next := len(weights), 0
	for _, c := range to {
		seen += c.weight
		due := amount * seen / total
		for next < had && weights[next].cluster != c.cluster {
			next++
		}
		if next < had {
			weights[next].n += due - given
		} else {
			weights = append(weights, weight{c.cluster, due - given})
		}
		given = due
	}
	return weights
}

// tier sorts weights by cluster, and scales them down where their sum would not fit.
func tier(weights []weight) trafficv1alpha1.PlanTier {
	var sum int64
	for _, w := range weights {
		sum += w.n
	}
	scale := sum/math.MaxInt32 + 1
	t := trafficv1alpha1.PlanTier{Clusters: make([]trafficv1alpha1.WeightedCluster, len(weights))}
	for i, w := range weights {
		t.Clusters[i] = trafficv1alpha1.WeightedCluster{Name: w.cluster, Weight: int32(max(w.n/scale, min(w.n, 1)))}
	}
	sortClusters(&t)
	return t
}
