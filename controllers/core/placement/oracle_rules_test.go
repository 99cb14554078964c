package placement

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Selection.

// oracleBounds reads a spread constraint; ok is false without one for the field.
func oracleBounds(in Input, by policyv1alpha1.SpreadFieldValue) (lo, hi int, ok bool) {
	for _, s := range in.Spec.Placement.SpreadConstraints {
		if s.SpreadByField == by {
			lo, hi = max(1, s.MinGroups), s.MaxGroups
			if hi == 0 {
				hi = math.MaxInt
			}
			return lo, hi, true
		}
	}
	return 0, 0, false
}

func oraclePrefers(a, b oracleCluster) int {
	if a.tier != b.tier {
		return a.tier - b.tier
	}
	if a.score != b.score {
		return int(b.score - a.score)
	}
	if a.all != b.all {
		return int(b.all - a.all)
	}
	return strings.Compare(a.cluster.Name, b.cluster.Name)
}

func oracleSelect(in Input, candidates []oracleCluster) ([]oracleCluster, bool) {
	placement := in.Spec.Placement
	if len(placement.SpreadConstraints) == 0 || oracleStrategy(in) == "static" {
		return candidates, true
	}
	sorted := slices.Clone(candidates)
	slices.SortFunc(sorted, oraclePrefers)
	if _, _, ok := oracleBounds(in, policyv1alpha1.SpreadByFieldRegion); ok {
		return oracleByRegion(in, sorted)
	}
	lo, hi, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldCluster)
	if len(sorted) < lo {
		return nil, false
	}
	n := min(len(sorted), hi)
	in1, out := slices.Clone(sorted[:n]), slices.Clone(sorted[n:])
	if oracleStrategy(in) == "duplicated" {
		return in1, true
	}
	wanted := int64(in.Spec.Replicas)
	for i := n - 1; i >= 0 && oracleSum(in1) < wanted; i-- {
		largest := -1
		for j := range out {
			if largest < 0 || out[j].all > out[largest].all {
				largest = j
			}
		}
		if largest >= 0 && out[largest].all > in1[i].all {
			in1[i], out[largest] = out[largest], in1[i]
		}
	}
	return in1, oracleSum(in1) >= wanted
}

func oracleSum(clusters []oracleCluster) (sum int64) {
	for _, c := range clusters {
		sum += c.all
	}
	return sum
}

type oracleRegion struct {
	name    string
	members []oracleCluster
	score   int64
}

type oraclePath struct {
	regions []oracleRegion
	id      int
}

func (p oraclePath) count() (n int) {
	for _, r := range p.regions {
		n += len(r.members)
	}
	return n
}

func (p oraclePath) score() (n int64) {
	for _, r := range p.regions {
		n += r.score
	}
	return n
}

func oracleByRegion(in Input, sorted []oracleCluster) ([]oracleCluster, bool) {
	rmin, rmax, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldRegion)
	cmin, cmax, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldCluster)
	var regions []oracleRegion
	for _, c := range sorted {
		at := slices.IndexFunc(regions, func(r oracleRegion) bool { return r.name == c.cluster.Spec.Region })
		if at < 0 {
			at, regions = len(regions), append(regions, oracleRegion{name: c.cluster.Spec.Region})
		}
		regions[at].members = append(regions[at].members, c)
	}
	for i := range regions {
		regions[i].score = oracleRegionScore(in, regions[i].members, rmin, cmin)
	}
	slices.SortFunc(regions, func(a, b oracleRegion) int {
		return cmp.Or(cmp.Compare(len(a.members), len(b.members)), cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
	// Depth first; a path is closed as soon as it is feasible.
	var paths []oraclePath
	var walk func(from int, path []oracleRegion)
	walk = func(from int, path []oracleRegion) {
		p := oraclePath{slices.Clone(path), len(paths)}
		if len(path) >= rmin && len(path) <= rmax && p.count() >= cmin {
			paths = append(paths, p)
			return
		}
		for i := from; i < len(regions) && len(path) < rmax; i++ {
			walk(i+1, append(slices.Clone(path), regions[i]))
		}
	}
	walk(0, nil)
	if len(paths) == 0 {
		return nil, false
	}
	if path, stays := oracleStays(in, regions, paths); stays {
		if selected := oracleFill(path, cmax); oracleStrategy(in) == "duplicated" || oracleSum(selected) >= int64(in.Spec.Replicas) {
			return selected, true
		}
	}
	slices.SortFunc(paths, func(a, b oraclePath) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(b.count(), a.count()), cmp.Compare(a.id, b.id))
	})
	chosen := paths[0]
	for _, p := range paths[1:] {
		if oracleIsPrefix(p, chosen) {
			chosen = p
		}
	}
	if len(chosen.regions) > cmax {
		return nil, false
	}
	return oracleFill(chosen, cmax), true
}

