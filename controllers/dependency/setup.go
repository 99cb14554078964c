// Package dependency keeps the bindings of what workloads depend on, so that it follows them into
// their clusters. What follows whom is decided by controllers/core/deps; this package reads templates,
// wakes what a change concerns, and writes.
//
// Two controllers share one graph of who refers to what. The first takes parents: it has a template
// interpreted when its binding names another version of it, or its kind is explained in another way, notes the result on the binding, and wakes
// the dependencies whose bindings do not say what the parent says. The second takes dependencies, and
// makes the binding of each what all its parents together need. So a dependency of a thousand workloads
// that move at once is written a few times, not a thousand times. A restart reads every parent's
// template once and writes nothing.
//
// A parent that goes, or no longer takes its dependencies along, keeps its finalizer until its
// snapshots are gone.
//
// The second half is Order: what a workload needs is there before its pods start. The Work of a workload
// for a cluster that it is not in yet is held back until the Works of its dependencies there are
// applied, which package binding does for a bounded time. Clusters that have a Work already never wait.
package dependency

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/source"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Objects are the objects of the hub of every kind that can be propagated, by their metadata. Whoever
// follows them all for another reason shares them with this package. It has to be safe for concurrent
// use, and what it returns is not changed.
type Objects interface {
	// Get returns an object, and its kind in the version that is followed; false while it is not known.
	Get(deps.Key) (schema.GroupVersionKind, metav1.Object, bool)
	// List returns the objects of a kind in a namespace, as far as they are known.
	List(kind schema.GroupKind, namespace string) []metav1.Object
	// Notify has f called for every object from now on: when it is first seen or appears (before is nil),
	// when it changes, and when it is gone (after is nil). Get knows by then. f returns at once.
	Notify(f func(kind schema.GroupKind, before, after metav1.Object))
}

// Interpreter knows what an object refers to. controllers/core/interpret has it.
type Interpreter interface {
	Dependencies(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error)
}

// Options of the controllers.
type Options struct {
	Interpreter Interpreter
	// Interpretations tells when kinds are explained in another way; nil when they never are.
	Interpretations *hub.Interpretations
	Objects         Objects
	// Workers is how many parents, and how many dependencies, are handled at a time; 8 when 0.
	Workers int
}

// retries starts fast, for most errors are races, and goes on for what waits on a user.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// indexRequiredBy finds attached bindings by the parents whose snapshots they hold.
const indexRequiredBy = "spec.requiredBy"

// shared is what both controllers know.
type shared struct {
	client client.Client
	// live is not cached: a template is read once for each of its versions.
	live        client.Reader
	recorder    record.EventRecorder
	interpreter Interpreter
	// interpretations says by which version of the interpreter a template was read.
	interpretations *hub.Interpretations
	objects         Objects
	// dependencies are those to look at.
	dependencies *feed

	graphLock sync.RWMutex
	graph     *deps.Graph
}

// Setup adds to the manager a controller for parents and one for dependencies.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 8
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &workv1alpha2.ResourceBinding{}, indexRequiredBy, requiredBy); err != nil {
		return fmt.Errorf("index bindings by who requires them: %w", err)
	}
	s := &shared{
		client:          mgr.GetClient(),
		live:            mgr.GetAPIReader(),
		recorder:        hub.Recorder(mgr, "dependencies-distributor"),
		interpreter:     o.Interpreter,
		interpretations: o.Interpretations,
		objects:         o.Objects,
		dependencies:    &feed{},
		graph:           deps.NewGraph(),
	}
	if err := setupParents(mgr, o, s); err != nil {
		return fmt.Errorf("set up parents: %w", err)
	}
	if err := setupDependencies(mgr, o, s); err != nil {
		return fmt.Errorf("set up dependencies: %w", err)
	}
	o.Objects.Notify(s.changed)
	return nil
}

func setupParents(mgr ctrl.Manager, o Options, s *shared) error {
	r := newParents(s)
	return ctrl.NewControllerManagedBy(mgr).
		Named("dependency").
		Watches(&workv1alpha2.ResourceBinding{}, parentHandler()).
		WatchesRawSource(hub.Reinterpreted(o.Interpretations, r.ofKind)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
		}).
		Complete(r)
}

func setupDependencies(mgr ctrl.Manager, o Options, s *shared) error {
	c, err := controller.NewTyped("attached-binding", mgr, controller.TypedOptions[deps.Key]{
		Reconciler:              newAttached(s),
		MaxConcurrentReconciles: o.Workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[deps.Key](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	if err := c.Watch(s.dependencies); err != nil {
		return err
	}
	return c.Watch(source.TypedKind(mgr.GetCache(), &workv1alpha2.ResourceBinding{}, attachedHandler()))
}

// requiredBy are the parents of an attached binding, as keys of the index. They are beside it: a snapshot
// of one elsewhere is of somebody's making, and must not hold that parent up at its end.
func requiredBy(obj client.Object) []string {
	var out []string
	for _, s := range obj.(*workv1alpha2.ResourceBinding).Spec.RequiredBy {
		if s.Namespace == obj.GetNamespace() {
			out = append(out, types.NamespacedName{Namespace: s.Namespace, Name: s.Name}.String())
		}
	}
	return out
}

// attachedTo lists the bindings that hold a snapshot of the parent. They are the cache's own.
func (s *shared) attachedTo(ctx context.Context, parent types.NamespacedName) ([]workv1alpha2.ResourceBinding, error) {
	var list workv1alpha2.ResourceBindingList
	err := s.client.List(ctx, &list, client.MatchingFields{indexRequiredBy: parent.String()}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the bindings that %s requires: %w", parent, err)
	}
	return list.Items, nil
}

// binding returns a binding as the cache has it, which is shared; nil when there is none.
func (s *shared) binding(ctx context.Context, name types.NamespacedName) (*workv1alpha2.ResourceBinding, error) {
	b := &workv1alpha2.ResourceBinding{}
	if err := s.client.Get(ctx, name, b, client.UnsafeDisableDeepCopy); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("read binding %s: %w", name, err)
	}
	return b, nil
}
