package template

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

// policyReconciler follows one of the two kinds of policy.
type policyReconciler struct {
	*reconciler
	empty func() policyv1alpha1.Propagation
}

// Reconcile brings a change of a policy to the templates: those it owns and those it may claim are
// looked at again. What becomes of each is decided there, one by one.
func (r *policyReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := r.empty()
	switch err := r.client.Get(ctx, req.NamespacedName, p.(client.Object)); {
	case apierrors.IsNotFound(err):
		// What it owned is free at its end, unless somebody took its finalizer.
		r.prepared.forget(req.NamespacedName)
		r.wake(r.watcher.claimedBy(req.NamespacedName))
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	if p.GetDeletionTimestamp() != nil {
		return hub.Result(r.retire(ctx, p))
	}
	_, err := hub.Patch(ctx, r.client, p.(client.Object), func(client.Object) {
		validation.IdentifyPropagation(p, string(uuid.NewUUID()))
	})
	if err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	ready := r.prepared.get(p)
	if len(ready.Errors) > 0 {
		r.recorder.Event(p, corev1.EventTypeWarning, names.EventReasonApplyPolicyFailed, "the policy is not valid and has no effect: "+ready.Faults())
		return ctrl.Result{}, nil
	}
	r.tellMissingKinds(p)

	r.wake(r.watcher.claimedBy(req.NamespacedName))
	r.wake(r.wanted(ready))
	return ctrl.Result{}, nil
}

// wanted are the templates the policy may claim: those without an owner, or all that it selects when
// it may take them from others.
func (r *policyReconciler) wanted(p *claim.Policy) []claim.Template {
	selected := r.watcher.selected(p)
	if p.Preempts() {
		return selected
	}
	return slices.DeleteFunc(selected, func(t claim.Template) bool {
		_, claimed := claim.MarksOf(t)
		return claimed
	})
}

// awaiting are the policies for whose sake an object that appeared matters.
func (r *policyReconciler) awaiting(ctx context.Context, obj client.Object) (out []ctrl.Request) {
	what := "override"
	if _, priority := obj.(*schedulingv1.PriorityClass); priority {
		what = "priority"
	}
	found := []client.ListOption{client.InNamespace(obj.GetNamespace()), client.MatchingFields{indexAwaits: awaited(what, obj.GetName())}, client.UnsafeDisableDeepCopy}
	var list client.ObjectList = &policyv1alpha1.PropagationPolicyList{}
	if _, global := r.empty().(*policyv1alpha1.ClusterPropagationPolicy); global {
		list = &policyv1alpha1.ClusterPropagationPolicyList{}
	}
	err := r.client.List(ctx, list, found...)
	if err == nil {
		err = meta.EachListItem(list, func(p runtime.Object) error {
			out = append(out, ctrl.Request{NamespacedName: policyKey(p.(policyv1alpha1.Propagation))})
			return nil
		})
	}
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "policies that wait for it try again later", what, obj.GetName())
	}
	return out
}

// tellMissingKinds says on the policy which of its selectors select nothing for now.
func (r *policyReconciler) tellMissingKinds(p policyv1alpha1.Propagation) {
	for i, s := range p.GetPropagationSpec().ResourceSelectors {
		if why := r.watcher.missing(schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)); why != "" {
			r.recorder.Eventf(p, corev1.EventTypeWarning, names.EventReasonSelectedKindNotServed, "spec.resourceSelectors[%d] selects nothing: %s", i, why)
		}
	}
}

// retire lets a policy go once its marks are off everything. What it propagated stays as it is.
func (r *policyReconciler) retire(ctx context.Context, p policyv1alpha1.Propagation) (ctrl.Result, error) {
	finalizer := names.ClusterPropagationPolicyFinalizer
	if p.GetNamespace() != "" {
		finalizer = names.PropagationPolicyFinalizer
	}
	if !slices.Contains(p.GetFinalizers(), finalizer) {
		return ctrl.Result{}, nil
	}
	if owned := r.watcher.claimedBy(policyKey(p)); len(owned) > 0 {
		r.wake(owned)
		// Soon at first, then more and more patiently.
		age := r.clock.Since(p.GetDeletionTimestamp().Time)
		return ctrl.Result{RequeueAfter: min(max(age/4, 100*time.Millisecond), lastRetry)}, nil
	}
	if id := claim.IDOf(p); id != "" {
		if err := r.unmarkBindings(ctx, p, id); err != nil {
			return ctrl.Result{}, err
		}
	}
	_, err := hub.Patch(ctx, r.client, p.(client.Object), func(client.Object) {
		p.SetFinalizers(slices.DeleteFunc(p.GetFinalizers(), func(f string) bool { return f == finalizer }))
	})
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// unmarkBindings finds the bindings whose template is not watched any more.
func (r *policyReconciler) unmarkBindings(ctx context.Context, p policyv1alpha1.Propagation, id string) error {
	bindings, err := hub.Bindings(ctx, r.client, client.InNamespace(p.GetNamespace()), client.MatchingLabels{validation.PropagationIDLabel(p): id})
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range bindings {
		errs = append(errs, r.unmark(ctx, templateOf(b), b))
	}
	return errors.Join(errs...)
}
