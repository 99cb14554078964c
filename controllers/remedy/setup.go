// Package remedy keeps the actions that Remedies ask of a cluster in its status. It takes none of them.
package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controller.
type Options struct {
	// Workers is how many clusters are handled at a time; 4 when 0.
	Workers int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 4
	}
	r := &reconciler{client: mgr.GetClient(), recorder: hub.Recorder(mgr, "remedy")}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("remedy").
		For(&clusterv1alpha1.Cluster{}, builder.WithPredicates(speaksOfRemedies)).
		Watches(&remedyv1alpha1.Remedy{}, r.patients(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up remedies: %w", err)
	}
	return nil
}

// speaksOfRemedies passes a cluster when the status of a condition changes, or its actions.
var speaksOfRemedies = predicate.Funcs{
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		return !maps.Equal(statuses(before), statuses(after)) || !slices.Equal(before.Status.RemedyActions, after.Status.RemedyActions)
	},
}

func statuses(c *clusterv1alpha1.Cluster) map[string]metav1.ConditionStatus {
	out := make(map[string]metav1.ConditionStatus, len(c.Status.Conditions))
	for i := range c.Status.Conditions {
		out[c.Status.Conditions[i].Type] = c.Status.Conditions[i].Status
	}
	return out
}

// patients queues the clusters that a Remedy is for, and was for. Those it names need no list.
func (r *reconciler) patients() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	enqueue := func(ctx context.Context, q queue, objs ...client.Object) {
		for _, obj := range objs {
			for _, cluster := range r.clusters(ctx, obj.(*remedyv1alpha1.Remedy)) {
				q.Add(reconcile.Request{NamespacedName: client.ObjectKey{Name: cluster}})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList { // at the start every cluster is looked at, with all Remedies
				enqueue(ctx, q, e.Object)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { enqueue(ctx, q, e.ObjectOld, e.ObjectNew) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { enqueue(ctx, q, e.Object) },
	}
}

func (r *reconciler) clusters(ctx context.Context, remedy *remedyv1alpha1.Remedy) []string {
	if a := remedy.Spec.ClusterAffinity; a != nil {
		return a.ClusterNames
	}
	var all clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the clusters of a Remedy")
		return nil
	}
	out := make([]string, len(all.Items))
	for i := range all.Items {
		out[i] = all.Items[i].Name
	}
	return out
}
