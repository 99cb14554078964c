package dependency

import (
	"context"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/deps"
)

// feed is the queue of dependencies, for those who wake them. What comes before the queue is there
// waits for it. It is a source of the controller of dependencies.
type feed struct {
	mu      sync.Mutex
	queue   workqueue.TypedRateLimitingInterface[deps.Key]
	waiting []deps.Key
}

// Start implements source.TypedSource.
func (f *feed) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[deps.Key]) error {
	f.mu.Lock()
	f.queue = queue
	waiting := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	f.add(waiting...)
	return nil
}

func (f *feed) add(keys ...deps.Key) {
	f.mu.Lock()
	queue := f.queue
	if queue == nil {
		f.waiting = append(f.waiting, keys...)
	}
	f.mu.Unlock()
	for _, key := range keys {
		if queue != nil {
			queue.Add(key)
		}
	}
}

// changed wakes a dependency whose object came, went or changed. An object that nobody refers to
// costs a look into two maps.
func (s *shared) changed(kind schema.GroupKind, before, after metav1.Object) {
	if before != nil && after != nil && !claim.Counts(before, after) {
		return
	}
	var was, is labels.Set
	obj := after
	if before != nil {
		was, obj = before.GetLabels(), before
	}
	if after != nil {
		is = after.GetLabels()
	}
	if obj == nil {
		return
	}
	key := deps.Key{GroupKind: kind, NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}}
	s.graphLock.RLock()
	concerns := s.graph.Concerns(key, was, is)
	s.graphLock.RUnlock()
	if concerns {
		s.dependencies.add(key)
	}
}

// parentHandler queues parents when they change, and when what their dependencies say of them does.
func parentHandler() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]
	add := func(q queue, routine bool, name types.NamespacedName) {
		if pq, ok := q.(priorityqueue.PriorityQueue[ctrl.Request]); ok && routine {
			low := handler.LowPriority
			pq.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, ctrl.Request{NamespacedName: name})
			return
		}
		q.Add(ctrl.Request{NamespacedName: name})
	}
	return handler.TypedFuncs[client.Object, ctrl.Request]{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			b := e.Object.(*workv1alpha2.ResourceBinding)
			if deps.Leads(b) || deps.Marked(b) {
				add(q, e.IsInInitialList, deps.NameOf(b))
			}
			if e.IsInInitialList {
				return // its parents come up themselves
			}
			for _, name := range parentsToTell(nil, b) {
				add(q, false, name)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			was, is := e.ObjectOld.(*workv1alpha2.ResourceBinding), e.ObjectNew.(*workv1alpha2.ResourceBinding)
			if parentChanged(was, is) {
				add(q, false, deps.NameOf(is))
			}
			for _, name := range parentsToTell(was, is) {
				add(q, false, name)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			b := e.Object.(*workv1alpha2.ResourceBinding)
			if b.Spec.PropagateDeps || deps.Marked(b) {
				add(q, false, deps.NameOf(b))
			}
			for _, name := range parentsToTell(b, nil) {
				add(q, false, name)
			}
		},
	}
}

// parentChanged says whether a parent changed in what concerns its dependencies. The marks on it count:
// they may have been taken off by hand.
func parentChanged(was, is *workv1alpha2.ResourceBinding) bool {
	if !was.Spec.PropagateDeps && !is.Spec.PropagateDeps && !deps.Marked(is) {
		return false
	}
	return was.Generation != is.Generation || deps.Leads(was) != deps.Leads(is) || deps.Marked(was) != deps.Marked(is) || !maps.Equal(was.Labels, is.Labels)
}

// parentsToTell are the parents of which an attached binding says something else than before.
func parentsToTell(was, is *workv1alpha2.ResourceBinding) (out []types.NamespacedName) {
	before, after := snapshots(was), snapshots(is)
	for name, s := range after {
		if old, known := before[name]; !known || !equality.Semantic.DeepEqual(old, s) {
			out = append(out, name)
		}
	}
	for name := range before {
		if _, still := after[name]; !still {
			out = append(out, name)
		}
	}
	return out
}

func snapshots(b *workv1alpha2.ResourceBinding) map[types.NamespacedName]workv1alpha2.BindingSnapshot {
	if b == nil || len(b.Spec.RequiredBy) == 0 {
		return nil
	}
	out := make(map[types.NamespacedName]workv1alpha2.BindingSnapshot, len(b.Spec.RequiredBy))
	for _, s := range b.Spec.RequiredBy {
		out[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}] = s
	}
	return out
}

// attachedHandler queues dependencies whose binding was changed by somebody, or is gone.
func attachedHandler() handler.TypedEventHandler[*workv1alpha2.ResourceBinding, deps.Key] {
	type queue = workqueue.TypedRateLimitingInterface[deps.Key]
	return handler.TypedFuncs[*workv1alpha2.ResourceBinding, deps.Key]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[*workv1alpha2.ResourceBinding], q queue) {
			if len(e.Object.Spec.RequiredBy) > 0 {
				q.Add(deps.KeyOf(e.Object))
			}
		},
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[*workv1alpha2.ResourceBinding], q queue) {
			was, is := e.ObjectOld, e.ObjectNew
			if len(was.Spec.RequiredBy)+len(is.Spec.RequiredBy) > 0 && (was.Generation != is.Generation || !maps.Equal(was.Labels, is.Labels)) {
				q.Add(deps.KeyOf(is))
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*workv1alpha2.ResourceBinding], q queue) {
			q.Add(deps.KeyOf(e.Object)) // who needs the object may have waited for just that
		},
	}
}
