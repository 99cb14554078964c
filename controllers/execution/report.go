package execution

import (
	"context"
	"errors"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Messages of the conditions Applied and Dispatching. Clients may compare those of Dispatching with
// the messages of the events.
const (
	MessageApplied    = "All manifests are applied"
	MessageDispatched = "The Work is carried out in its cluster"
	MessageSuspended  = "Dispatching is suspended; the cluster is left as it is"
)

func dispatching(suspended bool) metav1.Condition {
	if suspended {
		return metav1.Condition{Type: workv1alpha1.WorkDispatching, Status: metav1.ConditionFalse,
			Reason: workv1alpha1.ReasonSuspendDispatching, Message: MessageSuspended}
	}
	return metav1.Condition{Type: workv1alpha1.WorkDispatching, Status: metav1.ConditionTrue,
		Reason: workv1alpha1.ReasonDispatching, Message: MessageDispatched}
}

// reportSuspended leaves Applied as it was: what is in the cluster has not changed.
func (r *reconciler) reportSuspended(work *workv1alpha1.Work) {
	r.report(work, nil, dispatching(true))
}

// reportSuccess says that the Work is applied, and what its objects looked like then.
func (r *reconciler) reportSuccess(work *workv1alpha1.Work, seen []workv1alpha1.ManifestStatus) {
	r.report(work, seen, dispatching(false), metav1.Condition{
		Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue,
		Reason: workv1alpha1.ReasonAppliedSuccessful, Message: MessageApplied,
	})
}

// reportFailure says why the Work is not applied, and returns the reason for another try. A cluster
// that cannot be reached takes nothing back: what was applied before is still there as far as
// anybody knows, and to mark all the Works of a cluster at the moment it is lost would keep the hub
// busy when it has better things to do.
func (r *reconciler) reportFailure(work *workv1alpha1.Work, reason error) error {
	if (unreachable(reason) || busy(reason)) && appliedAs(work) {
		return reason
	}
	failed := metav1.Condition{
		Type: workv1alpha1.WorkApplied, Status: metav1.ConditionFalse,
		Reason: workv1alpha1.ReasonAppliedFailed, Message: describe(reason),
	}
	before := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied)
	if before == nil || before.Status != failed.Status || before.Message != failed.Message {
		r.recorder.Event(work, "Warning", names.EventReasonSyncWorkloadFailed, failed.Message)
	}
	r.report(work, nil, dispatching(false), failed)
	return reason
}

// appliedAs says whether the Work as it is now was applied once.
func appliedAs(work *workv1alpha1.Work) bool {
	applied := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied)
	return applied != nil && applied.Status == metav1.ConditionTrue && applied.ObservedGeneration == work.Generation
}

// failedBefore says whether the last attempt to apply the Work failed.
func failedBefore(work *workv1alpha1.Work) bool {
	return meta.IsStatusConditionFalse(work.Status.Conditions, workv1alpha1.WorkApplied)
}

// reportedApplied says whether the Work has been applied at some time.
func reportedApplied(work *workv1alpha1.Work) bool {
	return meta.IsStatusConditionTrue(work.Status.Conditions, workv1alpha1.WorkApplied)
}

// report leaves conditions to be written, and with them the statuses that were seen, if any: one write
// instead of two for what is known at the same time. Other changes of statuses are package status' to tell.
func (r *reconciler) report(work *workv1alpha1.Work, seen []workv1alpha1.ManifestStatus, conditions ...metav1.Condition) {
	r.reports.Put(work, reports.Report{Conditions: conditions, Statuses: seen, Reflected: len(seen) > 0, Aside: true})
}

// unreachable says whether an error is about the way to the member, not an answer of it.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return false
	}
	var network net.Error
	return errors.Is(err, errPending) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network)
}

// busy says whether an API server answered that it cannot see to it now. That is about the API server,
// not about the object.
func busy(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err)
}

// describe makes a message of an error. What is different each time (ports, times) is left out, or
// the same trouble would be written again and again.
func describe(err error) string {
	text := strings.TrimPrefix(err.Error(), errPending.Error()+": ")
	switch {
	case busy(err):
		return "the API server of the cluster is too busy to answer; this is tried again until it does"
	case !unreachable(err) || errors.Is(err, errPending):
		return hub.Brief(text)
	}
	return "the API server of the cluster does not answer; this is tried again until it does"
}
