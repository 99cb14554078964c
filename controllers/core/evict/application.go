package evict

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Producers of evictions by application failure. The words are Karmada's.
const (
	producerBinding        = "resource-binding-application-failover-controller"
	producerClusterBinding = "cluster-resource-binding-application-failover-controller"
)

// Unhealthy are the clusters in which the application is placed and fails, when its policy wants something
// done about that. Whoever decides remembers since when it is so.
func Unhealthy(b workv1alpha2.Binding) []string {
	spec := b.GetBindingSpec()
	if applicationOf(spec) == nil {
		return nil
	}
	var out []string
	for _, item := range b.GetBindingStatus().AggregatedStatus {
		placed := slices.ContainsFunc(spec.Clusters, func(t workv1alpha2.TargetCluster) bool { return t.Name == item.ClusterName })
		if placed && item.Health == workv1alpha2.ResourceUnhealthy {
			out = append(out, item.ClusterName)
		}
	}
	return out
}

func applicationOf(spec *workv1alpha2.ResourceBindingSpec) *policyv1alpha1.ApplicationFailoverBehavior {
	if spec.Failover == nil {
		return nil
	}
	return spec.Failover.Application
}

// leaveFailed leaves a cluster in which the application has been failing for too long.
func (in *Input) leaveFailed(cluster string, d *Decision) {
	spec := in.Binding.GetBindingSpec()
	app := applicationOf(spec)
	if app == nil || !slices.Contains(Unhealthy(in.Binding), cluster) {
		return
	}
	since, seen := in.UnhealthySince[cluster]
	if !seen {
		since = in.Now
	}
	tolerated := asSeconds(int64(ptr.Deref(app.DecisionConditions.TolerationSeconds, policyv1alpha1.DefaultTolerationSeconds)))
	if due := since.Add(tolerated); in.Now.Before(due) {
		d.retry(due)
		return
	}
	why := fmt.Sprintf("the application is unhealthy in %s since %s, longer than the %s for which that is tolerated",
		cluster, since.UTC().Format(time.RFC3339), tolerated)
	if hold := in.heldByPerson(cluster, why, d); hold != nil {
		d.Held = append(d.Held, *hold)
		return
	}
	if !spec.PropagateDeps {
		d.Held = append(d.Held, Hold{Cluster: cluster, Reason: ReasonDependenciesStay, Message: why + "; but spec.propagateDeps of the policy must be true for it to move"})
		return
	}
	producer := producerBinding
	if _, global := in.Binding.(*workv1alpha2.ClusterResourceBinding); global {
		producer = producerClusterBinding
	}
	task := in.task(cluster, workv1alpha2.EvictionReasonApplicationFailure, producer, why)
	task.PurgeMode = purgeMode(app.PurgeMode)
	switch task.PurgeMode {
	case policyv1alpha1.PurgeModeGracefully:
		task.GracePeriodSeconds = app.GracePeriodSeconds
	case policyv1alpha1.PurgeModeNever:
		task.SuppressDeletion = ptr.To(true)
	}
	in.leave(task, app.StatePreservation, d)
}
