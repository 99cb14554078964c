package dependency

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/hub"
)

// releaseCheck is how long to wait for snapshots to go before looking again. Their end wakes the
// parent; this is for the case that the event is lost.
const releaseCheck = 5 * time.Second

// parents is the reconciler of bindings whose dependencies follow them.
type parents struct {
	*shared

	// behind are the parents some of whose dependencies did not say what the parent says.
	mu     sync.Mutex
	behind sets.Set[types.NamespacedName]
	// explained is by which version of the interpreter each template was read.
	explained map[types.NamespacedName]uint64
}

func newParents(s *shared) *parents {
	return &parents{shared: s, behind: sets.New[types.NamespacedName](), explained: map[types.NamespacedName]uint64{}}
}

// Reconcile makes known what a parent refers to, and wakes the dependencies that do not know of it.
func (r *parents) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b, err := r.binding(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if b == nil || !deps.Leads(b) {
		return r.release(ctx, req.NamespacedName, b)
	}
	r.graphLock.RLock()
	references, read := r.graph.References(b)
	r.graphLock.RUnlock()
	if !read || !r.current(b) {
		if references, read, err = r.read(ctx, b); err != nil || !read {
			return hub.Result(ctrl.Result{}, err)
		}
	}
	return ctrl.Result{}, r.spread(ctx, b, references)
}

// read has the template of a parent interpreted and notes what it refers to. It is false when there is
// no template any more: the binding goes with it.
func (r *parents) read(ctx context.Context, b *workv1alpha2.ResourceBinding) ([]deps.Reference, bool, error) {
	ref := b.Spec.Resource
	template := &unstructured.Unstructured{}
	template.SetAPIVersion(ref.APIVersion)
	template.SetKind(ref.Kind)
	err := r.live.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, template)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the template %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	if override.Verify(template, ref) != nil {
		return nil, false, nil // a kind without namespaces: the binding's condition Rendered tells
	}
	version := r.interpretations.Version(template.GroupVersionKind())
	found, err := r.interpreter.Dependencies(template)
	if err != nil {
		r.tell(b, "Warning", names.EventReasonGetDependenciesFailed, err.Error())
		return nil, false, err
	}
	references, refused := deps.References(b, found)
	// first the finalizer, then the snapshots it stands for
	var encoding error
	changed, err := hub.Patch(ctx, r.client, b.DeepCopy(), func(b *workv1alpha2.ResourceBinding) { encoding = deps.Record(b, found) })
	if err := errors.Join(encoding, err); err != nil {
		return nil, false, err
	}
	r.graphLock.Lock()
	r.graph.Set(b, references)
	r.graphLock.Unlock()
	r.noteExplained(deps.NameOf(b), version)
	if changed {
		r.tellFound(b, references, refused)
	}
	return references, true, nil
}

// current says whether the template of a parent was read by the interpreter as it is now.
func (r *parents) current(b *workv1alpha2.ResourceBinding) bool {
	version := r.interpretations.Version(schema.FromAPIVersionAndKind(b.Spec.Resource.APIVersion, b.Spec.Resource.Kind))
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.explained[deps.NameOf(b)] == version
}

func (r *parents) noteExplained(parent types.NamespacedName, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if version == 0 {
		delete(r.explained, parent)
		return
	}
	r.explained[parent] = version
}

