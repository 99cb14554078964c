package scheduler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/scheduler/ledger"
)

// errOvertaken: others kept taking what a decision counted on, even while it was made alone.
var errOvertaken = errors.New("the room found was taken by others meanwhile")

// committed makes a decision and commits it. It is made beside those of other workers, and again when one
// of them took what it counts on. When that happens too often, nobody else commits until it is made.
func (p *Placer) committed(ctx context.Context, b workv1alpha2.Binding, req request, amend func(*decision), now func() time.Time) (decision, error) {
	try := func(commit func(*decision) bool) (decision, bool, error) {
		d, err := p.decide(ctx, req)
		if err != nil {
			return d, false, err
		}
		if amend != nil {
			amend(&d)
		}
		return d, commit(&d), nil
	}
	for range overtaken {
		d, ok, err := try(func(d *decision) bool { return p.commit(b, d, now()) })
		if ok || err != nil {
			return d, err
		}
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	req.alone = true
	for range overtaken { // what a watch shows may still come in between
		d, ok, err := try(func(d *decision) bool { return p.enter(b, d, now()) })
		if ok || err != nil {
			return d, err
		}
	}
	return decision{}, fmt.Errorf("place: %w", errOvertaken)
}

// PlacerOver makes a Placer that reads the clusters anew for every decision, for who has no manager.
func PlacerOver(reader client.Reader) *Placer { return newPlacer(reader) }

// Reserved is a placement that others count with before it is written.
type Reserved struct {
	Input     placement.Input
	Result    placement.Result
	Diagnosis placement.Diagnosis
	// Settle ends the reservation: with the generation that was written, or 0 when nothing was. Of a
	// placement that was not found there is nothing to settle, and it does nothing.
	Settle func(generation int64)
}

// Reserve is Place within bounds, and whatever is decided next counts with the result.
func (p *Placer) Reserve(ctx context.Context, b workv1alpha2.Binding, bounds placement.Bounds, fresh bool, now time.Time) (Reserved, error) {
	req := request{binding: b, spec: b.GetBindingSpec(), status: b.GetBindingStatus(), bounds: bounds, fresh: fresh}
	d, err := p.committed(ctx, b, req, nil, func() time.Time { return now })
	if err != nil {
		return Reserved{}, err
	}
	out := Reserved{Input: d.input, Result: d.result, Diagnosis: d.diagnosis, Settle: p.settler(b)}
	if !d.diagnosis.Fits() {
		out.Settle(0)
		out.Settle = func(int64) {}
	}
	return out, nil
}

// Take reserves a placement that was decided elsewhere, whatever room there is for it.
func (p *Placer) Take(b workv1alpha2.Binding, to []workv1alpha2.TargetCluster, now time.Time) (settle func(generation int64)) {
	d := decision{input: placement.Input{Spec: b.GetBindingSpec()}, result: placement.Result{Clusters: to}}
	p.turn.RLock()
	defer p.turn.RUnlock()
	claim := ledger.Claim{Key: keyOf(b), Growth: d.growth(b.GetBindingSpec()), Unit: ledger.UnitOf(b.GetBindingSpec())}
	p.ledger.Commit(nil, claim, now) // never refuses what does not go by room
	return p.settler(b)
}

// settler settles for a binding as it is now: whoever writes it changes it.
func (p *Placer) settler(b workv1alpha2.Binding) func(generation int64) {
	key := keyOf(b)
	return func(generation int64) { p.settleKey(key, generation) }
}

// Free is what each cluster has left by its summary, less what is assumed to be placed there: negative
// where more was promised than there is. Clusters without a summary are left out.
func (p *Placer) Free(ctx context.Context) (map[string]corev1.ResourceList, error) {
	assumed := p.ledger.View().Assumed
	snapshot, err := p.clusters.now(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]corev1.ResourceList, len(snapshot.all))
	for _, c := range snapshot.all {
		summary := c.Status.ResourceSummary
		if summary == nil {
			continue
		}
		free := maps.Clone(summary.Allocatable)
		if free == nil {
			free = corev1.ResourceList{}
		}
		for _, taken := range []corev1.ResourceList{summary.Allocated, summary.Allocating, assumed[c.Name]} {
			subtract(free, taken)
		}
		out[c.Name] = free
	}
	return out, nil
}

func subtract(from, taken corev1.ResourceList) {
	for name, q := range taken {
		left, ok := from[name]
		if !ok {
			left = resource.Quantity{}
		}
		left = left.DeepCopy()
		left.Sub(q)
		from[name] = left
	}
}
