package plugin

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Metrics are the numbers about a cluster that algorithms see, by name. For each resource that the
// cluster reports, such as cpu (cores), memory (bytes), pods or nvidia.com/gpu (pieces):
//
//	<resource>.allocatable   what all nodes offer
//	<resource>.allocated     what placed pods ask for
//	<resource>.allocating    what pods ask for that no node has taken yet
//	<resource>.free          what is left: allocatable, less allocated and allocating; at least 0
//	<resource>.utilization   percent of allocatable that is allocated or allocating; absent without any
//
// And nodes.total and nodes.ready. What the cluster did not report is absent: an expression asks for it
// with metrics[?"name"].orValue(0.0). A negative amount counts as 0.
func Metrics(status *clusterv1alpha1.ClusterStatus) map[string]float64 {
	out := map[string]float64{}
	if n := status.NodeSummary; n != nil {
		out["nodes.total"], out["nodes.ready"] = float64(max(0, n.TotalNum)), float64(max(0, n.ReadyNum))
	}
	s := status.ResourceSummary
	if s == nil {
		return out
	}
	for name, allocatable := range s.Allocatable {
		all, used, waiting := amount(allocatable), amountOf(s.Allocated, name), amountOf(s.Allocating, name)
		key := string(name)
		out[key+".allocatable"], out[key+".allocated"], out[key+".allocating"] = all, used, waiting
		out[key+".free"] = max(0, all-used-waiting)
		if all > 0 {
			out[key+".utilization"] = 100 * (used + waiting) / all
		}
	}
	return out
}

func amountOf(list corev1.ResourceList, name corev1.ResourceName) float64 {
	q, ok := list[name]
	if !ok {
		return 0
	}
	return amount(q)
}

func amount(q resource.Quantity) float64 { return max(0, q.AsApproximateFloat64()) }
