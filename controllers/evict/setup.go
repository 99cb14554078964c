package evict

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/sets"
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

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/evict"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// PlaceFunc computes a placement of the binding without the excluded clusters, and writes nothing. When
// nothing fits, the placement is the present one and why says so.
type PlaceFunc func(ctx context.Context, b workv1alpha2.Binding, exclude sets.Set[string]) (to placement.Result, why string, err error)

// Options of the controllers.
type Options struct {
	Clock clock.Clock
	Place PlaceFunc
	// Taints says whether NoExecute taints evict, and TaintPurgeMode how where a policy does not say:
	// Gracefully when empty.
	Taints         bool
	TaintPurgeMode policyv1alpha1.PurgeMode
	// Timeout is how long a task without a grace period waits for replacements; ten minutes when 0.
	Timeout time.Duration
	// Rate is how many evictions there are in a second; nil for as many as there is room for.
	Rate *float32
	// PreserveState takes state along, as policies ask.
	PreserveState bool
	// Keep is told of every eviction that was written. It must not block. Nil tells nobody.
	Keep hub.KeepFunc
	// Workers is how many bindings are handled at a time; 8 when 0.
	Workers int
}

// Setup adds a controller for each kind of binding to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 8
	}
	for kind, empty := range map[string]func() workv1alpha2.Binding{
		"resourcebinding":        func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		"clusterresourcebinding": func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		r := newReconciler(mgr.GetClient(), mgr.GetAPIReader(), o, empty)
		r.recorder = hub.Recorder(mgr, "evict")
		err := ctrl.NewControllerManagedBy(mgr).
			Named("evict-"+kind).
			For(empty().(client.Object), builder.WithPredicates(bindingMoved)).
			Watches(&clusterv1alpha1.Cluster{}, r.clusters()).
			WithOptions(controller.Options{MaxConcurrentReconciles: o.Workers}).
			Complete(r)
		if err != nil {
			return fmt.Errorf("set up eviction of %ss: %w", kind, err)
		}
	}
	return nil
}

func newReconciler(cached client.Client, live client.Reader, o Options, empty func() workv1alpha2.Binding) *reconciler {
	if o.Timeout == 0 {
		o.Timeout = evict.DefaultTimeout
	}
	return &reconciler{
		client: cached, policies: policies.Finder{Cached: cached, Live: live}, Options: o, empty: empty,
		timers: newTimers(), pace: newPace(o.Rate),
	}
}

// bindingMoved passes what can change a decision: the spec, and what is reported of a binding that leaves a
// cluster or would leave one where it fails.
var bindingMoved = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		if e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() {
			return true
		}
		before, after := e.ObjectOld.(workv1alpha2.Binding), e.ObjectNew.(workv1alpha2.Binding)
		was, is := before.GetBindingStatus(), after.GetBindingStatus()
		return reads(after.GetBindingSpec()) &&
			(was.SchedulerObservedGeneration != is.SchedulerObservedGeneration || !equality.Semantic.DeepEqual(was.AggregatedStatus, is.AggregatedStatus))
	},
}

// reads says whether the status of a binding matters here.
func reads(spec *workv1alpha2.ResourceBindingSpec) bool {
	return evict.Leaving(spec) || spec.Failover != nil && spec.Failover.Application != nil
}

// clusters queues the bindings that a change of the taints of a cluster concerns, or its leaving: the more
// important first. At the start all bindings are looked at anyway.
func (r *reconciler) clusters() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if c := e.Object.(*clusterv1alpha1.Cluster); !e.IsInInitialList && evict.HasNoExecute(c.Spec.Taints) {
				r.wake(ctx, q, c.Name)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if concerns(e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)) {
				r.wake(ctx, q, e.ObjectNew.GetName())
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { r.wake(ctx, q, e.Object.GetName()) },
	}
}

// concerns says whether the taints that evict changed, or the cluster begins to leave.
func concerns(before, after *clusterv1alpha1.Cluster) bool {
	if (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil) {
		return true
	}
	return (evict.HasNoExecute(before.Spec.Taints) || evict.HasNoExecute(after.Spec.Taints)) &&
		!equality.Semantic.DeepEqual(before.Spec.Taints, after.Spec.Taints)
}

func (r *reconciler) wake(ctx context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request], cluster string) {
	bindings, err := r.placedIn(ctx, cluster)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the bindings of a cluster", "cluster", cluster)
		return
	}
	for _, b := range bindings {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(b.(client.Object))}
		pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request])
		if !ok {
			q.Add(request)
			continue
		}
		priority := int(hub.PriorityOf(b))
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, request)
	}
}

// placedIn are the bindings of this kind that are placed in a cluster or leaving it. They are the cache's own.
func (r *reconciler) placedIn(ctx context.Context, cluster string) ([]workv1alpha2.Binding, error) {
	bindings, err := hub.Bindings(ctx, r.client, client.MatchingFields{hub.IndexBindingByCluster: cluster}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	out := bindings[:0]
	for _, b := range bindings {
		if global == (b.GetNamespace() == "") {
			out = append(out, b)
		}
	}
	return out, nil
}
