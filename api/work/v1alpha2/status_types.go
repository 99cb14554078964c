package v1alpha2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Condition types of a binding.
const (
	// Scheduled is True when the last schedule succeeded.
	Scheduled = "Scheduled"
	// FullyApplied is True when every cluster holds the object.
	FullyApplied = "FullyApplied"
)

// Reasons of the condition Scheduled.
const (
	// ReasonScheduledSuccess goes with True.
	ReasonScheduledSuccess = "Success"
	// ReasonNoClusterFit goes with False: no cluster passes the filters.
	ReasonNoClusterFit = "NoClusterFit"
	// ReasonUnschedulable goes with False: the clusters lack room.
	ReasonUnschedulable = "Unschedulable"
	// ReasonSchedulerError goes with False: anything else.
	ReasonSchedulerError = "SchedulerError"
	// ReasonQuotaExceeded goes with False: a quota refused the result.
	ReasonQuotaExceeded = "QuotaExceeded"
)

// Reasons of the condition FullyApplied.
const (
	// ReasonFullyAppliedSuccess goes with True.
	ReasonFullyAppliedSuccess = "FullyAppliedSuccess"
	// ReasonFullyAppliedFailed goes with False.
	ReasonFullyAppliedFailed = "FullyAppliedFailed"
)

// ResourceBindingStatus is gathered from the scheduler and the clusters.
type ResourceBindingStatus struct {
	// SchedulerObservedGeneration is the generation the scheduler last handled.
	// +optional
	SchedulerObservedGeneration int64 `json:"schedulerObservedGeneration,omitempty"`

	// SchedulerObservedAffinityName is the affinity term in use.
	// +optional
	SchedulerObservedAffinityName string `json:"schedulerObservingAffinityName,omitempty"`

	// LastScheduledTime is when the last schedule succeeded.
	// +optional
	LastScheduledTime *metav1.Time `json:"lastScheduledTime,omitempty"`

	// Conditions of the binding.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// AggregatedStatus is the state per cluster, sorted by cluster.
	// +optional
	AggregatedStatus []AggregatedStatusItem `json:"aggregatedStatus,omitempty"`
}

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

// AggregatedStatusItem is the state in one cluster.
type AggregatedStatusItem struct {
	// ClusterName is the cluster.
	// +required
	ClusterName string `json:"clusterName"`

	// Status is the reflected part of the object's status.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Status *runtime.RawExtension `json:"status,omitempty"`

	// Applied says whether the object is in the cluster.
	// +optional
	Applied bool `json:"applied,omitempty"`

	// AppliedMessage says why not.
	// +optional
	AppliedMessage string `json:"appliedMessage,omitempty"`

	// Health of the object.
	// +kubebuilder:validation:Enum=Healthy;Unhealthy;Unknown
	// +optional
	Health ResourceHealth `json:"health,omitempty"`
}
