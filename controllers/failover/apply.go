package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// reasonNothingFits: no other cluster can take what should leave a lost one.
const reasonNothingFits = "NoClusterFits"

// apply carries the decision out and says whether anything waits for what may end without an event of
// the binding: a move that is held, or a return for which there is no room.
func (r *reconciler) apply(ctx context.Context, b workv1alpha2.Binding, survey failover.Survey, d failover.Decision) (waits bool, err error) {
	held := d.Held
	if len(d.Evict) > 0 {
		hold, err := r.evict(ctx, b, survey, d.Evict)
		if err != nil {
			return false, err
		}
		held = append(held, hold...)
	}
	waits = len(held) > 0
	if len(d.Return) > 0 {
		unplaced, err := r.comeBack(ctx, b, survey, d.Return)
		if err != nil {
			return false, err
		}
		waits = waits || unplaced
	}
	return waits, r.tellHeld(ctx, b, held)
}

// forget drops the tasks for clusters that have left the federation, or are leaving it: nothing can
// return to them, and they wait until no binding names them.
func (r *reconciler) forget(ctx context.Context, b workv1alpha2.Binding) error {
	if len(away(b)) == 0 {
		return nil
	}
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list clusters: %w", err)
	}
	members := sets.New[string]()
	for i := range clusters.Items {
		if clusters.Items[i].DeletionTimestamp == nil {
			members.Insert(clusters.Items[i].Name)
		}
	}
	_, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		spec := b.GetBindingSpec()
		spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
			return t.Producer == workv1alpha2.EvictionProducerFailover && !members.Has(t.FromCluster)
		})
	})
	return err
}

// evict places the binding without the clusters it has to leave. When that gives no survivor more
// than it has, leaving would only lose copies that may still run: then nothing is written.
func (r *reconciler) evict(ctx context.Context, b workv1alpha2.Binding, survey failover.Survey, moves []failover.Move) ([]failover.Hold, error) {
	// No new replicas for a cluster that is down, however short; what it has stays for now.
	exclude := sets.New(survey.Lost()...).Delete(clusterNames(b.GetBindingSpec().Clusters)...)
	for _, m := range moves {
		exclude.Insert(m.Cluster)
	}
	to, why, err := r.place(ctx, b, exclude, false)
	if err != nil {
		return nil, fmt.Errorf("place without %s: %w", strings.Join(sets.List(exclude), ", "), err)
	}
	if why != "" {
		return []failover.Hold{{Cluster: moves[0].Cluster, Reason: reasonNothingFits, Message: why}}, nil
	}
	before := b.GetBindingSpec().Clusters
	if !gains(before, to) {
		return nil, nil
	}
	now := metav1.NewTime(r.clock.Now())
	changed, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		spec := b.GetBindingSpec()
		for _, m := range moves {
			spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{
				FromCluster:            m.Cluster,
				PurgeMode:              policyv1alpha1.PurgeModeGracefully,
				Replicas:               replicasIn(before, m.Cluster),
				Reason:                 workv1alpha2.EvictionReasonClusterLost,
				Message:                m.Message,
				Producer:               workv1alpha2.EvictionProducerFailover,
				CreationTimestamp:      &now,
				ClustersBeforeFailover: clusterNames(before),
			})
		}
		spec.Clusters = to
	})
	if err != nil {
		return nil, err
	}
	if changed {
		r.record(b, trafficv1alpha1.CauseFailover, before, moves)
		for _, m := range moves {
			hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadSucceed, "%s; moved to %s", m.Message, placement.Targets(to))
		}
	}
	return nil, nil
}

// comeBack places the binding anew with the clusters that are whole again, and drops their tasks.
// Nothing is given up before its replacement is there: the copies in a cluster that gets replicas
// back must be healthy, and so must all others when the cluster gets none and its copies go. Unplaced
// says that nothing fits, with the clusters or without: the way back is open until something does.
func (r *reconciler) comeBack(ctx context.Context, b workv1alpha2.Binding, survey failover.Survey, moves []failover.Move) (unplaced bool, err error) {
	back := sets.New[string]()
	for _, m := range moves {
		back.Insert(m.Cluster)
	}
	returned := b.DeepCopyObject().(workv1alpha2.Binding)
	spec := returned.GetBindingSpec()
	spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
		return t.Producer == workv1alpha2.EvictionProducerFailover && back.Has(t.FromCluster)
	})
	// What is in a lost cluster now leaves it by a decision about that cluster, with a task that
	// keeps its Work: it must not fall out of the placement on the way.
	exclude := sets.New(survey.Lost()...).Delete(clusterNames(spec.Clusters)...)
	to, why, err := r.place(ctx, returned, exclude, true)
	if err != nil {
		return false, fmt.Errorf("place with %s: %w", strings.Join(sets.List(back), ", "), err)
	}
	if why != "" {
		return true, nil
	}
	mustBeHealthy := back.Intersection(sets.New(clusterNames(to)...))
	if len(mustBeHealthy) < len(back) {
		mustBeHealthy = sets.New(clusterNames(to)...)
	}
	if placement.IsWorkload(spec) && !healthyIn(b, mustBeHealthy) {
		return false, nil // the change of the health wakes us
	}
	before := b.GetBindingSpec().Clusters
	changed, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		b.GetBindingSpec().GracefulEvictionTasks = spec.GracefulEvictionTasks
		b.GetBindingSpec().Clusters = to
	})
	if changed {
		r.record(b, trafficv1alpha1.CauseReturn, before, moves)
		for _, m := range moves {
			hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonReturnWorkloadSucceed, "%s; placed on %s", m.Message, placement.Targets(to))
		}
	}
	return false, err
}

// tellHeld keeps the condition FailoverHeld true to what is held, and says so once.
func (r *reconciler) tellHeld(ctx context.Context, b workv1alpha2.Binding, held []failover.Hold) error {
	status := b.GetBindingStatus()
	if len(held) == 0 && meta.FindStatusCondition(status.Conditions, workv1alpha2.ConditionFailoverHeld) == nil {
		return nil
	}
	changed, err := hub.PatchStatus(ctx, r.client, b.(clientBinding), func(clientBinding) {
		if len(held) == 0 {
			meta.RemoveStatusCondition(&status.Conditions, workv1alpha2.ConditionFailoverHeld)
			return
		}
		hub.SetCondition(&status.Conditions, b.GetGeneration(), metav1.Condition{
			Type: workv1alpha2.ConditionFailoverHeld, Status: metav1.ConditionTrue, Reason: held[0].Reason, Message: held[0].Message,
		})
	})
	if changed && len(held) > 0 {
		hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadFailed, "workloads stay in %s: %s", held[0].Cluster, held[0].Message)
	}
	return err
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
