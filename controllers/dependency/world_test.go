package dependency

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
)

type binding = workv1alpha2.ResourceBinding

// world is a hub in memory with both controllers on it. What is written is not seen before its event
// is delivered; events and queues are worked off when, and in the order, the test says.
type world struct {
	client.Client // what is not implemented here is not used
	t             interface{ Fatalf(string, ...any) }

	parents    *parents
	attached   *attached
	parentQ    *line[ctrl.Request]
	dependency *line[deps.Key]

	version int
	stored  map[types.NamespacedName]*binding // on the hub
	cached  map[types.NamespacedName]*binding // as the controllers see it
	pending []change
	objects map[deps.Key]*metav1.PartialObjectMetadata // on the hub
	seen    map[deps.Key]*metav1.PartialObjectMetadata // as the controllers see it
	unseen  []func()
	// refers is what templates refer to, by the name of their binding.
	refers map[string][]configv1alpha1.DependentObjectReference
	notify func(schema.GroupKind, metav1.Object, metav1.Object)

	reads  int
	writes []string
	events []string
}

// change is an event of a binding that is not delivered yet.
type change struct{ was, is *binding }

// line is a work queue that never blocks.
type line[K comparable] struct {
	workqueue.TypedRateLimitingInterface[K]
	items []K
}

func (l *line[K]) Add(key K) {
	if !slices.Contains(l.items, key) {
		l.items = append(l.items, key)
	}
}

func (l *line[K]) take(i int) K {
	key := l.items[i]
	l.items = slices.Delete(l.items, i, i+1)
	return key
}

func newWorld(t interface{ Fatalf(string, ...any) }) *world {
	w := &world{
		t: t, stored: map[types.NamespacedName]*binding{}, cached: map[types.NamespacedName]*binding{},
		objects: map[deps.Key]*metav1.PartialObjectMetadata{}, seen: map[deps.Key]*metav1.PartialObjectMetadata{},
		refers: map[string][]configv1alpha1.DependentObjectReference{},
	}
	w.start()
	return w
}

// start begins with controllers that know nothing.
func (w *world) start() {
	w.parentQ, w.dependency = &line[ctrl.Request]{}, &line[deps.Key]{}
	s := &shared{client: w, live: w, recorder: recorder{w}, interpreter: w, objects: hubObjects{w}, dependencies: &feed{}, graph: deps.NewGraph()}
	w.parents, w.attached = newParents(s), newAttached(s)
	w.notify = s.changed
	if err := s.dependencies.Start(context.Background(), w.dependency); err != nil {
		w.t.Fatalf("%v", err)
	}
}

// restart replaces the controllers. Bindings are known when they start, objects only later.
func (w *world) restart() {
	w.pending, w.unseen = nil, nil
	w.cached = maps.Clone(w.stored)
	w.seen = map[deps.Key]*metav1.PartialObjectMetadata{}
	w.start()
	for _, name := range sortedKeys(w.cached) {
		b := w.cached[name]
		parentHandler().Create(context.Background(), event.CreateEvent{Object: b, IsInInitialList: true}, w.parentQ)
		attachedHandler().Create(context.Background(), event.TypedCreateEvent[*binding]{Object: b, IsInInitialList: true}, w.dependency)
	}
	for _, key := range sortedObjects(w.objects) {
		obj := w.objects[key]
		w.unseen = append(w.unseen, func() { w.seen[key] = obj; w.notify(key.GroupKind, nil, obj) })
	}
}

func sortedKeys[V any](m map[types.NamespacedName]V) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(m), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
}

func sortedObjects[V any](m map[deps.Key]V) []deps.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b deps.Key) int { return strings.Compare(a.String(), b.String()) })
}

