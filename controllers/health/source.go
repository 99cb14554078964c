package health

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/seaway-io/seaway/controllers/core/health"
)

// urgent puts verdicts before all that waits in a queue.
const urgent = 100

// Source wakes a controller for the requests that a change leads to, ahead of everything else in its
// queue and without any rate limit. The controller does not start before the view knows the reports
// that were there at the start.
func (v *View) Source(requests func(health.Changes) []reconcile.Request) source.SyncingSource {
	return viewSource{v, requests}
}

type viewSource struct {
	view     *View
	requests func(health.Changes) []reconcile.Request
}

// Start subscribes the queue.
func (s viewSource) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	s.view.Subscribe(func(changes health.Changes) {
		requests := s.requests(changes)
		if q, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
			q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(urgent)}, requests...)
			return
		}
		for _, r := range requests {
			queue.Add(r)
		}
	})
	return nil
}

// WaitForSync returns when the view is worth asking.
func (s viewSource) WaitForSync(ctx context.Context) error {
	select {
	case <-s.view.synced:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
