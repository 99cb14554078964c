package estimate

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// part is one component of a workload: count replicas of it are in a set.
type part struct {
	replica       []portion
	count         int64
	priorityClass string
	match         matcher
}

// Sets is how many more whole sets of these components fit, each set with all replicas of every
// component, within the quotas. Components without replicas need nothing; of nothing any number fits.
//
// The nodes are filled by simulation: the number of sets is right when every replica of so many sets
// has found a node. It is found by halving. A try places all replicas of one component after the
// other, each on the first nodes that take them, beginning with nodes that the fewest components may
// use. Two orders of components are tried: the scarcest first, and the largest first; the better one
// counts. This is a heuristic: a cleverer packing may get more in, but whatever is counted does fit.
//
// Assumed pods, and pods the scheduler has not looked at yet, are placed first, evenly over the nodes
// that the components may use, as a scheduler spreads them. When they do not find room there, there is
// none for the workload.
func (c *Cluster) Sets(components []workv1alpha2.Component, b Bounds) int32 {
	parts := partsOf(components)
	if len(parts) == 0 {
		return math.MaxInt32
	}
	p := c.newPacking(parts)
	for i := range b.Assumed {
		if !p.reserve(&b.Assumed[i]) {
			return 0
		}
	}
	for _, alike := range c.byShape() {
		if !p.reserve(alike) {
			return 0
		}
	}
	bound := min(p.bound(), withinQuotas(parts, b), math.MaxInt32)
	var best int64
	for _, order := range p.orders() {
		best = max(best, p.most(order, best, bound))
	}
	return clamp(best)
}

func partsOf(components []workv1alpha2.Component) []part {
	var parts []part
	for _, component := range components {
		if component.Replicas <= 0 {
			continue
		}
		req := component.ReplicaRequirements
		if req == nil {
			req = &workv1alpha2.ComponentReplicaRequirements{}
		}
		parts = append(parts, part{
			replica:       portions(req.ResourceRequest),
			count:         int64(component.Replicas),
			priorityClass: req.PriorityClassName,
			match:         newMatcher(req.NodeClaim),
		})
	}
	return parts
}

// packing is the nodes as rows of numbers, with a column for each resource that is asked for and a
// last one for places.
type packing struct {
	names   []corev1.ResourceName
	columns int
	nodes   int
	free    []int64
	trial   []int64
	parts   []packed
}

// packed is a part with its requests as a row and the nodes that take it, in the order of use.
type packed struct {
	count int64
	asks  []int64
	nodes []int
	room  int64
}

func (c *Cluster) newPacking(parts []part) *packing {
	var all Amounts
	for _, part := range parts {
		for _, a := range part.replica {
			all.set(a.name, 1)
		}
	}
	p := &packing{names: all.names()}
	p.columns = len(p.names) + 1
	taken := make([][]int, len(parts))
	var choices []int // how many parts may use each node
	for _, n := range c.sorted() {
		users := 0
		for i := range parts {
			if parts[i].match.matches(&n.Node) {
				taken[i] = append(taken[i], p.nodes)
				users++
			}
		}
		if users == 0 {
			continue
		}
		for _, name := range p.names {
			p.free = append(p.free, max(n.free(name), 0))
		}
		p.free = append(p.free, n.places())
		choices = append(choices, users)
		p.nodes++
	}
	for i, part := range parts {
		slices.SortStableFunc(taken[i], func(a, b int) int { return cmp.Compare(choices[a], choices[b]) })
		p.parts = append(p.parts, packed{count: part.count, asks: p.row(part.replica), nodes: taken[i]})
	}
	p.trial = make([]int64, len(p.free))
	return p
}

func (p *packing) row(replica []portion) []int64 {
	asks := make([]int64, p.columns)
	for _, a := range replica {
		asks[slices.Index(p.names, a.name)] = a.amount
	}
	asks[p.columns-1] = 1
	return asks
}

// room is how many pods fit on a node.
func (p *packing) room(free []int64, node int, asks []int64) int64 {
	room := int64(math.MaxInt64)
	for i, ask := range asks {
		if ask > 0 {
			room = min(room, free[node*p.columns+i]/ask)
		}
	}
	return room
}

func (p *packing) take(free []int64, node int, asks []int64, pods int64) {
	for i, ask := range asks {
		free[node*p.columns+i] -= pods * ask
	}
}

// reserve places assumed pods evenly; false when they do not all fit. What the workload does not ask
// for does not matter.
func (p *packing) reserve(a *Assumed) bool {
	if a.Huge {
		return a.Pods == 0
	}
	asks := make([]int64, p.columns)
	for i, name := range p.names {
		asks[i] = a.Each.get(name)
	}
	asks[p.columns-1] = 1
	active := make([]int, p.nodes)
	for i := range active {
		active[i] = i
	}
	left := a.Pods
	for left > 0 && len(active) > 0 {
		share := max(1, left/int64(len(active)))
		active = slices.DeleteFunc(active, func(node int) bool {
			pods := min(share, left, p.room(p.free, node, asks))
			p.take(p.free, node, asks, pods)
			left -= pods
			return pods < share
		})
	}
	return left == 0
}

// bound is more sets than can fit: each component alone on the nodes.
func (p *packing) bound() int64 {
	sets := int64(math.MaxInt64)
	for i := range p.parts {
		part := &p.parts[i]
		for _, node := range part.nodes {
			part.room = plus(part.room, p.room(p.free, node, part.asks))
		}
		sets = min(sets, part.room/part.count)
	}
	return sets
}

// orders are the sequences of parts to try: by the sets that each alone leaves room for, and by the
// share that one replica takes of all there is.
func (p *packing) orders() [][]int {
	total := make([]float64, p.columns)
	for i, n := range p.free {
		total[i%p.columns] += float64(n)
	}
	size := func(part *packed) float64 {
		largest := 0.0
		for i, ask := range part.asks {
			largest = max(largest, float64(ask)/max(total[i], 1))
		}
		return largest
	}
	scarcest, largest := make([]int, len(p.parts)), make([]int, len(p.parts))
	for i := range p.parts {
		scarcest[i], largest[i] = i, i
	}
	slices.SortStableFunc(scarcest, func(a, b int) int {
		x, y := &p.parts[a], &p.parts[b]
		return cmp.Or(cmp.Compare(x.room/x.count, y.room/y.count), cmp.Compare(size(y), size(x)))
	})
	slices.SortStableFunc(largest, func(a, b int) int { return cmp.Compare(size(&p.parts[b]), size(&p.parts[a])) })
	if slices.Equal(scarcest, largest) {
		return [][]int{scarcest}
	}
	return [][]int{scarcest, largest}
}

// most is the largest number of sets found to fit, between one that is known already and a bound.
func (p *packing) most(order []int, known, bound int64) int64 {
	for known < bound {
		middle := known + (bound-known+1)/2
		if p.fits(order, middle) {
			known = middle
		} else {
			bound = middle - 1
		}
	}
	return known
}

func (p *packing) fits(order []int, sets int64) bool {
	copy(p.trial, p.free)
	for _, i := range order {
		part := &p.parts[i]
		left := times(sets, part.count)
		for _, node := range part.nodes {
			if left == 0 {
				break
			}
			pods := min(left, p.room(p.trial, node, part.asks))
			p.take(p.trial, node, part.asks, pods)
			left -= pods
		}
		if left > 0 {
			return false
		}
	}
	return true
}
