package scheduler

import (
	"cmp"
	"context"
	"errors"
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
	"github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/hub"
)

// apply writes a decision: the placement and what it was made from in one patch, then the status in
// another, since the API server takes a status only by itself. What does not change is not written.
// The decision was committed, and is settled here.
func (r *reconciler) apply(ctx context.Context, cached workv1alpha2.Binding, cause placement.Cause, d *decision) error {
	b := cached.DeepCopyObject().(workv1alpha2.Binding)
	gains := r.refusals.try(keyOf(b))
	moved, err := r.writeSpec(ctx, b, d)
	if err != nil {
		r.placer.settle(b, 0)
		err = r.refused(ctx, cached, err)
		if errors.Is(err, errNoQuota) && r.refusals.refuse(keyOf(b), refusalOf(cached, d), gains) {
			return errRoomAgain
		}
		return err
	}
	r.placer.settle(b, b.GetGeneration())
	condition := metav1.Condition{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: d.diagnosis.Reason, Message: d.diagnosis.Message}
	fits := d.diagnosis.Fits()
	if fits {
		condition.Status = metav1.ConditionTrue
	}
	anew := moved || cause == placement.CauseTriggered
	resident := enclose(d.input.Wall, d.input.Clusters).resident(b)
	astray := violated(b, resident)
	told, err := r.writeStatus(ctx, b, condition, anew, d.result.AffinityName, resident)
	if err != nil {
		return err
	}
	if astray {
		hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonResidencyViolated, "%s", resident.Message)
	}
	switch {
	case fits && (moved || told):
		hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonScheduleBindingSucceed, "Placed (%s). Result: %s", cause, placement.Targets(d.result.Clusters))
	case !fits && told:
		hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonScheduleBindingFailed, "Not placed (%s): %s", cause, d.diagnosis.Message)
	}
	return nil
}

// writeSpec writes the clusters, and the placement they were made for when there is one.
func (r *reconciler) writeSpec(ctx context.Context, b workv1alpha2.Binding, d *decision) (moved bool, err error) {
	applied, err := placement.AppliedPlacement(b.GetBindingSpec().Placement)
	if err != nil {
		return false, err
	}
	moved, err = hub.Patch(ctx, r.client, b.(client.Object), func(client.Object) {
		if spec := b.GetBindingSpec(); !sameTargets(spec.Clusters, d.result.Clusters) {
			spec.Clusters = d.result.Clusters
		}
		if d.diagnosis.Fits() {
			annotations := b.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[names.AppliedPlacementAnnotation] = applied
			b.SetAnnotations(annotations)
		}
	})
	if moved {
		r.own.wrote(keyOf(b), b.GetResourceVersion())
	}
	return moved, err
}

// writeStatus writes what the scheduler has seen and done. Told says whether the condition says
// something new. Resident is nil when nothing is to be said. The time is written only with a placement made anew, or every look at a binding
// would write.
func (r *reconciler) writeStatus(ctx context.Context, b workv1alpha2.Binding, condition metav1.Condition, anew bool, affinity string, resident *metav1.Condition) (told bool, err error) {
	fits := condition.Status == metav1.ConditionTrue
	condition.Message = hub.Brief(condition.Message)
	before := meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.Scheduled)
	told = before == nil || before.Status != condition.Status || !fits && (before.Reason != condition.Reason || before.Message != condition.Message) ||
		fits && affinity != b.GetBindingStatus().SchedulerObservedAffinityName
	return told, r.patchStatus(ctx, b, func(b workv1alpha2.Binding) {
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
		if resident != nil {
			hub.SetCondition(&status.Conditions, b.GetGeneration(), *resident)
		}
	})
}

// statusTries is how often a status is written when others write into it at the same moment.
const statusTries = 3

// patchStatus writes into the status. Who else writes there does not touch what the scheduler says, so
// a conflict is no reason to decide anew, unless the spec has changed as well.
func (r *reconciler) patchStatus(ctx context.Context, b workv1alpha2.Binding, mutate func(workv1alpha2.Binding)) error {
	for try := 1; ; try++ {
		changed, err := hub.PatchStatus(ctx, r.client, b.(client.Object), func(client.Object) { mutate(b) })
		if changed {
			r.own.wrote(keyOf(b), b.GetResourceVersion())
		}
		if !apierrors.IsConflict(err) || try == statusTries {
			return err
		}
		fresh := r.empty()
		if getErr := r.live.Get(ctx, client.ObjectKeyFromObject(b.(client.Object)), fresh.(client.Object)); getErr != nil {
			return client.IgnoreNotFound(getErr)
		}
		if fresh.GetGeneration() != b.GetGeneration() || fresh.GetUID() != b.GetUID() {
			return err
		}
		b = fresh
	}
}

// observe notes a generation that needs no placing: what was said of the last one holds. What was
// leaving a cluster outside of the wall may have left it.
func (r *reconciler) observe(ctx context.Context, cached workv1alpha2.Binding, within enclosure) error {
	resident := within.resident(cached)
	if observed(cached, resident) {
		return nil
	}
	b := cached.DeepCopyObject().(workv1alpha2.Binding)
	return client.IgnoreNotFound(r.patchStatus(ctx, b, func(b workv1alpha2.Binding) {
		status := b.GetBindingStatus()
		status.SchedulerObservedGeneration = b.GetGeneration()
		if c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled); c != nil {
			hub.SetCondition(&status.Conditions, b.GetGeneration(), *c)
		}
		if resident != nil {
			hub.SetCondition(&status.Conditions, b.GetGeneration(), *resident)
		}
	}))
}

// observed says whether the status is about the present generation, and says what is to be said.
func observed(b workv1alpha2.Binding, resident *metav1.Condition) bool {
	status := b.GetBindingStatus()
	if status.SchedulerObservedGeneration != b.GetGeneration() {
		return false
	}
	if c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled); c != nil && c.ObservedGeneration != b.GetGeneration() {
		return false
	}
	if resident == nil {
		return true
	}
	c := meta.FindStatusCondition(status.Conditions, names.ConditionResident)
	return c != nil && c.Status == resident.Status && c.Message == resident.Message && c.ObservedGeneration == b.GetGeneration()
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
	}, false, "", nil)
	if told {
		hub.Tell(r.recorder, fresh, corev1.EventTypeWarning, names.EventReasonScheduleBindingFailed, "The placement was refused: %s", hub.Brief(err.Error()))
	}
	if statusErr != nil {
		return statusErr
	}
	if reason == workv1alpha2.ReasonQuotaExceeded && r.refusals != nil {
		return errNoQuota
	}
	return fmt.Errorf("write placement: %w", err) // and try again, ever more seldom
}

// refusalOf is what a decision asks of quotas beyond what the binding has.
func refusalOf(b workv1alpha2.Binding, d *decision) refusal {
	wanted := *b.GetBindingSpec()
	wanted.Clusters = d.result.Clusters
	return refusal{growth: quota.Growth(quota.Usage(b.GetBindingSpec()), quota.Usage(&wanted)), priority: priorityOf(b)}
}

// sameTargets compares placements whatever their order.
func sameTargets(a, b []workv1alpha2.TargetCluster) bool {
	byName := func(x, y workv1alpha2.TargetCluster) int { return cmp.Compare(x.Name, y.Name) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, byName)
	slices.SortFunc(b, byName)
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.TargetCluster) bool { return x.Name == y.Name && x.Replicas == y.Replicas })
}
