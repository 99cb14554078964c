package scheduler

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failback"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
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
	// Quotas says that quotas may refuse placements: what they refused is tried again when they have
	// room.
	Quotas bool
	// Record is told of every decision that was made, whether a placement was found or not. It must
	// not block, nor change anything. Nil tells nobody.
	Record RecordFunc
	// FailbackAfter is how long an earlier affinity group must have been able to take a workload
	// before it goes back there, where no TrafficPolicy speaks for the workload; 5 minutes when nil.
	// 0 turns failback off, for all workloads.
	FailbackAfter *time.Duration
}

// RecordFunc takes note of a decision about a binding, as it was before the decision was written.
type RecordFunc func(b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis)

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
	if o.FailbackAfter == nil {
		o.FailbackAfter = ptr.To(failback.DefaultTerms().StableFor)
	}
	for kind, empty := range map[string]func() workv1alpha2.Binding{
		"resourcebinding":        func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		"clusterresourcebinding": func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		r := &reconciler{
			client:   mgr.GetClient(),
			live:     mgr.GetAPIReader(),
			recorder: hub.Recorder(mgr, o.SchedulerName),
			placer:   o.Placer,
			record:   o.Record,
			clock:    o.Clock,
			name:     o.SchedulerName,
			empty:    empty,
			own:      newOwn(),
			returns:  newReturns(),
			policies: policies.Finder{Cached: mgr.GetClient(), Live: mgr.GetAPIReader()},
			failback: *o.FailbackAfter,
		}
		if o.Quotas && !r.global() {
			r.refusals = newRefusals()
		}
		f := &follower{waiting: newInterests(), own: r.own, returns: r.returns, refusals: r.refusals, placer: o.Placer, clock: o.Clock}
		b := ctrl.NewControllerManagedBy(mgr).
			Named("scheduler-"+kind).
			Watches(empty().(client.Object), f.bindings()).
			Watches(&clusterv1alpha1.Cluster{}, f.clusters(r.targetedAt)).
			WatchesRawSource(source.Func(f.wakes(mgr.GetClient()))).
			WithOptions(controller.Options{
				MaxConcurrentReconciles: o.Workers,
				RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
			})
		if !r.global() {
			b = b.Watches(&corev1.Namespace{}, f.walls(mgr.GetClient()))
		}
		if r.refusals != nil {
			b = b.Watches(&policyv1alpha1.FederatedResourceQuota{}, f.quotas(mgr.GetClient()))
		}
		if err := b.Complete(r); err != nil {
			return fmt.Errorf("set up scheduling of %ss: %w", kind, err)
		}
	}
	return nil
}
