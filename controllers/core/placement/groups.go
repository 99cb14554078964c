package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// groupWeight makes what a cell can take count above the scores of its clusters.
const groupWeight = 1000

// cell is the candidates that are in the same groups of every grouping, in order of preference. With
// one grouping, and no cluster in several zones, that is a group.
type cell struct {
	name     string
	groups   []int // by number, of all groupings
	clusters []*candidate
	score    int64
}

// group is a group of one grouping.
type group struct {
	name     string
	grouping int
}

// cells sorts candidates into cells and numbers the groups.
type cells struct {
	all    []cell
	groups []group
	most   []int // by grouping: of how many groups a cell is at most
}

func cellsOf(candidates []candidate, groupings []grouping) *cells {
	out := &cells{most: make([]int, len(groupings))}
	numbers := make([]map[string]int, len(groupings))
	for i := range numbers {
		numbers[i] = map[string]int{}
	}
	index := map[string]int{}
	var names []string
	var at []int
	var key []byte
	for i := range candidates {
		c := &candidates[i]
		at, key = at[:0], key[:0]
		for g := range groupings {
			names = groupings[g].groupsOf(c.Cluster, names[:0])
			slices.Sort(names)
			out.most[g] = max(out.most[g], len(names))
			for _, name := range names {
				n, known := numbers[g][name]
				if !known {
					n = len(out.groups)
					numbers[g][name] = n
					out.groups = append(out.groups, group{name, g})
				}
				at = append(at, n)
				key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
			}
		}
		n, known := index[string(key)]
		if !known {
			n = len(out.all)
			index[string(key)] = n
			out.all = append(out.all, cell{name: out.name(at), groups: slices.Clone(at)})
		}
		out.all[n].clusters = append(out.all[n].clusters, c)
	}
	return out
}

func (c *cells) name(groups []int) string {
	parts := make([]string, 0, len(groups))
	for _, g := range groups {
		parts = append(parts, c.groups[g].name)
	}
	return strings.Join(parts, "/")
}

// count is how many groups of a grouping there are.
func (c *cells) count(grouping int) (n int) {
	for _, g := range c.groups {
		if g.grouping == grouping {
			n++
		}
	}
	return n
}

// selectByGroups chooses cells whose groups keep every constraint, takes the best cluster of each, and
// fills up with the best others that add no group. The present targets stay as long as they keep every
// constraint and have room; only by region alone they are chosen anew each time, as Karmada does.
func (p *placer) selectByGroups(candidates []candidate) ([]candidate, string, *refusal) {
	cells := cellsOf(candidates, p.spread.groupings)
	if refused := p.tooFewGroups(cells, len(candidates)); refused != nil {
		return nil, "", refused
	}
	p.rank(cells.all)
	if selected, used := p.staying(cells); selected != nil {
		return selected, p.chosen(cells, used, len(selected)), nil
	}
	s := newSearch(cells, &p.spread)
	if s.run(); s.best.cells == nil {
		return nil, "", p.noGroups(s, len(candidates))
	}
	selected, used := p.fill(cells, s.best.cells)
	return selected, p.chosen(cells, used, len(selected)), nil
}

// staying is the selection by the cells of the present targets; nil when these cannot stay.
func (p *placer) staying(cells *cells) (selected []candidate, used []bool) {
	if p.fresh || p.byRegionAlone() {
		return nil, nil
	}
	s := newSearch(cells, &p.spread)
	if !s.stays() {
		return nil, nil
	}
	selected, used = p.fill(cells, s.best.cells)
	if p.strategy.byCapacity() && roomOf(selected) < p.demand.units() {
		return nil, nil
	}
	return selected, used
}

func (p *placer) byRegionAlone() bool {
	return len(p.spread.groupings) == 1 && p.spread.groupings[0].by == policyv1alpha1.SpreadByFieldRegion
}

