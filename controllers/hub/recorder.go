package hub

import (
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Recorder writes events of the core API group: clients of Karmada read those, by a field selector on
// the involved object's name.
func Recorder(mgr ctrl.Manager, component string) record.EventRecorder {
	//lint:ignore SA1019 the new recorder writes events of another API group
	return mgr.GetEventRecorderFor(component)
}
