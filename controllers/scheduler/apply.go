package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// apply writes a decision: the placement and what it was made from in one patch, then the status.
// What does not change is not written.
func (r *reconciler) apply(ctx context.Context, b workv1alpha2.Binding, cause placement.Cause, result placement.Result, d *placement.Diagnosis) error {
	moved, err := r.writeSpec(ctx, b, result, d)
	if err != nil {
		return r.refused(ctx, b, err)
	}
	condition := metav1.Condition{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: d.Reason, Message: d.Message}
	if d.Fits() {
		condition.Status = metav1.ConditionTrue
	}
	anew := moved || cause == placement.CauseTriggered
	told, err := r.writeStatus(ctx, b, condition, anew, result.AffinityName)
	if err != nil {
		return err
	}
	switch {
	case d.Fits() && (moved || told):
		r.tell(b, corev1.EventTypeNormal, names.EventReasonScheduleBindingSucceed, "Placed (%s). Result: %s", cause, placement.Targets(result.Clusters))
	case !d.Fits() && told:
		r.tell(b, corev1.EventTypeWarning, names.EventReasonScheduleBindingFailed, "Not placed (%s): %s", cause, d.Message)
	}
	return nil
}

// writeSpec writes the clusters, and the placement they were made for when there is one.
func (r *reconciler) writeSpec(ctx context.Context, b workv1alpha2.Binding, result placement.Result, d *placement.Diagnosis) (moved bool, err error) {
	applied, err := placement.AppliedPlacement(b.GetBindingSpec().Placement)
	if err != nil {
		return false, err
	}
	return hub.Patch(ctx, r.client, b.(client.Object), func(client.Object) {
		if spec := b.GetBindingSpec(); !sameTargets(spec.Clusters, result.Clusters) {
			spec.Clusters = result.Clusters
		}
		if d.Fits() {
			annotations := b.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[names.AppliedPlacementAnnotation] = applied
			b.SetAnnotations(annotations)
		}
	})
}

// writeStatus writes what the scheduler has seen and done. Told says whether the condition says
// something new. The time is written only with a placement made anew, or every look at a binding
// would write.
func (r *reconciler) writeStatus(ctx context.Context, b workv1alpha2.Binding, condition metav1.Condition, anew bool, affinity string) (told bool, err error) {
	fits := condition.Status == metav1.ConditionTrue
	before := meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.Scheduled)
	told = before == nil || before.Status != condition.Status || !fits && (before.Reason != condition.Reason || before.Message != condition.Message)
	_, err = hub.PatchStatus(ctx, r.client, b.(client.Object), func(client.Object) {
		status := b.GetBindingStatus()
		if fits {
			status.SchedulerObservedGeneration = b.GetGeneration()
			status.SchedulerObservedAffinityName = affinity
			if anew || told || status.LastScheduledTime == nil {
				now := metav1.NewTime(r.clock.Now())
				status.LastScheduledTime = &now
			}
		}
		hub.SetCondition(&status.Conditions, b.GetGeneration(), condition)
	})
	return told, err
}

// observe notes a generation that needs no placing: what was said of the last one holds.
func (r *reconciler) observe(ctx context.Context, b workv1alpha2.Binding) error {
	_, err := hub.PatchStatus(ctx, r.client, b.(client.Object), func(client.Object) {
		status := b.GetBindingStatus()
		status.SchedulerObservedGeneration = b.GetGeneration()
		if c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled); c != nil {
			hub.SetCondition(&status.Conditions, b.GetGeneration(), *c)
		}
	})
	return client.IgnoreNotFound(err)
}

// refused says in the status that the API server did not take the placement, when trying again is
// not enough: an admission webhook, such as that of a quota, or a schema said no.
func (r *reconciler) refused(ctx context.Context, b workv1alpha2.Binding, err error) error {
	reason := workv1alpha2.ReasonSchedulerError
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.ReasonForError(err) == workv1alpha2.ReasonQuotaExceeded:
		reason = workv1alpha2.ReasonQuotaExceeded
	case !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err):
		return err
	}
	fresh := r.empty()
	if getErr := r.client.Get(ctx, client.ObjectKeyFromObject(b.(client.Object)), fresh.(client.Object)); getErr != nil {
		return client.IgnoreNotFound(getErr)
	}
	told, statusErr := r.writeStatus(ctx, fresh, metav1.Condition{
		Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: reason, Message: err.Error(),
	}, false, "")
	if told {
		r.tell(fresh, corev1.EventTypeWarning, names.EventReasonScheduleBindingFailed, "The placement was refused: %v", err)
	}
	if statusErr != nil {
		return statusErr
	}
	return fmt.Errorf("write placement: %w", err) // and try again, ever more seldom
}

// tell records an event on the binding and on its template.
func (r *reconciler) tell(b workv1alpha2.Binding, eventType, reason, format string, args ...any) {
	r.recorder.Eventf(b, eventType, reason, format, args...)
	ref := b.GetBindingSpec().Resource
	r.recorder.Eventf(&corev1.ObjectReference{
		APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: ref.UID,
	}, eventType, reason, format, args...)
}

// sameTargets compares placements whatever their order.
func sameTargets(a, b []workv1alpha2.TargetCluster) bool {
	byName := func(x, y workv1alpha2.TargetCluster) int { return cmp.Compare(x.Name, y.Name) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, byName)
	slices.SortFunc(b, byName)
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.TargetCluster) bool { return x.Name == y.Name && x.Replicas == y.Replicas })
}
