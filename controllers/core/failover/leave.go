package failover

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Leave bounds the placement of a binding that leaves clusters. Nothing new goes to a cluster whose
// control plane is lost, however short: nobody can start anything there. What it has there stays for now.
func (s Survey) Leave(placed []workv1alpha2.TargetCluster, moves []Move) placement.Bounds {
	leaves := clustersOf(moves)
	exclude := sets.New(s.lost...).Delete(clusterNames(placed)...).Union(leaves)
	return placement.Bounds{Exclude: exclude, Frozen: s.named(func(c Cluster) bool { return !c.Reached() && !exclude.Has(c.Name) })}
}

// Reached says whether the hub reaches the control plane.
func (c Cluster) Reached() bool { return c.ControlPlane.State == Up }

// Reached says whether the hub reaches the control plane of a cluster that it knows.
func (s Survey) Reached(cluster string) bool { return s.clusters[cluster].Reached() }

func (s Survey) named(which func(Cluster) bool) sets.Set[string] {
	out := sets.New[string]()
	for name, c := range s.clusters {
		if which(c) {
			out.Insert(name)
		}
	}
	return out
}

// Gains says whether some cluster has more after than before. Who leaves without that only loses copies
// that may still run.
func Gains(before, after []workv1alpha2.TargetCluster) bool {
	had := map[string]int32{}
	for _, t := range before {
		had[t.Name] = t.Replicas + 1
	}
	return slices.ContainsFunc(after, func(t workv1alpha2.TargetCluster) bool { return t.Replicas+1 > had[t.Name] })
}

// Rewrite makes of a binding's spec what is written when it leaves clusters. A task for each of them keeps
// its copies there. Of a singleton none is left: it would keep its copy for the return.
func Rewrite(spec *workv1alpha2.ResourceBindingSpec, to []workv1alpha2.TargetCluster, moves []Move, singleton bool, now metav1.Time) {
	before := spec.Clusters
	spec.Clusters = to
	if singleton {
		return
	}
	for _, m := range moves {
		task := workv1alpha2.GracefulEvictionTask{
			FromCluster:            m.Cluster,
			PurgeMode:              policyv1alpha1.PurgeModeGracefully,
			Reason:                 workv1alpha2.EvictionReasonClusterLost,
			Message:                m.Message,
			Producer:               workv1alpha2.EvictionProducerFailover,
			CreationTimestamp:      &now,
			ClustersBeforeFailover: clusterNames(before),
		}
		if n := replicasIn(before, m.Cluster); n > 0 {
			task.Replicas = &n
		}
		spec.GracefulEvictionTasks = append(slices.Clip(spec.GracefulEvictionTasks), task)
	}
}

// MoverOf is what orders a binding among others that have to leave.
func MoverOf(b workv1alpha2.Binding) Mover {
	spec := b.GetBindingSpec()
	m := Mover{
		Key:     types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}.String(),
		Created: b.GetCreationTimestamp().Time, Workload: placement.IsWorkload(spec), Priority: PriorityOf(spec),
	}
	for _, parent := range spec.RequiredBy {
		m.RequiredBy = append(m.RequiredBy, types.NamespacedName{Namespace: parent.Namespace, Name: parent.Name}.String())
	}
	return m
}

// PriorityOf is the priority of an application; 0 when nobody gave it one.
func PriorityOf(spec *workv1alpha2.ResourceBindingSpec) int32 {
	if spec.SchedulePriority == nil {
		return 0
	}
	return spec.SchedulePriority.Priority
}

// Clusters are the names of those that moves are about, sorted.
func Clusters(moves []Move) []string { return sets.List(clustersOf(moves)) }

func clustersOf(moves []Move) sets.Set[string] {
	out := sets.New[string]()
	for _, m := range moves {
		out.Insert(m.Cluster)
	}
	return out
}

func clusterNames(targets []workv1alpha2.TargetCluster) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}

func replicasIn(targets []workv1alpha2.TargetCluster, name string) int32 {
	for _, t := range targets {
		if t.Name == name {
			return max(t.Replicas, 0)
		}
	}
	return 0
}