// oracleFill takes the first cluster of each region, and the best others.
func oracleFill(chosen oraclePath, cmax int) []oracleCluster {
	var selected, rest []oracleCluster
	for _, r := range chosen.regions {
		selected, rest = append(selected, r.members[0]), append(rest, r.members[1:]...)
	}
	slices.SortFunc(rest, oraclePrefers)
	for len(selected) < cmax && len(rest) > 0 {
		selected, rest = append(selected, rest[0]), rest[1:]
	}
	return selected
}

// oracleStays is the one rule that Karmada does not have: unless a placement is made anew, the regions it
// is in stay when they are a path, and either no replicas are missing or too many, or a path that passes
// through all of them would score no less, with 100 for each of its regions, than any other scores
// without what present targets get.
func oracleStays(in Input, regions []oracleRegion, paths []oraclePath) (stay oraclePath, ok bool) {
	rmin, _, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldRegion)
	cmin, cmax, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldCluster)
	if in.Fresh || oracleTriggered(in) {
		return stay, false
	}
	inUse := map[string]bool{}
	for _, r := range regions {
		if slices.ContainsFunc(r.members, func(c oracleCluster) bool { return c.score > 0 }) {
			inUse[r.name] = true
		}
	}
	keeping, most := int64(-1), int64(0)
	for _, p := range paths {
		if len(p.regions) > cmax {
			continue
		}
		var bare int64
		through := 0
		for _, r := range p.regions {
			members := slices.Clone(r.members)
			for i := range members {
				members[i].score = 0
			}
			bare += oracleRegionScore(in, members, rmin, cmin)
			if inUse[r.name] {
				through++
			}
		}
		most = max(most, bare)
		if through == len(inUse) {
			keeping = max(keeping, bare+100*int64(len(p.regions)))
			if through == len(p.regions) {
				stay, ok = p, through > 0
			}
		}
	}
	var whole int64
	for _, r := range regions {
		for _, c := range r.members {
			whole += c.has
		}
	}
	if oracleStrategy(in) != "duplicated" && oracleIsWorkload(in) && whole == int64(in.Spec.Replicas) {
		return stay, ok
	}
	return stay, ok && keeping >= most
}

// oracleIsPrefix compares paths with the regions of each by score, then name.
func oracleIsPrefix(short, long oraclePath) bool {
	if len(short.regions) >= len(long.regions) {
		return false
	}
	byScore := func(p oraclePath) []oracleRegion {
		return slices.SortedFunc(slices.Values(p.regions), func(a, b oracleRegion) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
		})
	}
	s, l := byScore(short), byScore(long)
	for i := range s {
		if s[i].name != l[i].name {
			return false
		}
	}
	return true
}

func oracleRegionScore(in Input, members []oracleCluster, rmin, cmin int) int64 {
	mean := func(of []oracleCluster) int64 {
		var sum int64
		for _, c := range of {
			sum += c.score
		}
		return sum / max(1, int64(len(of)))
	}
	if oracleStrategy(in) == "duplicated" {
		var valid []oracleCluster
		for _, c := range members {
			if c.all >= int64(in.Spec.Replicas) {
				valid = append(valid, c)
			}
		}
		return int64(len(valid))*1000 + mean(valid)
	}
	target := int64(math.Ceil(float64(in.Spec.Replicas) / float64(rmin)))
	taken := 0
	for taken < len(members) && (taken < max(cmin, rmin) || oracleSum(members[:taken]) < target) {
		taken++
	}
	if sum := oracleSum(members[:taken]); sum < target {
		return sum*1000 + mean(members)
	}
	return target*1000 + mean(members[:taken])
}

// Assignment.

func oracleStrategy(in Input) string {
	rs := in.Spec.Placement.ReplicaScheduling
	switch {
	case rs == nil || rs.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDuplicated:
		return "duplicated"
	case rs.ReplicaDivisionPreference == policyv1alpha1.ReplicaDivisionPreferenceAggregated:
		return "aggregated"
	case rs.WeightPreference != nil && rs.WeightPreference.DynamicWeight != "":
		return "dynamic"
	}
	return "static"
}

