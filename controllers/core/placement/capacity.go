package placement

import (
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// unbounded marks a cluster whose room is not known to have a bound.
const unbounded = math.MaxInt32

// Capacity is how many more replicas with these requirements the cluster has room for, by its own
// summary: free pods, free resources and, where nodes are counted by grade, what fits on the nodes.
// A cluster without a summary has no room.
func Capacity(c *clusterv1alpha1.Cluster, req *workv1alpha2.ReplicaRequirements) int32 {
	d := demand{replicas: 1}
	if req != nil {
		d.each = amounts(req.ResourceRequest)
	}
	var s supply
	s.read(c, d.names())
	return s.capacity(&d, nil)
}

// supply is what is free in a cluster by its own summary.
type supply struct {
	known bool // the cluster has a summary
	pods  int64
	free  []amount
	// graded says that nodes are counted by grades that are all defined.
	graded bool
	grades []graded
	floors []amount // of all grades
}

// graded are the nodes of one grade.
type graded struct {
	nodes    int64
	from, to int // its floors in supply.floors
}

// read takes the summary of a cluster, of the resources named or, without names, of all.
func (s *supply) read(c *clusterv1alpha1.Cluster, names []corev1.ResourceName) {
	*s = supply{free: s.free[:0], grades: s.grades[:0], floors: s.floors[:0]}
	summary := c.Status.ResourceSummary
	if summary == nil {
		return
	}
	s.known, s.pods = true, free(summary, corev1.ResourcePods)
	if names != nil {
		for _, name := range names {
			s.free = append(s.free, amount{name, free(summary, name)})
		}
	} else {
		for name := range summary.Allocatable {
			s.free = append(s.free, amount{name, free(summary, name)})
		}
	}
	s.readGrades(c)
}

func (s *supply) readGrades(c *clusterv1alpha1.Cluster) {
	counts := c.Status.ResourceSummary.AllocatableModelings
	if s.graded = len(counts) > 0 && len(c.Spec.ResourceModels) > 0; !s.graded {
		return
	}
	for i := range counts {
		if counts[i].Count <= 0 {
			continue
		}
		m := slices.IndexFunc(c.Spec.ResourceModels, func(m clusterv1alpha1.ResourceModel) bool { return m.Grade == counts[i].Grade })
		if m < 0 {
			s.graded = false
			return
		}
		g := graded{nodes: int64(min(counts[i].Count, math.MaxInt32)), from: len(s.floors)}
		for j := range c.Spec.ResourceModels[m].Ranges {
			r := &c.Spec.ResourceModels[m].Ranges[j]
			s.floors = append(s.floors, amount{r.Name, max(quantity(r.Name, &r.Min), 0)})
		}
		g.to = len(s.floors)
		s.grades = append(s.grades, g)
	}
}

// free is what is left of a resource, never negative.
func free(s *clusterv1alpha1.ResourceSummary, name corev1.ResourceName) int64 {
	left := of(s.Allocatable, name)
	left = add(left, -of(s.Allocated, name))
	return max(add(left, -of(s.Allocating, name)), 0)
}

// of is how much a list has of a resource.
func of(list corev1.ResourceList, name corev1.ResourceName) int64 {
	q, ok := list[name]
	if !ok {
		return 0
	}
	return quantity(name, &q)
}

// quantity is a quantity as a number: in millis for CPU, else in units. It stops well before the
// bounds of int64, so that a single sign change or sum is safe.
func quantity(name corev1.ResourceName, q *resource.Quantity) int64 {
	const most = math.MaxInt64 / 2
	n := max(min(q.Value(), most), -most)
	if name != corev1.ResourceCPU {
		return n
	}
	if n > most/1000 || n < -most/1000 {
		return times(n/1000, 1000) // too much for millis, and for any node
	}
	return q.MilliValue()
}

func amountOf(list []amount, name corev1.ResourceName) (int64, bool) {
	for i := range list {
		if list[i].name == name {
			return list[i].n, true
		}
	}
	return 0, false
}

// capacity is how many units of the demand fit in what is free less what is assumed: replicas, or
// whole sets of components. Bounds on nodes (selectors, tolerations) are not known here: those are
// for a better estimate.
func (s *supply) capacity(d *demand, assumed corev1.ResourceList) int32 {
	if !s.known {
		return 0
	}
	pods, each := int64(1), d.each
	if d.inSets() {
		pods, each = d.set()
	}
	room := int64(math.MaxInt32)
	if pods > 0 {
		room = min(room, s.left(corev1.ResourcePods, assumed)/pods)
	}
	if len(each) == 0 && !d.inSets() {
		return clamp(room)
	}
	if byGrade, ok := s.capacityByGrade(d, assumed, room); ok {
		return clamp(min(room, byGrade))
	}
	for _, asked := range each {
		room = min(room, s.left(asked.name, assumed)/asked.n)
	}
	return clamp(room)
}

// left is what is free of a resource and not assumed to be taken.
func (s *supply) left(name corev1.ResourceName, assumed corev1.ResourceList) int64 {
	n := s.pods
	if name != corev1.ResourcePods {
		n, _ = amountOf(s.free, name)
	}
	if len(assumed) > 0 {
		n -= max(of(assumed, name), 0)
	}
	return max(n, 0)
}

// capacityByGrade counts what fits on the nodes of each grade. It is false when the nodes are not
// counted, or not by a resource that is requested.
func (s *supply) capacityByGrade(d *demand, assumed corev1.ResourceList, most int64) (int64, bool) {
	if !s.graded {
		return 0, false
	}
	if len(assumed) == 0 && !d.inSets() {
		return s.replicasByGrade(d.each)
	}
	n, ok := s.nodes(d.names())
	if !ok {
		return 0, false
	}
	n.take(assumed)
	if d.inSets() {
		return n.sets(d.parts, most), true
	}
	return n.replicas(d.each), true
}

// replicasByGrade is nodes.replicas without the need for nodes: nothing is taken from them.
func (s *supply) replicasByGrade(each []amount) (total int64, ok bool) {
	for _, g := range s.grades {
		fits := int64(podsPerNode)
		for _, asked := range each {
			floor, known := amountOf(s.floors[g.from:g.to], asked.name)
			if !known {
				return 0, false
			}
			fits = min(fits, floor/asked.n)
		}
		total += fits * g.nodes
	}
	return total, true
}

func clamp(n int64) int32 {
	return int32(min(max(n, 0), math.MaxInt32))
}
