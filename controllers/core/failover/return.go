package failover

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Away are the clusters that failover has moved a binding out of.
func Away(spec *workv1alpha2.ResourceBindingSpec) (out []string) {
	for i := range spec.GracefulEvictionTasks {
		if t := &spec.GracefulEvictionTasks[i]; t.Producer == workv1alpha2.EvictionProducerFailover {
			out = append(out, t.FromCluster)
		}
	}
	return out
}

// InTraffic says of each cluster whether all plans of an application have it back in full. Those that a
// plan rules out are not in it: no requests are waited for.
func InTraffic(plans ...*trafficv1alpha1.TrafficPlan) map[string]bool {
	out := map[string]bool{}
	for _, p := range plans {
		for i := range p.Spec.Endpoints {
			e := &p.Spec.Endpoints[i]
			if e.State == trafficv1alpha1.EndpointExcluded {
				continue
			}
			before, known := out[e.Cluster]
			out[e.Cluster] = BackInTraffic(e) && (before || !known)
		}
	}
	return out
}

// BackInTraffic says whether an endpoint has its requests in full.
func BackInTraffic(e *trafficv1alpha1.PlanEndpoint) bool {
	return e.State == trafficv1alpha1.EndpointServing && e.SharePercent == 100
}

// Homecoming is a binding that returns to clusters.
type Homecoming struct {
	// Return are those it returns to. Evict are clusters it has to leave now, which it does in the same
	// breath: those it returns to may be the only ones that can take what was there.
	Return, Evict []Move
	// Spec and Status are the binding's; they are not changed.
	Spec   *workv1alpha2.ResourceBindingSpec
	Status *workv1alpha2.ResourceBindingStatus
}

// Ask returns the spec that is to be placed anew, and within which bounds. The way back leads between
// where it runs and where it was, and no further: a third cluster has no copies yet that could take over.
// The copies in the clusters it returns to count as placed there, since they have their room. Clusters that
// are not whole, one signal or both being lost, keep what is placed there and get no more.
func (s Survey) Ask(h Homecoming) (*workv1alpha2.ResourceBindingSpec, placement.Bounds) {
	back, leaves := clustersOf(h.Return), clustersOf(h.Evict)
	spec := h.Spec.DeepCopy()
	only := sets.New(clusterNames(spec.Clusters)...).Union(back)
	for _, t := range tasksFor(spec, back) {
		if replicasIn(spec.Clusters, t.FromCluster) == 0 {
			here := workv1alpha2.TargetCluster{Name: t.FromCluster}
			if t.Replicas != nil {
				here.Replicas = *t.Replicas
			}
			spec.Clusters = append(slices.DeleteFunc(spec.Clusters, func(x workv1alpha2.TargetCluster) bool { return x.Name == here.Name }), here)
		}
	}
	spec.GracefulEvictionTasks = without(spec.GracefulEvictionTasks, back)
	return spec, placement.Bounds{
		Only: only, Exclude: leaves,
		Frozen: s.named(func(c Cluster) bool { return only.Has(c.Name) && !leaves.Has(c.Name) && !c.whole() }),
	}
}

// Settle says where a binding goes that was placed anew as Ask asks, or that it has to wait: the change of
// the health of its copies, or of a cluster, is then what is waited for.
//
// Nothing is given up before its replacement is there. The copies in a cluster that gets replicas back
// must be healthy. When a cluster gets none and its copies go, nothing else changes, and all others must be
// healthy, in clusters that are whole: what cannot be reached can not be relied on.
func (s Survey) Settle(h Homecoming, anew []workv1alpha2.TargetCluster) (to []workv1alpha2.TargetCluster, ok bool) {
	back, uses := clustersOf(h.Return), inUse(anew)
	to, must := anew, back
	if !uses.IsSuperset(back) {
		if uses.Intersection(back).Len() == 0 {
			to = h.Spec.Clusters
		}
		must = inUse(to)
		for name := range must {
			if !s.clusters[name].whole() {
				return nil, false
			}
		}
	}
	if placement.IsWorkload(h.Spec) && !healthyIn(h.Status).IsSuperset(must) {
		return nil, false
	}
	return to, true
}

// Rewrite makes of the binding's spec what is written when it returns.
func (h Homecoming) Rewrite(spec *workv1alpha2.ResourceBindingSpec, to []workv1alpha2.TargetCluster, now metav1.Time) {
	spec.GracefulEvictionTasks = without(spec.GracefulEvictionTasks, clustersOf(h.Return))
	Rewrite(spec, to, h.Evict, false, now)
}

func (c Cluster) whole() bool {
	_, whole := c.WholeSince()
	return whole
}

// inUse are the targets with replicas, or all of those that are placed without any.
func inUse(targets []workv1alpha2.TargetCluster) sets.Set[string] {
	out := sets.New[string]()
	for _, t := range targets {
		if t.Replicas > 0 {
			out.Insert(t.Name)
		}
	}
	if out.Len() == 0 {
		out.Insert(clusterNames(targets)...)
	}
	return out
}

func healthyIn(status *workv1alpha2.ResourceBindingStatus) sets.Set[string] {
	out := sets.New[string]()
	for i := range status.AggregatedStatus {
		if item := &status.AggregatedStatus[i]; item.Health == workv1alpha2.ResourceHealthy {
			out.Insert(item.ClusterName)
		}
	}
	return out
}

// tasksFor are failover's tasks for clusters.
func tasksFor(spec *workv1alpha2.ResourceBindingSpec, clusters sets.Set[string]) (out []workv1alpha2.GracefulEvictionTask) {
	for _, t := range spec.GracefulEvictionTasks {
		if t.Producer == workv1alpha2.EvictionProducerFailover && clusters.Has(t.FromCluster) {
			out = append(out, t)
		}
	}
	return out
}

// without are tasks without failover's for clusters.
func without(tasks []workv1alpha2.GracefulEvictionTask, clusters sets.Set[string]) []workv1alpha2.GracefulEvictionTask {
	return slices.DeleteFunc(slices.Clone(tasks), func(t workv1alpha2.GracefulEvictionTask) bool {
		return t.Producer == workv1alpha2.EvictionProducerFailover && clusters.Has(t.FromCluster)
	})
}
