package member

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// lostWait bounds how long a watch waits for a lost member before it tries anyway.
const lostWait = 30 * time.Second

// WatchOptions choose what a watch sees. Watches of one member with equal resource,
// LabelSelector, MetadataOnly and View share one informer.
type WatchOptions struct {
	// LabelSelector restricts the objects; empty means all.
	LabelSelector string
	// MetadataOnly delivers *metav1.PartialObjectMetadata instead of
	// *unstructured.Unstructured, for a fraction of the memory and bandwidth.
	MetadataOnly bool
	// View names Transform: watches that use the same name must use the same
	// function.
	View string
	// Transform reduces an object to what the watcher needs before it is cached.
	// It may change the object in place, or return another one that has the same
	// name and namespace.
	Transform func(runtime.Object) (runtime.Object, error)
}

// Lister reads the cache behind a watch. Objects are shared: they must not be
// changed.
type Lister interface {
	// Get returns the object with the key "namespace/name", or "name" for
	// cluster-scoped resources.
	Get(key string) (obj runtime.Object, exists bool)
	// List returns the objects of a namespace, or all for "".
	List(namespace string) []runtime.Object
	// HasSynced is true once the first list is in the cache and was delivered to
	// the handler.
	HasSynced() bool
	// Close ends this watch: its handler is called no more, and the informer
	// stops with its last watch. Closing twice is harmless.
	Close()
}

type informerKey struct {
	resource     schema.GroupVersionResource
	selector     string
	metadataOnly bool
	view         string
}

// informer is one shared informer and the number of watches on it.
type informer struct {
	cache.SharedIndexInformer
	cancel  context.CancelFunc
	watches int
}

// Watch delivers the objects of a resource to the handler (which may be nil) from
// now on, present ones first. It returns without waiting for the first list. The
// watch survives the member being away for any time; it ends when this connection is
// removed or replaced, upon which the caller watches the new one. Events are
// delivered one at a time to each handler, which should only queue keys.
func (m *Member) Watch(resource schema.GroupVersionResource, options WatchOptions, handler cache.ResourceEventHandler) (Lister, error) {
	if options.LabelSelector != "" {
		if _, err := labels.Parse(options.LabelSelector); err != nil {
			return nil, fmt.Errorf("cluster %q: label selector %q: %w", m.Name, options.LabelSelector, err)
		}
	}
	if (options.Transform != nil) != (options.View != "") {
		return nil, fmt.Errorf("cluster %q: watch of %s: Transform and View go together", m.Name, resource.Resource)
	}
	key := informerKey{resource, options.LabelSelector, options.MetadataOnly, options.View}

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, fmt.Errorf("cluster %q: %w: %w", m.Name, errClosed, ErrNotConnected)
	}
	inf := m.informers[key]
	if inf == nil {
		var err error
		if inf, err = m.newInformer(key, options); err != nil {
			return nil, err
		}
		m.informers[key] = inf
	}
	l := &lister{member: m, key: key, informer: inf, synced: inf.HasSynced}
	if handler != nil {
		registration, err := inf.AddEventHandler(handler)
		if err != nil {
			return nil, fmt.Errorf("cluster %q: watch of %s: %w", m.Name, resource.Resource, err)
		}
		l.registration, l.synced = registration, registration.HasSynced
	}
	inf.watches++
	return l, nil
}

// newInformer starts an informer.
func (m *Member) newInformer(key informerKey, options WatchOptions) (*informer, error) {
	shared := cache.NewSharedIndexInformerWithOptions(m.listWatch(key), example(key), cache.SharedIndexInformerOptions{
		Indexers:          cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc},
		ObjectDescription: m.Name + " " + key.resource.String(),
	})
	if err := shared.SetTransform(reduce(options.Transform)); err != nil {
		return nil, err
	}
	// A member that is away is the cluster controller's news, told once there and
	// not at every retry of every watch.
	err := shared.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		klog.V(3).InfoS("Watch of a member failed; retrying", "cluster", m.Name, "resource", key.resource.String(), "err", err)
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.running.Add(1)
	go func() {
		defer m.running.Done()
		shared.RunWithContext(ctx)
	}()
	return &informer{SharedIndexInformer: shared, cancel: cancel}, nil
}

func example(key informerKey) runtime.Object {
	if key.metadataOnly {
		return &metav1.PartialObjectMetadata{}
	}
	return &unstructured.Unstructured{}
}

// listWatch waits for a lost member before each call. So the reflector's growing
// delays do not add up while the member is away, and the watch is back at once when
// it returns.
func (m *Member) listWatch(key informerKey) cache.ListerWatcher {
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return m.dynamic.Resource(key.resource).List(ctx, o)
	}
	watchFrom := func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return m.dynamic.Resource(key.resource).Watch(ctx, o)
	}
	var client any = m.dynamic
	if key.metadataOnly {
		list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return m.metadata.Resource(key.resource).List(ctx, o)
		}
		watchFrom = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return m.metadata.Resource(key.resource).Watch(ctx, o)
		}
		client = m.metadata
	}
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = key.selector
			if err := m.reach.wait(ctx, lostWait); err != nil {
				return nil, err
			}
			return list(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = key.selector
			if err := m.reach.wait(ctx, lostWait); err != nil {
				return nil, err
			}
			return watchFrom(ctx, o)
		},
	}, client)
}

// reduce strips what no controller reads and applies the watcher's own transform.
func reduce(transform func(runtime.Object) (runtime.Object, error)) cache.TransformFunc {
	return func(in any) (any, error) {
		obj, ok := in.(runtime.Object)
		if !ok {
			return in, nil
		}
		if accessor, err := meta.Accessor(obj); err == nil {
			accessor.SetManagedFields(nil)
		}
		if transform == nil {
			return obj, nil
		}
		return transform(obj)
	}
}

type lister struct {
	member       *Member
	key          informerKey
	informer     *informer
	registration cache.ResourceEventHandlerRegistration
	synced       func() bool
	closed       sync.Once
}

func (l *lister) Get(key string) (runtime.Object, bool) {
	item, exists, err := l.informer.GetIndexer().GetByKey(key)
	if err != nil || !exists {
		return nil, false
	}
	obj, ok := item.(runtime.Object)
	return obj, ok
}

func (l *lister) List(namespace string) []runtime.Object {
	items := l.informer.GetIndexer().List()
	if namespace != "" {
		var err error
		if items, err = l.informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace); err != nil {
			return nil
		}
	}
	objects := make([]runtime.Object, 0, len(items))
	for _, item := range items {
		if obj, ok := item.(runtime.Object); ok {
			objects = append(objects, obj)
		}
	}
	return objects
}

func (l *lister) HasSynced() bool { return l.synced() }

func (l *lister) Close() {
	l.closed.Do(func() {
		m := l.member
		m.mu.Lock()
		defer m.mu.Unlock()
		if l.registration != nil {
			// The only error is that the informer has stopped already.
			_ = l.informer.RemoveEventHandler(l.registration)
		}
		if l.informer.watches--; l.informer.watches == 0 {
			l.informer.cancel()
			delete(m.informers, l.key)
		}
	})
}
