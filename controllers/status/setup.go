// Package status brings status home: from the objects in members to their Works, from the Works of a
// binding to the binding, from there to the template.
//
// Each step writes only what changed, and a burst of changes of one object becomes few writes: the
// first is passed on nearly at once, those that follow within a short window together. While the hub is
// slow the window grows: see pace.go. No member is asked anything here: what its watches have shown is
// read, so that a member that does not answer keeps the status of no other waiting.
package status

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/yield"
)

// Options of the controllers. The indexes of package hub and works.IndexByBinding have been set up
// before.
type Options struct {
	// Managed follows the objects in members; it is shared with package execution.
	Managed *managed.Watcher
	// Interpreter knows what status and health of a kind are.
	Interpreter *interpret.Interpreter
	// Interpretations tells when that changes; nil when it never does.
	Interpretations *hub.Interpretations
	// Reports writes the statuses of Works; it is shared with package execution.
	Reports *reports.Desk
	// Yield lets other status give way to what brings changes. Nil when it need not.
	Yield *yield.Places
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// Window is the least time between two writes of one object's status; 500 ms when 0.
	Window time.Duration
	// Workers is how many objects are handled at a time, in each of the three controllers; 8 when 0.
	Workers int
}

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// Setup adds a controller for the status of Works, and one for that of each kind of binding.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Window == 0 {
		o.Window = 500 * time.Millisecond
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	recorder := hub.Recorder(mgr, "status-controller")
	if err := setupWorks(mgr, o, recorder); err != nil {
		return fmt.Errorf("set up status of Works: %w", err)
	}
	for _, empty := range []func() workv1alpha2.Binding{
		func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		if err := setupBindings(mgr, o, recorder, empty); err != nil {
			return fmt.Errorf("set up status of %T: %w", empty(), err)
		}
	}
	return nil
}

func options(o Options) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: o.Workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
	}
}

