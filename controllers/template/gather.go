package template

import (
	"context"
	"fmt"

	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// gather reads what the decision about a template needs, all of it from the cache.
func (r *reconciler) gather(ctx context.Context, key Key, obj metav1.Object) (claim.Input, error) {
	in := claim.Input{Template: claim.Template{GVK: key.GroupVersionKind, Object: obj}}
	if marks, ok := claim.MarksOf(obj); ok {
		owner, err := r.owner(ctx, marks)
		if err != nil {
			return in, err
		}
		in.Owner = owner
	}
	var err error
	if key.Namespace != "" {
		var list policyv1alpha1.PropagationPolicyList
		if in.Policies, err = r.policies(ctx, &list, key.GroupVersionKind, client.InNamespace(key.Namespace)); err != nil {
			return in, err
		}
	}
	var list policyv1alpha1.ClusterPropagationPolicyList
	in.ClusterPolicies, err = r.policies(ctx, &list, key.GroupVersionKind)
	return in, err
}

// owner is the policy that marks name, nil when there is none.
func (r *reconciler) owner(ctx context.Context, marks claim.Marks) (*claim.Policy, error) {
	var p policyv1alpha1.Propagation = &policyv1alpha1.PropagationPolicy{}
	if marks.Namespace == "" {
		p = &policyv1alpha1.ClusterPropagationPolicy{}
	}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: marks.Namespace, Name: marks.Name}, p.(client.Object), client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get policy %s: %w", marks.Name, err)
	}
	return r.prepared.get(p), nil
}

// policies lists the policies that select a kind.
func (r *reconciler) policies(ctx context.Context, list client.ObjectList, gvk schema.GroupVersionKind, opts ...client.ListOption) ([]*claim.Policy, error) {
	opts = append(opts, client.MatchingFields{indexSelects: gvk.String()}, client.UnsafeDisableDeepCopy)
	if err := r.client.List(ctx, list, opts...); err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	var out []*claim.Policy
	switch list := list.(type) {
	case *policyv1alpha1.PropagationPolicyList:
		for i := range list.Items {
			out = append(out, r.prepared.get(&list.Items[i]))
		}
	case *policyv1alpha1.ClusterPropagationPolicyList:
		for i := range list.Items {
			out = append(out, r.prepared.get(&list.Items[i]))
		}
	}
	return out, nil
}

// binding returns the template's binding, and false with an empty one when there is none.
func (r *reconciler) binding(ctx context.Context, key Key) (workv1alpha2.Binding, bool, error) {
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if key.Namespace == "" {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	at := client.ObjectKey{Namespace: key.Namespace, Name: names.BindingName(key.Kind, key.Name)}
	err := r.client.Get(ctx, at, b.(client.Object))
	if apierrors.IsNotFound(err) {
		return b, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("get binding %s: %w", at, err)
	}
	return b, true, nil
}

// checkOverrides makes sure that the overrides a policy depends on exist.
func (r *reconciler) checkOverrides(ctx context.Context, p policyv1alpha1.Propagation) error {
	for _, name := range p.GetPropagationSpec().DependentOverrides {
		var obj client.Object = &policyv1alpha1.OverridePolicy{}
		if p.GetNamespace() == "" {
			obj = &policyv1alpha1.ClusterOverridePolicy{}
		}
		err := r.client.Get(ctx, client.ObjectKey{Namespace: p.GetNamespace(), Name: name}, obj)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("spec.dependentOverrides of %s: there is no %s; create it or remove it from the list", describe(p), name)
		}
		if err != nil {
			return fmt.Errorf("get override policy %s: %w", name, err)
		}
	}
	return nil
}

// priority resolves the scheduling priority; nil when the policy names none.
func (r *reconciler) priority(ctx context.Context, p policyv1alpha1.Propagation) (*int32, error) {
	class := p.GetPropagationSpec().SchedulePriority
	if class == nil {
		return nil, nil
	}
	if class.PriorityClassSource != policyv1alpha1.KubePriorityClass {
		return nil, fmt.Errorf("spec.schedulePriority.priorityClassSource of %s: %s is not supported yet; use %s", describe(p), class.PriorityClassSource, policyv1alpha1.KubePriorityClass)
	}
	var found schedulingv1.PriorityClass
	if err := r.client.Get(ctx, client.ObjectKey{Name: class.PriorityClassName}, &found); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("spec.schedulePriority.priorityClassName of %s: there is no PriorityClass %s", describe(p), class.PriorityClassName)
		}
		return nil, fmt.Errorf("get priority class: %w", err)
	}
	return &found.Value, nil
}

// describe names a policy in messages.
func describe(p policyv1alpha1.Propagation) string {
	if p.GetNamespace() == "" {
		return "ClusterPropagationPolicy " + p.GetName()
	}
	return "PropagationPolicy " + p.GetNamespace() + "/" + p.GetName()
}
