package render

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Targets returns the clusters that get a Work: those of the binding, and those of the bindings that
// require it. The binding's own say counts where both name a cluster, and the first where one is named
// twice.
func Targets(spec *workv1alpha2.ResourceBindingSpec) []workv1alpha2.TargetCluster {
	var targets []workv1alpha2.TargetCluster
	seen := sets.New[string]()
	add := func(clusters []workv1alpha2.TargetCluster) {
		for _, target := range clusters {
			if !seen.Has(target.Name) {
				seen.Insert(target.Name)
				targets = append(targets, target)
			}
		}
	}
	add(spec.Clusters)
	for _, required := range spec.RequiredBy {
		add(required.Clusters)
	}
	return targets
}

// Awaited returns the lost clusters that failover has moved the template out of, with the replicas
// they had. Their Works are kept up to date, since requests come back to what these clusters run.
func Awaited(spec *workv1alpha2.ResourceBindingSpec) []workv1alpha2.TargetCluster {
	placed := sets.New[string]()
	for _, target := range Targets(spec) {
		placed.Insert(target.Name)
	}
	var awaited []workv1alpha2.TargetCluster
	for _, task := range spec.GracefulEvictionTasks {
		if task.Producer != workv1alpha2.EvictionProducerFailover || placed.Has(task.FromCluster) {
			continue
		}
		placed.Insert(task.FromCluster)
		target := workv1alpha2.TargetCluster{Name: task.FromCluster}
		if task.Replicas != nil {
			target.Replicas = *task.Replicas
		}
		awaited = append(awaited, target)
	}
	return awaited
}

// Clusters returns the names of all clusters that Works renders something for.
func Clusters(spec *workv1alpha2.ResourceBindingSpec) []string {
	var names []string
	for _, target := range slices.Concat(Targets(spec), Awaited(spec)) {
		names = append(names, target.Name)
	}
	return names
}

// Kept returns the clusters whose Work must not be deleted: the targets, and those the template is
// leaving but not directly.
func Kept(spec *workv1alpha2.ResourceBindingSpec) sets.Set[string] {
	kept := sets.New[string]()
	for _, target := range Targets(spec) {
		kept.Insert(target.Name)
	}
	for _, task := range spec.GracefulEvictionTasks {
		if task.PurgeMode != policyv1alpha1.PurgeModeDirectly {
			kept.Insert(task.FromCluster)
		}
	}
	return kept
}

// LeavingDirectly returns the clusters whose Work must be gone before any other cluster gets one.
func LeavingDirectly(spec *workv1alpha2.ResourceBindingSpec) sets.Set[string] {
	leaving := sets.New[string]()
	for _, task := range spec.GracefulEvictionTasks {
		if task.PurgeMode == policyv1alpha1.PurgeModeDirectly {
			leaving.Insert(task.FromCluster)
		}
	}
	return leaving
}

// isDivided says whether every cluster gets a part of the replicas, not all of them.
func isDivided(spec *workv1alpha2.ResourceBindingSpec) bool {
	if spec.Placement == nil || spec.Placement.ReplicaScheduling == nil {
		return false
	}
	return spec.Placement.ReplicaScheduling.ReplicaSchedulingType != policyv1alpha1.ReplicaSchedulingTypeDuplicated
}

// isSuspended says whether dispatching to the cluster is stopped.
func isSuspended(spec *workv1alpha2.ResourceBindingSpec, cluster string) bool {
	suspension := spec.Suspension
	if suspension == nil {
		return false
	}
	if suspension.Dispatching != nil && *suspension.Dispatching {
		return true
	}
	return suspension.DispatchingOnClusters != nil && slices.Contains(suspension.DispatchingOnClusters.ClusterNames, cluster)
}

// preservedLabels returns the state that a template takes along from the cluster it left: only when
// it moves as a whole, and not back to where it was.
func preservedLabels(spec *workv1alpha2.ResourceBindingSpec, cluster string) map[string]string {
	if len(spec.Clusters) != 1 || len(spec.GracefulEvictionTasks) == 0 {
		return nil
	}
	last := spec.GracefulEvictionTasks[len(spec.GracefulEvictionTasks)-1]
	if last.PurgeMode != policyv1alpha1.PurgeModeDirectly || slices.Contains(last.ClustersBeforeFailover, cluster) {
		return nil
	}
	labels := maps.Clone(last.PreservedLabelState)
	maps.DeleteFunc(labels, func(key, _ string) bool { return names.IsOwnershipLabel(key) })
	return labels
}
