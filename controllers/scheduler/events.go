package scheduler

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// background is added to the priority of what nobody did just now: bindings seen at the start, or
// woken by a cluster, a peer or a report. What users do goes first.
const background = -1 << 33

// follower keeps what is remembered of bindings true to what watches show, and queues those that an
// event concerns. It never lists anything.
type follower struct {
	waiting  *interests
	own      *own
	returns  *returns
	refusals *refusals
	placer   *Placer
	clock    clock.PassiveClock
}

// bindings queues bindings whose spec changed, the more important first, and those that wait for
// what happened to them.
func (f *follower) bindings() handler.EventHandler {
	return plainFuncs{handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			b := e.Object.(workv1alpha2.Binding)
			f.waiting.set(b)
			priority := priorityOf(b)
			if e.IsInInitialList {
				priority += background
				f.placer.ledger.Restore(b, f.clock.Now())
			} else {
				f.placer.ledger.Observe(b, nil, f.clock.Now())
			}
			incoming.WithLabelValues("BindingAdd").Inc()
			enqueue(q, priority, keyOf(b))
			f.peers(q, f.placer.groups.observe(b))
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			f.updated(q, e.ObjectOld.(workv1alpha2.Binding), e.ObjectNew.(workv1alpha2.Binding))
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			key := client.ObjectKeyFromObject(e.Object)
			f.waiting.drop(key)
			f.own.forget(key)
			f.returns.drop(key)
			f.refusals.forget(key)
			for _, cluster := range f.placer.ledger.Forget(key) {
				f.placer.wakers.wake(wake{cluster: cluster})
			}
			f.peers(q, f.placer.groups.drop(key))
		},
	}}
}

func (f *follower) updated(q queue, before, after workv1alpha2.Binding) {
	was, is := before.GetBindingStatus(), after.GetBindingStatus()
	moved := before.GetGeneration() != after.GetGeneration()
	if moved || was.SchedulerObservedAffinityName != is.SchedulerObservedAffinityName || failed(was) != failed(is) {
		f.waiting.set(after)
	}
	f.placer.ledger.Observe(after, before.GetBindingSpec().Clusters, f.clock.Now())
	f.peers(q, f.placer.groups.observe(after))

	key := keyOf(after)
	told := f.own.told(key, after.GetResourceVersion())
	switch {
	case (moved || adopted(before, after)) && !told:
		incoming.WithLabelValues("BindingUpdate").Inc()
		enqueue(q, priorityOf(after), key)
	case f.returns.awaits(key) && !equality.Semantic.DeepEqual(was.AggregatedStatus, is.AggregatedStatus):
		incoming.WithLabelValues("BindingReport").Inc()
		enqueue(q, background, key)
	}
}

// peers queues bindings of an affinity group one of which has moved.
func (f *follower) peers(q queue, keys []types.NamespacedName) {
	if len(keys) > 0 {
		incoming.WithLabelValues("PeerChange").Add(float64(len(keys)))
		enqueue(q, background, keys...)
	}
}

// clusters queues the bindings that a change of a cluster concerns. What is in a cluster that is being
// deleted has to leave, whatever its affinity says by now.
func (f *follower) clusters(targetedAt func(context.Context, string) []types.NamespacedName) handler.EventHandler {
	wake := func(ctx context.Context, q queue, before, after *clusterv1alpha1.Cluster) {
		keys := f.waiting.concerned(before, after)
		if leaves(before, after) {
			keys = append(keys, targetedAt(ctx, after.Name)...)
		}
		incoming.WithLabelValues("ClusterChange").Add(float64(len(keys)))
		if len(keys) > 0 {
			// The placer follows clusters too, and may hear of this one later than a worker takes the first.
			f.placer.clusters.changed()
		}
		enqueue(q, background, keys...)
	}
	return plainFuncs{handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList { // all bindings are looked at then anyway
				wake(ctx, q, nil, e.Object.(*clusterv1alpha1.Cluster))
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			wake(ctx, q, e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster))
		},
	}}
}

// wakes queues bindings that could not be placed when there is a reason that no watch shows.
func (f *follower) wakes(reader client.Reader) func(context.Context, queue) error {
	return func(ctx context.Context, q queue) error {
		f.placer.wakers.add(func(why wake) {
			keys := f.woken(ctx, reader, why)
			incoming.WithLabelValues("Wake").Add(float64(len(keys)))
			enqueue(q, background, keys...)
		})
		return nil
	}
}

func (f *follower) woken(ctx context.Context, reader client.Reader, why wake) []types.NamespacedName {
	if why.cluster == "" {
		return f.waiting.failed()
	}
	var cluster clusterv1alpha1.Cluster
	if err := reader.Get(ctx, client.ObjectKey{Name: why.cluster}, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil // it is gone, and so is its room
	}
	return f.waiting.short(&cluster)
}

// plainFuncs hands its functions the queue as it is: they set priorities themselves.
type plainFuncs struct{ f handler.Funcs }

func (p plainFuncs) Create(ctx context.Context, e event.CreateEvent, q queue) {
	if p.f.CreateFunc != nil {
		p.f.CreateFunc(ctx, e, q)
	}
}

func (p plainFuncs) Update(ctx context.Context, e event.UpdateEvent, q queue) {
	if p.f.UpdateFunc != nil {
		p.f.UpdateFunc(ctx, e, q)
	}
}

func (p plainFuncs) Delete(ctx context.Context, e event.DeleteEvent, q queue) {
	if p.f.DeleteFunc != nil {
		p.f.DeleteFunc(ctx, e, q)
	}
}

func (p plainFuncs) Generic(context.Context, event.GenericEvent, queue) {}

func enqueue(q queue, priority int, keys ...types.NamespacedName) {
	requests := make([]reconcile.Request, 0, len(keys))
	for _, key := range keys {
		requests = append(requests, reconcile.Request{NamespacedName: key})
	}
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, requests...)
		return
	}
	for _, r := range requests {
		q.Add(r)
	}
}

func priorityOf(b workv1alpha2.Binding) int { return int(hub.PriorityOf(b)) }
