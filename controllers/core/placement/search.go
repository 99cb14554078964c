package placement

import (
	"cmp"
	"slices"
)

// A search for a set of cells takes a bounded number of steps, as the number of sets grows
// exponentially. Some twenty groups of one grouping are searched in full. When the steps are used up,
// the best set found so far is used. When there is none yet, the search goes on for a bounded time, and
// then puts one together greedily.
const (
	plainSteps = 1 << 16
	manySteps  = 1 << 12 // the best cells come first there
	patience   = 4       // times as many while there is no set
)

// search goes through the sets of cells, in their order, that keep the constraints: of every grouping
// at least minGroups and at most maxGroups groups, and at least minGroups clusters. A cluster in
// several zones counts for each of them. The best set uses the groups of the highest total score,
// then of the most clusters, then comes first. A set that keeps the constraints is not extended.
type search struct {
	cells     []cell
	groups    []group
	groupings []grouping
	clusters  bounds
	// plain: every cell is one group of the one grouping, so that a set is a set of groups.
	plain bool
	most  []int // groups of a cell at most, by grouping

	upTo  []int   // clusters in the first i cells
	ahead [][]int // by grouping: groups that the cells from i on are in

	// the set at hand
	set  []int
	uses []int // cells of the set by group
	used []int // groups of the set by grouping
	size int   // clusters in its cells
	sum  int64 // of scores

	best          found
	steps, enough int

	rivals rivals // of the present targets, by region alone
}

// found is a set that keeps the constraints.
type found struct {
	cells    []int
	clusters int
	score    int64
}

func newSearch(c *cells, spread *spread) *search {
	s := &search{
		cells: c.all, groups: c.groups, groupings: spread.groupings, clusters: spread.cluster, most: c.most,
		plain: len(spread.groupings) == 1 && c.most[0] == 1,
		upTo:  make([]int, len(c.all)+1), uses: make([]int, len(c.groups)), used: make([]int, len(spread.groupings)),
	}
	s.enough = manySteps
	if s.plain {
		s.enough = plainSteps
	}
	for i := range c.all {
		s.upTo[i+1] = s.upTo[i] + len(c.all[i].clusters)
	}
	for range spread.groupings {
		s.ahead = append(s.ahead, make([]int, len(c.all)+1))
	}
	seen := make([]bool, len(c.groups))
	for i := len(c.all) - 1; i >= 0; i-- {
		for g := range s.ahead {
			s.ahead[g][i] = s.ahead[g][i+1]
		}
		for _, n := range c.all[i].groups {
			if !seen[n] {
				seen[n] = true
				s.ahead[c.groups[n].grouping][i]++
			}
		}
	}
	return s
}

func (s *search) run() {
	s.extend(0)
	switch {
	case s.best.cells == nil && !s.plain:
		s.greedy()
	case s.best.cells != nil && s.plain:
		s.best.cells = s.shortest(s.best.cells)
	}
}

// shortest takes the groups of a set by score, then name, and leaves out the rest as soon as those
// taken are a set that the search finds as well.
func (s *search) shortest(set []int) []int {
	byScore := slices.SortedFunc(slices.Values(set), func(a, b int) int {
		return cmp.Or(cmp.Compare(s.cells[b].score, s.cells[a].score), cmp.Compare(s.cells[a].name, s.cells[b].name))
	})
	for n := 1; n < len(byScore); n++ {
		if s.finds(byScore[:n]) {
			return byScore[:n]
		}
	}
	return byScore
}

// finds says whether a set of groups keeps the constraints with its last group and not before.
func (s *search) finds(set []int) bool {
	clusters := 0
	for n, i := range slices.Sorted(slices.Values(set)) {
		if clusters += len(s.cells[i].clusters); n+1 >= s.groupings[0].min && clusters >= s.clusters.min {
			return n+1 == len(set)
		}
	}
	return false
}

func (s *search) extend(from int) {
	if clusters, score, ok := s.keeps(); ok {
		if s.best.cells == nil || score > s.best.score || score == s.best.score && clusters > s.best.clusters {
			s.best = found{slices.Clone(s.set), clusters, score}
		}
		s.rivals.compare(s.cells, s.set)
		return
	}
	if s.hopeless(from) {
		return
	}
	for i := from; i < len(s.cells) && s.goOn(); i++ {
		s.steps++
		if !s.admits(&s.cells[i]) {
			continue
		}
		s.push(i)
		s.extend(i + 1)
		s.pop()
	}
}

