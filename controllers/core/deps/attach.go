package deps

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// StampAnnotation on an attached binding tells what state of the dependency it speaks of, its status
// aside. Only kinds with a generation need it: of the others the resource version tells.
const StampAnnotation = "seaway.dev/attached-from"

// Input is everything that decides the binding of one dependency. Nothing in it is changed.
type Input struct {
	Dependency Key
	// Kind is that of Object, in the version the hub prefers.
	Kind schema.GroupVersionKind
	// Object is the metadata of the dependency; nil while the hub does not have it.
	Object metav1.Object
	// Present is the binding with the dependency's name; nil when there is none.
	Present *workv1alpha2.ResourceBinding
	// Parents need the dependency.
	Parents []*workv1alpha2.ResourceBinding
	// Unread are parents of which it is not known yet whether they need it. What the binding has of
	// them stays.
	Unread []*workv1alpha2.ResourceBinding
	// NewID becomes the permanent id of a new binding.
	NewID string
}

// Result is what to do about the binding of a dependency.
type Result struct {
	// Binding is what it is to become; nil when there is nothing to write.
	Binding *workv1alpha2.ResourceBinding
	// Create says that there is none yet.
	Create bool
	// Conflicts are the fields in which parents disagree, and who wins.
	Conflicts []string
	// Err says why the dependency can not be attached.
	Err error
}

// Attach decides the binding of one dependency.
func Attach(in Input) Result {
	if in.Present == nil {
		return create(in)
	}
	if in.Present.DeletionTimestamp != nil {
		return Result{} // its end wakes whoever needs the dependency
	}
	if other := KeyOf(in.Present); other != in.Dependency {
		if len(in.Parents) == 0 {
			return Result{}
		}
		return Result{Err: fmt.Errorf("the binding %s/%s belongs to another object, %s of %s: rename one of the two",
			in.Present.Namespace, in.Present.Name, other, in.Present.Spec.Resource.APIVersion)}
	}
	want := in.Present.DeepCopy()
	var conflicts []string
	if in.Object == nil || !claim.BelongsTo(in.Present, in.Object) {
		// the object is gone, and its binding goes with it; or it has not been seen yet
		require(want, in.Parents, in.Unread, onlyPresent)
	} else {
		about(want, in)
		require(want, in.Parents, in.Unread, all)
		conflicts = resolve(want, slices.Concat(in.Parents, in.Unread))
	}
	if equality.Semantic.DeepEqual(want, in.Present) {
		want = nil
	}
	return Result{Binding: want, Conflicts: conflicts}
}

func create(in Input) Result {
	if in.Object == nil || in.Object.GetDeletionTimestamp() != nil {
		return Result{}
	}
	b := &workv1alpha2.ResourceBinding{}
	b.Namespace, b.Name = in.Dependency.Namespace, names.BindingName(in.Dependency.Kind, in.Dependency.Name)
	b.Labels = map[string]string{names.ResourceBindingPermanentID: in.NewID}
	b.Finalizers = []string{names.BindingFinalizer}
	about(b, in)
	if require(b, in.Parents, nil, all); len(b.Spec.RequiredBy) == 0 {
		return Result{}
	}
	return Result{Binding: b, Create: true, Conflicts: resolve(b, in.Parents)}
}

// about names the dependency in its binding. Where a policy owns the template, its controller does.
func about(b *workv1alpha2.ResourceBinding, in Input) {
	if claim.Claimed(b) {
		return
	}
	if metav1.GetControllerOf(b) == nil {
		b.OwnerReferences = append(b.OwnerReferences, *metav1.NewControllerRef(in.Object, in.Kind))
	}
	stamp := stampOf(in.Object)
	if was := b.Annotations[StampAnnotation]; was == stamp && (stamp != "" || b.Spec.Resource.ResourceVersion == in.Object.GetResourceVersion()) {
		return
	}
	if stamp != "" {
		if b.Annotations == nil {
			b.Annotations = map[string]string{}
		}
		b.Annotations[StampAnnotation] = stamp
	} else {
		delete(b.Annotations, StampAnnotation)
	}
	b.Spec.Resource = workv1alpha2.ObjectReference{
		APIVersion: in.Kind.GroupVersion().String(), Kind: in.Kind.Kind, Namespace: in.Object.GetNamespace(), Name: in.Object.GetName(),
		UID: in.Object.GetUID(), ResourceVersion: in.Object.GetResourceVersion(),
	}
}

// stampOf is empty for kinds without a generation.
func stampOf(obj metav1.Object) string {
	if obj.GetGeneration() == 0 {
		return ""
	}
	h := fnv.New64a()
	if err := json.NewEncoder(h).Encode([]any{obj.GetUID(), obj.GetGeneration(), obj.GetLabels(), obj.GetAnnotations()}); err != nil {
		return "" // not reached: these are strings and numbers
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// which snapshots may be added: all, or only those of parents that the binding knows.
type which bool

const (
	all         which = true
	onlyPresent which = false
)

// require makes the snapshots and labels of a binding those of its parents.
func require(b *workv1alpha2.ResourceBinding, parents, unread []*workv1alpha2.ResourceBinding, add which) {
	before := map[types.NamespacedName]workv1alpha2.BindingSnapshot{}
	for _, s := range b.Spec.RequiredBy {
		before[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}] = s
	}
	var snapshots []workv1alpha2.BindingSnapshot
	labels := map[string]string{}
	for _, parent := range parents {
		_, known := before[NameOf(parent)]
		if s, anywhere := Snapshot(parent); anywhere && (known || add == all) {
			snapshots = append(snapshots, s)
			labels[label(s)] = idOf(parent)
		}
	}
	for _, parent := range unread {
		if s, known := before[NameOf(parent)]; known {
			snapshots = append(snapshots, s)
			labels[label(s)] = b.Labels[label(s)]
		}
	}
	slices.SortFunc(snapshots, func(a, b workv1alpha2.BindingSnapshot) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	b.Spec.RequiredBy = snapshots
	for k, v := range b.Labels {
		if !strings.HasPrefix(k, names.DependedByLabelPrefix) {
			labels[k] = v
		}
	}
	b.Labels = labels
}

// resolve makes one of what several parents say, and tells where they disagree. A binding with a
// placement has a policy of its own, or had: what that said stays.
func resolve(b *workv1alpha2.ResourceBinding, parents []*workv1alpha2.ResourceBinding) (conflicts []string) {
	if b.Spec.Placement != nil || len(b.Spec.RequiredBy) == 0 {
		return nil
	}
	var all, overwrite, preserve int
	for _, parent := range parents {
		if !requires(b, parent) {
			continue
		}
		all++
		if overwrites(parent) {
			overwrite++
		}
		if preserves(parent) {
			preserve++
		}
	}
	b.Spec.ConflictResolution, b.Spec.PreserveResourcesOnDeletion = policyv1alpha1.ConflictAbort, nil
	if overwrite > 0 {
		b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite
	}
	if preserve > 0 {
		b.Spec.PreserveResourcesOnDeletion = ptr.To(true)
	}
	if 0 < overwrite && overwrite < all {
		conflicts = append(conflicts, "ConflictResolution conflicted (Overwrite vs Abort)")
	}
	if 0 < preserve && preserve < all {
		conflicts = append(conflicts, "PreserveResourcesOnDeletion conflicted (true vs false)")
	}
	return conflicts
}

func requires(b, parent *workv1alpha2.ResourceBinding) bool {
	return slices.ContainsFunc(b.Spec.RequiredBy, func(s workv1alpha2.BindingSnapshot) bool {
		return s.Namespace == parent.Namespace && s.Name == parent.Name
	})
}
