package health

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/hub"
)

// workers is how many Clusters are written at a time.
const workers = 4

// Setup feeds the view from the manager's cache, on every replica, and adds the controller that
// writes the condition DataPathReachable of Clusters, on the leader.
func Setup(mgr ctrl.Manager, v *View) error {
	if err := mgr.Add(&feed{view: v, cache: mgr.GetCache()}); err != nil {
		return fmt.Errorf("set up the feed of endpoint health: %w", err)
	}
	r := &reconciler{client: mgr.GetClient(), view: v}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("datapath").
		For(&clusterv1alpha1.Cluster{}, builder.WithPredicates(created)).
		WatchesRawSource(v.Source(clusterRequests)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, 10*time.Second),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up the data path condition of clusters: %w", err)
	}
	return nil
}

// created passes new Clusters only: what changes in a Cluster says nothing about its data path.
var created = predicate.Funcs{
	UpdateFunc: func(event.UpdateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

func clusterRequests(changes health.Changes) []reconcile.Request {
	var out []reconcile.Request
	for name := range changes.Clusters {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKey{Name: name}})
	}
	return out
}

type reconciler struct {
	client client.Client
	view   *View
}

// Reconcile writes the condition of one Cluster when it changed. Other conditions are left alone.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := r.client.Get(ctx, req.NamespacedName, cluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	_, err := hub.PatchStatus(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) {
		hub.SetCondition(&c.Status.Conditions, c.Generation, r.view.DataPath(c.Name))
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// feed brings the reports from the cache to the view.
type feed struct {
	view  *View
	cache ctrlcache.Cache
}

// NeedLeaderElection says no: a replica that becomes the leader must know already.
func (f *feed) NeedLeaderElection() bool { return false }

// Start reads reports until ctx is done.
func (f *feed) Start(ctx context.Context) error {
	informer, err := f.cache.GetInformer(ctx, &trafficv1alpha1.EndpointHealth{})
	if err != nil {
		return fmt.Errorf("watch endpoint health: %w", err)
	}
	registration, err := informer.AddEventHandler(f.view)
	if err != nil {
		return fmt.Errorf("watch endpoint health: %w", err)
	}
	if cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		close(f.view.synced)
	}
	f.view.run(ctx)
	return nil
}
