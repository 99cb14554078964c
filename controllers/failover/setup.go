package failover

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// PlaceFunc computes a placement of the binding without the excluded clusters, and writes nothing.
// Fresh divides everything from scratch; otherwise what need not move stays. When nothing fits it
// returns the present placement and says why.
type PlaceFunc func(ctx context.Context, b workv1alpha2.Binding, exclude sets.Set[string], fresh bool) (to []workv1alpha2.TargetCluster, why string, err error)

// Options of the controllers.
type Options struct {
	Clock clock.Clock
	Place PlaceFunc
	// Keep is told what was moved and why; nil when nobody wants to know.
	Keep KeepFunc
	// Workers is how many bindings are moved at a time; 8 when 0.
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
		r := &reconciler{
			client:   mgr.GetClient(),
			policies: policies.Finder{Cached: mgr.GetClient(), Live: mgr.GetAPIReader()},
			recorder: hub.Recorder(mgr, "failover"),
			clock:    o.Clock,
			place:    o.Place,
			keep:     o.Keep,
			empty:    empty,
		}
		err := ctrl.NewControllerManagedBy(mgr).
			Named("failover-"+kind).
			For(empty().(client.Object), builder.WithPredicates(bindingMoved)).
			Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.placedIn), builder.WithPredicates(signalChanged)).
			Watches(&trafficv1alpha1.TrafficPlan{}, handler.EnqueueRequestsFromMapFunc(r.awayFrom), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
			Watches(&trafficv1alpha1.TrafficPolicy{}, handler.EnqueueRequestsFromMapFunc(r.spokenFor), builder.WithPredicates(edited)).
			WithOptions(controller.Options{MaxConcurrentReconciles: o.Workers}).
			Complete(r)
		if err != nil {
			return fmt.Errorf("set up failover of %ss: %w", kind, err)
		}
	}
	return nil
}

// heldRetry is how soon a move that is held is judged again. What holds it may end in a cluster
// the binding has nothing to do with: room, a new member, the return of another lost one.
const heldRetry = 30 * time.Second

type reconciler struct {
	client   client.Client
	policies policies.Finder // asked only when a cluster is lost
	recorder record.EventRecorder
	clock    clock.Clock
	place    PlaceFunc
	keep     KeepFunc
	empty    func() workv1alpha2.Binding

	// watching is when the first binding was judged: from then on this process has seen for itself.
	started  sync.Once
	watching time.Time
}

// Reconcile judges one binding and carries the judgement out.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty()
	if err := r.client.Get(ctx, req.NamespacedName, b.(client.Object)); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if b.GetDeletionTimestamp() != nil || validation.ValidateReach(b) != nil {
		return ctrl.Result{}, nil // of the latter the binding's condition Rendered tells
	}
	if err := r.forget(ctx, b); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	survey, judged, err := r.gather(ctx, b)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision := survey.Decide(judged)
	waits, err := r.apply(ctx, b, survey, decision)
	var result ctrl.Result
	if !decision.RetryAt.IsZero() {
		result.RequeueAfter = max(decision.RetryAt.Sub(r.clock.Now()), time.Millisecond)
	}
	if waits && (result.RequeueAfter == 0 || result.RequeueAfter > heldRetry) {
		result.RequeueAfter = heldRetry
	}
	return hub.Result(result, err)
}

// placedIn maps a cluster to the bindings that place something in it or are leaving it.
func (r *reconciler) placedIn(ctx context.Context, cluster client.Object) []reconcile.Request {
	return r.requests(ctx, client.MatchingFields{hub.IndexBindingByCluster: cluster.GetName()})
}

// awayFrom maps a plan to the bindings of its namespace: requests that are back in a cluster let
// the workloads return.
func (r *reconciler) awayFrom(ctx context.Context, plan client.Object) []reconcile.Request {
	var out []reconcile.Request
	for _, e := range plan.(*trafficv1alpha1.TrafficPlan).Spec.Endpoints {
		if backInTraffic(e) {
			out = append(out, r.requests(ctx, client.InNamespace(plan.GetNamespace()), client.MatchingFields{hub.IndexBindingAway: e.Cluster})...)
		}
	}
	return out
}

// spokenFor maps a policy to the bindings of its namespace: its terms count from the moment they are
// written, also for a move that is due.
func (r *reconciler) spokenFor(ctx context.Context, policy client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(policy.GetNamespace()))
}

// edited passes changes of what a person wrote.
var edited = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: predicate.GenerationChangedPredicate{}.Update,
}

func (r *reconciler) requests(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	out, err := hub.BindingRequests(ctx, r.client, global, opts...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the bindings that an event is about")
	}
	return out
}

// bindingMoved passes what can change a decision: the placement, or, for a binding that is away
// from a cluster, the health of its copies.
var bindingMoved = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || len(away(e.ObjectNew.(workv1alpha2.Binding))) > 0
	},
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

// signalChanged passes clusters one of whose two signals changed, or that begin to leave.
var signalChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		if (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil) {
			return true
		}
		for _, t := range []string{clusterv1alpha1.ClusterConditionReady, trafficv1alpha1.ClusterConditionDataPath} {
			if status(before, t) != status(after, t) {
				return true
			}
		}
		return false
	},
}

func status(c *clusterv1alpha1.Cluster, conditionType string) metav1.ConditionStatus {
	if cond := meta.FindStatusCondition(c.Status.Conditions, conditionType); cond != nil {
		return cond.Status
	}
	return metav1.ConditionUnknown
}
