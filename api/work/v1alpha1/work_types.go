package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Work is a set of manifests for one cluster. It lies in the execution namespace
// of that cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=works,scope=Namespaced,shortName=wk,categories={karmada-io}
// +kubebuilder:printcolumn:JSONPath=`.spec.workload.manifests[*].kind`,name="WORKLOAD-KIND",type=string
// +kubebuilder:printcolumn:JSONPath=`.status.conditions[?(@.type=="Applied")].status`,name="APPLIED",type=string
// +kubebuilder:printcolumn:JSONPath=`.metadata.creationTimestamp`,name="AGE",type=date
type Work struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the cluster should hold.
	// +required
	Spec WorkSpec `json:"spec"`

	// Status is what the cluster holds.
	// +optional
	Status WorkStatus `json:"status,omitempty"`
}

// WorkList is a list of Works.
//
// +kubebuilder:object:root=true
type WorkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Work `json:"items"`
}

// WorkSpec is what the cluster should hold.
type WorkSpec struct {
	// Workload holds the manifests.
	// +optional
	Workload WorkloadTemplate `json:"workload,omitempty"`

	// SuspendDispatching true leaves the cluster as it is.
	// +optional
	SuspendDispatching *bool `json:"suspendDispatching,omitempty"`

	// PreserveResourcesOnDeletion leaves the member objects in place when the
	// Work is deleted.
	// +optional
	PreserveResourcesOnDeletion *bool `json:"preserveResourcesOnDeletion,omitempty"`
}

// WorkloadTemplate holds manifests.
type WorkloadTemplate struct {
	// Manifests are the objects.
	// +optional
	Manifests []Manifest `json:"manifests,omitempty"`
}

// Manifest is one object of any kind.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Manifest struct {
	runtime.RawExtension `json:",inline"`
}

// WorkStatus is what the cluster holds.
type WorkStatus struct {
	// Conditions of the Work.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ManifestStatuses are the states of the objects in the cluster.
	// +optional
	ManifestStatuses []ManifestStatus `json:"manifestStatuses,omitempty"`
}

// Condition types of a Work.
const (
	// WorkApplied is True when all manifests are in the cluster.
	WorkApplied = "Applied"
	// WorkDispatching is False when dispatching is suspended.
	WorkDispatching = "Dispatching"
)

// Reasons of a Work's conditions.
const (
	// ReasonAppliedSuccessful goes with Applied True.
	ReasonAppliedSuccessful = "AppliedSuccessful"
	// ReasonAppliedFailed goes with Applied False.
	ReasonAppliedFailed = "AppliedFailed"
	// ReasonDispatching goes with Dispatching True.
	ReasonDispatching = "Dispatching"
	// ReasonSuspendDispatching goes with Dispatching False.
	ReasonSuspendDispatching = "SuspendDispatching"
)

// ResourceHealth is the health of an object in a cluster.
type ResourceHealth string

const (
	// ResourceHealthy means the object does what it should.
	ResourceHealthy ResourceHealth = "Healthy"
	// ResourceUnhealthy means it does not.
	ResourceUnhealthy ResourceHealth = "Unhealthy"
	// ResourceUnknown means it could not be found out.
	ResourceUnknown ResourceHealth = "Unknown"
)

// ManifestStatus is the state of one object in the cluster.
type ManifestStatus struct {
	// Identifier says which object.
	// +required
	Identifier ResourceIdentifier `json:"identifier"`

	// Status is the reflected part of the object's status.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Status *runtime.RawExtension `json:"status,omitempty"`

	// Health of the object.
	// +kubebuilder:validation:Enum=Healthy;Unhealthy;Unknown
	// +optional
	Health ResourceHealth `json:"health,omitempty"`
}

// ResourceIdentifier says which object of a Work is meant.
type ResourceIdentifier struct {
	// Ordinal is the index in the manifests.
	// +required
	Ordinal int `json:"ordinal"`

	// Group of the object.
	// +optional
	Group string `json:"group,omitempty"`

	// Version of the object.
	// +required
	Version string `json:"version"`

	// Kind of the object.
	// +required
	Kind string `json:"kind"`

	// Resource is the plural name; it is empty when unknown.
	// +required
	Resource string `json:"resource"`

	// Namespace of the object.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Name of the object.
	// +required
	Name string `json:"name"`
}
