package execution

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/validation"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
)

// Target returns what is written over the observed object to make it the desired one: with what is
// the member's own business kept as it is. Neither is changed. What is kept may be decided by a user's
// script, so the result is refused when it is another object or has another owner.
func Target(interpreter *interpret.Interpreter, desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	merged := merge(desired, observed)
	before := override.IdentityOf(merged)
	target, err := interpreter.Retain(merged, observed)
	if err != nil {
		return nil, err
	}
	if changed := before.Difference(override.IdentityOf(target)); changed != "" {
		return nil, fmt.Errorf("what the interpreter retains changes %s, which it can not", changed)
	}
	return target, nil
}

// Comparable returns what of an object is for the hub to decide, and not for its cluster.
func Comparable(obj *unstructured.Unstructured) map[string]any { return comparableOf(obj) }

// verify makes sure that a manifest is the template of the binding that its Work was made for, whatever
// wrote the Work. A Work written by hand has no binding; one whose binding is gone is about to go.
func (r *reconciler) verify(ctx context.Context, work *workv1alpha1.Work, desired *unstructured.Unstructured) error {
	key, global, ok := works.Binding(work)
	if !ok {
		return nil
	}
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if global {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	err := r.client.Get(ctx, key, b, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read its binding %s: %w", key, err)
	}
	if fault := validation.ValidateReach(b); fault != nil {
		return fmt.Errorf("its binding %s: %w", key, fault)
	}
	return override.Verify(desired, b.GetBindingSpec().Resource)
}
