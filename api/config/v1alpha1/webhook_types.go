package v1alpha1

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceInterpreterWebhookConfiguration explains kinds with webhooks.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=resourceinterpreterwebhookconfigurations,scope=Cluster,categories={karmada-io}
type ResourceInterpreterWebhookConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Webhooks are the webhooks.
	// +required
	Webhooks []ResourceInterpreterWebhook `json:"webhooks"`
}

// ResourceInterpreterWebhookConfigurationList is a list of
// ResourceInterpreterWebhookConfigurations.
//
// +kubebuilder:object:root=true
type ResourceInterpreterWebhookConfigurationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceInterpreterWebhookConfiguration `json:"items"`
}

// ResourceInterpreterWebhook is one webhook.
type ResourceInterpreterWebhook struct {
	// Name is a full domain name.
	// +required
	Name string `json:"name"`

	// ClientConfig says how to reach it.
	// +required
	ClientConfig admissionregistrationv1.WebhookClientConfig `json:"clientConfig"`

	// Rules say what it is asked; one match is enough.
	// +optional
	Rules []RuleWithOperations `json:"rules,omitempty"`

	// TimeoutSeconds is from 1 to 30.
	// +optional
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`

	// InterpreterContextVersions are the versions it understands, best first.
	// +required
	InterpreterContextVersions []string `json:"interpreterContextVersions"`
}

// RuleWithOperations is operations on kinds.
type RuleWithOperations struct {
	// Operations are the operations; "*" is all.
	// +required
	Operations []InterpreterOperation `json:"operations"`

	Rule `json:",inline"`
}

// Rule is a set of kinds.
type Rule struct {
	// APIGroups are the groups; "*" is all.
	// +required
	APIGroups []string `json:"apiGroups"`

	// APIVersions are the versions; "*" is all.
	// +required
	APIVersions []string `json:"apiVersions"`

	// Kinds are the kinds; "*" is all.
	// +required
	Kinds []string `json:"kinds"`
}

// InterpreterOperation is a question about an object.
type InterpreterOperation string

const (
	// InterpreterOperationAll stands for every operation in a rule.
	InterpreterOperationAll InterpreterOperation = "*"
	// InterpreterOperationInterpretReplica asks for replicas and requirements.
	InterpreterOperationInterpretReplica InterpreterOperation = "InterpretReplica"
	// InterpreterOperationInterpretComponent asks for components.
	InterpreterOperationInterpretComponent InterpreterOperation = "InterpretComponent"
	// InterpreterOperationReviseReplica asks to set the replicas.
	InterpreterOperationReviseReplica InterpreterOperation = "ReviseReplica"
	// InterpreterOperationRetain asks to keep what the member decides.
	InterpreterOperationRetain InterpreterOperation = "Retain"
	// InterpreterOperationAggregateStatus asks to merge statuses into a template.
	InterpreterOperationAggregateStatus InterpreterOperation = "AggregateStatus"
	// InterpreterOperationInterpretStatus asks for the status to report.
	InterpreterOperationInterpretStatus InterpreterOperation = "InterpretStatus"
	// InterpreterOperationInterpretHealth asks for the health.
	InterpreterOperationInterpretHealth InterpreterOperation = "InterpretHealth"
	// InterpreterOperationInterpretDependency asks what the object refers to.
	InterpreterOperationInterpretDependency InterpreterOperation = "InterpretDependency"
	// InterpreterOperationPrune is declared and never asked.
	InterpreterOperationPrune InterpreterOperation = "Prune"
)

// DependentObjectReference is one answer to InterpretDependency, and one item of the
// list kept in the dependencies annotation of a binding. It holds a name or a label
// selector.
type DependentObjectReference struct {
	// APIVersion of the object.
	APIVersion string `json:"apiVersion"`

	// Kind of the object.
	Kind string `json:"kind"`

	// Namespace of the object; empty for a cluster-scoped one.
	Namespace string `json:"namespace,omitempty"`

	// Name of the one object.
	Name string `json:"name,omitempty"`

	// LabelSelector picks objects when Name is empty.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}
