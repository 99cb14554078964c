package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DecisionSteered: requests are sent elsewhere than before, or an endpoint is in another state. The
// subject is the TrafficPolicy, or the Drill that asks for it.
const DecisionSteered DecisionOutcome = "Steered"

// Causes of decisions about traffic.
const (
	// CauseFailover: an endpoint does not work any more, and its requests have left it.
	CauseFailover = "Failover"
	// CauseFailback: an endpoint works again, and gets its requests back, perhaps only some of them.
	CauseFailback = "Failback"
	// CauseFailOpen: everything looks down, and what was healthy last is served all the same.
	CauseFailOpen = "FailOpen"
	// CauseFailOpenEnded: something is healthy again.
	CauseFailOpenEnded = "FailOpenEnded"
	// CauseDrain: an endpoint is emptied on purpose.
	CauseDrain = "Drain"
	// CauseUndrain: an endpoint that was emptied takes requests again.
	CauseUndrain = "Undrain"
	// CauseControlPlane: the control plane of a cluster was lost or is back, and requests stay.
	CauseControlPlane = "ControlPlane"
	// CauseSpillover: clients are sent to the next tier, since theirs is full. How far is no new decision.
	CauseSpillover = "Spillover"
	// CauseSpilloverEnded: they go where they belong again.
	CauseSpilloverEnded = "SpilloverEnded"
	// CauseOverload: no cluster has room for what is too much elsewhere.
	CauseOverload = "Overload"
	// CauseOverloadEnded: there is room again, or nobody measures any more.
	CauseOverloadEnded = "OverloadEnded"
	// CauseMembership: an endpoint has come or gone.
	CauseMembership = "Membership"
	// CauseEdit: the policy was edited.
	CauseEdit = "Edit"
	// CauseDrill: a run of a Drill keeps requests out of clusters, or may not. The subject is the Drill.
	CauseDrill = "Drill"
	// CauseDrillEnded: it gives them back.
	CauseDrillEnded = "DrillEnded"
)

// DecisionChange is what became of the endpoint of one cluster.
type DecisionChange struct {
	Cluster string `json:"cluster"`
	// FromState and ToState are its states; absent where it was, or is, not in the plan.
	//
	// +optional
	FromState EndpointState `json:"fromState,omitempty"`
	// +optional
	ToState EndpointState `json:"toState,omitempty"`
	// FromShare and ToShare are the percentages of its normal share that it received and receives.
	//
	// +optional
	FromShare int32 `json:"fromShare,omitempty"`
	// +optional
	ToShare int32 `json:"toShare,omitempty"`
	// Reason of the new state, and Message in words.
	//
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}

// Signals that a decision about traffic is made from.
const (
	// SignalDataPath is what a vantage point says of the endpoint: a Verdict.
	SignalDataPath = "DataPath"
	// SignalQuorum is what all that count say together: a Verdict.
	SignalQuorum = "Quorum"
	// SignalControlPlane is the condition Ready of the Cluster: its status.
	SignalControlPlane = "ControlPlane"
	// SignalReadyReplicas is the number of ready replicas behind the endpoint.
	SignalReadyReplicas = "ReadyReplicas"
	// SignalDemand is how many requests per second the cluster is given.
	SignalDemand = "Demand"
)

// DecisionInput is one signal about a cluster, as it was when the decision was made.
type DecisionInput struct {
	Cluster string `json:"cluster"`
	// Signal is DataPath, Quorum, ControlPlane, ReadyReplicas or Demand.
	Signal string `json:"signal"`
	// By is the vantage point of a DataPath signal.
	//
	// +optional
	By    string `json:"by,omitempty"`
	Value string `json:"value"`
	// Since is when the signal became so.
	//
	// +optional
	Since *metav1.MicroTime `json:"since,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}
