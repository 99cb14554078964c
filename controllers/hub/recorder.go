package hub

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Recorder writes events of the core API group: clients of Karmada read those, by a field selector on
// the involved object's name. Their messages are brief: see Brief.
func Recorder(mgr ctrl.Manager, component string) record.EventRecorder {
	//lint:ignore SA1019 the new recorder writes events of another API group
	return brief{mgr.GetEventRecorderFor(component)}
}

// brief keeps what an object has to be told from filling the hub: a message may name every cluster, or
// every fault of an object of a megabyte.
type brief struct{ record.EventRecorder }

func (b brief) Event(obj runtime.Object, kind, reason, message string) {
	b.EventRecorder.Event(obj, kind, reason, Brief(message))
}

func (b brief) Eventf(obj runtime.Object, kind, reason, format string, args ...any) {
	b.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

func (b brief) AnnotatedEventf(obj runtime.Object, annotations map[string]string, kind, reason, format string, args ...any) {
	b.EventRecorder.AnnotatedEventf(obj, annotations, kind, reason, "%s", Brief(fmt.Sprintf(format, args...)))
}
