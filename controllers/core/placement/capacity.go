package placement

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// podsPerNode is how many pods a node takes when only its grade is known.
const podsPerNode = 110

// unbounded marks a cluster whose room is not known to have a bound.
const unbounded = math.MaxInt32

// Capacity is how many more replicas with these requirements the cluster has room for, by its own
// summary: free pods, free resources and, where nodes are counted by grade, what fits on the nodes.
// A cluster without a summary has no room.
func Capacity(c *clusterv1alpha1.Cluster, req *workv1alpha2.ReplicaRequirements) int32 {
	summary := c.Status.ResourceSummary
	if summary == nil {
		return 0
	}
	room := clamp(free(summary, corev1.ResourcePods))
	if req == nil {
		return room
	}
	if byGrade, ok := capacityByGrade(c, req.ResourceRequest); ok {
		return min(room, byGrade)
	}
	for name, request := range req.ResourceRequest {
		if asked := amount(name, request); asked > 0 {
			room = min(room, clamp(free(summary, name)/asked))
		}
	}
	return room
}

// free is what is left of a resource, never negative: in millis for CPU, else in units.
func free(s *clusterv1alpha1.ResourceSummary, name corev1.ResourceName) int64 {
	left := s.Allocatable[name].DeepCopy()
	left.Sub(s.Allocated[name])
	left.Sub(s.Allocating[name])
	return max(amount(name, left), 0)
}

func amount(name corev1.ResourceName, q resource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}

// capacityByGrade counts what fits on the nodes of each grade, taking a node for as small as its
// grade allows. It is false when the nodes are not counted, or not by a resource that is requested.
func capacityByGrade(c *clusterv1alpha1.Cluster, request corev1.ResourceList) (int32, bool) {
	counts := c.Status.ResourceSummary.AllocatableModelings
	if len(counts) == 0 || len(c.Spec.ResourceModels) == 0 {
		return 0, false
	}
	var total int64
	for _, counted := range counts {
		if counted.Count <= 0 {
			continue
		}
		model := modelOf(c.Spec.ResourceModels, counted.Grade)
		if model == nil {
			return 0, false
		}
		perNode, ok := replicasPerNode(model, request)
		if !ok {
			return 0, false
		}
		total += perNode * int64(min(counted.Count, math.MaxInt32))
	}
	return clamp(total), true
}

func modelOf(models []clusterv1alpha1.ResourceModel, grade uint) *clusterv1alpha1.ResourceModel {
	for i := range models {
		if models[i].Grade == grade {
			return &models[i]
		}
	}
	return nil
}

func replicasPerNode(model *clusterv1alpha1.ResourceModel, request corev1.ResourceList) (int64, bool) {
	fits := int64(podsPerNode)
	for name, asked := range request {
		each := amount(name, asked)
		if each <= 0 {
			continue
		}
		floor, ok := gradeFloor(model, name)
		if !ok {
			return 0, false
		}
		fits = min(fits, max(floor, 0)/each)
	}
	return fits, true
}

func gradeFloor(model *clusterv1alpha1.ResourceModel, name corev1.ResourceName) (int64, bool) {
	for _, r := range model.Ranges {
		if r.Name == name {
			return amount(name, r.Min), true
		}
	}
	return 0, false
}

func clamp(n int64) int32 {
	return int32(min(max(n, 0), math.MaxInt32))
}

// room is the estimate for one cluster of the input. Nothing is estimated while no replicas are
// wanted, and a cluster without a known bound has room for as many as are wanted.
func (in *Input) room(c *clusterv1alpha1.Cluster) int64 {
	if in.Spec.Replicas == 0 {
		return unbounded
	}
	n := Capacity(c, in.Spec.ReplicaRequirements)
	if better, ok := in.Estimates[c.Name]; ok && better >= 0 {
		n = min(n, better)
	}
	if n == unbounded {
		return int64(in.Spec.Replicas)
	}
	return int64(n)
}
