package v1alpha2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Reasons of a GracefulEvictionTask.
const (
	// EvictionReasonTaintUntolerated: a NoExecute taint is not tolerated.
	EvictionReasonTaintUntolerated = "TaintUntolerated"
	// EvictionReasonApplicationFailure: the application was unhealthy too long.
	EvictionReasonApplicationFailure = "ApplicationFailure"
	// EvictionReasonClusterLost: the data path and the control plane are both lost.
	// This reason is Seaway's own.
	EvictionReasonClusterLost = "ClusterLost"
)

// EvictionProducerTaintManager is the producer of evictions by taint.
const EvictionProducerTaintManager = "TaintManager"

// EvictionProducerFailover is the producer of evictions from lost clusters. The copies
// in such a cluster are kept up to date while it is away: when it returns they are
// what the requests come back to.
const EvictionProducerFailover = "seaway-failover"

// ConditionFailoverHeld of a binding is True while workloads should leave a lost
// cluster and are held back for safety; the reason and message say why.
const ConditionFailoverHeld = "FailoverHeld"

// ConditionEvictionHeld of a binding is True while workloads should leave a cluster
// because of a taint or a failing application, or their old copy should be deleted,
// and that is held back; the reason and message say why.
const ConditionEvictionHeld = "EvictionHeld"

// GracefulEvictionTask is one cluster a template is leaving.
type GracefulEvictionTask struct {
	// FromCluster is the cluster.
	// +required
	FromCluster string `json:"fromCluster"`

	// PurgeMode says how the old copy goes.
	// +kubebuilder:validation:Enum=Directly;Gracefully;Never
	// +optional
	PurgeMode policyv1alpha1.PurgeMode `json:"purgeMode,omitempty"`

	// Replicas the cluster had; nil for what has no replicas.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// Reason is a word for machines.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`
	// +required
	Reason string `json:"reason"`

	// Message is a sentence for people.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// Producer is the controller that asked for it.
	// +required
	Producer string `json:"producer"`

	// GracePeriodSeconds bounds the wait; nil uses the global bound.
	// +optional
	GracePeriodSeconds *int32 `json:"gracePeriodSeconds,omitempty"`

	// SuppressDeletion true keeps the old copy until someone sets it to false;
	// false removes it now.
	// +optional
	SuppressDeletion *bool `json:"suppressDeletion,omitempty"`

	// PreservedLabelState holds the labels for the new copy.
	// +optional
	PreservedLabelState map[string]string `json:"preservedLabelState,omitempty"`

	// CreationTimestamp is when the grace period began.
	// +optional
	CreationTimestamp *metav1.Time `json:"creationTimestamp,omitempty"`

	// ClustersBeforeFailover are the clusters that ran it before.
	// +optional
	ClustersBeforeFailover []string `json:"clustersBeforeFailover,omitempty"`
}