// ofKind are the parents among the bindings of the templates of a kind.
func (r *parents) ofKind(ctx context.Context, kind schema.GroupVersionKind) ([]ctrl.Request, error) {
	var list workv1alpha2.ResourceBindingList
	err := r.client.List(ctx, &list, client.MatchingFields{hub.IndexBindingByTemplate: hub.TemplateKind(kind)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the bindings of %s: %w", kind, err)
	}
	var out []ctrl.Request
	for i := range list.Items {
		if deps.Leads(&list.Items[i]) {
			out = append(out, ctrl.Request{NamespacedName: deps.NameOf(&list.Items[i])})
		}
	}
	return out, nil
}

// spread wakes the dependencies that do not say of the parent what it says of itself, and those that
// are no longer needed. It tells when all of them do.
func (r *parents) spread(ctx context.Context, b *workv1alpha2.ResourceBinding, references []deps.Reference) error {
	needed := onHub(r.objects, b, references)
	behind := false
	for key := range needed {
		attached, err := r.binding(ctx, bindingName(key))
		if err != nil {
			return err
		}
		holds := holds(attached, key, b)
		if !holds || attached != nil && !deps.Agrees(attached, b) {
			r.dependencies.add(key)
		}
		behind = behind || !holds
	}
	attached, err := r.attachedTo(ctx, deps.NameOf(b))
	if err != nil {
		return err
	}
	for i := range attached {
		if key := deps.KeyOf(&attached[i]); !needed.Has(key) {
			r.dependencies.add(key)
		}
	}
	if r.caughtUp(deps.NameOf(b), behind) {
		r.tell(b, "Normal", names.EventReasonSyncDependenciesSucceed, "Dependencies know the clusters of this")
	}
	return nil
}

// holds says whether the binding of a dependency says of the parent what it should; that is nothing,
// for a parent that is nowhere.
func holds(attached *workv1alpha2.ResourceBinding, key deps.Key, parent *workv1alpha2.ResourceBinding) bool {
	if attached == nil {
		_, anywhere := deps.Snapshot(parent)
		return !anywhere
	}
	return attached.DeletionTimestamp == nil && deps.KeyOf(attached) == key && deps.Holds(attached, parent)
}

// onHub are the objects on the hub that a parent refers to.
func onHub(objects Objects, b *workv1alpha2.ResourceBinding, references []deps.Reference) sets.Set[deps.Key] {
	out := sets.New[deps.Key]()
	for _, ref := range references {
		key := deps.Key{GroupKind: ref.GroupKind, NamespacedName: types.NamespacedName{Namespace: b.Namespace, Name: ref.Name}}
		if ref.Selector == nil {
			if _, _, known := objects.Get(key); known {
				out.Insert(key)
			}
			continue
		}
		for _, obj := range objects.List(ref.GroupKind, b.Namespace) {
			if ref.Selector.Matches(labels.Set(obj.GetLabels())) {
				out.Insert(keyOf(ref, obj))
			}
		}
	}
	return out.Delete(deps.KeyOf(b))
}

func keyOf(ref deps.Reference, obj metav1.Object) deps.Key {
	return deps.Key{GroupKind: ref.GroupKind, NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}}
}

func bindingName(key deps.Key) types.NamespacedName {
	return types.NamespacedName{Namespace: key.Namespace, Name: names.BindingName(key.Kind, key.Name)}
}

// caughtUp notes whether dependencies of the parent are behind, and says whether they were and are not.
func (r *parents) caughtUp(parent types.NamespacedName, behind bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.behind.Has(parent)
	if behind {
		r.behind.Insert(parent)
	} else {
		r.behind.Delete(parent)
	}
	return was && !behind
}

// release takes a parent that is gone, going, or no parent any more out of its dependencies, and then
// its marks off it.
func (r *parents) release(ctx context.Context, parent types.NamespacedName, b *workv1alpha2.ResourceBinding) (ctrl.Result, error) {
	r.graphLock.Lock()
	r.graph.Drop(parent)
	r.graphLock.Unlock()
	r.caughtUp(parent, false)
	r.noteExplained(parent, 0)
	attached, err := r.attachedTo(ctx, parent)
	if err != nil {
		return ctrl.Result{}, err
	}
	waits := false
	for i := range attached {
		if attached[i].DeletionTimestamp == nil {
			r.dependencies.add(deps.KeyOf(&attached[i]))
			waits = true
		}
	}
	if b == nil || !deps.Marked(b) {
		return ctrl.Result{}, nil
	}
	if waits {
		return ctrl.Result{RequeueAfter: releaseCheck}, nil
	}
	_, err = hub.Patch(ctx, r.client, b.DeepCopy(), func(b *workv1alpha2.ResourceBinding) {
		_ = deps.Record(b, nil) // an empty list has no error
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}
