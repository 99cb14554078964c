package traffic

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/demand"
	"github.com/seaway-io/seaway/controllers/discovery"
)

const (
	// urgent is the priority of what a client would notice.
	urgent = 100
	// lowest is the priority of waking everybody.
	lowest = handler.LowPriority

	// hostsSettle lets the many plans of a new fleet be counted together.
	hostsSettle = time.Second
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// waker finds whom an event concerns.
type waker struct {
	reader client.Reader
	settle time.Duration
	// sweep asks for everybody to be woken.
	sweep chan struct{}
}

func request(name types.NamespacedName) reconcile.Request {
	return reconcile.Request{NamespacedName: name}
}

// named returns requests for the objects of a list.
func (w *waker) named(ctx context.Context, in client.ObjectList, opts ...client.ListOption) []reconcile.Request {
	if err := w.reader.List(ctx, in, append(opts, client.UnsafeDisableDeepCopy)...); err != nil {
		// The cache answers, so this is a missing index: a fault of this package.
		log.FromContext(ctx).Error(err, "list whom an event concerns")
		return nil
	}
	var out []reconcile.Request
	_ = meta.EachListItem(in, func(o runtime.Object) error { // fails only where the function does
		out = append(out, request(client.ObjectKeyFromObject(o.(client.Object))))
		return nil
	})
	return out
}

func (w *waker) policies(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	return w.named(ctx, &trafficv1alpha1.TrafficPolicyList{}, opts...)
}

func (w *waker) zones(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	return w.named(ctx, &trafficv1alpha1.ZoneList{}, opts...)
}

// recordsOf are the ZoneRecords of a Zone.
func (w *waker) recordsOf(ctx context.Context, zone client.Object) []reconcile.Request {
	return w.named(ctx, &trafficv1alpha1.ZoneRecordsList{}, client.MatchingFields{byZone: zone.GetName()})
}

// rivals are the policies that claim a host name of this one.
func (w *waker) rivals(ctx context.Context, policy client.Object) (out []reconcile.Request) {
	for _, host := range policy.(*trafficv1alpha1.TrafficPolicy).Spec.Hostnames {
		out = append(out, w.policies(ctx, client.MatchingFields{byHostname: host})...)
	}
	return out
}

// inZone are the policies with a host name in a Zone.
func (w *waker) inZone(ctx context.Context, zone client.Object) []reconcile.Request {
	return w.policies(ctx, client.MatchingFields{byDomain: zone.(*trafficv1alpha1.Zone).Spec.Domain})
}

func (w *waker) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return w.policies(ctx, client.InNamespace(namespace.GetName()))
}

// targeting are the policies whose target is a Service.
func (w *waker) targeting(ctx context.Context, service client.Object) []reconcile.Request {
	return w.policiesOf(ctx, client.ObjectKeyFromObject(service))
}

func (w *waker) policiesOf(ctx context.Context, service types.NamespacedName) []reconcile.Request {
	return w.policies(ctx, client.InNamespace(service.Namespace), client.MatchingFields{byTarget: service.Name})
}

// inCluster are the policies whose plans have an endpoint in a Cluster; a plan has its policy's name.
func (w *waker) inCluster(ctx context.Context, cluster client.Object) []reconcile.Request {
	return w.named(ctx, &trafficv1alpha1.TrafficPlanList{}, client.MatchingFields{byCluster: cluster.GetName()})
}

// judged are the policies whose endpoints or name servers a report concerns.
func (w *waker) judged(changes health.Changes) (out []reconcile.Request) {
	if changes.VantagePoints {
		w.wakeEverybody()
	}
	for plan := range changes.Plans {
		out = append(out, request(plan))
	}
	return out
}

// discovered wakes the policies whose target changed in a member.
func (w *waker) discovered(table *discovery.Table) source.Source {
	return source.Func(func(ctx context.Context, q queue) error {
		table.Subscribe(func(c discovery.Change) { w.changed(ctx, c, q) })
		return nil
	})
}

