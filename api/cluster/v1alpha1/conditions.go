package v1alpha1

// Condition types of a Cluster.
const (
	// ClusterConditionReady is True when the member's API server answers healthy.
	ClusterConditionReady = "Ready"
	// ClusterConditionCompleteAPIEnablements is True when status.apiEnablements
	// holds everything the member serves.
	ClusterConditionCompleteAPIEnablements = "CompleteAPIEnablements"
)

// Reasons of ClusterConditionReady.
const (
	// ReasonClusterReady goes with True.
	ReasonClusterReady = "ClusterReady"
	// ReasonClusterNotReachable goes with False: the API server does not answer.
	ReasonClusterNotReachable = "ClusterNotReachable"
	// ReasonClusterNotReady goes with False: the API server answers unhealthy.
	ReasonClusterNotReady = "ClusterNotReady"
	// ReasonStatusCollectionFailed goes with False: the status cannot be collected.
	ReasonStatusCollectionFailed = "StatusCollectionFailed"
	// ReasonClusterStatusUnknown goes with Unknown: the agent stopped renewing
	// its lease.
	ReasonClusterStatusUnknown = "ClusterStatusUnknown"
	// ReasonClusterStatusNeverUpdated goes with Unknown: the agent never reported.
	ReasonClusterStatusNeverUpdated = "ClusterStatusNeverUpdated"
)
