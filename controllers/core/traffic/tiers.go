package traffic

import (
	"cmp"
	"math"
	"slices"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// fullWeight is the weight in a tier of a cluster of weight 1 that has its full share: weights are
// in per-mille, so that a part of a share can be said in whole numbers.
const fullWeight = 1000

// tiers turns groups of candidates, best first, into tiers. What a candidate with a part of its share
// leaves over goes to those of its own group that have theirs in full; when there is none, clusters
// of the next group that has such join the tier for it. So a quarter of a share is a quarter of the
// requests also where a cluster is alone in its tier.
func tiers(groups [][]candidate) []trafficv1alpha1.PlanTier {
	groups = groups[:min(len(groups), maxTiers)]
	var out []trafficv1alpha1.PlanTier
	for i, group := range groups {
		weights := map[string]int64{}
		var left int64
		for _, c := range group {
			weights[c.cluster] += c.weight * c.percent * fullWeight / 100
			left += c.weight * (100 - c.percent) * fullWeight / 100
		}
		if left > 0 {
			spread(weights, left, standIns(groups[i:]))
		}
		out = append(out, tier(weights))
	}
	return out
}

// standIns are the candidates in full of the first group that has any.
func standIns(groups [][]candidate) []candidate {
	for _, group := range groups {
		var full []candidate
		for _, c := range group {
			if c.percent == 100 {
				full = append(full, c)
			}
		}
		if len(full) > 0 {
			return full
		}
	}
	return nil
}

// spread divides an amount over candidates by weight, to the last unit: each gets what is due to all
// up to itself, less what those before it got.
func spread(weights map[string]int64, amount int64, to []candidate) {
	var total, seen, given int64
	for _, c := range to {
		total += c.weight
	}
	for _, c := range to {
		seen += c.weight
		due := amount * seen / total
		weights[c.cluster] += due - given
		given = due
	}
}

// tier sorts weights by cluster, and scales them down where their sum would not fit.
func tier(weights map[string]int64) trafficv1alpha1.PlanTier {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	scale := sum/math.MaxInt32 + 1
	t := trafficv1alpha1.PlanTier{}
	for name, w := range weights {
		t.Clusters = append(t.Clusters, trafficv1alpha1.WeightedCluster{Name: name, Weight: int32(max(w/scale, min(w, 1)))})
	}
	slices.SortFunc(t.Clusters, func(a, b trafficv1alpha1.WeightedCluster) int { return cmp.Compare(a.Name, b.Name) })
	return t
}
