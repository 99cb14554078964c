package template

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// adopt makes the policy the owner of the template and builds its binding. It says whether it wrote
// anything. While nothing has changed it reads nothing but the cache.
func (r *reconciler) adopt(ctx context.Context, key Key, obj metav1.Object, d claim.Decision, why cause) (changed bool, err error) {
	b, exists, err := r.binding(ctx, key)
	if err != nil {
		return false, err
	}
	if exists && b.GetDeletionTimestamp() != nil {
		return false, nil // its end wakes us
	}
	if r.written.awaited(key, b, exists, r.clock.Now()) {
		return false, conflict(b, errBehind)
	}
	if d.Action == claim.Keep {
		anew := exists && why.reinterpreted
		if exists && claim.Current(b, obj, d.Policy) && !anew {
			return false, nil
		}
		if stamp, ok := claim.NewStamp(obj, d.Policy); ok && !anew && r.upToDate(key, b, exists, d.Policy, stamp, cause{edited: true}) {
			return false, nil
		}
	}
	if err := r.checkOverrides(ctx, d.Policy.Propagation); err != nil {
		return false, err
	}
	body, err := r.read(ctx, key, obj, d)
	if err != nil || body == nil {
		return false, err
	}
	changed = d.Action != claim.Keep
	stamp, _ := claim.NewStamp(body, d.Policy) // a whole object always has one
	if r.upToDate(key, b, exists, d.Policy, stamp, why) {
		if exists && why.reinterpreted {
			asked, err := r.askAgain(ctx, key, b, body)
			return changed || asked, err
		}
		return changed, nil
	}
	built, err := r.bind(ctx, key, b, exists, claim.Source{Template: body, Policy: d.Policy, Stamp: stamp, NewID: string(uuid.NewUUID())})
	return changed || built, err
}

var errBehind = errors.New("the cache does not show yet what was written")

// conflict is an error that means: look again, with a cache that has caught up.
func conflict(b workv1alpha2.Binding, why error) error {
	return apierrors.NewConflict(schema.GroupResource{Group: workv1alpha2.GroupName, Resource: "bindings"}, b.GetName(), why)
}

func (r *reconciler) upToDate(key Key, b workv1alpha2.Binding, exists bool, p *claim.Policy, stamp claim.Stamp, why cause) bool {
	if !exists {
		return r.sleeps(key, p, stamp, why)
	}
	return !stamp.Outdated(claim.StampOf(b), p)
}