// deliver shows the controllers one event.
func (w *world) deliver() {
	ctx := context.Background()
	c := w.pending[0]
	w.pending = w.pending[1:]
	switch {
	case c.was == nil:
		w.cached[deps.NameOf(c.is)] = c.is
		parentHandler().Create(ctx, event.CreateEvent{Object: c.is}, w.parentQ)
		attachedHandler().Create(ctx, event.TypedCreateEvent[*binding]{Object: c.is}, w.dependency)
	case c.is == nil:
		delete(w.cached, deps.NameOf(c.was))
		parentHandler().Delete(ctx, event.DeleteEvent{Object: c.was}, w.parentQ)
		attachedHandler().Delete(ctx, event.TypedDeleteEvent[*binding]{Object: c.was}, w.dependency)
	default:
		w.cached[deps.NameOf(c.is)] = c.is
		parentHandler().Update(ctx, event.UpdateEvent{ObjectOld: c.was, ObjectNew: c.is}, w.parentQ)
		attachedHandler().Update(ctx, event.TypedUpdateEvent[*binding]{ObjectOld: c.was, ObjectNew: c.is}, w.dependency)
	}
}

// see shows the controllers one object.
func (w *world) see() {
	show := w.unseen[0]
	w.unseen = w.unseen[1:]
	show()
}

func (w *world) doParent(i int) {
	req := w.parentQ.take(i)
	if result, err := w.parents.Reconcile(context.Background(), req); err != nil || result.RequeueAfter > 0 && result.RequeueAfter < releaseCheck {
		w.parentQ.Add(req)
	}
}

func (w *world) doDependency(i int) {
	key := w.dependency.take(i)
	if result, err := w.attached.Reconcile(context.Background(), key); err != nil || result.RequeueAfter > 0 {
		w.dependency.Add(key)
	}
}

// settle works everything off.
func (w *world) settle() {
	for n := 0; len(w.pending)+len(w.unseen)+len(w.parentQ.items)+len(w.dependency.items) > 0; n++ {
		switch {
		case n > 5000:
			w.t.Fatalf("it does not come to rest: parents %v, dependencies %v", w.parentQ.items, w.dependency.items)
		case len(w.unseen) > 0:
			w.see()
		case len(w.pending) > 0:
			w.deliver()
		case len(w.parentQ.items) > 0:
			w.doParent(0)
		default:
			w.doDependency(0)
		}
		if len(w.pending)+len(w.unseen)+len(w.parentQ.items)+len(w.dependency.items) == 0 {
			w.collect()
		}
	}
}

// collect is the garbage collector: it removes the bindings whose objects are gone.
func (w *world) collect() {
	for _, name := range sortedKeys(w.stored) {
		b := w.stored[name]
		owner := metav1.GetControllerOf(b)
		if owner == nil || b.DeletionTimestamp != nil {
			continue
		}
		if obj := w.objects[deps.KeyOf(b)]; obj == nil || obj.UID != owner.UID {
			w.remove(name)
		}
	}
}

// store writes a binding on the hub, whoever does it.
func (w *world) store(b *binding) {
	name := deps.NameOf(b)
	was := w.stored[name]
	b = b.DeepCopy()
	w.version++
	b.ResourceVersion = strconv.Itoa(w.version)
	if was == nil {
		b.Generation = 1
	} else if b.Generation = was.Generation; !equality.Semantic.DeepEqual(was.Spec, b.Spec) || (was.DeletionTimestamp == nil) != (b.DeletionTimestamp == nil) {
		b.Generation++
	}
	if b.DeletionTimestamp != nil && len(b.Finalizers) == 0 {
		delete(w.stored, name)
		w.pending = append(w.pending, change{was, nil})
		return
	}
	w.stored[name] = b
	w.pending = append(w.pending, change{was, b})
}

// remove deletes a binding as the API server does, and lets its Works be gone at once.
func (w *world) remove(name types.NamespacedName) {
	b := w.stored[name]
	if b == nil {
		return
	}
	b = b.DeepCopy()
	now := metav1.Now()
	b.DeletionTimestamp = &now
	b.Finalizers = slices.DeleteFunc(b.Finalizers, func(f string) bool { return f == names.BindingFinalizer })
	w.store(b)
}

