package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// forget drops the tasks for clusters that have left the federation, or are leaving it: nothing can
// return to them, and they wait until no binding names them.
func (r *reconciler) forget(ctx context.Context, b workv1alpha2.Binding) error {
	if len(away(b)) == 0 {
		return nil
	}
	clusters, err := r.clusters(ctx)
	if err != nil {
		return err
	}
	members := sets.New[string]()
	for i := range clusters {
		if clusters[i].DeletionTimestamp == nil {
			members.Insert(clusters[i].Name)
		}
	}
	_, err = hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		spec := b.GetBindingSpec()
		spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
			return t.Producer == workv1alpha2.EvictionProducerFailover && !members.Has(t.FromCluster)
		})
	})
	return err
}

// comeBack places the binding anew with the clusters that are whole again, and drops their tasks.
// Nothing is given up before its replacement is there: the copies in a cluster that gets replicas
// back must be healthy, and so must all others when the cluster gets none and its copies go. Unplaced
// says that nothing fits, with the clusters or without: the way back is open until something does.
func (r *reconciler) comeBack(ctx context.Context, b workv1alpha2.Binding, clusters []clusterv1alpha1.Cluster, survey failover.Survey, moves []failover.Move) (unplaced bool, err error) {
	back := sets.New[string]()
	for _, m := range moves {
		back.Insert(m.Cluster)
	}
	returned := b.DeepCopyObject().(workv1alpha2.Binding)
	spec := returned.GetBindingSpec()
	spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
		return t.Producer == workv1alpha2.EvictionProducerFailover && back.Has(t.FromCluster)
	})
	r.startAt(returned, clusters, back)
	// What is in a lost cluster now leaves it by a decision about that cluster, with a task that
	// keeps its Work: it must not fall out of the placement on the way.
	exclude := sets.New(survey.Lost()...).Delete(clusterNames(spec.Clusters)...)
	placed, err := r.placer.Place(ctx, returned, exclude, true)
	if err != nil {
		return false, fmt.Errorf("place with %s: %w", strings.Join(sets.List(back), ", "), err)
	}
	written := int64(0)
	defer func() { placed.settle(written) }()
	if placed.Why != "" {
		return true, nil
	}
	to := placed.To
	mustBeHealthy := back.Intersection(sets.New(clusterNames(to)...))
	if len(mustBeHealthy) < len(back) {
		mustBeHealthy = sets.New(clusterNames(to)...)
	}
	if placement.IsWorkload(spec) && !healthyIn(b, mustBeHealthy) {
		return false, nil // the change of the health wakes us
	}
	if err := hub.UseAffinity(ctx, r.client, b, placed.Group); err != nil {
		return false, err
	}
	changed, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		b.GetBindingSpec().GracefulEvictionTasks = spec.GracefulEvictionTasks
		b.GetBindingSpec().Clusters = to
	})
	if changed {
		written = b.GetGeneration()
		r.note(b, CauseBack, placed.Made, nil)
		for _, m := range moves {
			hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonReturnWorkloadSucceed, "%s; placed on %s", m.Message, placement.Targets(to))
		}
	}
	return false, err
}

// startAt has a binding placed from the group of clusterAffinities on that the copies in the clusters that
// are back are of: they run, and wait for it. The group in use may be a later one by now.
func (r *reconciler) startAt(b workv1alpha2.Binding, clusters []clusterv1alpha1.Cluster, back sets.Set[string]) {
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	if spec.Placement == nil {
		return
	}
	first := placement.GroupNamed(spec.Placement, status.SchedulerObservedAffinityName)
	for i := range clusters {
		if back.Has(clusters[i].Name) {
			if at := placement.GroupOf(spec.Placement, &clusters[i]); at >= 0 && at < first {
				first = at
				status.SchedulerObservedAffinityName = spec.Placement.ClusterAffinities[at].AffinityName
			}
		}
	}
}

// tellHeld keeps the condition FailoverHeld true to what is held, and says so once.
func (h *hands) tellHeld(ctx context.Context, b workv1alpha2.Binding, held []failover.Hold) error {
	return hub.TellHeld(ctx, h.client, h.recorder, b, workv1alpha2.ConditionFailoverHeld, "workloads stay in %s: %s", held)
}

// note records a decision that was carried out, and the signals that it was made by.
func (h *hands) note(b workv1alpha2.Binding, cause placement.Cause, made Made, signals []trafficv1alpha1.DecisionInput) {
	if h.record != nil && made.Input.Spec != nil {
		h.record(b, cause, made.Input, made.Result, made.Diagnosis, signals)
	}
}

// gains says whether some cluster has more after than before.
func gains(before, after []workv1alpha2.TargetCluster) bool {
	had := map[string]int32{}
	for _, t := range before {
		had[t.Name] = t.Replicas + 1
	}
	return slices.ContainsFunc(after, func(t workv1alpha2.TargetCluster) bool { return t.Replicas+1 > had[t.Name] })
}

func healthyIn(b workv1alpha2.Binding, clusters sets.Set[string]) bool {
	healthy := sets.New[string]()
	for _, item := range b.GetBindingStatus().AggregatedStatus {
		if item.Health == workv1alpha2.ResourceHealthy {
			healthy.Insert(item.ClusterName)
		}
	}
	return healthy.IsSuperset(clusters)
}

func replicasIn(targets []workv1alpha2.TargetCluster, name string) *int32 {
	for _, t := range targets {
		if t.Name == name && t.Replicas > 0 {
			return &t.Replicas
		}
	}
	return nil
}

func clusterNames(targets []workv1alpha2.TargetCluster) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}
