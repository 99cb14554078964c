package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PropagationPolicy sends templates of its own namespace to clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=propagationpolicies,scope=Namespaced,shortName=pp,categories={karmada-io}
// +kubebuilder:printcolumn:JSONPath=`.spec.conflictResolution`,name="CONFLICT-RESOLUTION",type=string
// +kubebuilder:printcolumn:JSONPath=`.spec.priority`,name="PRIORITY",type=string
// +kubebuilder:printcolumn:JSONPath=`.metadata.creationTimestamp`,name="AGE",type=date
type PropagationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what goes where.
	// +required
	Spec PropagationSpec `json:"spec"`
}

// PropagationPolicyList is a list of PropagationPolicies.
//
// +kubebuilder:object:root=true
type PropagationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PropagationPolicy `json:"items"`
}

// ClusterPropagationPolicy sends templates of any scope to clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=clusterpropagationpolicies,scope=Cluster,shortName=cpp,categories={karmada-io}
// +kubebuilder:printcolumn:JSONPath=`.spec.conflictResolution`,name="CONFLICT-RESOLUTION",type=string
// +kubebuilder:printcolumn:JSONPath=`.spec.priority`,name="PRIORITY",type=string
// +kubebuilder:printcolumn:JSONPath=`.metadata.creationTimestamp`,name="AGE",type=date
type ClusterPropagationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what goes where.
	// +required
	Spec PropagationSpec `json:"spec"`
}

// ClusterPropagationPolicyList is a list of ClusterPropagationPolicies.
//
// +kubebuilder:object:root=true
type ClusterPropagationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterPropagationPolicy `json:"items"`
}

// PropagationSpec says which templates go to which clusters, and how.
type PropagationSpec struct {
	// ResourceSelectors pick the templates; one match is enough.
	// +kubebuilder:validation:MinItems=1
	// +required
	ResourceSelectors []ResourceSelector `json:"resourceSelectors"`

	// Association is reserved and has no effect.
	// +optional
	Association bool `json:"association,omitempty"`

	// PropagateDeps sends what the templates refer to along with them.
	// +optional
	PropagateDeps bool `json:"propagateDeps,omitempty"`

	// Placement picks the clusters.
	// +optional
	Placement Placement `json:"placement,omitempty"`

	// Priority ranks policies that match one template; the highest wins.
	// +kubebuilder:default=0
	// +optional
	Priority *int32 `json:"priority,omitempty"`

	// Preemption allows taking templates from policies of lower priority.
	// +kubebuilder:validation:Enum=Always;Never
	// +kubebuilder:default=Never
	// +optional
	Preemption PreemptionBehavior `json:"preemption,omitempty"`

	// DependentOverrides must exist before the policy acts.
	// +optional
	DependentOverrides []string `json:"dependentOverrides,omitempty"`

	// SchedulerName is the scheduler that places the templates. It is immutable.
	// +kubebuilder:default="default-scheduler"
	// +optional
	SchedulerName string `json:"schedulerName,omitempty"`

	// Failover says what happens when a cluster or the application in it fails.
	// +optional
	Failover *FailoverBehavior `json:"failover,omitempty"`

	// ConflictResolution says what happens when the object already exists in a
	// member and is not ours.
	// +kubebuilder:validation:Enum=Abort;Overwrite
	// +kubebuilder:default=Abort
	// +optional
	ConflictResolution ConflictResolution `json:"conflictResolution,omitempty"`

	// ActivationPreference says when a changed policy takes effect: empty means
	// at once, Lazy at the next edit of the template.
	// +kubebuilder:validation:Enum=Lazy
	// +optional
	ActivationPreference ActivationPreference `json:"activationPreference,omitempty"`

	// Suspension stops parts of the propagation.
	// +optional
	Suspension *Suspension `json:"suspension,omitempty"`

	// PreserveResourcesOnDeletion leaves the member objects in place when the
	// template is deleted.
	// +optional
	PreserveResourcesOnDeletion *bool `json:"preserveResourcesOnDeletion,omitempty"`

	// SchedulePriority says where the scheduling priority comes from.
	// +optional
	SchedulePriority *SchedulePriority `json:"schedulePriority,omitempty"`
}

// PreemptionBehavior says whether a policy may take claimed templates.
type PreemptionBehavior string

const (
	// PreemptAlways takes templates from policies of lower priority.
	PreemptAlways PreemptionBehavior = "Always"
	// PreemptNever leaves claimed templates alone.
	PreemptNever PreemptionBehavior = "Never"
)

// ConflictResolution says what happens to an object that is already in a member.
type ConflictResolution string

const (
	// ConflictAbort leaves the foreign object and reports a failure.
	ConflictAbort ConflictResolution = "Abort"
	// ConflictOverwrite takes the foreign object over.
	ConflictOverwrite ConflictResolution = "Overwrite"
)

// ActivationPreference says when a changed policy takes effect.
type ActivationPreference string

// LazyActivation makes a policy change wait for the next edit of the template.
const LazyActivation ActivationPreference = "Lazy"

// Suspension stops dispatching, everywhere or to some clusters.
type Suspension struct {
	// Dispatching true stops dispatching to all clusters.
	// +optional
	Dispatching *bool `json:"dispatching,omitempty"`

	// DispatchingOnClusters stops dispatching to the named clusters. It excludes
	// Dispatching.
	// +optional
	DispatchingOnClusters *SuspendClusters `json:"dispatchingOnClusters,omitempty"`
}

// SuspendClusters names clusters.
type SuspendClusters struct {
	// ClusterNames are the suspended clusters.
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`
}

// SchedulePriority says where the scheduling priority comes from.
type SchedulePriority struct {
	// PriorityClassSource is the kind of class PriorityClassName refers to.
	// +kubebuilder:validation:Enum=KubePriorityClass
	// +required
	PriorityClassSource PriorityClassSource `json:"priorityClassSource"`

	// PriorityClassName is the class whose value is the priority.
	// +required
	PriorityClassName string `json:"priorityClassName"`
}

// PriorityClassSource is a kind of priority class.
type PriorityClassSource string

// KubePriorityClass is scheduling.k8s.io PriorityClass in the control plane.
const KubePriorityClass PriorityClassSource = "KubePriorityClass"
