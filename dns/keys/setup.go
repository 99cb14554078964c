package keys

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
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

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/dns/parent"
)

// Options of the package.
type Options struct {
	Clock clock.PassiveClock
	// Resolver is the address of the resolver through which parent zones are found; the host's if empty.
	Resolver string
	// Parents are asked instead, if set.
	Parents Parents
	// Namespace of the Secrets; the control plane's own if empty.
	Namespace string
	// LookSoon is how often a parent is looked at that is waited for, LookLater how often else; 1 and 15
	// minutes when 0.
	LookSoon, LookLater time.Duration
	// Workers is how many zones are looked at at a time; 8 when 0. Most of their time they wait for
	// parents.
	Workers int
}

// Setup adds the controller of zones' keys to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Namespace == "" {
		o.Namespace = names.SystemNamespace
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.LookSoon == 0 {
		o.LookSoon = time.Minute
	}
	if o.LookLater == 0 {
		o.LookLater = 15 * time.Minute
	}
	if o.Parents == nil {
		o.Parents = lazy(o.Resolver)
	}
	r := &reconciler{
		client: mgr.GetClient(), clock: o.Clock, recorder: hub.Recorder(mgr, "zonekeys"),
		parents: o.Parents, namespace: o.Namespace, soon: o.LookSoon, later: o.LookLater, looks: map[types.NamespacedName]look{},
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("zonekeys").
		For(&trafficv1alpha1.Zone{}, builder.WithPredicates(zoneChanged)).
		Watches(&trafficv1alpha1.EndpointHealth{}, handler.EnqueueRequestsFromMapFunc(r.served), builder.WithPredicates(servedChanged)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
}

// lazy asks the host for its resolver each time: it may change.
type lazy string

// DS asks the parent of a zone.
func (l lazy) DS(ctx context.Context, domain string) (*parent.View, error) {
	a := &parent.Asker{Resolver: string(l)}
	if l == "" {
		var err error
		if a, err = parent.System(); err != nil {
			return nil, err
		}
	}
	return a.DS(ctx, domain)
}

// zoneChanged: the spec has, or whether the zone is served.
var zoneChanged = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return true },
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*trafficv1alpha1.Zone), e.ObjectNew.(*trafficv1alpha1.Zone)
		return (unusable(before) == "") != (unusable(after) == "")
	},
})

// servedChanged: a name server serves other zones or keys than before. Heartbeats change nothing.
var servedChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*trafficv1alpha1.EndpointHealth), e.ObjectNew.(*trafficv1alpha1.EndpointHealth)
		return !slices.EqualFunc(before.Spec.Zones, after.Spec.Zones, func(a, b trafficv1alpha1.ZoneServed) bool {
			return a.Domain == b.Domain && a.KeysVersion == b.KeysVersion && a.MaxTTLSeconds == b.MaxTTLSeconds
		})
	},
}

// served are the Zones with keys that a name server reports on.
func (r *reconciler) served(ctx context.Context, o client.Object) []reconcile.Request {
	domains := map[string]bool{}
	for _, z := range o.(*trafficv1alpha1.EndpointHealth).Spec.Zones {
		domains[z.Domain] = true
	}
	var zones trafficv1alpha1.ZoneList
	if len(domains) == 0 || r.client.List(ctx, &zones, client.UnsafeDisableDeepCopy) != nil {
		return nil
	}
	var out []reconcile.Request
	for i := range zones.Items {
		z := &zones.Items[i]
		if domains[z.Spec.Domain] && (z.Spec.DNSSEC != nil || z.Status.DNSSEC != nil) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(z)})
		}
	}
	return out
}