// fill takes the best cluster of each cell in a set, and fills up. It also says which groups are used.
func (p *placer) fill(cells *cells, set []int) (selected []candidate, used []bool) {
	var rest []candidate
	used = make([]bool, len(cells.groups))
	first := map[*candidate]bool{}
	for _, i := range set {
		selected = append(selected, *cells.all[i].clusters[0])
		first[cells.all[i].clusters[0]] = true
		for _, g := range cells.all[i].groups {
			used[g] = true
		}
	}
	for i := range cells.all {
		if slices.ContainsFunc(cells.all[i].groups, func(g int) bool { return !used[g] }) {
			continue
		}
		for _, c := range cells.all[i].clusters {
			if !first[c] {
				rest = append(rest, *c)
			}
		}
	}
	slices.SortFunc(rest, better)
	return append(selected, rest[:min(len(rest), p.spread.cluster.max-len(selected))]...), used
}

// chosen says which groups were chosen.
func (p *placer) chosen(cells *cells, used []bool, clusters int) string {
	parts := make([]string, 0, len(p.spread.groupings))
	for i := range p.spread.groupings {
		var names []string
		for n, g := range cells.groups {
			if used[n] && g.grouping == i {
				names = append(names, g.name)
			}
		}
		slices.Sort(names)
		parts = append(parts, fmt.Sprintf("the %s %s", p.spread.groupings[i].plural(), strings.Join(names, ", ")))
	}
	return fmt.Sprintf("%d clusters of %s", clusters, strings.Join(parts, " and "))
}

// tooFewGroups refuses what no choice can mend.
func (p *placer) tooFewGroups(cells *cells, candidates int) *refusal {
	cluster := p.spread.cluster
	for i := range p.spread.groupings {
		g := &p.spread.groupings[i]
		if n := cells.count(i); n < g.min {
			return unmet("clusters of %d %s fit, minGroups by %s is %d", n, g.plural(), g, g.min)
		}
		if cells.most[i] == 1 && g.min > cluster.max {
			return unmet("%d %s need a cluster each, maxGroups by cluster is %d", g.min, g.plural(), cluster.max)
		}
	}
	if len(p.spread.groupings) > 1 && candidates < cluster.min {
		return unmet("%d clusters fit, minGroups by cluster is %d", candidates, cluster.min)
	}
	return nil
}

// noGroups says that no choice keeps the constraints.
func (p *placer) noGroups(s *search, candidates int) *refusal {
	if g := &p.spread.groupings[0]; s.plain {
		return unmet("no %d %s have the %d clusters that minGroups by cluster asks for", g.min, g.plural(), p.spread.cluster.min)
	}
	how := "no set of them keeps all constraints"
	if s.cut() {
		how = "no set of them was found, among very many, that keeps all constraints"
	}
	return unmet("%d clusters fit, and %s: %s", candidates, how, &p.spread)
}

// rank scores cells and brings them into the order in which they are searched. With one grouping
// small cells come first, as Karmada has it; with several the best, since not all sets can be tried.
func (p *placer) rank(all []cell) {
	for i := range all {
		all[i].score = p.cellScore(all[i].clusters)
	}
	slices.SortFunc(all, func(a, b cell) int {
		if len(p.spread.groupings) > 1 {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(b.clusters), len(a.clusters)), cmp.Compare(a.name, b.name))
		}
		return cmp.Or(cmp.Compare(len(a.clusters), len(b.clusters)), cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
}

// cellScore values what a cell can take. With all replicas in every cluster that is the number of
// clusters with room for them; else the replicas the cell has room for, up to its part of them.
func (p *placer) cellScore(clusters []*candidate) int64 {
	units := p.demand.units()
	if p.strategy == Duplicated || p.demand.inSets() {
		var roomy []*candidate
		for _, c := range clusters {
			if c.available >= units {
				roomy = append(roomy, c)
			}
		}
		return int64(len(roomy))*groupWeight + meanScore(roomy)
	}
	least := 1
	for i := range p.spread.groupings {
		least = max(least, p.spread.groupings[i].min)
	}
	target := (units + int64(least) - 1) / int64(least)
	var sum int64
	for i, c := range clusters {
		sum += c.available
		if i+1 >= max(p.spread.cluster.min, least) && sum >= target {
			return target*groupWeight + meanScore(clusters[:i+1])
		}
	}
	return min(sum, target)*groupWeight + meanScore(clusters)
}

func meanScore(clusters []*candidate) int64 {
	if len(clusters) == 0 {
		return 0
	}
	var sum int64
	for _, c := range clusters {
		sum += c.score
	}
	return sum / int64(len(clusters))
}
