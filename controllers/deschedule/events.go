package deschedule

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deschedule"
)

func (d *descheduler) tellTaken(b workv1alpha2.Binding, taken []deschedule.Taken) {
	d.tell(b, corev1.EventTypeNormal, names.EventReasonDescheduleBindingSucceed,
		"Descheduled %s: no node has taken them for %s", deschedule.Sentence(taken), d.UnschedulableThreshold)
}

func (d *descheduler) tellFailed(b workv1alpha2.Binding, taken []deschedule.Taken, err error) {
	d.tell(b, corev1.EventTypeWarning, names.EventReasonDescheduleBindingFailed,
		"Could not deschedule %s: %v", deschedule.Sentence(taken), err)
}

// tell records an event on the binding and on its template.
func (d *descheduler) tell(b workv1alpha2.Binding, eventType, reason, format string, args ...any) {
	d.recorder.Eventf(b, eventType, reason, format, args...)
	ref := b.GetBindingSpec().Resource
	d.recorder.Eventf(&corev1.ObjectReference{
		APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: ref.UID,
	}, eventType, reason, format, args...)
}
