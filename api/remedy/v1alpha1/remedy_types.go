package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Remedy asks for actions on clusters whose conditions match.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=remedies,scope=Cluster,categories={karmada-io}
type Remedy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says which actions on which clusters.
	// +required
	Spec RemedySpec `json:"spec"`
}

// RemedyList is a list of Remedies.
//
// +kubebuilder:object:root=true
type RemedyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Remedy `json:"items"`
}

// RemedySpec says which actions on which clusters.
type RemedySpec struct {
	// ClusterAffinity names the clusters; nil means all.
	// +optional
	ClusterAffinity *ClusterAffinity `json:"clusterAffinity,omitempty"`

	// DecisionMatches say when; one match is enough, and none means always.
	// +optional
	DecisionMatches []DecisionMatch `json:"decisionMatches,omitempty"`

	// Actions are asked for.
	// +optional
	Actions []RemedyAction `json:"actions,omitempty"`
}

// ClusterAffinity names clusters.
type ClusterAffinity struct {
	// ClusterNames are the clusters.
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`
}

// DecisionMatch is one test of a cluster.
type DecisionMatch struct {
	// ClusterConditionMatch tests a condition.
	// +optional
	ClusterConditionMatch *ClusterConditionRequirement `json:"clusterConditionMatch,omitempty"`
}

// ServiceDomainNameResolutionReady is the cluster condition Remedies are made for:
// names of Services resolve in the cluster.
const ServiceDomainNameResolutionReady = "ServiceDomainNameResolutionReady"

// ClusterConditionRequirement is a test of a condition.
type ClusterConditionRequirement struct {
	// ConditionType is the condition.
	// +required
	ConditionType string `json:"conditionType"`

	// Operator compares.
	// +kubebuilder:validation:Enum=Equal;NotEqual
	// +required
	Operator ClusterConditionOperator `json:"operator"`

	// ConditionStatus is compared with.
	// +required
	ConditionStatus string `json:"conditionStatus"`
}

// ClusterConditionOperator compares a condition's status.
type ClusterConditionOperator string

const (
	// ClusterConditionEqual holds when they are equal.
	ClusterConditionEqual ClusterConditionOperator = "Equal"
	// ClusterConditionNotEqual holds when they differ.
	ClusterConditionNotEqual ClusterConditionOperator = "NotEqual"
)

// RemedyAction is an action on a cluster.
type RemedyAction string

// TrafficControl takes the cluster out of traffic.
const TrafficControl RemedyAction = "TrafficControl"
