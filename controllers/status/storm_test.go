package status

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// serve runs a reconciler on a queue as a manager does, with one worker, until the test ends. Each run
// takes a while, as a write to a hub does.
func serve(t *testing.T, queue priorityqueue.PriorityQueue[reconcile.Request], r reconcile.Reconciler) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			req, shutdown := queue.Get()
			if shutdown {
				return
			}
			result, err := r.Reconcile(ctx, req)
			time.Sleep(10 * time.Millisecond)
			if err != nil {
				t.Error(err)
			}
			queue.Done(req)
			if result.RequeueAfter > 0 {
				queue.AddAfter(req, result.RequeueAfter)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		queue.ShutDown()
		<-ended
	})
}

func newQueue() priorityqueue.PriorityQueue[reconcile.Request] {
	return priorityqueue.New("", func(o *priorityqueue.Opts[reconcile.Request]) { o.Log = logr.Discard() })
}

// TestStorm: a thousand changes in ten seconds are one write per window, and the last state lands.
func TestStorm(t *testing.T) {
	const window = 500 * time.Millisecond
	changes, during := 1000, 10*time.Second
	most := int(during/window) + 2
	// of says what was written of one object
	of := func(w *world, what string) (n int) {
		for _, written := range w.writes {
			if strings.HasSuffix(written, what) {
				n++
			}
		}
		return n
	}
	t.Run("of an object in a member", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.works.pace = newPacer(clock.RealClock{}, window)
			w.applied()
			queue := newQueue()
			if err := w.works.listen(t.Context(), queue); err != nil {
				t.Fatal(err)
			}
			serve(t, queue, w.works)
			writing, stop := context.WithCancel(t.Context())
			defer stop()
			go func() { _ = w.works.reports.Start(writing) }()
			w.writes = nil
			for i := range changes {
				w.deployment(fmt.Sprintf(`{observedGeneration: 1, replicas: %d}`, i))
				time.Sleep(during / time.Duration(changes))
			}
			time.Sleep(time.Second)
			if n := of(w, "karmada-es-fra/web"); n > most || n < most/2 {
				t.Errorf("%d writes, want about %d", n, most)
			}
			if got, want := string(w.workStatus().ManifestStatuses[0].Status.Raw), fmt.Sprintf(`"replicas":%d,`, changes-1); !strings.Contains(got, want) {
				t.Errorf("at last %s, want %s", got, want)
			}
			n := len(w.writes)
			time.Sleep(time.Minute)
			if len(w.writes) > n {
				t.Errorf("written after the storm: %v", w.writes[n:])
			}
		})
	})
	t.Run("of the Works of a binding", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.bindings.pace = newPacer(clock.RealClock{}, window)
			queue, handler := newQueue(), w.bindings.workHandler()
			serve(t, queue, w.bindings)
			get := func(cluster string) *workv1alpha1.Work {
				work := &workv1alpha1.Work{}
				w.get(types.NamespacedName{Namespace: "karmada-es-" + cluster, Name: "web"}, work)
				return work
			}
			for i := range changes {
				cluster := []string{"fra", "iad"}[i%2]
				before := get(cluster)
				w.report(cluster, fmt.Sprintf(`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 5, replicas: %d}`, i), workv1alpha1.ResourceHealthy)
				handler.Update(t.Context(), event.TypedUpdateEvent[client.Object]{ObjectOld: before, ObjectNew: get(cluster)}, queue)
				time.Sleep(during / time.Duration(changes))
			}
			time.Sleep(time.Second)
			for _, what := range []string{"shop/web-deployment", "shop/web"} {
				if n := of(w, what); n > most || n < most/2 {
					t.Errorf("%d writes of %s, want about %d", n, what, most)
				}
			}
			if got, want := w.templateStatus()["replicas"], int64(changes-1+changes-2); got != want {
				t.Errorf("at last %v replicas, want %d", got, want)
			}
		})
	})
	t.Run("while one cluster never reports", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.bindings.pace = newPacer(clock.RealClock{}, window)
			queue, handler := newQueue(), w.bindings.workHandler()
			serve(t, queue, w.bindings)
			for i := range changes {
				w.report("fra", fmt.Sprintf(`{observedGeneration: 1, replicas: %d}`, i), workv1alpha1.ResourceHealthy)
				work := &workv1alpha1.Work{}
				w.get(workInFra, work)
				handler.Update(t.Context(), event.TypedUpdateEvent[client.Object]{ObjectOld: workIn("fra"), ObjectNew: work}, queue)
				time.Sleep(during / time.Duration(changes))
			}
			time.Sleep(2 * patience)
			if n, most := of(w, "shop/web-deployment"), int(during/patience)+2; n > most || n == 0 {
				t.Errorf("%d writes, want at most %d", n, most)
			}
			binding := &workv1alpha2.ResourceBinding{}
			w.get(bindingKey, binding)
			if got := string(binding.Status.AggregatedStatus[0].Status.Raw); !strings.Contains(got, fmt.Sprint(changes-1)) {
				t.Errorf("at last %s", got)
			}
		})
	})
}
