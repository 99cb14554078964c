package failover

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// heldRetry is how soon a move that is held is judged again. What holds it may end in a cluster
// the binding has nothing to do with: room, a new member, the return of another lost one.
const heldRetry = 30 * time.Second

// reconciler leads a binding back, and takes from it what is no longer true.
type reconciler struct {
	*hands
	empty func() workv1alpha2.Binding
}

// Reconcile judges whether one binding may return, and carries that out.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty()
	if err := r.client.Get(ctx, req.NamespacedName, b.(client.Object)); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if b.GetDeletionTimestamp() != nil || validation.ValidateReach(b) != nil {
		return ctrl.Result{}, nil // of the latter the binding's condition Rendered tells
	}
	if err := r.forget(ctx, b); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	again, err := r.mayReturn(ctx, b)
	if err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	return hub.Result(ctrl.Result{RequeueAfter: again}, r.tidy(ctx, b))
}

// mayReturn takes a binding back to the clusters that may have it again.
func (r *reconciler) mayReturn(ctx context.Context, b workv1alpha2.Binding) (again time.Duration, err error) {
	gone := failover.Away(b.GetBindingSpec())
	if len(gone) == 0 {
		return 0, nil
	}
	clusters, err := r.clusters(ctx)
	if err != nil {
		return 0, err
	}
	survey := r.survey(clusters)
	judged, speaking, err := r.about(ctx, b, survey.Size())
	if err != nil {
		return 0, err
	}
	judged.Away, judged.Placed = gone, clusterNames(b.GetBindingSpec().Clusters)
	decision := survey.Decide(judged)
	if len(decision.Evict) > 0 && len(decision.Return) > 0 {
		template, err := r.policies.Template(ctx, b)
		if err != nil {
			return 0, err
		}
		if policies.IsSingleton(&template) {
			decision.Evict = nil // it leaves by itself, without a task
		}
	}
	if !decision.RetryAt.IsZero() {
		again = max(decision.RetryAt.Sub(r.clock.Now()), time.Millisecond)
	}
	if len(decision.Return) == 0 {
		return again, nil
	}
	unplaced, err := r.comeBack(ctx, b, clusters, survey, decision, r.signals(clusters, speaking, decision.Evict))
	if unplaced && (again == 0 || again > heldRetry) {
		again = heldRetry
	}
	return again, err
}

// tidy drops conditions that are no longer true: of a move that was held while its cluster was lost,
// and of a pre-emption that is over.
func (r *reconciler) tidy(ctx context.Context, b workv1alpha2.Binding) error {
	if meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.ConditionFailoverHeld) != nil {
		lost, err := r.anyLost(ctx, clusterNames(b.GetBindingSpec().Clusters))
		if err != nil {
			return err
		}
		if !lost {
			if err := r.tellHeld(ctx, b, nil); err != nil {
				return err
			}
		}
	}
	return r.endPreemption(ctx, b)
}
