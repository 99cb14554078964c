package template

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// refreshEvery is how often the hub is asked what it serves.
const refreshEvery = 30 * time.Second

// afterCRD is when it is asked besides, after a CRD changed: it takes a moment until the API server
// serves what a CRD defines.
var afterCRD = []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second}

var crds = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// byPolicy indexes templates by the permanent id of their owner.
const byPolicy = "policy"

// watcher follows the metadata of every object that can be a template, and feeds the queue of the
// reconciler. It is a source of that controller.
type watcher struct {
	discovery Discovery
	metadata  metadata.Interface
	rules     *claim.Rules
	clock     clock.WithTicker
	seen      func(Key, metav1.Object) // called for an object that is there when the watch begins
	forget    func(Key)                // called when an object is gone
	crdChange chan struct{}

	mu      sync.RWMutex
	served  served
	watches map[schema.GroupVersionKind]*watch
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
	next := []time.Duration{0}
	for {
		wait := refreshEvery
		if len(next) > 0 {
			wait, next = next[0], next[1:]
		}
		timer := w.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-w.crdChange:
			timer.Stop()
			next = afterCRD
		case <-timer.C():
			if err := w.refresh(ctx); err != nil {
				log.Error(err, "templates of new kinds are not seen until this works")
			}
		}
	}
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
		}
	}
	for gvk, gvr := range found {
		if _, running := w.watches[gvk]; !running {
			w.watches[gvk] = w.watch(ctx, gvk, gvr)
		}
	}
	w.served = found
	return nil
}

func (w *watcher) watch(ctx context.Context, gvk schema.GroupVersionKind, gvr schema.GroupVersionResource) *watch {
	ctx, stop := context.WithCancel(ctx)
	informer := metadatainformer.NewFilteredMetadataInformer(w.metadata, gvr, metav1.NamespaceAll, 0, cache.Indexers{
		cache.NamespaceIndex: cache.MetaNamespaceIndexFunc,
		byPolicy:             indexByPolicy,
	}, nil).Informer()
	// Neither fails before the informer runs.
	_ = informer.SetTransform(withoutManagedFields)
	_, _ = informer.AddEventHandler(w.handler(gvk))
	go informer.RunWithContext(ctx)
	return &watch{GroupVersionResource: gvr, informer: informer, stop: stop}
}

// withoutManagedFields drops what is most of an object's metadata, and nothing here reads.
func withoutManagedFields(obj any) (any, error) {
	if m, ok := obj.(*metav1.PartialObjectMetadata); ok {
		m.ManagedFields = nil
	}
	return obj, nil
}

func indexByPolicy(obj any) ([]string, error) {
	if marks, ok := claim.MarksOf(obj.(*metav1.PartialObjectMetadata)); ok {
		return []string{marks.ID}, nil
	}
	return nil, nil
}

// handler queues what may matter. After a restart everything is seen anew; what users do then goes
// first.
func (w *watcher) handler(gvk schema.GroupVersionKind) cache.ResourceEventHandler {
	changed := func(obj *metav1.PartialObjectMetadata, priority int) {
		if gvk.GroupKind() == crds {
			w.tellCRD()
		}
		if !w.rules.Skips(gvk, obj) {
			w.add(priority, keyOf(gvk, obj))
		}
	}
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, initial bool) {
			found, priority := obj.(*metav1.PartialObjectMetadata), 0
			if initial {
				w.seen(keyOf(gvk, found), found)
				priority = handler.LowPriority
			}
			changed(found, priority)
		},
		UpdateFunc: func(before, after any) {
			// A CRD is established by a change of its status alone.
			if gvk.GroupKind() == crds {
				w.tellCRD()
			}
			if was, is := before.(*metav1.PartialObjectMetadata), after.(*metav1.PartialObjectMetadata); claim.Counts(was, is) {
				changed(is, 0)
			}
		},
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if gone, ok := obj.(*metav1.PartialObjectMetadata); ok {
				w.forget(keyOf(gvk, gone))
			}
			if gvk.GroupKind() == crds {
				w.tellCRD()
			}
		},
	}
}

func (w *watcher) tellCRD() {
	select {
	case w.crdChange <- struct{}{}:
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

// claimedBy returns the templates that a policy owns.
func (w *watcher) claimedBy(id string) (out []claim.Template) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for gvk, watch := range w.watches {
		found, _ := watch.informer.GetIndexer().ByIndex(byPolicy, id) // the index exists
		for _, t := range templates(gvk, found) {
			if !w.rules.Skips(gvk, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// selected returns the templates that a policy selects, each once.
func (w *watcher) selected(p policyv1alpha1.Propagation) (out []claim.Template) {
	seen := map[Key]bool{}
	for _, s := range p.GetPropagationSpec().ResourceSelectors {
		gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
		for _, t := range w.candidates(gvk, p, s) {
			key := keyOf(gvk, t)
			if !seen[key] && !w.rules.Skips(gvk, t) && claim.Matches(p, t) != claim.NoMatch {
				seen[key] = true
				out = append(out, t)
			}
		}
	}
	return out
}

// candidates narrows a selector down by what is indexed: name and namespace.
func (w *watcher) candidates(gvk schema.GroupVersionKind, p policyv1alpha1.Propagation, s policyv1alpha1.ResourceSelector) []claim.Template {
	informer := w.informer(gvk)
	if informer == nil {
		return nil
	}
	namespace := s.Namespace
	if namespace == "" {
		namespace = p.GetNamespace()
	}
	if namespace == "" {
		return templates(gvk, informer.GetIndexer().List())
	}
	found, _ := informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace) // the index exists
	return templates(gvk, found)
}

func templates(gvk schema.GroupVersionKind, objs []any) []claim.Template {
	out := make([]claim.Template, 0, len(objs))
	for _, obj := range objs {
		out = append(out, claim.Template{GVK: gvk, Object: obj.(*metav1.PartialObjectMetadata)})
	}
	return out
}
