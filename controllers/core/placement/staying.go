package placement

import (
	"slices"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// incumbents are the selection by the cells of the present targets, which keep every constraint and
// have room.
type incumbents struct {
	cells    []int
	selected []candidate
	used     []bool // groups
	// roomy: where each target gets all there is, each has room for it.
	roomy bool
	// whole: the replicas that are divided are all there.
	whole bool
}

// staying is the selection that the present targets make; nil when they cannot stay.
func (p *placer) staying(cells *cells) *incumbents {
	if p.fresh || len(p.present) == 0 {
		return nil
	}
	s := newSearch(cells, &p.spread)
	if !s.stays() {
		return nil
	}
	out := &incumbents{cells: s.best.cells, roomy: true}
	out.selected, out.used = p.fill(cells, out.cells)
	if p.strategy.byCapacity() && roomOf(out.selected) < p.demand.units() {
		return nil
	}
	var replicas int64
	for i := range cells.all {
		for _, c := range cells.all[i].clusters {
			replicas += int64(c.present)
			if c.target && c.available < p.demand.units() {
				out.roomy = false
			}
		}
	}
	if p.divides() {
		out.roomy, out.whole = true, replicas == p.demand.units()
	}
	return out
}

// divides says whether clusters share the replicas; else each gets all there is, if anything.
func (p *placer) divides() bool { return p.workload && p.strategy != Duplicated && !p.demand.inSets() }

func (p *placer) byRegionAlone() bool {
	return len(p.spread.groupings) == 1 && p.spread.groupings[0].by == policyv1alpha1.SpreadByFieldRegion
}

// stays takes the cells of present targets for the set, and says whether they keep the constraints.
func (s *search) stays() bool {
	for i := range s.cells {
		if !slices.ContainsFunc(s.cells[i].clusters, func(c *candidate) bool { return c.target }) {
			continue
		}
		if !s.admits(&s.cells[i]) {
			return false
		}
		s.push(i)
	}
	clusters, score, ok := s.keeps()
	if ok {
		s.best = found{slices.Clone(s.set), clusters, score}
	}
	return ok
}

// rivals compare the sets that have all the groups of the present targets with all others. By region,
// Karmada's choice is swayed by where a workload runs: its regions score higher, come earlier, and may
// suffice alone where the search took others along. So the choice could change whenever it is made
// again. What is placed has to rest: the present targets stay unless others are better by more than
// what being there can count for.
//
// This makes every choice rest. The sets that the search finds depend on the sizes of cells alone, not on
// their scores. The set it chose, of which the targets are all or a part, had the highest score, with
// no more in it for present targets than keeping has now; no other had more than its bare score.
type rivals struct {
	kept    []bool // cells of the present targets; nil when they cannot stay
	count   int    // how many these are
	found   bool   // any set was
	most    int64  // the best score of a set, if none of its clusters were present
	covered bool   // a set with all cells of the present targets was found
	keeping int64  // the best score of such a set, if all of its clusters were present
}

// rivalsOf prepares the comparison with the present targets; there is none when they cannot stay.
func rivalsOf(present *incumbents, cells int) rivals {
	if present == nil {
		return rivals{}
	}
	r := rivals{kept: make([]bool, cells), count: len(present.cells)}
	for _, i := range present.cells {
		r.kept[i] = true
	}
	return r
}

// compare takes a set that keeps the constraints into account.
func (r *rivals) compare(cells []cell, set []int) {
	if r.kept == nil {
		return
	}
	kept, bare := 0, int64(0)
	for _, i := range set {
		bare += cells[i].bare
		if r.kept[i] {
			kept++
		}
	}
	if !r.found || bare > r.most {
		r.most, r.found = bare, true
	}
	if present := bare + localityScore*int64(len(set)); kept == r.count && (!r.covered || present > r.keeping) {
		r.keeping, r.covered = present, true
	}
}

// settled says, after the search, whether the present targets stay. So they do when nothing is to be
// divided, and, while they have room, when the search was cut short: others may have been overlooked
// then, at this time or at the last.
func (s *search) settled(present *incumbents) bool {
	if present.whole || s.steps >= s.enough && present.roomy {
		return s.finds(present.cells)
	}
	return s.rivals.covered && s.rivals.keeping >= s.rivals.most
}
