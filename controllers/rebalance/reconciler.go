package rebalance

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	client   client.Client
	reader   client.Reader // not cached: before a binding is said to be absent
	clock    clock.PassiveClock
	parallel int
}

// Reconcile gives the orders of one WorkloadRebalancer that have not been given, and deletes the object
// when its time is over.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	order := &appsv1alpha1.WorkloadRebalancer{}
	if err := r.client.Get(ctx, req.NamespacedName, order); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if order.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if !finished(order) {
		if err := r.give(ctx, order); err != nil {
			return hub.Result(ctrl.Result{}, err)
		}
	}
	return r.expire(ctx, order)
}

// finished says whether nothing is left to do for the spec as it is.
func finished(order *appsv1alpha1.WorkloadRebalancer) bool {
	return order.Status.FinishTime != nil && order.Status.ObservedGeneration == order.Generation
}

// give makes one pass over the workloads and writes how it went. It fails when some are to be tried
// again.
func (r *reconciler) give(ctx context.Context, order *appsv1alpha1.WorkloadRebalancer) error {
	observed := toObserve(order)
	open := r.trigger(ctx, order.CreationTimestamp, observed)
	_, err := hub.PatchStatus(ctx, r.client, order, func(order *appsv1alpha1.WorkloadRebalancer) {
		status := appsv1alpha1.WorkloadRebalancerStatus{ObservedWorkloads: observed, ObservedGeneration: order.Generation}
		if open == nil {
			now := metav1.NewTime(r.clock.Now())
			status.FinishTime = &now
		}
		order.Status = status
	})
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	return open
}

// expire deletes a finished object when its time to live is over. A negative one, which admission
// refuses, is none.
func (r *reconciler) expire(ctx context.Context, order *appsv1alpha1.WorkloadRebalancer) (ctrl.Result, error) {
	ttl := order.Spec.TTLSecondsAfterFinished
	if ttl == nil || *ttl < 0 || !finished(order) {
		return ctrl.Result{}, nil
	}
	end := order.Status.FinishTime.Add(time.Duration(*ttl) * time.Second)
	if left := end.Sub(r.clock.Now()); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	// Not an object of the same name that was made meanwhile, nor one with more to do.
	same := client.Preconditions{UID: &order.UID, ResourceVersion: &order.ResourceVersion}
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(r.client.Delete(ctx, order, same)))
}
