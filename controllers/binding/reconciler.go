package binding

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/uuid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/hub"
)

// goneCheck is how long to wait for a Work that is being deleted before looking again. Its end wakes
// the binding; this is for the case that the event is lost.
const goneCheck = 5 * time.Second

// Reconcile makes the Works of one binding what they should be.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty()
	if err := r.client.Get(ctx, req.NamespacedName, b); err != nil {
		r.holds.forget(req)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if b.GetDeletionTimestamp() != nil {
		r.holds.forget(req)
		return hub.Result(ctrl.Result{}, r.remove(ctx, b))
	}
	if fault := validation.ValidateReach(b); fault != nil {
		r.holds.forget(req)
		return hub.Result(ctrl.Result{}, r.refuse(ctx, b, fault)) // what is in the clusters stays as it is
	}
	if err := r.own(ctx, b); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	existing, err := r.works(ctx, b)
	if err != nil {
		return ctrl.Result{}, err
	}
	// what is not wanted goes first, also when the rest fails
	present, err := r.removeOrphans(ctx, b, existing)
	if err != nil {
		return ctrl.Result{}, err
	}
	if leaving := render.LeavingDirectly(b.GetBindingSpec()); leaving.HasAny(sets.List(sets.KeySet(present))...) {
		return ctrl.Result{RequeueAfter: goneCheck}, nil
	}
	if len(render.Clusters(b.GetBindingSpec())) == 0 {
		return ctrl.Result{}, nil // not placed yet, or nowhere
	}
	template, err := r.template(ctx, b)
	if err != nil || template == nil {
		return ctrl.Result{}, err // the binding goes with its template
	}
	if err := override.Verify(template, b.GetBindingSpec().Resource); err != nil {
		return hub.Result(ctrl.Result{}, r.refuse(ctx, b, fmt.Errorf("spec.resource: %w", err)))
	}
	in, err := r.gather(ctx, b, template, present)
	if err != nil {
		return ctrl.Result{}, err
	}
	began := time.Now()
	due, held, err := r.hold(ctx, req, in, render.Works(in), present)
	if err != nil {
		return ctrl.Result{}, err
	}
	outcome := r.apply(ctx, b, due, present)
	outcome.held = held
	outcome.observe(began)
	r.tell(b, template, outcome)
	if err := r.report(ctx, b, outcome); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	return outcome.result()
}

// finalizer keeps the binding until its Works are deleted.
func (r *reconciler) finalizer() string {
	if r.global() {
		return names.ClusterBindingFinalizer
	}
	return names.BindingFinalizer
}

// own gives the binding its finalizer, and its permanent id when admission did not.
func (r *reconciler) own(ctx context.Context, b workv1alpha2.Binding) error {
	id := render.BindingIDLabel(b)
	_, err := hub.Patch(ctx, r.client, b, func(b workv1alpha2.Binding) {
		controllerutil.AddFinalizer(b, r.finalizer())
		labels := b.GetLabels()
		if labels[id] != "" {
			return
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[id] = string(uuid.NewUUID())
		b.SetLabels(labels)
	})
	return err
}

func (r *reconciler) works(ctx context.Context, b workv1alpha2.Binding) ([]workv1alpha1.Work, error) {
	known, err := works.Of(ctx, r.client, b)
	if err != nil {
		return nil, err
	}
	return r.created.Complete(ctx, r.live, b, known)
}

// removeOrphans deletes the Works in clusters that are neither targets nor left gracefully. It
// returns the Works that are there, by cluster, those being deleted included.
func (r *reconciler) removeOrphans(ctx context.Context, b workv1alpha2.Binding, existing []workv1alpha1.Work) (map[string]*workv1alpha1.Work, error) {
	kept := render.Kept(b.GetBindingSpec())
	present := make(map[string]*workv1alpha1.Work, len(existing))
	var errs []error
	for i := range existing {
		work := &existing[i]
		cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace)
		if !ok {
			continue
		}
		present[cluster] = work
		if !kept.Has(cluster) {
			errs = append(errs, r.delete(ctx, work))
		}
	}
	if err := errors.Join(errs...); err != nil {
		r.recorder.Eventf(b, "Warning", names.EventReasonCleanupWorkFailed, "Failed to delete Works that are no longer wanted: %v", err)
		return nil, err
	}
	return present, nil
}

func (r *reconciler) delete(ctx context.Context, work *workv1alpha1.Work) error {
	if work.DeletionTimestamp != nil {
		return nil
	}
	err := r.client.Delete(ctx, work.DeepCopy(), client.Preconditions{UID: &work.UID})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, and so is its successor's concern
	}
	if err != nil {
		return fmt.Errorf("delete Work %s: %w", client.ObjectKeyFromObject(work), err)
	}
	return nil
}

// remove deletes all Works of a binding on its way out, then lets it go.
func (r *reconciler) remove(ctx context.Context, b workv1alpha2.Binding) error {
	if !controllerutil.ContainsFinalizer(b, r.finalizer()) {
		return nil
	}
	existing, err := r.works(ctx, b)
	if err != nil {
		return err
	}
	var errs []error
	for i := range existing {
		errs = append(errs, r.delete(ctx, &existing[i]))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err = hub.Patch(ctx, r.client, b, func(b workv1alpha2.Binding) {
		controllerutil.RemoveFinalizer(b, r.finalizer())
	})
	return client.IgnoreNotFound(err)
}
