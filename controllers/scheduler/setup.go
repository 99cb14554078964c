package scheduler

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"

	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controllers.
type Options struct {
	// Placer decides.
	Placer *Placer
	// SchedulerName is the schedulerName of the bindings to place; policyv1alpha1.DefaultSchedulerName
	// when empty.
	SchedulerName string
	// Clock is the real one when nil.
	Clock clock.Clock
	// Workers is how many bindings of each kind are placed at a time; 8 when 0.
	Workers int
}

// What could not be written is tried again soon, then at most this seldom.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Setup adds a controller for each kind of binding to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.SchedulerName == "" {
		o.SchedulerName = policyv1alpha1.DefaultSchedulerName
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	for kind, empty := range map[string]func() workv1alpha2.Binding{
		"resourcebinding":        func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		"clusterresourcebinding": func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		r := &reconciler{
			client:   mgr.GetClient(),
			recorder: hub.Recorder(mgr, o.SchedulerName),
			placer:   o.Placer,
			clock:    o.Clock,
			name:     o.SchedulerName,
			empty:    empty,
		}
		waiting := newInterests()
		err := ctrl.NewControllerManagedBy(mgr).
			Named("scheduler-"+kind).
			Watches(empty().(client.Object), followBindings(waiting)).
			Watches(&clusterv1alpha1.Cluster{}, followClusters(waiting, r.targetedAt)).
			WithOptions(controller.Options{
				MaxConcurrentReconciles: o.Workers,
				RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
			}).
			Complete(r)
		if err != nil {
			return fmt.Errorf("set up scheduling of %ss: %w", kind, err)
		}
	}
	return nil
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// background is added to the priority of what nobody did just now: bindings seen at the start, or
// woken by a cluster. What users do goes first.
const background = -1 << 33

// followBindings queues bindings whose spec changed, the more important first, and keeps track of
// what they wait for.
func followBindings(waiting *interests) handler.EventHandler {
	return plainFuncs{handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			b := e.Object.(workv1alpha2.Binding)
			waiting.set(b)
			priority := priorityOf(b)
			if e.IsInInitialList {
				priority += background
			}
			incoming.WithLabelValues("BindingAdd").Inc()
			enqueue(q, priority, client.ObjectKeyFromObject(e.Object))
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			before, after := e.ObjectOld.(workv1alpha2.Binding), e.ObjectNew.(workv1alpha2.Binding)
			moved := before.GetGeneration() != after.GetGeneration()
			if moved || before.GetBindingStatus().SchedulerObservedAffinityName != after.GetBindingStatus().SchedulerObservedAffinityName ||
				waitsForRoom(before.GetBindingStatus()) != waitsForRoom(after.GetBindingStatus()) {
				waiting.set(after)
			}
			if moved || adopted(before, after) {
				incoming.WithLabelValues("BindingUpdate").Inc()
				enqueue(q, priorityOf(after), client.ObjectKeyFromObject(e.ObjectNew))
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ queue) {
			waiting.drop(client.ObjectKeyFromObject(e.Object))
		},
	}}
}

// followClusters queues the bindings that a change of a cluster concerns. What is in a cluster that
// is being deleted has to leave, whatever its affinity says by now.
func followClusters(waiting *interests, targetedAt func(context.Context, string) []types.NamespacedName) handler.EventHandler {
	wake := func(ctx context.Context, q queue, before, after *clusterv1alpha1.Cluster) {
		keys := waiting.concerned(before, after)
		if leaves(before, after) {
			keys = append(keys, targetedAt(ctx, after.Name)...)
		}
		incoming.WithLabelValues("ClusterChange").Add(float64(len(keys)))
		enqueue(q, background, keys...)
	}
	return plainFuncs{handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList { // all bindings are looked at then anyway
				wake(ctx, q, nil, e.Object.(*clusterv1alpha1.Cluster))
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			wake(ctx, q, e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster))
		},
	}}
}

// plainFuncs hands its functions the queue as it is: they set priorities themselves.
type plainFuncs struct{ f handler.Funcs }

func (p plainFuncs) Create(ctx context.Context, e event.CreateEvent, q queue) {
	p.f.CreateFunc(ctx, e, q)
}

func (p plainFuncs) Update(ctx context.Context, e event.UpdateEvent, q queue) {
	p.f.UpdateFunc(ctx, e, q)
}

func (p plainFuncs) Delete(ctx context.Context, e event.DeleteEvent, q queue) {
	if p.f.DeleteFunc != nil {
		p.f.DeleteFunc(ctx, e, q)
	}
}

func (p plainFuncs) Generic(context.Context, event.GenericEvent, queue) {}

func enqueue(q queue, priority int, keys ...types.NamespacedName) {
	requests := make([]reconcile.Request, 0, len(keys))
	for _, key := range keys {
		requests = append(requests, reconcile.Request{NamespacedName: key})
	}
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, requests...)
		return
	}
	for _, r := range requests {
		q.Add(r)
	}
}

func priorityOf(b workv1alpha2.Binding) int {
	if p := b.GetBindingSpec().SchedulePriority; p != nil {
		return int(p.Priority)
	}
	return 0
}
