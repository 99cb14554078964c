package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	bare     int64 // score without what present targets get for being there
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
// constraint and have room; by region alone only while no others have more, see settled.
func (p *placer) selectByGroups(candidates []candidate) ([]candidate, string, *refusal) {
	cells := cellsOf(candidates, p.spread.groupings)
	if refused := p.tooFewGroups(cells, len(candidates)); refused != nil {
		return nil, "", refused
	}
	p.rank(cells.all)
	kept := p.staying(cells)
	if kept != nil && !p.byRegionAlone() {
		return kept.selected, p.chosen(cells, kept.used, len(kept.selected)), nil
	}
	s := newSearch(cells, &p.spread)
	s.rivals = rivalsOf(kept, len(cells.all))
	s.run()
	if kept != nil && s.settled(kept) {
		return kept.selected, p.chosen(cells, kept.used, len(kept.selected)), nil
	}
	if s.best.cells == nil {
		return nil, "", p.noGroups(s, len(candidates))
	}
	selected, used := p.fill(cells, s.best.cells)
	return selected, p.chosen(cells, used, len(selected)), nil
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
		room, counted := p.roomOfCell(all[i].clusters)
		all[i].score = room*groupWeight + mean(counted, func(c *candidate) int64 { return c.score })
		all[i].bare = room*groupWeight + mean(counted, func(c *candidate) int64 { return c.advised })
	}
	slices.SortFunc(all, func(a, b cell) int {
		if len(p.spread.groupings) > 1 {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(b.clusters), len(a.clusters)), cmp.Compare(a.name, b.name))
		}
		return cmp.Or(cmp.Compare(len(a.clusters), len(b.clusters)), cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
}

// roomOfCell values what a cell can take, and says by which of its clusters. With all replicas in every
// cluster that is the number of clusters with room for them; else the replicas the cell has room for, up
// to its part of them.
func (p *placer) roomOfCell(clusters []*candidate) (room int64, counted []*candidate) {
	units := p.demand.units()
	if p.strategy == Duplicated || p.demand.inSets() {
		for _, c := range clusters {
			if c.available >= units {
				counted = append(counted, c)
			}
		}
		return int64(len(counted)), counted
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
			return target, clusters[:i+1]
		}
	}
	return min(sum, target), clusters
}

func mean(clusters []*candidate, of func(*candidate) int64) (sum int64) {
	if len(clusters) == 0 {
		return 0
	}
	for _, c := range clusters {
		sum += of(c)
	}
	return sum / int64(len(clusters))
}
