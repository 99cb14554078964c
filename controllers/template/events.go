package template

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// tell records on the template what became of it.
func (r *reconciler) tell(key Key, obj metav1.Object, d claim.Decision, err error) {
	policy := describe(d.Policy.Propagation)
	ref := reference(key, obj)
	var demand *demandError
	if err != nil {
		applyAttempts.WithLabelValues(resultError).Inc()
		if errors.As(err, &demand) {
			r.recorder.Event(ref, corev1.EventTypeWarning, demand.reason, err.Error())
		}
		if d.Action == claim.Preempt {
			preemptions.WithLabelValues(resultError).Inc()
			r.recorder.Eventf(ref, corev1.EventTypeWarning, names.EventReasonPreemptPolicyFailed, "%s cannot take over: %v", policy, err)
		}
		r.recorder.Eventf(ref, corev1.EventTypeWarning, names.EventReasonApplyPolicyFailed, "%s is not applied: %v", policy, err)
		return
	}
	applyAttempts.WithLabelValues(resultSuccess).Inc()
	if d.Action == claim.Preempt {
		preemptions.WithLabelValues(resultSuccess).Inc()
		r.recorder.Eventf(ref, corev1.EventTypeNormal, names.EventReasonPreemptPolicySucceed, "%s has taken over", policy)
	}
	if q, ok := r.questionFor(key.GroupVersionKind); ok {
		r.recorder.Event(ref, corev1.EventTypeNormal, q.succeeded, q.message)
	}
	r.recorder.Eventf(ref, corev1.EventTypeNormal, names.EventReasonApplyPolicySucceed, "%s is applied", policy)
}

// reference is what events on a template refer to. It is not the watched metadata itself, whose kind
// is another.
func reference(key Key, obj metav1.Object) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: key.GroupVersion().String(), Kind: key.Kind,
		Namespace: key.Namespace, Name: key.Name,
		UID: obj.GetUID(), ResourceVersion: obj.GetResourceVersion(),
	}
}
