package template

import (
	"context"
	"encoding/json"
	"fmt"

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
	"github.com/seaway-io/seaway/controllers/hub"
)

// adopt makes the policy the owner of the template and builds its binding. It says whether it wrote
// anything. While nothing has changed it reads nothing but the cache.
func (r *reconciler) adopt(ctx context.Context, key Key, obj metav1.Object, d claim.Decision, why cause) (changed bool, err error) {
	policy, errs := claim.Complete(d.Policy)
	if len(errs) > 0 {
		return false, errs.ToAggregate() // not reached: such a policy owns nothing new
	}
	b, exists, err := r.binding(ctx, key)
	if err != nil {
		return false, err
	}
	if exists && b.GetDeletionTimestamp() != nil {
		return false, nil // its end wakes us
	}
	if d.Action == claim.Keep {
		if stamp, ok := claim.NewStamp(obj, policy); ok && r.upToDate(key, b, exists, policy, stamp, edited) {
			return false, nil
		}
	}
	if err := r.checkOverrides(ctx, policy); err != nil {
		return false, err
	}
	body, err := r.read(ctx, key, obj, d.Action, policy)
	if err != nil || body == nil {
		return false, err
	}
	changed = d.Action != claim.Keep
	stamp, _ := claim.NewStamp(body, policy) // a whole object always has one
	if r.upToDate(key, b, exists, policy, stamp, why) {
		return changed, nil
	}
	built, err := r.bind(ctx, b, exists, claim.Source{Template: body, Policy: policy, Stamp: stamp, NewID: string(uuid.NewUUID())})
	return changed || built, err
}

func (r *reconciler) upToDate(key Key, b workv1alpha2.Binding, exists bool, p policyv1alpha1.Propagation, stamp claim.Stamp, why cause) bool {
	if !exists {
		return r.sleeps(key, p, stamp, why)
	}
	return !stamp.Outdated(claim.StampOf(b), p)
}

// read returns the whole template, with the policy's marks on it. It is nil when there is no
// template any more.
func (r *reconciler) read(ctx context.Context, key Key, obj metav1.Object, a claim.Action, p policyv1alpha1.Propagation) (*unstructured.Unstructured, error) {
	if a != claim.Keep {
		body, err := r.mark(ctx, key, obj, p)
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

// bind creates or updates the binding.
func (r *reconciler) bind(ctx context.Context, b workv1alpha2.Binding, exists bool, s claim.Source) (changed bool, err error) {
	if !claim.BelongsTo(b, s.Template) {
		owner := metav1.GetControllerOf(b)
		return false, fmt.Errorf("the binding %s belongs to another object, %s %s of %s; it has to be deleted first",
			b.GetName(), owner.Kind, owner.Name, owner.APIVersion)
	}
	if s.Replicas, s.Requirements, err = r.interpreter.Replicas(s.Template); err != nil {
		return false, &replicasError{err}
	}
	if s.Priority, err = r.priority(ctx, s.Policy); err != nil {
		return false, err
	}
	if exists {
		return hub.Patch(ctx, r.client, b.(client.Object), func(client.Object) { claim.Bind(b, s) })
	}
	claim.Bind(b, s)
	if err := r.client.Create(ctx, b.(client.Object)); err != nil {
		if apierrors.IsAlreadyExists(err) { // the cache does not have it yet
			err = apierrors.NewConflict(schema.GroupResource{Group: workv1alpha2.GroupName, Resource: "bindings"}, b.GetName(), err)
		}
		return false, fmt.Errorf("create binding %s: %w", b.GetName(), err)
	}
	return true, nil
}

// replicasError is told apart, for it has an event of its own.
type replicasError struct{ error }

func (e *replicasError) Unwrap() error { return e.error }

// release takes the marks of a policy that is gone off a template and its binding, the binding
// first: what is left after an interruption is found again by the template. Nothing else changes:
// what runs goes on.
func (r *reconciler) release(ctx context.Context, key Key, obj metav1.Object) error {
	b, exists, err := r.binding(ctx, key)
	if err != nil {
		return err
	}
	if exists && claim.BelongsTo(b, obj) {
		if err := r.unmark(ctx, b); err != nil {
			return err
		}
	}
	_, err = r.mark(ctx, key, obj, nil)
	return client.IgnoreNotFound(err)
}

func (r *reconciler) unmark(ctx context.Context, b workv1alpha2.Binding) error {
	_, err := hub.Patch(ctx, r.client, b.(client.Object), func(client.Object) { claim.Unbind(b) })
	return client.IgnoreNotFound(err)
}

// mark writes the marks of a policy on the template, or takes all off, in one patch, and returns
// the whole of it. It conflicts when the template is not what was decided about.
func (r *reconciler) mark(ctx context.Context, key Key, obj metav1.Object, p policyv1alpha1.Propagation) (*unstructured.Unstructured, error) {
	resource, err := r.resource(key)
	if err != nil {
		return nil, err
	}
	marked := &metav1.ObjectMeta{Labels: obj.GetLabels(), Annotations: obj.GetAnnotations()}
	claim.Mark(marked, p)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":             obj.GetUID(),
		"resourceVersion": obj.GetResourceVersion(),
		"labels":          difference(obj.GetLabels(), marked.Labels),
		"annotations":     difference(obj.GetAnnotations(), marked.Annotations),
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

// difference is the merge patch from one map to another.
func difference(from, to map[string]string) map[string]any {
	out := map[string]any{}
	for k := range from {
		if _, kept := to[k]; !kept {
			out[k] = nil
		}
	}
	for k, v := range to {
		if old, had := from[k]; !had || old != v {
			out[k] = v
		}
	}
	return out
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
