package deschedule

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deschedule"
	"github.com/seaway-io/seaway/controllers/hub"
)

func (d *descheduler) tellTaken(b workv1alpha2.Binding, taken []deschedule.Taken) {
	hub.Tell(d.recorder, b, corev1.EventTypeNormal, names.EventReasonDescheduleBindingSucceed,
		"Descheduled %s: no node has taken them for %s", deschedule.Sentence(taken), d.UnschedulableThreshold)
}

func (d *descheduler) tellFailed(b workv1alpha2.Binding, taken []deschedule.Taken, err error) {
	hub.Tell(d.recorder, b, corev1.EventTypeWarning, names.EventReasonDescheduleBindingFailed,
		"Could not deschedule %s: %v", deschedule.Sentence(taken), err)
}