func (s *search) goOn() bool {
	return s.steps < s.enough || s.best.cells == nil && !s.cut()
}

// cut says whether the search was given up.
func (s *search) cut() bool { return s.steps >= patience*s.enough }

func (s *search) push(i int) {
	s.set = append(s.set, i)
	s.size += len(s.cells[i].clusters)
	s.sum += s.cells[i].score
	for _, g := range s.cells[i].groups {
		if s.uses[g]++; s.uses[g] == 1 {
			s.used[s.groups[g].grouping]++
		}
	}
}

func (s *search) pop() {
	i := s.set[len(s.set)-1]
	s.set = s.set[:len(s.set)-1]
	s.size -= len(s.cells[i].clusters)
	s.sum -= s.cells[i].score
	for _, g := range s.cells[i].groups {
		if s.uses[g]--; s.uses[g] == 0 {
			s.used[s.groups[g].grouping]--
		}
	}
}

// admits says whether the set may have the cell: it breaks no maxGroups.
func (s *search) admits(c *cell) bool {
	if len(s.set) >= s.clusters.max {
		return false // each cell gives a cluster
	}
	for i := range s.groupings {
		if s.used[i]+s.adds(c, i) > s.groupings[i].max {
			return false
		}
	}
	return true
}

// adds is how many groups of a grouping the cell would add to the set.
func (s *search) adds(c *cell, grouping int) (n int) {
	for _, g := range c.groups {
		if s.groups[g].grouping == grouping && s.uses[g] == 0 {
			n++
		}
	}
	return n
}

// keeps says whether the set keeps the constraints, and how many clusters, of what score, are in the
// groups it uses: those of its cells, and of other cells that are in no other groups.
func (s *search) keeps() (clusters int, score int64, ok bool) {
	if s.lacksGroups() {
		return 0, 0, false
	}
	if s.plain {
		return s.size, s.sum, s.size >= s.clusters.min
	}
	s.steps += len(s.cells) / 32 // looking at all cells is work too
	for i := range s.cells {
		if s.inUse(&s.cells[i]) {
			clusters, score = clusters+len(s.cells[i].clusters), score+s.cells[i].score
		}
	}
	return clusters, score, clusters >= s.clusters.min
}

// lacksGroups says whether a grouping has fewer groups in the set than it must.
func (s *search) lacksGroups() bool {
	for i := range s.groupings {
		if s.used[i] < s.groupings[i].min {
			return true
		}
	}
	return false
}

// inUse says whether the cell is in no other groups than the set.
func (s *search) inUse(c *cell) bool {
	for _, g := range c.groups {
		if s.uses[g] == 0 {
			return false
		}
	}
	return true
}

// hopeless says that no extension by the cells from here on keeps the constraints.
func (s *search) hopeless(from int) bool {
	left := min(s.clusters.max-len(s.set), len(s.cells)-from)
	for i := range s.groupings {
		g := &s.groupings[i]
		if s.used[i]+min(g.max-s.used[i], s.ahead[i][from], left*s.most[i]) < g.min {
			return true
		}
		if s.plain {
			left = min(left, g.max-s.used[i])
		}
	}
	// The last cells are the largest: when even they do not suffice, no set does.
	return s.plain && s.size+s.upTo[len(s.cells)]-s.upTo[len(s.cells)-left] < s.clusters.min
}

// greedy puts a set together by always adding the cell that is in the most groups still needed, of
// equal ones the first.
func (s *search) greedy() {
	for range s.cells {
		next, most := -1, 0
		for i := range s.cells {
			if slices.Contains(s.set, i) || !s.admits(&s.cells[i]) {
				continue
			}
			gain := 0
			for g := range s.groupings {
				gain += min(s.adds(&s.cells[i], g), max(s.groupings[g].min-s.used[g], 0))
			}
			if gain > most || next < 0 && !s.lacksGroups() {
				next, most = i, gain
			}
		}
		if next < 0 {
			return
		}
		s.push(next)
		if clusters, score, ok := s.keeps(); ok {
			s.best = found{slices.Clone(s.set), clusters, score}
			return
		}
	}
}
