package rebalance

import (
	"fmt"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
)

// Options of the controller.
type Options struct {
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// Workers is how many WorkloadRebalancers are handled at a time; 2 when 0.
	Workers int
	// Parallel is how many bindings of one WorkloadRebalancer are written at a time; 16 when 0.
	Parallel int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.Parallel == 0 {
		o.Parallel = 16
	}
	r := &reconciler{client: mgr.GetClient(), reader: mgr.GetAPIReader(), clock: o.Clock, parallel: o.Parallel}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("workloadrebalancer").
		For(&appsv1alpha1.WorkloadRebalancer{}, builder.WithPredicates(ordered)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up rebalancing: %w", err)
	}
	return nil
}

// ordered passes what a person wrote.
var ordered = predicate.Funcs{
	UpdateFunc: predicate.GenerationChangedPredicate{}.Update,
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}