func setupWorks(mgr ctrl.Manager, o Options, recorder record.EventRecorder) error {
	r := &workReconciler{
		client: mgr.GetClient(), reports: o.Reports, recorder: recorder,
		members: o.Managed, interpreter: o.Interpreter, pace: newPacer(o.Clock, o.Window),
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("work-status").
		For(&workv1alpha1.Work{}, builder.WithPredicates(workChanged)).
		WatchesRawSource(source.Func(r.listen)).
		WatchesRawSource(hub.Reinterpreted(o.Interpretations, r.ofKind)).
		WithOptions(options(o)).
		Complete(r)
}

// listen feeds the queue with changes of objects in members, and with all Works of a cluster that
// was connected anew.
func (r *workReconciler) listen(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	r.members.Notify(func(e managed.Event) {
		req := reconcile.Request{NamespacedName: e.Work}
		add(queue, e.Initial, r.pace.delay(req), req)
	})
	r.members.Subscribe(func(cluster string) {
		var list workv1alpha1.WorkList
		if err := r.client.List(ctx, &list, client.InNamespace(names.ExecutionNamespace(cluster)), client.UnsafeDisableDeepCopy); err != nil {
			if ctx.Err() == nil {
				ctrl.LoggerFrom(ctx).Error(err, "list the Works of a cluster", "cluster", cluster)
			}
			return
		}
		for i := range list.Items {
			add(queue, true, 0, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	})
	return nil
}

// ofKind are the Works of all templates of a kind.
func (r *workReconciler) ofKind(ctx context.Context, kind schema.GroupVersionKind) ([]reconcile.Request, error) {
	var out []reconcile.Request
	err := works.OfKind(ctx, r.client, kind, func(work *workv1alpha1.Work) {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(work)})
	})
	return out, err
}

// add queues a request; routine ones, which come in great numbers, give way to all others.
func add(queue workqueue.TypedRateLimitingInterface[reconcile.Request], routine bool, after time.Duration, req reconcile.Request) {
	pq, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	if !ok {
		queue.AddAfter(req, after)
		return
	}
	priority := 0
	if routine {
		priority = handler.LowPriority
	}
	pq.AddWithOpts(priorityqueue.AddOpts{After: after, Priority: &priority}, req)
}

func setupBindings(mgr ctrl.Manager, o Options, recorder record.EventRecorder, empty func() workv1alpha2.Binding) error {
	_, global := empty().(*workv1alpha2.ClusterResourceBinding)
	r := &bindingReconciler{
		client: o.Yield.Client(mgr.GetClient()), live: mgr.GetAPIReader(), bindings: fresh.New(mgr.GetClient(), mgr.GetAPIReader()),
		recorder: recorder, interpreter: o.Interpreter, interpretations: o.Interpretations, pace: newPacer(o.Clock, o.Window),
		empty: empty, global: global, settled: map[reconcile.Request]uint64{}, opened: map[reconcile.Request]time.Time{},
	}
	name := "binding-status"
	if global {
		name = "clusterbinding-status"
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(empty(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&workv1alpha1.Work{}, r.workHandler()).
		Watches(&clusterv1alpha1.Cluster{}, r.clusterHandler(), builder.WithPredicates(readyChanged)).
		WatchesRawSource(hub.Reinterpreted(o.Interpretations, r.ofKind)).
		WithOptions(options(o)).
		Complete(r)
}

// workHandler queues the binding of a Work whose status changed, or that came or went.
func (r *bindingReconciler) workHandler() handler.EventHandler {
	queue := func(work client.Object, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		key, global, ok := works.Binding(work)
		if ok && global == r.global {
			req := reconcile.Request{NamespacedName: key}
			q.AddAfter(req, r.pace.delay(req))
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			queue(e.Object, q)
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			was, is := e.ObjectOld.(*workv1alpha1.Work), e.ObjectNew.(*workv1alpha1.Work)
			if !equality.Semantic.DeepEqual(was.Status, is.Status) || (was.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil) {
				queue(is, q)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			queue(e.Object, q)
		},
	}
}

// clusterHandler queues the bindings of a cluster that was lost or regained. There may be very many,
// at a time when the hub has more urgent things to do.
func (r *bindingReconciler) clusterHandler() handler.EventHandler {
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			keys, err := r.placedIn(ctx, e.ObjectNew.GetName())
			if err != nil {
				ctrl.LoggerFrom(ctx).Error(err, "list the bindings of a cluster")
				return
			}
			for _, req := range keys {
				add(q, true, 0, req)
			}
		},
	}
}

func (r *bindingReconciler) placedIn(ctx context.Context, cluster string) ([]reconcile.Request, error) {
	return hub.BindingRequests(ctx, r.client, r.global, client.MatchingFields{hub.IndexBindingByCluster: cluster})
}

// ofKind are the bindings of all templates of a kind.
func (r *bindingReconciler) ofKind(ctx context.Context, kind schema.GroupVersionKind) ([]reconcile.Request, error) {
	return hub.BindingRequests(ctx, r.client, r.global, client.MatchingFields{hub.IndexBindingByTemplate: hub.TemplateKind(kind)})
}

// workChanged passes other objects to look at, the first report of execution, and statuses that were
// written: they waited for that, and may not be what the member has any more.
var workChanged = predicate.Funcs{
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*workv1alpha1.Work), e.ObjectNew.(*workv1alpha1.Work)
		return was.Generation != is.Generation || reported(was) != reported(is) ||
			!aggregate.SameStatuses(was.Status.ManifestStatuses, is.Status.ManifestStatuses)
	},
}

// reported says whether execution, or this package, has written a status of the Work.
func reported(work *workv1alpha1.Work) bool {
	return len(work.Status.ManifestStatuses) > 0 || meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied) != nil
}

var readyChanged = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return ready(e.ObjectOld.(*clusterv1alpha1.Cluster)) != ready(e.ObjectNew.(*clusterv1alpha1.Cluster))
	},
}

func ready(cluster *clusterv1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
}