// put makes or changes an object of the hub; gone deletes it.
func (w *world) put(key deps.Key, labels map[string]string) {
	was := w.objects[key]
	w.version++
	obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: labels, ResourceVersion: strconv.Itoa(w.version)}}
	if obj.UID = types.UID("uid-" + strconv.Itoa(w.version)); was != nil {
		obj.UID = was.UID
	}
	w.objects[key] = obj
	w.unseen = append(w.unseen, func() {
		before := w.seen[key]
		w.seen[key] = obj
		if before == nil {
			w.notify(key.GroupKind, nil, obj)
			return
		}
		w.notify(key.GroupKind, before, obj)
	})
}

func (w *world) gone(key deps.Key) {
	if w.objects[key] == nil {
		return
	}
	delete(w.objects, key)
	w.unseen = append(w.unseen, func() {
		if before := w.seen[key]; before != nil {
			delete(w.seen, key)
			w.notify(key.GroupKind, before, nil)
		}
	})
}

// Get implements client.Reader. A template is any object of the name of a binding.
func (w *world) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	missing := apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	switch obj := obj.(type) {
	case *binding:
		b := w.cached[key]
		if b == nil {
			return missing
		}
		b.DeepCopyInto(obj)
	case *unstructured.Unstructured:
		w.reads++
		obj.SetNamespace(key.Namespace)
		obj.SetName(key.Name)
	default:
		return fmt.Errorf("nobody reads %T", obj)
	}
	return nil
}

// List implements client.Reader.
func (w *world) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	by, ok := opts[0].(client.MatchingFields)
	if !ok || by[indexRequiredBy] == "" {
		return errors.New("nothing is listed as a whole")
	}
	out := list.(*workv1alpha2.ResourceBindingList)
	for _, name := range sortedKeys(w.cached) {
		if slices.Contains(requiredBy(w.cached[name]), by[indexRequiredBy]) {
			out.Items = append(out.Items, *w.cached[name].DeepCopy())
		}
	}
	return nil
}

// Create implements client.Writer.
func (w *world) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	w.writes = append(w.writes, "create "+obj.GetName())
	b := obj.(*binding)
	if w.stored[deps.NameOf(b)] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{}, b.Name)
	}
	w.store(b)
	return nil
}

// Patch implements client.Writer. obj is what the patch makes of it.
func (w *world) Patch(_ context.Context, obj client.Object, _ client.Patch, _ ...client.PatchOption) error {
	w.writes = append(w.writes, "patch "+obj.GetName())
	b := obj.(*binding)
	was := w.stored[deps.NameOf(b)]
	if was == nil {
		return apierrors.NewNotFound(schema.GroupResource{}, b.Name)
	}
	if was.ResourceVersion != b.ResourceVersion {
		return apierrors.NewConflict(schema.GroupResource{}, b.Name, errors.New("changed"))
	}
	w.store(b)
	return nil
}

// Dependencies implements Interpreter.
func (w *world) Dependencies(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error) {
	found := w.refers[obj.GetName()]
	if len(found) > 0 && found[0].Kind == "Nonsense" {
		return nil, errors.New("spec.template: must be an object")
	}
	return found, nil
}

// hubObjects implements Objects.
type hubObjects struct{ *world }

func (o hubObjects) Get(key deps.Key) (schema.GroupVersionKind, metav1.Object, bool) {
	obj, known := o.seen[key]
	if !known {
		return schema.GroupVersionKind{}, nil, false
	}
	return key.WithVersion("v1"), obj, true
}

func (o hubObjects) List(kind schema.GroupKind, namespace string) (out []metav1.Object) {
	for _, key := range sortedObjects(o.seen) {
		if key.GroupKind == kind && key.Namespace == namespace {
			out = append(out, o.seen[key])
		}
	}
	return out
}

