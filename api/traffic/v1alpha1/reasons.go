package v1alpha1

// Reasons of a PlanEndpoint, one or more for each state.
const (
	// EndpointReasonReady goes with Serving.
	EndpointReasonReady = "Ready"
	// EndpointReasonControlPlaneLost goes with Suspect, and with Recovering: the ramp waits until
	// the number of ready replicas is known again.
	EndpointReasonControlPlaneLost = "ControlPlaneLost"
	// EndpointReasonStabilizing goes with Recovering: the endpoint is healthy and receives nothing
	// until it has been so for long enough.
	EndpointReasonStabilizing = "Stabilizing"
	// EndpointReasonRamping goes with Recovering: the share grows.
	EndpointReasonRamping = "Ramping"
	// EndpointReasonHeld goes with Recovering: spec.hold keeps the share as it is.
	EndpointReasonHeld = "Held"
	// EndpointReasonOnlyHealthy goes with Recovering: the endpoint receives its full share before
	// its time, because when it returned nobody else was left.
	EndpointReasonOnlyHealthy = "OnlyHealthy"
	// EndpointReasonClusterLeaving goes with Draining: the Cluster is being deleted.
	EndpointReasonClusterLeaving = "ClusterLeaving"
	// EndpointReasonTrafficControl goes with Draining: a Remedy asks for the action TrafficControl on
	// the Cluster.
	EndpointReasonTrafficControl = "TrafficControl"
	// EndpointReasonDrained goes with Draining: a person drains the cluster, for all applications or for
	// this one.
	EndpointReasonDrained = "Drained"
	// EndpointReasonResidency goes with Excluded: the cluster is outside the wall.
	EndpointReasonResidency = "Residency"
	// EndpointReasonNotSelected goes with Excluded: no tier or weight of the policy selects the
	// cluster.
	EndpointReasonNotSelected = "NotSelected"
	// EndpointReasonStarting goes with Down: the endpoint is new and waits for its first verdict.
	EndpointReasonStarting = "Starting"
	// EndpointReasonUnhealthy goes with Down: a quorum of the vantage points can not reach it.
	EndpointReasonUnhealthy = "Unhealthy"
	// EndpointReasonNoReadyReplicas goes with Down.
	EndpointReasonNoReadyReplicas = "NoReadyReplicas"
	// EndpointReasonNoAddress goes with Down: the load balancer has no address.
	EndpointReasonNoAddress = "NoAddress"
	// EndpointReasonNotDeployed goes with Down: the target was taken out of the cluster during an
	// outage, which is remembered for a while.
	EndpointReasonNotDeployed = "NotDeployed"
)

// Reasons of events on a TrafficPolicy.
const (
	// EventEndpointServing: an endpoint receives its full share.
	EventEndpointServing = "EndpointServing"
	// EventEndpointRecovering: an endpoint is healthy again after an outage.
	EventEndpointRecovering = "EndpointRecovering"
	// EventEndpointSuspect: an endpoint's cluster has lost its control plane.
	EventEndpointSuspect = "EndpointSuspect"
	// EventEndpointDraining: an endpoint is being emptied.
	EventEndpointDraining = "EndpointDraining"
	// EventEndpointDown: an endpoint receives nothing because it does not work.
	EventEndpointDown = "EndpointDown"
	// EventEndpointExcluded: an endpoint is ruled out by the policy.
	EventEndpointExcluded = "EndpointExcluded"
	// EventEndpointRemoved: an endpoint has left the plan.
	EventEndpointRemoved = "EndpointRemoved"
	// EventTrafficMoved: the shares of clusters have changed.
	EventTrafficMoved = "TrafficMoved"
	// EventOverloaded: no cluster has room for what is too much elsewhere.
	EventOverloaded = "Overloaded"
	// EventOverloadEnded: there is room again.
	EventOverloadEnded = "OverloadEnded"
	// EventFailOpen: everything looks down; the last healthy endpoints are served.
	EventFailOpen = "FailOpen"
	// EventFailOpenEnded: something is healthy again.
	EventFailOpenEnded = "FailOpenEnded"
)
