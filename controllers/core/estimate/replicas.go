package estimate

import (
	"math"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Bounds are what limits a workload besides the nodes.
type Bounds struct {
	// Namespace the replicas run in.
	Namespace string
	// Quotas of that namespace.
	Quotas []Quota
	// Assumed is what was placed in the member and is not yet there.
	Assumed []Assumed
}

// Assumed are pods that will come and are taken to be alike.
type Assumed struct {
	// Namespace they run in; empty when that is not known, and every quota is charged with them.
	Namespace string
	// Pods is how many.
	Pods int64
	// Each is what one asks for. Huge says that it is more than can be reckoned with.
	Each Amounts
	Huge bool
}

// AssumedOf divides a sum of requests, with the number of pods under "pods", evenly. Rounding is
// upwards. Requests without a number of pods are those of one pod. Of a sum over unlike workloads only
// the mean is seen; where they are known one by one, AssumedPods for each is exact.
func AssumedOf(namespace string, sum corev1.ResourceList) Assumed {
	pods := ceil(corev1.ResourcePods, sum[corev1.ResourcePods])
	a := Assumed{Namespace: namespace, Pods: max(pods, 1)}
	for name, q := range sum {
		each := perEach(ceil(name, q), a.Pods)
		if each > mostOfPod {
			each, a.Huge = mostOfPod, true
		}
		if name != corev1.ResourcePods && each > 0 {
			a.Each.set(name, each)
		}
	}
	if pods == 0 && !a.Huge && a.Each.Equal(Amounts{}) {
		a.Pods = 0
	}
	return a
}

// AssumedPods are a number of pods with the same requests.
func AssumedPods(namespace string, pods int32, each corev1.ResourceList) Assumed {
	a := Assumed{Namespace: namespace, Pods: int64(max(pods, 0))}
	a.Each, a.Huge = asked(each)
	return a
}

// Replicas is how many more replicas with these requirements fit: the sum over the nodes, less what
// assumed pods and pods that the scheduler has not looked at yet may take, within the quotas. Nil
// requirements ask for nothing but a place.
//
// Where those pods will land is not known. Each is taken to be on the node where it hurts most, on
// which it displaces at most as many replicas as the largest quotient, rounded up, of what it and
// what a replica asks for. So wherever they land, as many replicas fit beside them.
func (c *Cluster) Replicas(req *workv1alpha2.ReplicaRequirements, b Bounds) int32 {
	if req == nil {
		req = &workv1alpha2.ReplicaRequirements{}
	}
	match, replica := newMatcher(req.NodeClaim), portions(req.ResourceRequest)
	var room int64
	for _, n := range c.nodes {
		if match.matches(&n.Node) {
			room = plus(room, n.room(replica))
		}
	}
	for i := range b.Assumed {
		if room > 0 {
			room -= displaced(&b.Assumed[i], replica)
		}
	}
	for _, alike := range c.inFlight {
		if room > 0 {
			room -= displaced(alike, replica)
		}
	}
	if room <= 0 {
		return 0
	}
	one := []part{{replica: replica, count: 1, priorityClass: req.PriorityClassName}}
	return clamp(min(room, withinQuotas(one, b)))
}

// displaced is how many replicas some pods cost at worst.
func displaced(a *Assumed, replica []portion) int64 {
	if a.Huge && a.Pods > 0 {
		return math.MaxInt64
	}
	each := int64(1) // its place
	for _, p := range replica {
		each = max(each, perEach(a.Each.get(p.name), p.amount))
	}
	return times(a.Pods, each)
}
