package drill

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
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
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/drill"
	corehealth "github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/demand"
	"github.com/seaway-io/seaway/controllers/health"
	"github.com/seaway-io/seaway/controllers/hub"
)

// settle lets the many plans that change together be looked at together.
const settle = 50 * time.Millisecond

// Options of the package.
type Options struct {
	Clock  clock.PassiveClock
	Health *health.View
	// Demand is nil where nobody measures.
	Demand *demand.Table
	// Keep takes note of why requests are kept out of clusters; nil to keep nothing.
	Keep hub.KeepFunc
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	r := &reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), clock: o.Clock, recorder: hub.Recorder(mgr, "drill"),
		health: o.Health, demand: o.Demand, keep: o.Keep, followers: map[string]*drill.Followers{},
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &trafficv1alpha1.Drill{}, indexInProgress, inProgress); err != nil {
		return fmt.Errorf("set up drills: %w", err)
	}
	w := waker{mgr.GetClient()}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("drill").
		For(&trafficv1alpha1.Drill{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&clusterv1alpha1.Cluster{}, w.clusters(), builder.WithPredicates(clusterChanged)).
		Watches(&trafficv1alpha1.TrafficPlan{}, w.plans(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(o.Health.Source(func(corehealth.Changes) []reconcile.Request { return w.running(context.Background()) })).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](10*time.Millisecond, 10*time.Second),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up drills: %w", err)
	}
	return nil
}

// indexInProgress finds the Drills that are in progress.
const indexInProgress = "inProgress"

func inProgress(obj client.Object) []string {
	if obj.(*trafficv1alpha1.Drill).Status.Phase.InProgress() {
		return []string{"true"}
	}
	return nil
}

// waker finds the Drills that an event concerns.
type waker struct{ reader client.Reader }

// running are the Drills in progress.
func (w waker) running(ctx context.Context) (out []reconcile.Request) {
	var list trafficv1alpha1.DrillList
	if err := w.reader.List(ctx, &list, client.MatchingFields{indexInProgress: "true"}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list drills")
		return nil
	}
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}

// plans wakes them a little later.
func (w waker) plans() handler.EventHandler {
	wake := func(ctx context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		for _, r := range w.running(ctx) {
			q.AddAfter(r, settle)
		}
	}
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, _ event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			wake(ctx, q)
		},
		DeleteFunc: func(ctx context.Context, _ event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			wake(ctx, q)
		},
	}
}

// clusters wakes the Drills in progress, and who marked the cluster, whether it is still there or not.
func (w waker) clusters() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		out := w.running(ctx)
		if by, marked := drill.Marker(obj.(*clusterv1alpha1.Cluster)); marked {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKey{Name: by}})
		}
		return out
	})
}

// clusterChanged passes Clusters that come or go, or as far as a drill looks at them.
var clusterChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld, e.ObjectNew
	was, had := before.GetAnnotations()[names.DrainAnnotation]
	is, has := after.GetAnnotations()[names.DrainAnnotation]
	return had != has || was != is || (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) ||
		signals(before.(*clusterv1alpha1.Cluster)) != signals(after.(*clusterv1alpha1.Cluster))
}}

// signals are the two ways to see a cluster.
func signals(c *clusterv1alpha1.Cluster) (out [2]metav1.ConditionStatus) {
	for i, kind := range []string{clusterv1alpha1.ClusterConditionReady, trafficv1alpha1.ClusterConditionDataPath} {
		if cond := meta.FindStatusCondition(c.Status.Conditions, kind); cond != nil {
			out[i] = cond.Status
		}
	}
	return out
}