// read returns the whole template, with the policy's marks on it. It is nil when there is no
// template any more.
func (r *reconciler) read(ctx context.Context, key Key, obj metav1.Object, d claim.Decision) (*unstructured.Unstructured, error) {
	if d.Action != claim.Keep {
		body, err := r.mark(ctx, key, obj, d.Policy.Propagation)
		return body, client.IgnoreNotFound(err)
	}
	resource, err := r.resource(key)
	if err != nil {
		return nil, err
	}
	body, err := resource.Get(ctx, key.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return body, nil
}

// bind creates the binding, complete in one write, or changes what differs.
func (r *reconciler) bind(ctx context.Context, key Key, b workv1alpha2.Binding, exists bool, s claim.Source) (changed bool, err error) {
	if !claim.BelongsTo(b, s.Template) {
		owner := metav1.GetControllerOf(b)
		return false, fmt.Errorf("the binding %s belongs to another object, %s %s of %s; it has to be deleted first",
			b.GetName(), owner.Kind, owner.Name, owner.APIVersion)
	}
	if s.Demand, err = r.demand(s.Template); err != nil {
		return false, err
	}
	if s.Priority, err = r.priority(ctx, s.Policy.Propagation); err != nil {
		return false, err
	}
	if exists {
		return r.change(ctx, key, b, func() { claim.Bind(b, s) })
	}
	return true, r.create(ctx, key, b, s)
}

// askAgain has a template that did not change interpreted anew. What else its binding is built from
// stays, also when a lazy policy has changed since.
func (r *reconciler) askAgain(ctx context.Context, key Key, b workv1alpha2.Binding, body *unstructured.Unstructured) (changed bool, err error) {
	if !claim.BelongsTo(b, body) {
		return false, nil // it is told when there is something to build
	}
	demand, err := r.demand(body)
	if err != nil {
		return false, err
	}
	return r.change(ctx, key, b, func() { demand.SetOn(b) })
}

func (r *reconciler) create(ctx context.Context, key Key, b workv1alpha2.Binding, s claim.Source) error {
	claim.Bind(b, s)
	err := r.client.Create(ctx, b.(client.Object))
	if apierrors.IsAlreadyExists(err) { // another process made it, and the cache does not have it yet
		return conflict(b, err)
	}
	if err != nil {
		return fmt.Errorf("create binding %s: %w", b.GetName(), err)
	}
	r.written.note(key, b, r.clock.Now())
	return nil
}

// change writes what build does to a binding as one merge patch. The fields are this package's own,
// and the binding is known to be as new as the last write of them, so nobody else's write is in the
// way: scheduler, status and this package write the same bindings all the time. Only where the patch
// replaces what others write too does it insist on the version that was read.
func (r *reconciler) change(ctx context.Context, key Key, b workv1alpha2.Binding, build func()) (changed bool, err error) {
	before := b.DeepCopyObject().(workv1alpha2.Binding)
	build()
	if equality.Semantic.DeepEqual(before, b) {
		return false, nil
	}
	patch := client.MergeFrom(before.(client.Object))
	if claim.Shares(before, b) {
		patch = client.MergeFromWithOptions(before.(client.Object), client.MergeFromWithOptimisticLock{})
	}
	if err := r.client.Patch(ctx, b.(client.Object), patch); err != nil {
		return false, fmt.Errorf("patch binding %s: %w", b.GetName(), err)
	}
	r.written.note(key, b, r.clock.Now())
	return true, nil
}

// release takes the marks of a policy that is gone off a template and its binding, the binding
// first: what is left after an interruption is found again by the template. Nothing else changes:
// what runs goes on.
func (r *reconciler) release(ctx context.Context, key Key, obj metav1.Object) error {
	b, exists, err := r.binding(ctx, key)
	if err != nil {
		return err
	}
	if r.written.awaited(key, b, exists, r.clock.Now()) {
		return conflict(b, errBehind)
	}
	if exists && claim.BelongsTo(b, obj) {
		if err := r.unmark(ctx, key, b); err != nil {
			return err
		}
	}
	_, err = r.mark(ctx, key, obj, nil)
	return client.IgnoreNotFound(err)
}

func (r *reconciler) unmark(ctx context.Context, key Key, b workv1alpha2.Binding) error {
	_, err := r.change(ctx, key, b, func() { claim.Unbind(b) })
	return client.IgnoreNotFound(err)
}

// mark writes the marks of a policy on the template, or takes all off, in one patch, and returns
// the whole of it. The patch says of every mark what it is to be, so it comes out right whatever
// anybody wrote in between. It conflicts when there is another object of that name by now.
func (r *reconciler) mark(ctx context.Context, key Key, obj metav1.Object, p policyv1alpha1.Propagation) (*unstructured.Unstructured, error) {
	resource, err := r.resource(key)
	if err != nil {
		return nil, err
	}
	labels, annotations := claim.MarkPatch(p)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         obj.GetUID(),
		"labels":      labels,
		"annotations": annotations,
	}})
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	body, err := resource.Patch(ctx, key.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return nil, fmt.Errorf("mark %s: %w", key, err)
	}
	return body, nil
}

func (r *reconciler) resource(key Key) (dynamic.ResourceInterface, error) {
	gvr, ok := r.watcher.resource(key.GroupVersionKind)
	if !ok {
		return nil, fmt.Errorf("the hub no longer serves %s", key.GroupVersionKind)
	}
	if key.Namespace == "" {
		return r.dynamic.Resource(gvr), nil
	}
	return r.dynamic.Resource(gvr).Namespace(key.Namespace), nil
}