func (o hubObjects) Notify(f func(schema.GroupKind, metav1.Object, metav1.Object)) { o.notify = f }

// recorder implements record.EventRecorder.
type recorder struct{ *world }

func (r recorder) Event(obj runtime.Object, _, reason, message string) {
	on := "?"
	switch obj := obj.(type) {
	case *binding:
		on = "binding " + obj.Name
	case *corev1.ObjectReference:
		on = obj.Kind + " " + obj.Name
	}
	r.events = append(r.events, reason+" on "+on+": "+message)
}

func (r recorder) Eventf(obj runtime.Object, kind, reason, format string, args ...any) {
	r.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

func (r recorder) AnnotatedEventf(obj runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	r.Eventf(obj, kind, reason, format, args...)
}

// wrote returns what was written since it was asked last, in order of the words.
func (w *world) wrote() []string {
	out := w.writes
	w.writes = nil
	slices.Sort(out)
	return out
}

// said returns the events since it was asked last.
func (w *world) said() []string {
	out := w.events
	w.events = nil
	return out
}

// parent makes a binding of the Deployment with that name, placed in the clusters.
func (w *world) parent(name string, clusters ...string) types.NamespacedName {
	b := &binding{}
	b.Namespace, b.Name = "shop", name+"-deployment"
	b.Labels = map[string]string{names.ResourceBindingPermanentID: "id-of-" + name}
	b.Finalizers = []string{names.BindingFinalizer}
	b.Spec.PropagateDeps = true
	w.version++
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name, UID: types.UID(strconv.Itoa(w.version))}
	b.Spec.Clusters = placed(clusters...)
	w.store(b)
	return deps.NameOf(b)
}

func placed(clusters ...string) (out []workv1alpha2.TargetCluster) {
	for _, c := range clusters {
		out = append(out, workv1alpha2.TargetCluster{Name: c})
	}
	return out
}

// change has somebody else change a binding.
func (w *world) change(name types.NamespacedName, mutate func(*binding)) {
	b := w.stored[name].DeepCopy()
	mutate(b)
	w.store(b)
}

// edit is an edit of a template that makes it refer to something else.
func (w *world) edit(parent types.NamespacedName, refers ...configv1alpha1.DependentObjectReference) {
	b := w.stored[parent].DeepCopy()
	w.refers[b.Spec.Resource.Name] = refers
	w.version++
	b.Spec.Resource.ResourceVersion = strconv.Itoa(w.version)
	w.store(b)
}

func named(kind, name string) configv1alpha1.DependentObjectReference {
	return configv1alpha1.DependentObjectReference{APIVersion: "v1", Kind: kind, Namespace: "shop", Name: name}
}

func labelled(kind, key, value string) configv1alpha1.DependentObjectReference {
	return configv1alpha1.DependentObjectReference{APIVersion: "v1", Kind: kind, Namespace: "shop",
		LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}}
}

func keyFor(kind schema.GroupKind, name string) deps.Key {
	return deps.Key{GroupKind: kind, NamespacedName: types.NamespacedName{Namespace: "shop", Name: name}}
}

// requiredIn says where an object has to be, and by whom: "fra iad (web-deployment)".
func (w *world) requiredIn(key deps.Key) string {
	b := w.stored[bindingName(key)]
	if b == nil {
		return "no binding"
	}
	var out []string
	for _, s := range b.Spec.RequiredBy {
		var in []string
		for _, c := range s.Clusters {
			in = append(in, c.Name)
		}
		out = append(out, s.Name+": "+strings.Join(in, " "))
	}
	return strings.Join(out, ", ")
}

var (
	configMap  = schema.GroupKind{Kind: "ConfigMap"}
	secret     = schema.GroupKind{Kind: "Secret"}
	deployment = schema.GroupKind{Group: "apps", Kind: "Deployment"}
)
