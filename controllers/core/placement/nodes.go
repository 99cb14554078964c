package placement

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// podsPerNode is how many pods a node takes when only its grade is known.
const podsPerNode = 110

// nodes are the nodes of a cluster as its grades tell of them: each is taken for as small as its
// grade allows. Nodes in the same state are one class, so that it does not matter how many there are.
type nodes struct {
	names   []corev1.ResourceName
	classes []class // the smallest first
}

// class is nodes in the same state.
type class struct {
	nodes, pods int64
	free        []int64 // by nodes.names
}

// nodes makes the nodes, counted by these resources. It is false when a grade does not know one.
func (s *supply) nodes(names []corev1.ResourceName) (nodes, bool) {
	n := nodes{names: names}
	for _, g := range s.grades {
		c := class{nodes: g.nodes, pods: podsPerNode, free: make([]int64, len(names))}
		for i, name := range names {
			floor, ok := amountOf(s.floors[g.from:g.to], name)
			if !ok {
				return n, false
			}
			c.free[i] = floor
		}
		n.classes = append(n.classes, c)
	}
	n.sort()
	return n, true
}

func (n *nodes) sort() {
	slices.SortStableFunc(n.classes, func(a, b class) int { return slices.Compare(a.free, b.free) })
}

// vector lines a request up with the names.
func (n *nodes) vector(each []amount) []int64 {
	v := make([]int64, len(n.names))
	for i, name := range n.names {
		v[i], _ = amountOf(each, name)
	}
	return v
}

// fits is how many such pods one node of the class has room for.
func (c *class) fits(each []int64) int64 {
	fits := c.pods
	for i, asked := range each {
		if asked > 0 {
			fits = min(fits, c.free[i]/asked)
		}
	}
	return fits
}

// with is so many nodes of the class, each with so many more pods.
func (c *class) with(nodes, pods int64, each []int64) class {
	out := class{nodes: nodes, pods: c.pods - pods, free: slices.Clone(c.free)}
	for i := range each {
		out.free[i] -= pods * each[i]
	}
	return out
}

func (n *nodes) replicas(each []amount) (total int64) {
	v := n.vector(each)
	for i := range n.classes {
		total += n.classes[i].fits(v) * n.classes[i].nodes
	}
	return total
}

// take removes what is assumed. Only its sum is known, so it is taken for equal pods, spread evenly
// over the nodes: of the likely ways to put them that leaves the fewest whole places. Pods for which no
// node is large enough take a whole node each.
func (n *nodes) take(assumed corev1.ResourceList) {
	pods := max(of(assumed, corev1.ResourcePods), 0)
	each := make([]int64, len(n.names))
	some := false
	for i, name := range n.names {
		each[i] = max(of(assumed, name), 0)
		some = some || each[i] > 0
	}
	if pods == 0 && some {
		pods = 1
	}
	for i := range each {
		if pods > 0 {
			each[i] = each[i]/pods + min(each[i]%pods, 1)
		}
	}
	for pods > 0 {
		open := n.open(each)
		switch {
		case open == 0:
			n.drop(pods)
			return
		case pods >= open:
			pods -= n.putOnEach(pods/open, each)
		default:
			n.putOnLargest(pods, each)
			return
		}
	}
}

// open counts the nodes that have room for such a pod.
func (n *nodes) open(each []int64) (count int64) {
	for i := range n.classes {
		if n.classes[i].fits(each) > 0 {
			count += n.classes[i].nodes
		}
	}
	return count
}

// putOnEach puts up to so many pods on every node that has room for them.
func (n *nodes) putOnEach(pods int64, each []int64) (put int64) {
	for i := range n.classes {
		c := &n.classes[i]
		if k := min(pods, c.fits(each)); k > 0 {
			put += k * c.nodes
			*c = c.with(c.nodes, k, each)
		}
	}
	return put
}

// putOnLargest puts one pod on so many nodes.
func (n *nodes) putOnLargest(pods int64, each []int64) {
	for i := len(n.classes) - 1; i >= 0 && pods > 0; i-- {
		c := &n.classes[i]
		if c.fits(each) < 1 {
			continue
		}
		k := min(pods, c.nodes)
		n.classes = append(n.classes, c.with(k, 1, each))
		n.classes[i].nodes -= k
		pods -= k
	}
	n.sort()
}

// drop takes whole nodes away.
func (n *nodes) drop(count int64) {
	for i := len(n.classes) - 1; i >= 0 && count > 0; i-- {
		k := min(count, n.classes[i].nodes)
		n.classes[i].nodes -= k
		count -= k
	}
}

// sets is how many whole sets of components fit, at most so many. It is found by packing: the pods of
// so many sets, the largest components first, each pod on the smallest node that has room. What it
// finds does fit on nodes as small as their grades allow; a better packing might find more.
func (n *nodes) sets(parts []part, most int64) int64 {
	type sized struct {
		pods int64
		each []int64
	}
	order := make([]sized, 0, len(parts))
	for _, p := range parts {
		order = append(order, sized{p.pods, n.vector(p.each)})
	}
	slices.SortStableFunc(order, func(a, b sized) int { return cmp.Compare(n.share(b.each), n.share(a.each)) })
	pack := func(sets int64) bool {
		left := nodes{names: n.names, classes: slices.Clone(n.classes)}
		for _, p := range order {
			if !left.pack(times(p.pods, sets), p.each) {
				return false
			}
		}
		return true
	}
	fit, over := int64(0), min(most, math.MaxInt32)+1
	for over-fit > 1 {
		if middle := fit + (over-fit)/2; pack(middle) {
			fit = middle
		} else {
			over = middle
		}
	}
	return fit
}

// share is how much of the largest node one pod takes, by its scarcest resource.
func (n *nodes) share(each []int64) (most float64) {
	for i, asked := range each {
		var largest int64 = 1
		for j := range n.classes {
			largest = max(largest, n.classes[j].free[i])
		}
		most = max(most, float64(asked)/float64(largest))
	}
	return most
}

// pack puts pods on nodes, the smallest first, and says whether all found room.
func (n *nodes) pack(pods int64, each []int64) bool {
	var split []class
	for i := range n.classes {
		c := &n.classes[i]
		fits := c.fits(each)
		if fits <= 0 || pods <= 0 {
			continue
		}
		full := min(pods/fits, c.nodes)
		pods -= full * fits
		if full > 0 {
			split = append(split, c.with(full, fits, each))
		}
		rest := c.nodes - full
		if rest > 0 && pods > 0 {
			split = append(split, c.with(1, pods, each))
			rest, pods = rest-1, 0
		}
		c.nodes = rest
	}
	n.classes = append(slices.DeleteFunc(n.classes, func(c class) bool { return c.nodes == 0 }), split...)
	n.sort()
	return pods == 0
}
