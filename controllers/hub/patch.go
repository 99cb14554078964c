package hub

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patch applies mutate to obj and writes the difference as one merge patch, when there is one. The
// patch carries the resource version obj was read at, so that a concurrent change ends in a
// conflict (apierrors.IsConflict), never in a lost update: the caller reads again and decides anew.
//
// obj must not come from a cache that is shared: mutate changes it in place. After the call it is
// the object as the server has it. The status subresource is left alone: see PatchStatus.
func Patch[T client.Object](ctx context.Context, c client.Client, obj T, mutate func(T)) (changed bool, err error) {
	before, changed := mutated(obj, mutate)
	if !changed {
		return false, nil
	}
	if err := c.Patch(ctx, obj, lockedMergePatch(before)); err != nil {
		return false, fmt.Errorf("patch %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
	}
	return true, nil
}

// PatchStatus is Patch for the status subresource.
func PatchStatus[T client.Object](ctx context.Context, c client.Client, obj T, mutate func(T)) (changed bool, err error) {
	before, changed := mutated(obj, mutate)
	if !changed {
		return false, nil
	}
	if err := c.Status().Patch(ctx, obj, lockedMergePatch(before)); err != nil {
		return false, fmt.Errorf("patch status of %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
	}
	return true, nil
}

func mutated[T client.Object](obj T, mutate func(T)) (before T, changed bool) {
	before = obj.DeepCopyObject().(T)
	mutate(obj)
	return before, !equality.Semantic.DeepEqual(before, obj)
}

// lockedMergePatch makes lists safe to patch: a JSON merge patch replaces a list as a whole, so
// without the lock a finalizer or condition of another writer could be lost.
func lockedMergePatch(before client.Object) client.Patch {
	return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
}

// SetCondition sets c in conditions with the given generation and says whether anything but the
// time changed. The transition time moves only when the status does.
func SetCondition(conditions *[]metav1.Condition, generation int64, c metav1.Condition) (changed bool) {
	c.ObservedGeneration = generation
	return meta.SetStatusCondition(conditions, c)
}
