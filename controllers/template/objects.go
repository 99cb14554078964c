package template

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/seaway-io/seaway/controllers/core/deps"
)

// Objects shares the metadata of what this package watches: every object that can be a template. It
// knows nothing before the watches begin.
type Objects struct {
	mu      sync.RWMutex
	watcher *watcher
	tell    []func(kind schema.GroupKind, before, after metav1.Object)
}

// Get returns an object, and its kind in the version that is watched; false while it is not known.
func (o *Objects) Get(key deps.Key) (schema.GroupVersionKind, metav1.Object, bool) {
	gvk, informer := o.informer(key.GroupKind)
	if informer == nil {
		return gvk, nil, false
	}
	obj, found, err := informer.GetIndexer().GetByKey(cache.NewObjectName(key.Namespace, key.Name).String())
	if err != nil || !found {
		return gvk, nil, false
	}
	return gvk, obj.(*metav1.PartialObjectMetadata), true
}

// List returns the objects of a kind in a namespace, as far as they are known.
func (o *Objects) List(kind schema.GroupKind, namespace string) []metav1.Object {
	_, informer := o.informer(kind)
	if informer == nil {
		return nil
	}
	found, _ := informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace) // the index exists
	out := make([]metav1.Object, 0, len(found))
	for _, obj := range found {
		out = append(out, obj.(*metav1.PartialObjectMetadata))
	}
	return out
}

// Notify has f called for every object from now on: before is nil for one that is new, after for one
// that is gone.
func (o *Objects) Notify(f func(kind schema.GroupKind, before, after metav1.Object)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tell = append(o.tell, f)
}

func (o *Objects) follow(w *watcher) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watcher = w
}

// changed tells those who asked for it.
func (o *Objects) changed(kind schema.GroupKind, before, after metav1.Object) {
	if o == nil {
		return
	}
	o.mu.RLock()
	tell := o.tell
	o.mu.RUnlock()
	for _, f := range tell {
		f(kind, before, after)
	}
}

func (o *Objects) informer(kind schema.GroupKind) (schema.GroupVersionKind, cache.SharedIndexInformer) {
	o.mu.RLock()
	w := o.watcher
	o.mu.RUnlock()
	if w == nil {
		return schema.GroupVersionKind{}, nil
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	gvk := w.kinds[kind]
	if watch, ok := w.watches[gvk]; ok {
		return gvk, watch.informer
	}
	return gvk, nil
}
