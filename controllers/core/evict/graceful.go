package evict

import (
	"encoding/json"
	"fmt"
	"slices"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// ours says whether a task is ended here. Those of failover wait for their cluster to return.
func ours(t *workv1alpha2.GracefulEvictionTask) bool {
	return t.Producer != workv1alpha2.EvictionProducerFailover
}

// kept says whether a person has said that the copy stays.
func kept(t *workv1alpha2.GracefulEvictionTask) bool {
	return t.SuppressDeletion != nil && *t.SuppressDeletion
}

// Leaving says whether the binding has tasks that are ended here.
func Leaving(spec *workv1alpha2.ResourceBindingSpec) bool {
	return slices.ContainsFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool { return ours(&t) })
}

// finish decides which tasks are done with.
func (in *Input) finish(d *Decision) {
	spec := in.Binding.GetBindingSpec()
	if !Leaving(spec) {
		return
	}
	replaced := in.replaced()
	for i := range spec.GracefulEvictionTasks {
		if task := &spec.GracefulEvictionTasks[i]; ours(task) {
			in.finishOne(task, replaced, d)
		}
	}
}

func (in *Input) finishOne(task *workv1alpha2.GracefulEvictionTask, replaced bool, d *Decision) {
	drop := func(why string) { d.Drop = append(d.Drop, Drop{task.FromCluster, why}) }
	cluster := in.Clusters[task.FromCluster]
	timeout := in.Timeout
	if task.GracePeriodSeconds != nil {
		timeout = asSeconds(int64(*task.GracePeriodSeconds))
	}
	began := in.Now
	if task.CreationTimestamp.IsZero() {
		d.Stamp = true
	} else {
		began = task.CreationTimestamp.Time
	}
	switch {
	case kept(task):
		return // until a person says otherwise
	case task.SuppressDeletion != nil:
		drop("suppressDeletion is false")
	case cluster == nil || cluster.DeletionTimestamp != nil:
		drop("it leaves the federation")
	case replaced:
		drop("every copy that replaces it is healthy")
	case in.Now.Before(began.Add(timeout)):
		d.retry(began.Add(timeout))
	case purgeMode(task.PurgeMode) == policyv1alpha1.PurgeModeDirectly:
		drop(fmt.Sprintf("%s have passed", timeout)) // its copy was given up when it was written
	case in.mayBeLast(task.FromCluster):
		d.Held = append(d.Held, Hold{Cluster: task.FromCluster, Reason: ReasonLastCopy, Message: fmt.Sprintf(
			"the copy in %s should have gone after %s, but may be the last that runs: no copy elsewhere is healthy. To delete it all the same, set suppressDeletion: false in its gracefulEvictionTask",
			task.FromCluster, timeout)})
	default:
		drop(fmt.Sprintf("%s have passed", timeout))
	}
}

// replaced says whether all that the scheduler has placed is there and healthy. A placement that is empty
// although something is asked for replaces nothing.
func (in *Input) replaced() bool {
	spec, status := in.Binding.GetBindingSpec(), in.Binding.GetBindingStatus()
	if status.SchedulerObservedGeneration != in.Binding.GetGeneration() {
		return false
	}
	if len(spec.Clusters) == 0 {
		return asksForNothing(spec)
	}
	for _, target := range spec.Clusters {
		item := itemOf(status, target.Name)
		if item == nil || item.Health != workv1alpha2.ResourceHealthy || countsOf(item).fewerThan(target.Replicas) {
			return false
		}
	}
	return true
}

// asksForNothing: somebody has scaled it to zero.
func asksForNothing(spec *workv1alpha2.ResourceBindingSpec) bool {
	return spec.ReplicaRequirements != nil && spec.Replicas == 0 && len(spec.Components) == 0
}

// mayBeLast says whether the copy in a cluster may be the last that runs: it may run, and no other is
// known to.
func (in *Input) mayBeLast(cluster string) bool {
	spec, status := in.Binding.GetBindingSpec(), in.Binding.GetBindingStatus()
	if asksForNothing(spec) {
		return false
	}
	for _, target := range spec.Clusters {
		if item := itemOf(status, target.Name); target.Name != cluster && item != nil && item.Health == workv1alpha2.ResourceHealthy {
			return false
		}
	}
	item := itemOf(status, cluster)
	return item == nil || item.Health != workv1alpha2.ResourceUnhealthy || !countsOf(item).noneReady()
}

// counts are what a status says of replicas, where it says anything: the names are those of Kubernetes' own
// kinds, and many others follow them.
type counts struct {
	Replicas    *int64 `json:"replicas"`
	Ready       *int64 `json:"readyReplicas"`
	Available   *int64 `json:"availableReplicas"`
	Unavailable *int64 `json:"unavailableReplicas"`
}

func countsOf(item *workv1alpha2.AggregatedStatusItem) counts {
	var c counts
	if item.Status == nil || json.Unmarshal(item.Status.Raw, &c) != nil {
		return counts{} // it is of another make
	}
	return c
}

// fewerThan says whether there are known to be fewer replicas than that. A cluster that was healthy with what
// it had is not at once healthy with what it gets.
func (c counts) fewerThan(n int32) bool {
	return c.Replicas != nil && *c.Replicas < int64(n)
}

// noneReady says whether it is known that no replica is ready. Kubernetes leaves out a count of zero.
func (c counts) noneReady() bool {
	known := c.Replicas != nil || c.Unavailable != nil
	zero := func(n *int64) bool { return n == nil || *n == 0 }
	return known && zero(c.Ready) && zero(c.Available)
}
