// Package managed follows, in every member, the objects that Works put there, and says which Work a
// change concerns. The watches are shared: execution repairs drift by them, status brings home what
// they show. A watch starts when the first Work needs it, and ends with the connection.
package managed

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/controllers/member"
)

// Member is what is used of a connection; *member.Member has it.
type Member interface {
	Dynamic() dynamic.Interface
	Mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error)
	Watch(gvr schema.GroupVersionResource, opts member.WatchOptions, handler cache.ResourceEventHandler) (member.Lister, error)
}

// Members is what is used of a pool of connections.
type Members interface {
	// Member returns the present connection of a cluster, or an error that says why there is none.
	Member(name string) (Member, error)
	// Subscribe calls fn whenever the connection of a cluster changes: see member.Pool.
	Subscribe(fn func(name string))
}

// Pool lets a *member.Pool be used as Members.
func Pool(pool *member.Pool) Members { return connections{pool} }

type connections struct{ *member.Pool }

func (c connections) Member(name string) (Member, error) {
	m, err := c.Pool.Member(name)
	if err != nil {
		return nil, err // not a nil *Member in an interface
	}
	return m, nil
}

// Event is a change of a managed object in a member.
type Event struct {
	Cluster string
	Work    types.NamespacedName
	// ResourceVersion of the object after the change; of a deleted one, the last that was seen.
	ResourceVersion string
	// StatusOnly is set when nothing but the status changed.
	StatusOnly bool
	// Initial is set for objects that were there when the watch began.
	Initial bool
	// Deleted is set for objects that are gone.
	Deleted bool
}

// Watcher holds the watches. It is safe for concurrent use.
type Watcher struct {
	Members
	clock clock.PassiveClock

	mu       sync.RWMutex
	watches  map[string]*connection
	handlers []func(Event)
}

// connection is the watches of one connection; a new connection begins with none.
type connection struct {
	member Member
	caches map[schema.GroupVersionResource]*Cache
	kinds  map[schema.GroupVersionKind]*Kind
}

// Kind is one kind in one member.
type Kind struct {
	Mapping *meta.RESTMapping
	Objects *Cache
}

// New returns a watcher without watches.
func New(members Members, clock clock.PassiveClock) *Watcher {
	w := &Watcher{Members: members, clock: clock, watches: map[string]*connection{}}
	members.Subscribe(w.dropClosed)
	return w
}

// Notify calls fn for every event from now on. Calls for one kind in one cluster come one after the
// other and hold up the next, so fn should only queue.
func (w *Watcher) Notify(fn func(Event)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers = append(w.handlers, fn)
}

// Follow returns a kind in a member, and starts the watch of its managed objects if that has not
// happened yet. m is the present connection of the cluster. The member may be asked what it serves,
// and may take its time: Follow is only for those who hold up nothing but that member's matters.
func (w *Watcher) Follow(cluster string, m Member, gvk schema.GroupVersionKind) (*Kind, error) {
	mapping, err := m.Mapping(gvk)
	if err != nil {
		return nil, err
	}
	if known := w.Followed(cluster, m, gvk); known != nil && known.Mapping.Resource == mapping.Resource {
		return known, nil
	}
	objects, err := w.cache(cluster, m, mapping.Resource)
	if err != nil {
		return nil, err
	}
	kind := &Kind{Mapping: mapping, Objects: objects}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.watches[cluster]; c != nil && c.member == m {
		c.kinds[gvk] = kind
	}
	return kind, nil
}

// Followed returns a kind that is followed already, else nil. It never waits.
func (w *Watcher) Followed(cluster string, m Member, gvk schema.GroupVersionKind) *Kind {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if c := w.watches[cluster]; c != nil && c.member == m {
		return c.kinds[gvk]
	}
	return nil
}

// cache returns what is known of the managed objects of a resource, and starts the watch for it.
func (w *Watcher) cache(cluster string, m Member, gvr schema.GroupVersionResource) (*Cache, error) {
	w.mu.RLock()
	if c := w.watches[cluster]; c != nil && c.member == m && c.caches[gvr] != nil {
		defer w.mu.RUnlock()
		return c.caches[gvr], nil
	}
	w.mu.RUnlock()

	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.watches[cluster]
	if c == nil || c.member != m {
		c = &connection{member: m, caches: map[schema.GroupVersionResource]*Cache{}, kinds: map[schema.GroupVersionKind]*Kind{}}
		w.watches[cluster] = c
	}
	if found := c.caches[gvr]; found != nil {
		return found, nil
	}
	lister, err := m.Watch(gvr, member.WatchOptions{LabelSelector: names.ManagedLabel + "=true"}, w.handler(cluster))
	if err != nil {
		return nil, fmt.Errorf("watch %s in cluster %q: %w", gvr.GroupResource(), cluster, err)
	}
	c.caches[gvr] = &Cache{lister: lister, started: w.clock.Now(), clock: w.clock}
	return c.caches[gvr], nil
}

