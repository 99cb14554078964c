package conversion

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// RestAnnotation holds, on a binding of v1alpha1, what that version has no fields for. A client of
// v1alpha1 that reads a binding and writes it back keeps what it does not know.
const RestAnnotation = "seaway.dev/v1alpha2"

// mostRest bounds the annotation: all annotations of an object together may have 256 KiB. What does
// not fit is lost to a client that writes.
const mostRest = 128 << 10

// rest is what v1alpha1 does not know of a binding.
type rest struct {
	Spec   workv1alpha2.ResourceBindingSpec   `json:"spec,omitzero"`
	Status workv1alpha2.ResourceBindingStatus `json:"status,omitzero"`
}

// pack puts the rest of a binding into the annotations of its older form.
func pack(meta metav1.ObjectMeta, spec workv1alpha2.ResourceBindingSpec, status workv1alpha2.ResourceBindingStatus) (metav1.ObjectMeta, error) {
	r := rest{Spec: *spec.DeepCopy(), Status: workv1alpha2.ResourceBindingStatus{
		SchedulerObservedGeneration:   status.SchedulerObservedGeneration,
		SchedulerObservedAffinityName: status.SchedulerObservedAffinityName,
		LastScheduledTime:             status.LastScheduledTime,
	}}
	r.Spec.Resource = workv1alpha2.ObjectReference{UID: spec.Resource.UID}
	r.Spec.Replicas, r.Spec.Clusters = 0, nil
	if known := r.Spec.ReplicaRequirements; known != nil && len(known.ResourceRequest) > 0 {
		known.ResourceRequest = nil
		if equality.Semantic.DeepEqual(known, &workv1alpha2.ReplicaRequirements{}) {
			r.Spec.ReplicaRequirements = nil
		}
	}
	for _, item := range status.AggregatedStatus {
		if item.Health != "" {
			r.Status.AggregatedStatus = append(r.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{ClusterName: item.ClusterName, Health: item.Health})
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return meta, fmt.Errorf("what v1alpha1 does not know: %w", err)
	}
	meta.Annotations = maps.Clone(meta.Annotations)
	delete(meta.Annotations, RestAnnotation)
	if len(text) <= mostRest && string(text) != "{}" {
		if meta.Annotations == nil {
			meta.Annotations = map[string]string{}
		}
		meta.Annotations[RestAnnotation] = string(text)
	}
	return meta, nil
}

// unpack takes the rest of a binding out of the annotations of its older form, and joins it with what
// that form says.
func unpack(meta metav1.ObjectMeta, spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus) (metav1.ObjectMeta, error) {
	text, ok := meta.Annotations[RestAnnotation]
	if !ok {
		return meta, nil
	}
	var r rest
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return meta, fmt.Errorf("metadata.annotations[%s]: must be what the server put there; leave it as it was read, or remove it: %w", RestAnnotation, err)
	}
	meta.Annotations = maps.Clone(meta.Annotations)
	delete(meta.Annotations, RestAnnotation)
	if len(meta.Annotations) == 0 {
		meta.Annotations = nil
	}
	known, requirements := *spec, spec.ReplicaRequirements
	*spec = r.Spec
	spec.Resource, spec.Replicas, spec.Clusters = known.Resource, known.Replicas, known.Clusters
	spec.Resource.UID = r.Spec.Resource.UID
	switch {
	case spec.ReplicaRequirements == nil:
		spec.ReplicaRequirements = requirements
	case requirements != nil:
		spec.ReplicaRequirements.ResourceRequest = requirements.ResourceRequest
	}
	status.SchedulerObservedGeneration = r.Status.SchedulerObservedGeneration
	status.SchedulerObservedAffinityName = r.Status.SchedulerObservedAffinityName
	status.LastScheduledTime = r.Status.LastScheduledTime
	health := map[string]workv1alpha2.ResourceHealth{}
	for _, item := range r.Status.AggregatedStatus {
		health[item.ClusterName] = item.Health
	}
	for i := range status.AggregatedStatus {
		status.AggregatedStatus[i].Health = health[status.AggregatedStatus[i].ClusterName]
	}
	return meta, nil
}
