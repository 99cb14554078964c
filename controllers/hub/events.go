package hub

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Tell records an event on a binding and on its template: a user looks at either.
func Tell(recorder record.EventRecorder, b workv1alpha2.Binding, eventType, reason, format string, args ...any) {
	recorder.Eventf(b, eventType, reason, format, args...)
	ref := b.GetBindingSpec().Resource
	recorder.Eventf(&corev1.ObjectReference{
		APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: ref.UID, ResourceVersion: ref.ResourceVersion,
	}, eventType, reason, format, args...)
}
