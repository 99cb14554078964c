package traffic

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/demand"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/health"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/leader"
)

// Options of the package.
type Options struct {
	Clock     clock.Clock
	Discovery *discovery.Table
	Health    *health.View
	// Demand is nil where nobody measures.
	Demand *demand.Table
	// Keep is told why plans change; nil when nobody wants to know.
	Keep hub.KeepFunc
	// Term is that of this process as the leader; nil without leader election.
	Term *leader.Term
	// Workers is how many policies are planned at a time; 32 when 0.
	Workers int
	// ReplicasSettle is how long a change in the number of ready replicas, not from or to none, may
	// wait for the next one before the plan says so; 2 s when 0. A rollout is one write, not hundreds.
	ReplicasSettle time.Duration
}

// Setup adds the planner and the controllers of Zones and RegionMaps to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 32
	}
	if o.ReplicasSettle == 0 {
		o.ReplicasSettle = 2 * time.Second
	}
	if err := setupIndexes(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	for _, setup := range []func(ctrl.Manager, Options) error{setupPolicies, setupZones, setupZoneRecords, setupRegionMaps} {
		if err := setup(mgr, o); err != nil {
			return fmt.Errorf("set up traffic: %w", err)
		}
	}
	return nil
}

// options retries quickly: an error here is a lost race far more often than anything else. There is no
// overall limit, which would hold up the plans of a cluster that was lost.
func options(workers int) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, 10*time.Second),
	}
}

func setupPolicies(mgr ctrl.Manager, o Options) error {
	recorder := hub.Recorder(mgr, "traffic")
	r := &policies{
		client:    mgr.GetClient(),
		clock:     o.Clock,
		recorder:  recorder,
		endpoints: o.Discovery,
		health:    o.Health,
		demand:    o.Demand,
		decisions: &decisions{keep: o.Keep, health: o.Health, live: mgr.GetAPIReader()},
		term:      o.Term,
	}
	w := &waker{reader: mgr.GetClient(), settle: o.ReplicasSettle, sweep: make(chan struct{}, 1)}
	return ctrl.NewControllerManagedBy(mgr).
		Named("trafficpolicy").
		For(&trafficv1alpha1.TrafficPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&trafficv1alpha1.TrafficPlan{}, builder.WithPredicates(edited)).
		Watches(&trafficv1alpha1.TrafficPolicy{}, handler.EnqueueRequestsFromMapFunc(w.rivals), builder.WithPredicates(claimsChanged)).
		Watches(&trafficv1alpha1.Zone{}, handler.EnqueueRequestsFromMapFunc(w.inZone), builder.WithPredicates(zoneChanged)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(w.inNamespace), builder.WithPredicates(namespaceChanged)).
		Watches(&corev1.Service{}, handler.EnqueueRequestsFromMapFunc(w.targeting), builder.WithPredicates(serviceChanged)).
		Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(w.inCluster), builder.WithPredicates(clusterChanged)).
		Watches(&trafficv1alpha1.RegionMap{}, w.everybody()).
		WatchesRawSource(o.Health.Source(w.judged)).
		WatchesRawSource(w.discovered(o.Discovery)).
		WatchesRawSource(w.measured(o.Demand)).
		WatchesRawSource(w.sweeps()).
		WithOptions(options(o.Workers)).
		Complete(r)
}

func setupZones(mgr ctrl.Manager, o Options) error {
	r := &zones{client: mgr.GetClient(), health: o.Health}
	w := &waker{reader: mgr.GetClient()}
	return ctrl.NewControllerManagedBy(mgr).
		Named("zone").
		For(&trafficv1alpha1.Zone{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&trafficv1alpha1.Zone{}, handler.EnqueueRequestsFromMapFunc(w.overlapping), builder.WithPredicates(zoneChanged)).
		Watches(&trafficv1alpha1.TrafficPlan{}, w.hosting(), builder.WithPredicates(hostsChanged)).
		WatchesRawSource(o.Health.Source(w.zonesServed)).
		WithOptions(options(4)).
		Complete(r)
}

func setupZoneRecords(mgr ctrl.Manager, o Options) error {
	w := &waker{reader: mgr.GetClient()}
	return ctrl.NewControllerManagedBy(mgr).
		Named("zonerecords").
		For(&trafficv1alpha1.ZoneRecords{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&trafficv1alpha1.Zone{}, handler.EnqueueRequestsFromMapFunc(w.recordsOf), builder.WithPredicates(zoneChanged)).
		WatchesRawSource(o.Health.Source(w.recordsServed)).
		WithOptions(options(1)).
		Complete(&zoneRecords{client: mgr.GetClient(), health: o.Health})
}

func setupRegionMaps(mgr ctrl.Manager, _ Options) error {
	w := &waker{reader: mgr.GetClient()}
	return ctrl.NewControllerManagedBy(mgr).
		Named("regionmap").
		For(&trafficv1alpha1.RegionMap{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&trafficv1alpha1.RegionMap{}, handler.EnqueueRequestsFromMapFunc(w.allMaps), builder.WithPredicates(mapChanged)).
		WithOptions(options(1)).
		Complete(&regionMaps{client: mgr.GetClient()})
}
