package failover

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
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
	changed, err := hub.Patch(ctx, h.client, b.(clientBinding), func(clientBinding) {
		failover.Rewrite(b.GetBindingSpec(), to.To, m.decision.Evict, m.singleton, metav1.NewTime(h.clock.Now()))
	})
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
