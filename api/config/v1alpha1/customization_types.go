package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceInterpreterCustomization explains one kind with Lua scripts.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=resourceinterpretercustomizations,scope=Cluster,shortName=ric,categories={karmada-io}
// +kubebuilder:printcolumn:JSONPath=`.spec.target.apiVersion`,name="TARGET-API-VERSION",type=string
// +kubebuilder:printcolumn:JSONPath=`.spec.target.kind`,name="TARGET-KIND",type=string
// +kubebuilder:printcolumn:JSONPath=`.metadata.creationTimestamp`,name="AGE",type=date
type ResourceInterpreterCustomization struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec holds kind and scripts.
	// +required
	Spec ResourceInterpreterCustomizationSpec `json:"spec"`
}

// ResourceInterpreterCustomizationList is a list of ResourceInterpreterCustomizations.
//
// +kubebuilder:object:root=true
type ResourceInterpreterCustomizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceInterpreterCustomization `json:"items"`
}

// ResourceInterpreterCustomizationSpec holds kind and scripts.
type ResourceInterpreterCustomizationSpec struct {
	// Target is the kind.
	// +required
	Target CustomizationTarget `json:"target"`

	// Customizations are the scripts.
	// +required
	Customizations CustomizationRules `json:"customizations"`
}

// CustomizationTarget is a kind.
type CustomizationTarget struct {
	// APIVersion of the kind.
	// +required
	APIVersion string `json:"apiVersion"`

	// Kind of the kind.
	// +required
	Kind string `json:"kind"`
}

// CustomizationRules are scripts, one per operation; what is nil is left to the next
// interpreter.
type CustomizationRules struct {
	// Retention: function Retain(desired, observed) returns the object to write.
	// +optional
	Retention *LocalValueRetention `json:"retention,omitempty"`

	// ReplicaResource: function GetReplicas(obj) returns replicas and requirements.
	// +optional
	ReplicaResource *ReplicaResourceRequirement `json:"replicaResource,omitempty"`

	// ComponentResource: function GetComponents(obj) returns the components.
	// +optional
	ComponentResource *ComponentResourceRequirement `json:"componentResource,omitempty"`

	// ReplicaRevision: function ReviseReplica(obj, n) returns the changed object.
	// +optional
	ReplicaRevision *ReplicaRevision `json:"replicaRevision,omitempty"`

	// StatusReflection: function ReflectStatus(obj) returns the status to report.
	// +optional
	StatusReflection *StatusReflection `json:"statusReflection,omitempty"`

	// StatusAggregation: function AggregateStatus(obj, items) returns the changed
	// object.
	// +optional
	StatusAggregation *StatusAggregation `json:"statusAggregation,omitempty"`

	// HealthInterpretation: function InterpretHealth(obj) returns a boolean.
	// +optional
	HealthInterpretation *HealthInterpretation `json:"healthInterpretation,omitempty"`

	// DependencyInterpretation: function GetDependencies(obj) returns references.
	// +optional
	DependencyInterpretation *DependencyInterpretation `json:"dependencyInterpretation,omitempty"`
}

// LocalValueRetention holds the script of Retain.
type LocalValueRetention struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// ReplicaResourceRequirement holds the script of GetReplicas.
type ReplicaResourceRequirement struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// ComponentResourceRequirement holds the script of GetComponents.
type ComponentResourceRequirement struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// ReplicaRevision holds the script of ReviseReplica.
type ReplicaRevision struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// StatusReflection holds the script of ReflectStatus.
type StatusReflection struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// StatusAggregation holds the script of AggregateStatus.
type StatusAggregation struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// HealthInterpretation holds the script of InterpretHealth.
type HealthInterpretation struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}

// DependencyInterpretation holds the script of GetDependencies.
type DependencyInterpretation struct {
	// LuaScript is the text.
	// +required
	LuaScript string `json:"luaScript"`
}
