package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// group is the candidates of one region, in order of preference.
type group struct {
	name     string
	clusters []candidate
	score    int64
}

// maxSteps bounds the search for a set of regions: the number of sets grows exponentially. Some
// twenty regions are searched in full; beyond it the best set found so far is used.
const maxSteps = 1 << 16

// groupWeight makes what a group can take count above the scores of its clusters.
const groupWeight = 1000

func (p *placer) selectByRegion(candidates []candidate) ([]candidate, string, *refusal) {
	groups := p.regions(candidates)
	region, cluster := p.spread.region, p.spread.cluster
	if len(groups) < region.min {
		return nil, "", &refusal{workv1alpha2.ReasonSchedulerError,
			fmt.Sprintf("spec.placement.spreadConstraints: clusters of %d regions fit, minGroups by region is %d", len(groups), region.min)}
	}
	chosen := bestGroups(groups, region, cluster.min)
	if chosen == nil {
		return nil, "", &refusal{workv1alpha2.ReasonSchedulerError,
			fmt.Sprintf("spec.placement.spreadConstraints: no %d regions have the %d clusters that minGroups by cluster asks for", region.min, cluster.min)}
	}
	if len(chosen) > cluster.max {
		return nil, "", &refusal{workv1alpha2.ReasonSchedulerError,
			fmt.Sprintf("spec.placement.spreadConstraints: %d regions need a cluster each, maxGroups by cluster is %d", len(chosen), cluster.max)}
	}
	// Every region gets its best cluster, the others follow in order of preference.
	var selected, rest []candidate
	var named []string
	for _, g := range chosen {
		selected = append(selected, g.clusters[0])
		rest = append(rest, g.clusters[1:]...)
		named = append(named, g.name)
	}
	slices.SortFunc(rest, better)
	selected = append(selected, rest[:min(len(rest), cluster.max-len(selected))]...)
	slices.Sort(named)
	return selected, fmt.Sprintf("%d clusters of the regions %s", len(selected), strings.Join(named, ", ")), nil
}

// regions groups candidates, keeping their order, in the order in which sets of groups are searched.
func (p *placer) regions(candidates []candidate) []group {
	index := map[string]int{}
	var groups []group
	for _, c := range candidates {
		i, seen := index[c.Spec.Region]
		if !seen {
			i = len(groups)
			index[c.Spec.Region] = i
			groups = append(groups, group{name: c.Spec.Region})
		}
		groups[i].clusters = append(groups[i].clusters, c)
	}
	for i := range groups {
		groups[i].score = p.groupScore(groups[i].clusters)
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(len(a.clusters), len(b.clusters)), cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
	return groups
}

// groupScore values what a group can take. With all replicas in every cluster that is the number of
// clusters with room for them; else the replicas the group has room for, up to its part of them.
func (p *placer) groupScore(clusters []candidate) int64 {
	if !p.strategy.byCapacity() && p.strategy != StaticWeight {
		var roomy []candidate
		for _, c := range clusters {
			if c.available >= int64(p.spec.Replicas) {
				roomy = append(roomy, c)
			}
		}
		return int64(len(roomy))*groupWeight + meanScore(roomy)
	}
	minGroups := p.spread.region.min
	target := (int64(p.spec.Replicas) + int64(minGroups) - 1) / int64(minGroups)
	var sum int64
	for i, c := range clusters {
		sum += c.available
		if i+1 >= max(p.spread.cluster.min, minGroups) && sum >= target {
			return target*groupWeight + meanScore(clusters[:i+1])
		}
	}
	return min(sum, target)*groupWeight + meanScore(clusters)
}

func meanScore(clusters []candidate) int64 {
	if len(clusters) == 0 {
		return 0
	}
	var sum int64
	for _, c := range clusters {
		sum += c.score
	}
	return sum / int64(len(clusters))
}

// path is a set of groups, in order.
type path struct {
	groups   []int
	clusters int
	score    int64
}

// bestGroups searches the sets of groups within bounds that have enough clusters: the highest total
// score, then the most clusters, then the earliest. A set that has enough is not extended.
func bestGroups(groups []group, b bounds, clusters int) []group {
	upTo := make([]int, len(groups)+1) // clusters in the first i groups
	for i := range groups {
		upTo[i+1] = upTo[i] + len(groups[i].clusters)
	}
	// The last groups are the largest: when even they do not suffice, no set does.
	hopeless := func(from int, at path) bool {
		left := min(b.max-len(at.groups), len(groups)-from)
		return at.clusters+upTo[len(groups)]-upTo[len(groups)-left] < clusters || len(at.groups)+left < b.min
	}
	enough := func(n, have int) bool { return n >= b.min && have >= clusters }
	var best path
	steps := 0
	var extend func(from int, at path)
	extend = func(from int, at path) {
		if enough(len(at.groups), at.clusters) {
			if best.groups == nil || at.score > best.score || at.score == best.score && at.clusters > best.clusters {
				best = path{slices.Clone(at.groups), at.clusters, at.score}
			}
			return
		}
		if hopeless(from, at) {
			return
		}
		for i := from; i < len(groups) && (steps < maxSteps || best.groups == nil); i++ {
			steps++
			extend(i+1, path{append(at.groups, i), at.clusters + len(groups[i].clusters), at.score + groups[i].score})
		}
	}
	extend(0, path{})
	var chosen []group
	for _, i := range shortest(groups, best.groups, enough) {
		chosen = append(chosen, groups[i])
	}
	return chosen
}

// shortest takes the groups of a set by score, then name, and leaves out the rest as soon as those
// taken are a set that the search finds as well: one that has enough with its last group, not before.
func shortest(groups []group, set []int, enough func(n, clusters int) bool) []int {
	byScore := slices.SortedFunc(slices.Values(set), func(a, b int) int {
		return cmp.Or(cmp.Compare(groups[b].score, groups[a].score), cmp.Compare(groups[a].name, groups[b].name))
	})
	found := func(set []int) bool {
		have := 0
		for n, i := range slices.Sorted(slices.Values(set)) {
			if have += len(groups[i].clusters); enough(n+1, have) {
				return n+1 == len(set)
			}
		}
		return false
	}
	for n := 1; n < len(byScore); n++ {
		if found(byScore[:n]) {
			return byScore[:n]
		}
	}
	return byScore
}
