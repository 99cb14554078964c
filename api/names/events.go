package names

// Event reasons on a template and its binding.
const (
	EventReasonApplyPolicySucceed          = "ApplyPolicySucceed"
	EventReasonApplyPolicyFailed           = "ApplyPolicyFailed"
	EventReasonPreemptPolicySucceed        = "PreemptPolicySucceed"
	EventReasonPreemptPolicyFailed         = "PreemptPolicyFailed"
	EventReasonGetReplicasSucceed          = "GetReplicasSucceed"
	EventReasonGetReplicasFailed           = "GetReplicasFailed"
	EventReasonGetComponentsSucceed        = "GetComponentsSucceed"
	EventReasonGetComponentsFailed         = "GetComponentsFailed"
	EventReasonGetDependenciesSucceed      = "GetDependenciesSucceed"
	EventReasonGetDependenciesFailed       = "GetDependenciesFailed"
	EventReasonScheduleBindingSucceed      = "ScheduleBindingSucceed"
	EventReasonScheduleBindingFailed       = "ScheduleBindingFailed"
	EventReasonDescheduleBindingSucceed    = "DescheduleBindingSucceed"
	EventReasonDescheduleBindingFailed     = "DescheduleBindingFailed"
	EventReasonSyncWorkSucceed             = "SyncWorkSucceed"
	EventReasonSyncWorkFailed              = "SyncWorkFailed"
	EventReasonCleanupWorkFailed           = "CleanupWorkFailed"
	EventReasonAggregateStatusSucceed      = "AggregateStatusSucceed"
	EventReasonAggregateStatusFailed       = "AggregateStatusFailed"
	EventReasonApplyOverridePolicySucceed  = "ApplyOverridePolicySucceed"
	EventReasonApplyOverridePolicyFailed   = "ApplyOverridePolicyFailed"
	EventReasonEvictWorkloadSucceed        = "EvictWorkloadFromClusterSucceed"
	EventReasonEvictWorkloadFailed         = "EvictWorkloadFromClusterFailed"
	EventReasonReturnWorkloadSucceed       = "ReturnWorkloadToClusterSucceed" // ours: what was evicted is back
	EventReasonDependencyPolicyConflict    = "DependencyPolicyConflict"
	EventReasonSyncDependenciesSucceed     = "SyncScheduleResultToDependenciesSucceed"
	EventReasonSyncDependenciesFailed      = "SyncScheduleResultToDependenciesFailed"
	EventReasonCollectOverallStatusSucceed = "CollectOverallStatusSucceed" // on a FederatedResourceQuota
	EventReasonCollectOverallStatusFailed  = "CollectOverallStatusFailed"  // on a FederatedResourceQuota
)

// Event reasons on a policy.
const (
	// EventReasonSelectedKindNotServed: the policy selects a kind that the hub does not
	// serve, or not in that version.
	EventReasonSelectedKindNotServed = "SelectedKindNotServed"
)

// Event reasons on a Work.
const (
	EventReasonSyncWorkloadSucceed    = "SyncSucceed"
	EventReasonSyncWorkloadFailed     = "SyncFailed"
	EventReasonReflectStatusSucceed   = "ReflectStatusSucceed"
	EventReasonReflectStatusFailed    = "ReflectStatusFailed"
	EventReasonInterpretHealthSucceed = "InterpretHealthSucceed"
	EventReasonInterpretHealthFailed  = "InterpretHealthFailed"
	// EventReasonWorkDispatching goes with a change of the condition Dispatching, in
	// both directions; the message tells them apart.
	EventReasonWorkDispatching = "WorkDispatching"
)

// Event reasons on a Cluster.
const (
	EventReasonCreateExecutionSpaceSucceed    = "CreateExecutionSpaceSucceed"
	EventReasonCreateExecutionSpaceFailed     = "CreateExecutionSpaceFailed"
	EventReasonRemoveExecutionSpaceSucceed    = "RemoveExecutionSpaceSucceed"
	EventReasonRemoveExecutionSpaceFailed     = "RemoveExecutionSpaceFailed"
	EventReasonTaintClusterSucceed            = "TaintClusterSucceed"
	EventReasonTaintClusterFailed             = "TaintClusterFailed"
	EventReasonSyncImpersonationConfigSucceed = "SyncImpersonationConfigSucceed"
	EventReasonSyncImpersonationConfigFailed  = "SyncImpersonationConfigFailed"
)

// Event reasons on services.
const (
	EventReasonSyncDerivedServiceSucceed    = "SyncDerivedServiceSucceed"
	EventReasonSyncDerivedServiceFailed     = "SyncDerivedServiceFailed"
	EventReasonSyncServiceSucceed           = "SyncServiceSucceed"
	EventReasonSyncServiceFailed            = "SyncServiceFailed"
	EventReasonDispatchEndpointSliceSucceed = "DispatchEndpointSliceSucceed"
	EventReasonDispatchEndpointSliceFailed  = "DispatchEndpointSliceFailed"
	EventReasonClusterNotFound              = "ClusterNotFound"
	EventReasonAPIIncompatible              = "APIIncompatible"
)
