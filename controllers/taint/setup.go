// Package taint keeps the taints of clusters as ClusterTaintPolicies ask: one write for all policies
// of a cluster. Who has to leave because of a taint is decided elsewhere.
package taint

import (
	"context"
	"fmt"
	"maps"
	"time"

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
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controller.
type Options struct {
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// AllowNoExecute lets policies set taints with the effect NoExecute. Without it a policy with one has no
	// effect, as it would be refused at admission.
	AllowNoExecute bool
	// Workers is how many clusters are handled at a time; 4 when 0.
	Workers int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	r := &reconciler{client: mgr.GetClient(), recorder: hub.Recorder(mgr, "taint"), clock: o.Clock, allowNoExecute: o.AllowNoExecute}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("taint").
		For(&clusterv1alpha1.Cluster{}, builder.WithPredicates(speaksOfTaints)).
		Watches(&policyv1alpha1.ClusterTaintPolicy{}, handler.EnqueueRequestsFromMapFunc(r.targets), builder.WithPredicates(changed)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up taints: %w", err)
	}
	return nil
}

// speaksOfTaints passes a cluster when the status of a condition changes, or what policies pick clusters by. A
// taint that somebody adds or removes by hand stays so until then.
var speaksOfTaints = predicate.Funcs{
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		return !maps.Equal(statuses(before), statuses(after)) || !maps.Equal(before.Labels, after.Labels) || place(before) != place(after)
	},
}

func statuses(c *clusterv1alpha1.Cluster) map[string]metav1.ConditionStatus {
	out := make(map[string]metav1.ConditionStatus, len(c.Status.Conditions))
	for i := range c.Status.Conditions {
		out[c.Status.Conditions[i].Type] = c.Status.Conditions[i].Status
	}
	return out
}

func place(c *clusterv1alpha1.Cluster) string {
	return fmt.Sprintf("%q %q %q %q", c.Spec.Provider, c.Spec.Region, c.Spec.Zone, c.Spec.Zones)
}

// changed passes policies that are new or say something new. One that is deleted leaves its taints.
var changed = predicate.And(predicate.GenerationChangedPredicate{}, predicate.Funcs{
	// at the start every cluster is looked at, with all policies
	CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
})

// targets are the clusters of a policy. It is asked when somebody writes one.
func (r *reconciler) targets(ctx context.Context, obj client.Object) []reconcile.Request {
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the clusters of a ClusterTaintPolicy")
		return nil
	}
	picks := affinity.New(obj.(*policyv1alpha1.ClusterTaintPolicy).Spec.TargetClusters)
	var out []reconcile.Request
	for i := range clusters.Items {
		if picks.Matches(&clusters.Items[i]) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&clusters.Items[i])})
		}
	}
	return out
}
