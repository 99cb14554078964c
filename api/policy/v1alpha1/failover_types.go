package v1alpha1

// FailoverBehavior says what happens when something fails.
type FailoverBehavior struct {
	// Application acts on an unhealthy application.
	// +optional
	Application *ApplicationFailoverBehavior `json:"application,omitempty"`

	// Cluster acts on eviction from a tainted cluster.
	// +optional
	Cluster *ClusterFailoverBehavior `json:"cluster,omitempty"`
}

// PurgeMode says how the copy in the failed cluster goes.
type PurgeMode string

const (
	// PurgeModeDirectly removes the old copy before new ones start.
	PurgeModeDirectly PurgeMode = "Directly"
	// PurgeModeGracefully removes the old copy once the new ones are healthy, or
	// when the grace period is over.
	PurgeModeGracefully PurgeMode = "Gracefully"
	// PurgeModeNever keeps the old copy until the user removes it.
	PurgeModeNever PurgeMode = "Never"
)

// Defaults of ApplicationFailoverBehavior, in seconds.
const (
	// DefaultTolerationSeconds is how long an application may be unhealthy.
	DefaultTolerationSeconds int32 = 300
	// DefaultGracePeriodSeconds is the grace period with PurgeModeGracefully.
	DefaultGracePeriodSeconds int32 = 600
)

// ApplicationFailoverBehavior says when an unhealthy application moves, and how.
type ApplicationFailoverBehavior struct {
	// DecisionConditions say when it moves.
	// +required
	DecisionConditions DecisionConditions `json:"decisionConditions"`

	// PurgeMode says how the old copy goes.
	// +kubebuilder:validation:Enum=Directly;Gracefully;Never
	// +kubebuilder:default=Gracefully
	// +optional
	PurgeMode PurgeMode `json:"purgeMode,omitempty"`

	// GracePeriodSeconds bounds the wait with Gracefully, and is only set then.
	// +optional
	GracePeriodSeconds *int32 `json:"gracePeriodSeconds,omitempty"`

	// StatePreservation hands state over to the new copy.
	// +optional
	StatePreservation *StatePreservation `json:"statePreservation,omitempty"`
}

// DecisionConditions say when an unhealthy application moves.
type DecisionConditions struct {
	// TolerationSeconds is how long the application may be unhealthy.
	// +kubebuilder:default=300
	// +optional
	TolerationSeconds *int32 `json:"tolerationSeconds,omitempty"`
}

// ClusterFailoverBehavior says how an application leaves a failed cluster.
type ClusterFailoverBehavior struct {
	// PurgeMode says how the old copy goes.
	// +kubebuilder:validation:Enum=Directly;Gracefully
	// +kubebuilder:default=Gracefully
	// +optional
	PurgeMode PurgeMode `json:"purgeMode,omitempty"`

	// StatePreservation hands state over to the new copy.
	// +optional
	StatePreservation *StatePreservation `json:"statePreservation,omitempty"`
}

// StatePreservation hands state from the old copy to the new one.
type StatePreservation struct {
	// Rules read the state.
	// +required
	Rules []StatePreservationRule `json:"rules"`
}

// StatePreservationRule reads one value from the old copy's status and puts it on
// the new copy as a label.
type StatePreservationRule struct {
	// AliasLabelName is the label that carries the value.
	// +required
	AliasLabelName string `json:"aliasLabelName"`

	// JSONPath finds the value in the status.
	// +required
	JSONPath string `json:"jsonPath"`
}
