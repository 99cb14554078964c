package failover

import (
	"context"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// KeepFunc takes note of a decision, without blocking.
type KeepFunc func(spec trafficv1alpha1.DecisionSpec, finish func(context.Context, *trafficv1alpha1.DecisionSpec))

// record takes note of a move that was written; b is as it is now.
func (r *reconciler) record(b workv1alpha2.Binding, cause string, before []workv1alpha2.TargetCluster, moves []failover.Move) {
	if r.keep == nil {
		return
	}
	why := map[string]string{}
	for _, m := range moves {
		why[m.Cluster] = m.Message
	}
	after := b.GetBindingSpec().Clusters
	r.keep(decision.Moved(decision.Move{
		Binding: b, Cause: cause, Before: before, After: after, Why: why, Now: r.clock.Now(),
		Message: "placed on " + placement.Targets(after),
	}), nil)
}
