package failover

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// leave writes a placement without the lost clusters, in one patch, and says so. Held is what of the
// binding has to stay all the same.
func (h *hands) leave(ctx context.Context, m *mover, to *Placement, held []failover.Hold) error {
	b := m.b
	if err := hub.UseAffinity(ctx, h.client, b, to.Group); err != nil {
		to.settle(0)
		return err
	}
	changed, err := hub.Patch(ctx, h.client, b.(clientBinding), func(clientBinding) { m.rewrite(to.To, metav1.NewTime(h.clock.Now())) })
	if err != nil || !changed {
		to.settle(0)
		return err
	}
	to.settle(b.GetGeneration())
	m.wrote = true
	h.note(b, CauseLost, to.Made, m.signals)
	for _, move := range m.decision.Evict {
		hub.Tell(h.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadSucceed, "%s; moved to %s", move.Message, placement.Targets(to.To))
	}
	if to.victims != "" {
		hub.Tell(h.recorder, b, corev1.EventTypeNormal, names.EventReasonPreempts, "room is made: %s", to.victims)
		_, err := hub.WriteCondition(ctx, h.client, b, metav1.Condition{
			Type: names.ConditionPreempts, Status: metav1.ConditionTrue, Reason: names.ReasonRoomMade, Message: to.victims,
		})
		if err != nil {
			return err
		}
	}
	return h.tellHeld(ctx, b, held)
}

// rewrite makes of the binding what is written. Of a singleton no task is left: a task would keep its
// copy in the lost cluster for the return.
func (m *mover) rewrite(to []workv1alpha2.TargetCluster, now metav1.Time) {
	spec := m.b.GetBindingSpec()
	before := spec.Clusters
	spec.Clusters = to
	if m.singleton {
		return
	}
	for _, move := range m.decision.Evict {
		spec.GracefulEvictionTasks = append(slices.Clip(spec.GracefulEvictionTasks), workv1alpha2.GracefulEvictionTask{
			FromCluster:            move.Cluster,
			PurgeMode:              policyv1alpha1.PurgeModeGracefully,
			Replicas:               replicasIn(before, move.Cluster),
			Reason:                 workv1alpha2.EvictionReasonClusterLost,
			Message:                move.Message,
			Producer:               workv1alpha2.EvictionProducerFailover,
			CreationTimestamp:      &now,
			ClustersBeforeFailover: clusterNames(before),
		})
	}
}
