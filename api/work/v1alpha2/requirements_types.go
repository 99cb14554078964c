package v1alpha2

import (
	corev1 "k8s.io/api/core/v1"
)

// ReplicaRequirements is what one replica asks of a cluster.
type ReplicaRequirements struct {
	// NodeClaim bounds the nodes.
	// +optional
	NodeClaim *NodeClaim `json:"nodeClaim,omitempty"`

	// ResourceRequest is what it requests.
	// +optional
	ResourceRequest corev1.ResourceList `json:"resourceRequest,omitempty"`

	// Namespace the replica runs in.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// PriorityClassName of the replica.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// NodeClaim bounds the nodes a replica may run on.
type NodeClaim struct {
	// HardNodeAffinity is the required part of the node affinity.
	// +optional
	HardNodeAffinity *corev1.NodeSelector `json:"hardNodeAffinity,omitempty"`

	// NodeSelector matches node labels.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// Tolerations tolerate node taints.
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
}

// Component is one pod template of a workload.
type Component struct {
	// Name within the workload.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Name string `json:"name"`

	// Replicas wanted of it.
	// +required
	Replicas int32 `json:"replicas"`

	// ReplicaRequirements is what one replica asks for.
	// +optional
	ReplicaRequirements *ComponentReplicaRequirements `json:"replicaRequirements,omitempty"`
}

// ComponentReplicaRequirements is what one replica of a component asks of a cluster.
type ComponentReplicaRequirements struct {
	// NodeClaim bounds the nodes.
	// +optional
	NodeClaim *NodeClaim `json:"nodeClaim,omitempty"`

	// ResourceRequest is what it requests.
	// +optional
	ResourceRequest corev1.ResourceList `json:"resourceRequest,omitempty"`

	// PriorityClassName of the replica.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}