// dropClosed forgets the watches of a connection that is gone or was replaced.
func (w *Watcher) dropClosed(cluster string) {
	present, err := w.Member(cluster)
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.watches[cluster]; c != nil && (err != nil || c.member != present) {
		delete(w.watches, cluster)
	}
}

func (w *Watcher) handler(cluster string) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, initial bool) { w.tell(cluster, obj, Event{Initial: initial}) },
		UpdateFunc: func(before, after any) {
			was, is := objectOf(before), objectOf(after)
			if was == nil || is == nil || was.GetResourceVersion() == is.GetResourceVersion() {
				return
			}
			w.tell(cluster, is, Event{StatusOnly: sameButStatus(was, is)})
			// an object handed over to another Work concerns both
			if workOf(was) != workOf(is) {
				w.tell(cluster, was, Event{})
			}
		},
		DeleteFunc: func(obj any) { w.tell(cluster, obj, Event{Deleted: true}) },
	}
}

func (w *Watcher) tell(cluster string, obj any, event Event) {
	object := objectOf(obj)
	if object == nil {
		return
	}
	event.Cluster, event.Work, event.ResourceVersion = cluster, workOf(object), object.GetResourceVersion()
	if event.Work.Name == "" || event.Work.Namespace != names.ExecutionNamespace(cluster) {
		return // whoever wrote that annotation, it is not about a Work for this cluster
	}
	w.mu.RLock()
	handlers := w.handlers
	w.mu.RUnlock()
	for _, handle := range handlers {
		handle(event)
	}
}

func objectOf(obj any) *unstructured.Unstructured {
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	object, _ := obj.(*unstructured.Unstructured)
	return object
}

func workOf(obj *unstructured.Unstructured) types.NamespacedName {
	annotations := obj.GetAnnotations()
	return types.NamespacedName{Namespace: annotations[names.WorkNamespaceAnnotation], Name: annotations[names.WorkNameAnnotation]}
}

// sameButStatus compares what execution is responsible for.
func sameButStatus(a, b *unstructured.Unstructured) bool {
	if !sameKeys(a.Object, b.Object, "status", "metadata") {
		return false
	}
	metaA, _ := a.Object["metadata"].(map[string]any)
	metaB, _ := b.Object["metadata"].(map[string]any)
	return sameKeys(metaA, metaB, "resourceVersion", "managedFields", "generation")
}

func sameKeys(a, b map[string]any, except ...string) bool {
	skip := map[string]bool{}
	for _, key := range except {
		skip[key] = true
	}
	for key, value := range a {
		if !skip[key] && !reflect.DeepEqual(value, b[key]) {
			return false
		}
	}
	for key := range b {
		if _, both := a[key]; !both && !skip[key] {
			return false
		}
	}
	return true
}

// patience is how long a watch may take until it is asked to do without it.
const patience = 15 * time.Second

// Cache is what is known of the managed objects of one resource in one member.
type Cache struct {
	lister  member.Lister
	clock   clock.PassiveClock
	started time.Time
}

// Get returns an object; it is shared and must not be changed.
func (c *Cache) Get(namespace, name string) (*unstructured.Unstructured, bool) {
	obj, exists := c.lister.Get(cache.NewObjectName(namespace, name).String())
	if !exists {
		return nil, false
	}
	object, ok := obj.(*unstructured.Unstructured)
	return object, ok
}

// State says whether what the cache does not have is not there. A watch that takes long (the member
// may refuse to list) is Hopeless: its users then ask the member itself.
func (c *Cache) State() State {
	switch {
	case c.lister.HasSynced():
		return Complete
	case c.clock.Since(c.started) < patience:
		return Filling
	}
	return Hopeless
}

// State of a Cache.
type State int

// States of a Cache.
const (
	Filling State = iota
	Complete
	Hopeless
)
