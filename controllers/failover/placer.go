package failover

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/scheduler"
)

// Placer computes placements and keeps the account of the room there is, with what was placed and is
// not reported yet. It writes nothing.
type Placer interface {
	// Place computes a placement of the binding within bounds, and reserves it. Fresh divides everything
	// from scratch; otherwise what need not move stays.
	Place(ctx context.Context, b workv1alpha2.Binding, bounds placement.Bounds, fresh bool) (Placement, error)
	// Take reserves a placement that was decided elsewhere, whatever room there is.
	Take(b workv1alpha2.Binding, to []workv1alpha2.TargetCluster) (settle func(generation int64))
	// Free is what each cluster has left by that account.
	Free(ctx context.Context) (map[string]corev1.ResourceList, error)
}

// Placement is where a binding may go.
type Placement struct {
	// To are the targets; the present ones when nothing fits.
	To []workv1alpha2.TargetCluster
	// Group of clusterAffinities that they are in, or in which room is all that is missing; empty without
	// groups.
	Group string
	// Why nothing fits; empty when something does.
	Why string
	// Short says what is missing when room is all that is; else nil.
	Short *failover.Shortage
	// Settle ends the reservation, with the generation that was written, or 0 when nothing was. Nil when
	// nothing fits.
	Settle func(generation int64)
	// victims says who made the room; empty when it was there.
	victims string
	// Made is what is told of the placement.
	Made Made
}

// Made is a placement as it is recorded.
type Made struct {
	Input     placement.Input
	Result    placement.Result
	Diagnosis placement.Diagnosis
}

// settle is Settle for what may not fit.
func (p *Placement) settle(generation int64) {
	if p.Settle != nil {
		p.Settle(generation)
	}
}

// Through is the scheduler's placer: both share one account.
func Through(p *scheduler.Placer, clk clock.PassiveClock) Placer { return through{p, clk} }

type through struct {
	placer *scheduler.Placer
	clock  clock.PassiveClock
}

func (t through) Place(ctx context.Context, b workv1alpha2.Binding, bounds placement.Bounds, fresh bool) (Placement, error) {
	r, err := t.placer.Reserve(ctx, b, bounds, fresh, t.clock.Now())
	if err != nil {
		return Placement{}, err
	}
	out := Placement{To: r.Result.Clusters, Group: r.Result.AffinityName, Settle: r.Settle, Made: Made{r.Input, r.Result, r.Diagnosis}}
	if !r.Diagnosis.Fits() {
		out.Why = r.Diagnosis.Message
		out.Short, out.Group = failover.ShortageOf(b.GetBindingSpec(), &r.Diagnosis)
	}
	return out, nil
}

func (t through) Take(b workv1alpha2.Binding, to []workv1alpha2.TargetCluster) func(int64) {
	return t.placer.Take(b, to, t.clock.Now())
}

func (t through) Free(ctx context.Context) (map[string]corev1.ResourceList, error) {
	return t.placer.Free(ctx)
}

func replicasOf(targets []workv1alpha2.TargetCluster, name string) int32 {
	for _, t := range targets {
		if t.Name == name {
			return max(t.Replicas, 0)
		}
	}
	return 0
}
