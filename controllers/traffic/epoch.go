package traffic

import (
	"context"
	"fmt"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/epoch"
	"github.com/seaway-io/seaway/controllers/leader"
)

// term is the part of a leader.Term that is asked.
type term interface {
	Epoch(ctx context.Context) (int64, error)
	Outlast(ctx context.Context, stored int64) (int64, error)
}

// stamp gives a plan the epoch of this writer. The error is leader.ErrNotLeading when a later leader has
// written the one that is stored, nil if there is none.
func (r *policies) stamp(ctx context.Context, next *trafficv1alpha1.TrafficPlanSpec, stored *trafficv1alpha1.TrafficPlan) error {
	own, err := r.term.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch of this planner: %w", err)
	}
	var before *trafficv1alpha1.TrafficPlanSpec
	if stored != nil {
		before = &stored.Spec
	}
	if epoch.Stamp(next, before, own) {
		return nil
	}
	if own, err = r.term.Outlast(ctx, before.Epoch); err != nil {
		return fmt.Errorf("the plan is of epoch %d: %w", before.Epoch, err)
	}
	if !epoch.Stamp(next, before, own) {
		return leader.ErrNotLeading
	}
	return nil
}
