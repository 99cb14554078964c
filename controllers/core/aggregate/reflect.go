package aggregate

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Interpreter is what is asked about a kind; *interpret.Interpreter knows it.
type Interpreter interface {
	Status(obj *unstructured.Unstructured) (*runtime.RawExtension, error)
	Health(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error)
}

// Reflect returns the state of one object of a Work: the one at the ordinal in its manifests, of the
// given resource in its member. Where the kind's status cannot be read the last known one stays;
// where its health cannot, it is Unknown; the errors say so.
func Reflect(i Interpreter, ordinal int, resource schema.GroupVersionResource, obj *unstructured.Unstructured, last *workv1alpha1.ManifestStatus) (status workv1alpha1.ManifestStatus, statusErr, healthErr error) {
	status.Identifier = workv1alpha1.ResourceIdentifier{
		Ordinal: ordinal, Group: resource.Group, Version: resource.Version, Kind: obj.GetKind(), Resource: resource.Resource,
		Namespace: obj.GetNamespace(), Name: obj.GetName(),
	}
	if status.Status, statusErr = i.Status(obj); statusErr != nil && last != nil {
		status.Status = last.Status
	}
	health, healthErr := i.Health(obj)
	status.Health = workv1alpha1.ResourceHealth(health)
	return status, statusErr, healthErr
}

// Last is the state that a Work holds of the manifest at the ordinal, nil if none.
func Last(work *workv1alpha1.Work, ordinal int) *workv1alpha1.ManifestStatus {
	for i := range work.Status.ManifestStatuses {
		if work.Status.ManifestStatuses[i].Identifier.Ordinal == ordinal {
			return &work.Status.ManifestStatuses[i]
		}
	}
	return nil
}
