package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// ResourceInterpreterContext is what is posted to an interpreter webhook, with a request, and what
// comes back, with a response.
type ResourceInterpreterContext struct {
	metav1.TypeMeta `json:",inline"`

	// Request is the question.
	// +optional
	Request *ResourceInterpreterRequest `json:"request,omitempty"`

	// Response is the answer.
	// +optional
	Response *ResourceInterpreterResponse `json:"response,omitempty"`
}

// ResourceInterpreterRequest is one question about an object.
type ResourceInterpreterRequest struct {
	// UID of the exchange; the answer repeats it.
	// +required
	UID types.UID `json:"uid"`

	// Kind of the object.
	// +required
	Kind metav1.GroupVersionKind `json:"kind"`

	// Name of the object.
	// +required
	Name string `json:"name"`

	// Namespace of the object.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Operation is the question.
	// +required
	Operation InterpreterOperation `json:"operation"`

	// Object is the object; for Retain the desired one.
	// +optional
	Object runtime.RawExtension `json:"object,omitempty"`

	// ObservedObject is the object in the member, for Retain.
	// +optional
	ObservedObject *runtime.RawExtension `json:"observedObject,omitempty"`

	// DesiredReplicas is the number to set, for ReviseReplica.
	// +optional
	DesiredReplicas *int32 `json:"replicas,omitempty"`

	// AggregatedStatus are the statuses to merge, for AggregateStatus.
	// +optional
	AggregatedStatus []workv1alpha2.AggregatedStatusItem `json:"aggregatedStatus,omitempty"`
}

// ResourceInterpreterResponse is the answer to one question.
type ResourceInterpreterResponse struct {
	// UID is that of the request.
	// +required
	UID types.UID `json:"uid"`

	// Successful says whether there is an answer.
	// +required
	Successful bool `json:"successful"`

	// Status says why there is none.
	// +optional
	Status *RequestStatus `json:"status,omitempty"`

	// Patch of the request's object, for ReviseReplica, Retain and AggregateStatus. No patch is no
	// change.
	// +optional
	Patch []byte `json:"patch,omitempty"`

	// PatchType of the patch; JSONPatch when there is one.
	// +optional
	PatchType *PatchType `json:"patchType,omitempty"`

	// ReplicaRequirements is what one replica asks for, for InterpretReplica.
	// +optional
	ReplicaRequirements *workv1alpha2.ReplicaRequirements `json:"replicaRequirements,omitempty"`

	// Replicas wanted, for InterpretReplica, which needs it.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// Components of the workload, for InterpretComponent.
	// +optional
	Components []workv1alpha2.Component `json:"components,omitempty"`

	// Dependencies of the object, for InterpretDependency.
	// +optional
	Dependencies []DependentObjectReference `json:"dependencies,omitempty"`

	// RawStatus is the status to report, for InterpretStatus, which needs it.
	// +optional
	RawStatus *runtime.RawExtension `json:"rawStatus,omitempty"`

	// Healthy says whether the object is, for InterpretHealth, which needs it.
	// +optional
	Healthy *bool `json:"healthy,omitempty"`
}

// RequestStatus says why there is no answer.
type RequestStatus struct {
	// Message for people.
	// +optional
	Message string `json:"message,omitempty"`

	// Code as in HTTP.
	// +optional
	Code int32 `json:"code,omitempty"`
}

// PatchType is how a patch is written.
type PatchType string

// PatchTypeJSONPatch is the patch of RFC 6902, the only type there is.
const PatchTypeJSONPatch PatchType = "JSONPatch"
