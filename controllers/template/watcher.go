package template

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/seaway-io/seaway/controllers/core/claim"
)

// refreshEvery is how often the hub is asked what it serves.
const refreshEvery = 30 * time.Second

// afterNews is when it is asked besides, after a CRD or an APIService changed: it takes a moment
// until the API server serves what they define.
var afterNews = [...]time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second}

// announcers are the kinds whose objects say what the hub serves.
var announcers = sets.New(
	schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
	schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"},
)

const (
	// byPolicy indexes templates by their owner.
	byPolicy = "policy"
	// byName indexes templates by their name, for policies that name one in any namespace.
	byName = "name"
)

// watcher follows the metadata of every object that can be a template, and feeds the queue of the
// reconciler. It is a source of that controller.
type watcher struct {
	discovery Discovery
	metadata  metadata.Interface
	rules     *claim.Rules
	clock     clock.WithTicker
	changed   func(key Key, initial bool) // called for what is queued; initial is set for what is there when the watch begins
	forget    func(Key)                   // called when an object is gone
	news      chan struct{}               // of announcers
	objects   *Objects                    // told of every object; nil when nobody shares them

	mu      sync.RWMutex
	served  served
	watches map[schema.GroupVersionKind]*watch
	kinds   map[schema.GroupKind]schema.GroupVersionKind // the version that is watched
	queue   workqueue.TypedRateLimitingInterface[Key]
}

type watch struct {
	schema.GroupVersionResource
	informer cache.SharedIndexInformer
	stop     context.CancelFunc
}

// Start implements source.TypedSource.
func (w *watcher) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[Key]) error {
	w.mu.Lock()
	w.queue = queue
	w.mu.Unlock()
	go w.run(ctx)
	return nil
}