func (w *waker) changed(ctx context.Context, c discovery.Change, q queue) {
	switch {
	case ctx.Err() != nil:
	case c.Service.Name == "":
		w.wakeEverybody()
	case c.Minor:
		add(q, priorityqueue.AddOpts{After: w.settle}, w.policiesOf(ctx, c.Service))
	default:
		add(q, priorityqueue.AddOpts{Priority: ptr.To(urgent)}, w.policiesOf(ctx, c.Service))
	}
}

// measured wakes the policies whose demand was measured, behind what is urgent.
func (w *waker) measured(table *demand.Table) source.Source {
	return source.Func(func(ctx context.Context, q queue) error {
		table.Subscribe(func(policies []types.NamespacedName) {
			if ctx.Err() != nil {
				return
			}
			requests := make([]reconcile.Request, 0, len(policies))
			for _, name := range policies {
				requests = append(requests, request(name))
			}
			add(q, priorityqueue.AddOpts{Priority: ptr.To(lowest)}, requests)
		})
		return nil
	})
}

// everybody wakes every policy at each event.
func (w *waker) everybody() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(context.Context, event.CreateEvent, queue) { w.wakeEverybody() },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ queue) {
			if mapChanged.Update(e) {
				w.wakeEverybody()
			}
		},
		DeleteFunc: func(context.Context, event.DeleteEvent, queue) { w.wakeEverybody() },
	}
}

// wakeEverybody asks for a sweep; several requests before it begins are one.
func (w *waker) wakeEverybody() {
	select {
	case w.sweep <- struct{}{}:
	default:
	}
}

// sweeps puts every policy into the queue, behind everything else, whenever somebody asked for it. It
// does so outside of event handlers, which must not wait for it.
func (w *waker) sweeps() source.Source {
	return source.Func(func(ctx context.Context, q queue) error {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-w.sweep:
					add(q, priorityqueue.AddOpts{Priority: ptr.To(lowest)}, w.policies(ctx))
				}
			}
		}()
		return nil
	})
}

// overlapping are the Zones whose domain is that of a Zone, or above or below it.
func (w *waker) overlapping(ctx context.Context, zone client.Object) []reconcile.Request {
	domain := zone.(*trafficv1alpha1.Zone).Spec.Domain
	out := w.zones(ctx, client.MatchingFields{byDomain: domain})
	for above := range traffic.Domains(domain) {
		out = append(out, w.zones(ctx, client.MatchingFields{byExactDomain: above})...)
	}
	return out
}

// zonesServed are the Zones that a report concerns.
func (w *waker) zonesServed(changes health.Changes) (out []reconcile.Request) {
	ctx := context.Background()
	if changes.VantagePoints {
		return w.zones(ctx)
	}
	for domain := range changes.Zones {
		out = append(out, w.zones(ctx, client.MatchingFields{byExactDomain: domain})...)
	}
	return out
}

// recordsServed are the ZoneRecords that a report has problems with, or has no more.
func (w *waker) recordsServed(changes health.Changes) (out []reconcile.Request) {
	for name := range changes.Records {
		out = append(out, request(types.NamespacedName{Name: name}))
	}
	return out
}

// hosting wakes, a little later, the Zones that the host names of a plan lie in.
func (w *waker) hosting() handler.EventHandler {
	wake := func(ctx context.Context, plan client.Object, q queue) {
		for _, domain := range domains(plan.(*trafficv1alpha1.TrafficPlan).Spec.Hostnames...) {
			add(q, priorityqueue.AddOpts{After: hostsSettle}, w.zones(ctx, client.MatchingFields{byExactDomain: domain}))
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { wake(ctx, e.Object, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { wake(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			wake(ctx, e.ObjectOld, q)
			wake(ctx, e.ObjectNew, q)
		},
	}
}

func (w *waker) allMaps(ctx context.Context, _ client.Object) []reconcile.Request {
	return w.named(ctx, &trafficv1alpha1.RegionMapList{})
}

// add enqueues with options where the queue knows any.
func add(q queue, opts priorityqueue.AddOpts, requests []reconcile.Request) {
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(opts, requests...)
		return
	}
	for _, r := range requests {
		q.AddAfter(r, opts.After)
	}
}
