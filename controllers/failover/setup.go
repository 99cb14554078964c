package failover

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// Causes of the decisions that are recorded.
const (
	// CauseLost: a cluster was lost.
	CauseLost placement.Cause = "ClusterLost"
	// CauseBack: a lost cluster is back.
	CauseBack placement.Cause = "ClusterBack"
	// CausePreempted: a more important application needed the room.
	CausePreempted placement.Cause = "Preempted"
)

// RecordFunc is told of a placement that was written, why it was due, and by which signals about lost
// clusters that was decided. It must not block, nor change anything.
type RecordFunc func(b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis, signals []trafficv1alpha1.DecisionInput)

// Witnesses knows what the vantage points say of an endpoint.
type Witnesses interface {
	Witnesses(plan types.NamespacedName, cluster string) []health.Witness
}

// Options of the controllers.
type Options struct {
	Clock  clock.Clock
	Placer Placer
	// Record is told of every decision that was written. Nil tells nobody.
	Record RecordFunc
	// Health is what decisions are explained with. Nil knows nobody.
	Health Witnesses
	// Workers is how many bindings are written at a time; 16 when 0.
	Workers int
}

// hands is what both kinds of controllers work with.
type hands struct {
	client   client.Client
	live     client.Reader   // reads templates, which are not cached
	policies policies.Finder // asked only when a cluster is lost
	recorder record.EventRecorder
	clock    clock.PassiveClock
	placer   Placer
	record   RecordFunc
	health   Witnesses
	workers  int

	// watching is when the first survey was made: from then on this process has seen for itself.
	started  sync.Once
	watching time.Time
}

// What could not be written is tried again soon, then at most this seldom.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Setup adds to the manager the controller for leaving, and one for returning for each kind of binding.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 16
	}
	h := &hands{
		client:   mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		policies: policies.Finder{Cached: mgr.GetClient(), Live: mgr.GetAPIReader()},
		recorder: hub.Recorder(mgr, "failover"),
		clock:    o.Clock,
		placer:   o.Placer,
		record:   o.Record,
		health:   o.Health,
		workers:  o.Workers,
	}
	if err := setupLeaving(mgr, newEvacuator(h)); err != nil {
		return err
	}
	for kind, empty := range map[string]func() workv1alpha2.Binding{
		"resourcebinding":        func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		"clusterresourcebinding": func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		r := &reconciler{hands: h, empty: empty}
		err := ctrl.NewControllerManagedBy(mgr).
			Named("failover-"+kind).
			For(empty().(client.Object), builder.WithPredicates(bindingMoved)).
			Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.placedIn), builder.WithPredicates(signalChanged)).
			Watches(&trafficv1alpha1.TrafficPlan{}, handler.EnqueueRequestsFromMapFunc(r.awayFrom), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
			Watches(&trafficv1alpha1.TrafficPolicy{}, handler.EnqueueRequestsFromMapFunc(r.spokenFor), builder.WithPredicates(edited)).
			WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
			Complete(r)
		if err != nil {
			return fmt.Errorf("set up failover of %ss: %w", kind, err)
		}
	}
	return nil
}

func setupLeaving(mgr ctrl.Manager, e *evacuator) error {
	err := ctrl.NewControllerManagedBy(mgr).
		Named("failover").
		Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(pass), builder.WithPredicates(e.clusterChanged())).
		Watches(&trafficv1alpha1.TrafficPolicy{}, handler.EnqueueRequestsFromMapFunc(pass), builder.WithPredicates(edited)).
		Watches(&workv1alpha2.ResourceBinding{}, handler.EnqueueRequestsFromMapFunc(e.inTrouble), builder.WithPredicates(rewritten)).
		Watches(&workv1alpha2.ClusterResourceBinding{}, handler.EnqueueRequestsFromMapFunc(e.inTrouble), builder.WithPredicates(rewritten)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(e)
	if err != nil {
		return fmt.Errorf("set up failover: %w", err)
	}
	return nil
}