func (w *watcher) run(ctx context.Context) {
	log := ctrl.LoggerFrom(ctx).WithName("template-watcher")
	due := []time.Time{w.clock.Now()}
	for {
		timer := w.clock.NewTimer(due[0].Sub(w.clock.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.news:
			timer.Stop()
			due = soon(due[0], w.clock.Now())
		case <-timer.C():
			if err := w.refresh(ctx); err != nil {
				log.Error(err, "templates of new kinds are not seen until this works")
			}
			if due = due[1:]; len(due) == 0 {
				due = append(due, w.clock.Now().Add(refreshEvery))
			}
		}
	}
}

// soon is when to ask after news. What was due earlier stays: news that never end do not put it off.
func soon(next, now time.Time) (due []time.Time) {
	for _, d := range afterNews {
		due = append(due, now.Add(d))
	}
	if next.Before(due[0]) {
		due[0] = next
	}
	return due
}

// refresh starts watches for what is new and stops those of what is gone.
func (w *watcher) refresh(ctx context.Context) error {
	found, unknown, err := discover(w.discovery, w.rules)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for gvk, running := range w.watches {
		if _, down := unknown[gvk.GroupVersion()]; down {
			found[gvk] = running.GroupVersionResource
		}
		if found[gvk] != running.GroupVersionResource {
			running.stop()
			delete(w.watches, gvk)
			for _, gone := range templates(gvk, running.informer.GetIndexer().List()) {
				w.forget(keyOf(gvk, gone))
			}
		}
	}
	w.served = found
	var errs []error
	for gvk, gvr := range found {
		if _, running := w.watches[gvk]; running {
			continue
		}
		started, err := w.watch(ctx, gvk, gvr)
		if err != nil {
			errs = append(errs, fmt.Errorf("watch %s: %w", gvr, err))
			continue
		}
		w.watches[gvk] = started
	}
	w.kinds = make(map[schema.GroupKind]schema.GroupVersionKind, len(w.watches))
	for gvk := range w.watches {
		w.kinds[gvk.GroupKind()] = gvk
	}
	return errors.Join(errs...)
}

func (w *watcher) watch(ctx context.Context, gvk schema.GroupVersionKind, gvr schema.GroupVersionResource) (*watch, error) {
	informer := metadatainformer.NewFilteredMetadataInformer(w.metadata, gvr, metav1.NamespaceAll, 0, indexers(), nil).Informer()
	if err := informer.SetTransform(withoutManagedFields); err != nil {
		return nil, err
	}
	if _, err := informer.AddEventHandler(w.handler(gvk)); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	go informer.RunWithContext(ctx)
	return &watch{GroupVersionResource: gvr, informer: informer, stop: stop}, nil
}

func indexers() cache.Indexers {
	return cache.Indexers{
		cache.NamespaceIndex: cache.MetaNamespaceIndexFunc,
		byPolicy:             indexByPolicy,
		byName:               func(obj any) ([]string, error) { return []string{obj.(*metav1.PartialObjectMetadata).Name}, nil },
	}
}

// withoutManagedFields drops what is most of an object's metadata, and nothing here reads.
func withoutManagedFields(obj any) (any, error) {
	if m, ok := obj.(*metav1.PartialObjectMetadata); ok {
		m.ManagedFields = nil
	}
	return obj, nil
}

// indexByPolicy does not believe marks of a policy of another namespace: it never put them there, and
// would wait at its end until they are gone.
func indexByPolicy(obj any) ([]string, error) {
	m := obj.(*metav1.PartialObjectMetadata)
	if marks, ok := claim.MarksOf(m); ok && (marks.Namespace == "" || marks.Namespace == m.Namespace) {
		return []string{types.NamespacedName{Namespace: marks.Namespace, Name: marks.Name}.String()}, nil
	}
	return nil, nil
}

// handler queues what may matter. After a restart everything is seen anew; what users do then goes
// first.
func (w *watcher) handler(gvk schema.GroupVersionKind) cache.ResourceEventHandler {
	tell := func() {
		if announcers.Has(gvk.GroupKind()) {
			w.tellNews()
		}
	}
	changed := func(obj *metav1.PartialObjectMetadata, initial bool) {
		if w.rules.Skips(gvk, obj) {
			return
		}
		priority := 0
		if initial {
			priority = handler.LowPriority
		}
		w.changed(keyOf(gvk, obj), initial)
		w.add(priority, keyOf(gvk, obj))
	}
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, initial bool) {
			tell()
			w.objects.changed(gvk.GroupKind(), nil, obj.(*metav1.PartialObjectMetadata))
			changed(obj.(*metav1.PartialObjectMetadata), initial)
		},
		UpdateFunc: func(before, after any) {
			tell() // also for a status alone: by that a CRD is established
			was, is := before.(*metav1.PartialObjectMetadata), after.(*metav1.PartialObjectMetadata)
			w.objects.changed(gvk.GroupKind(), was, is)
			if claim.Counts(was, is) {
				changed(is, false)
			}
		},
		DeleteFunc: func(obj any) {
			tell()
			if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if gone, ok := obj.(*metav1.PartialObjectMetadata); ok {
				w.forget(keyOf(gvk, gone))
				w.objects.changed(gvk.GroupKind(), gone, nil)
			}
		},
	}
}

func (w *watcher) tellNews() {
	select {
	case w.news <- struct{}{}:
	default: // told already
	}
}

// add queues templates. Before Start it does nothing: all templates are seen then.
func (w *watcher) add(priority int, keys ...Key) {
	w.mu.RLock()
	queue := w.queue
	w.mu.RUnlock()
	if pq, ok := queue.(priorityqueue.PriorityQueue[Key]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, keys...)
		return
	}
	for _, key := range keys {
		if queue != nil {
			queue.Add(key)
		}
	}
}

// resource is what requests for the kind go to; false when the hub does not serve it.
func (w *watcher) resource(gvk schema.GroupVersionKind) (schema.GroupVersionResource, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	gvr, ok := w.served[gvk]
	return gvr, ok
}

// missing says why a kind is not watched, once the hub has said what it serves.
func (w *watcher) missing(gvk schema.GroupVersionKind) string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.served == nil {
		return ""
	}
	return w.served.missing(gvk, w.rules)
}

// get returns the metadata of a template; it is shared and must not be changed.
func (w *watcher) get(key Key) (*metav1.PartialObjectMetadata, bool) {
	informer := w.informer(key.GroupVersionKind)
	if informer == nil {
		return nil, false
	}
	obj, ok, err := informer.GetIndexer().GetByKey(cache.NewObjectName(key.Namespace, key.Name).String())
	if err != nil || !ok {
		return nil, false
	}
	return obj.(*metav1.PartialObjectMetadata), true
}

func (w *watcher) informer(gvk schema.GroupVersionKind) cache.SharedIndexInformer {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if watch, ok := w.watches[gvk]; ok {
		return watch.informer
	}
	return nil
}
