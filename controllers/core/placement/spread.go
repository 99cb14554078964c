package placement

import (
	"fmt"
	"math"
	"slices"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// bounds on the number of groups used.
type bounds struct{ min, max int }

// spread are the spread constraints by field.
type spread struct {
	uses    map[policyv1alpha1.SpreadFieldValue]bool
	cluster bounds
	region  bounds
}

func newSpread(p *policyv1alpha1.Placement) spread {
	s := spread{uses: map[policyv1alpha1.SpreadFieldValue]bool{}}
	for i := range p.SpreadConstraints {
		c := &p.SpreadConstraints[i]
		if c.SpreadByLabel != "" {
			continue // refused by check wherever it would count
		}
		by := spreadField(c)
		s.uses[by] = true
		b := bounds{min: max(c.MinGroups, 1), max: c.MaxGroups}
		if b.max == 0 {
			b.max = math.MaxInt
		}
		switch by {
		case policyv1alpha1.SpreadByFieldCluster:
			s.cluster = b
		case policyv1alpha1.SpreadByFieldRegion:
			s.region = b
		}
	}
	return s
}

// selectSpread picks among candidates in order of preference, and says how.
func (p *placer) selectSpread(candidates []candidate) ([]candidate, string, *refusal) {
	if p.spread.uses[policyv1alpha1.SpreadByFieldRegion] {
		return p.selectByRegion(candidates)
	}
	return p.selectByCluster(candidates)
}

func (p *placer) selectByCluster(candidates []candidate) ([]candidate, string, *refusal) {
	b := p.spread.cluster
	if len(candidates) < b.min {
		return nil, "", &refusal{workv1alpha2.ReasonSchedulerError,
			fmt.Sprintf("spec.placement.spreadConstraints: %d clusters fit, minGroups by cluster is %d", len(candidates), b.min)}
	}
	n := min(len(candidates), b.max)
	how := fmt.Sprintf("the best %d of %d clusters", n, len(candidates))
	if !p.strategy.byCapacity() {
		return candidates[:n], how, nil
	}
	picked, enough := withRoom(slices.Clone(candidates), n, int64(p.spec.Replicas))
	if !enough {
		return nil, how, &refusal{workv1alpha2.ReasonSchedulerError, fmt.Sprintf("no enough resource when selecting %d clusters for %d replicas", n, p.spec.Replicas)}
	}
	return picked, how, nil
}

// withRoom starts from the first n and, going back from the last of them, swaps each for the one
// outside that has the most room, until there is room for the replicas.
func withRoom(candidates []candidate, n int, replicas int64) ([]candidate, bool) {
	in, out := candidates[:n], candidates[n:]
	for last := n - 1; roomOf(in) < replicas; last-- {
		if last < 0 {
			return nil, false
		}
		swap, roomiest := -1, in[last].available
		for i := range out {
			if out[i].available > roomiest {
				swap, roomiest = i, out[i].available
			}
		}
		if swap >= 0 {
			in[last], out[swap] = out[swap], in[last]
		}
	}
	return in, true
}

func roomOf(candidates []candidate) (sum int64) {
	for i := range candidates {
		sum += candidates[i].available
	}
	return sum
}