func oracleAssign(in Input, selected []oracleCluster) (map[string]int64, bool) {
	out := map[string]int64{}
	if !oracleIsWorkload(in) {
		return out, true
	}
	switch oracleStrategy(in) {
	case "duplicated":
		for _, c := range selected {
			out[c.cluster.Name] = int64(in.Spec.Replicas)
		}
		return out, true
	case "static":
		return oracleWebster(in, int64(in.Spec.Replicas), oracleWeights(in, selected)), true
	}
	// Tier by tier: each gets what is left, up to its total available.
	rest := int64(in.Spec.Replicas)
	for tier := 0; tier <= 3; tier++ {
		var members []oracleCluster
		for _, c := range selected {
			if c.tier == tier {
				members = append(members, c)
			}
		}
		n := min(rest, oracleSum(members))
		for name, got := range oracleDivide(in, members, n) {
			out[name] = got
		}
		rest -= n
	}
	return out, rest == 0
}

func oracleWeights(in Input, selected []oracleCluster) map[string]int64 {
	weights := map[string]int64{}
	if w := in.Spec.Placement.ReplicaScheduling.WeightPreference; w != nil {
		for _, c := range selected {
			for _, rule := range w.StaticWeightList {
				if oracleMatches(c.cluster, &rule.TargetCluster) {
					weights[c.cluster.Name] = max(weights[c.cluster.Name], rule.Weight)
				}
			}
		}
	}
	if len(weights) == 0 {
		for _, c := range selected {
			weights[c.cluster.Name] = 1
		}
	}
	return weights
}

// oracleDivide divides n over clusters that have room for it, by dynamic weight or aggregated.
func oracleDivide(in Input, members []oracleCluster, n int64) map[string]int64 {
	var assigned int64
	present := map[string]int64{}
	for _, c := range members {
		present[c.cluster.Name] = c.has
		assigned += c.has
	}
	fresh := in.Fresh || oracleTriggered(in)
	weight := func(c oracleCluster) int64 { return c.all } // fresh: estimate and own
	first := func(oracleCluster) bool { return false }
	divide, keep := n, map[string]int64{}
	switch {
	case fresh:
	case assigned == n:
		return present
	case assigned > n: // down: by what they have
		weight = func(c oracleCluster) int64 { return c.has }
	default: // up: the difference only, by what the estimators say; the aggregated fill those in use first
		weight = func(c oracleCluster) int64 { return c.room }
		first = func(c oracleCluster) bool { return c.has > 0 }
		divide, keep = n-assigned, present
	}
	parties := slices.Clone(members)
	if oracleStrategy(in) == "aggregated" {
		slices.SortFunc(parties, func(a, b oracleCluster) int {
			if first(a) != first(b) {
				if first(a) {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.cluster.Name, b.cluster.Name))
		})
		var sum int64
		for i := range parties {
			if sum += weight(parties[i]); sum >= divide {
				parties = parties[:i+1]
				break
			}
		}
	}
	weights := map[string]int64{}
	for _, c := range parties {
		weights[c.cluster.Name] = weight(c)
	}
	out := oracleWebster(in, divide, weights)
	for name, has := range keep {
		out[name] += has
	}
	return out
}

// oracleWebster deals out n seats one by one, each to the greatest weight/(2*seats+1); of equal ones
// to that with fewer seats, then by name: backwards when FNV-1a (32 bits) of the template's UID is odd.
func oracleWebster(in Input, n int64, weights map[string]int64) map[string]int64 {
	hash := uint32(2166136261)
	for _, b := range []byte(in.Spec.Resource.UID) {
		hash = (hash ^ uint32(b)) * 16777619
	}
	backwards := in.Spec.Resource.UID != "" && hash%2 == 1
	var names []string
	for name, w := range weights {
		if w > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if backwards {
		slices.Reverse(names)
	}
	seats := map[string]int64{}
	quotient := func(name string) *big.Rat { return big.NewRat(weights[name], 2*seats[name]+1) }
	for range n {
		if len(names) == 0 {
			break
		}
		best := names[0]
		for _, name := range names[1:] {
			if c := quotient(name).Cmp(quotient(best)); c > 0 || c == 0 && seats[name] < seats[best] {
				best = name
			}
		}
		seats[best]++
	}
	return seats
}
