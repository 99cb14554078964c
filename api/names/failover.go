package names

// What a person says about failover, as annotations.
const (
	// SingletonAnnotation "true" on a template: there may never be two copies of it. It is started
	// in another cluster only when the lost one is known to be stopped (FencedAnnotation).
	SingletonAnnotation = "traffic.seaway.dev/singleton"
	// FencedAnnotation on a Cluster: what ran there is known to be stopped. The value is the time at
	// which that was so, in RFC 3339, or a reason in words. A time counts for one outage, a reason for
	// as long as it stands.
	FencedAnnotation = "traffic.seaway.dev/fenced"
	// PreemptibleAnnotation "true" on a template: a more important application that lacks room
	// may take all of its replicas. Without it one replica stays.
	PreemptibleAnnotation = "traffic.seaway.dev/preemptible"
	// HoldUntilAnnotation on a TrafficPolicy: until this time, in RFC 3339, no workload of the
	// application is moved by automation.
	HoldUntilAnnotation = "traffic.seaway.dev/hold-until"
	// MoveNowAnnotation on a TrafficPolicy or a binding: names of lost clusters, separated by
	// commas, or "*" for all. Workloads leave them although the brake for too many lost clusters, or
	// the suspicion that the hub itself is cut off, would hold them.
	MoveNowAnnotation = "traffic.seaway.dev/move-now"
)

// Conditions of bindings about pre-emption.
const (
	// ConditionPreempted is True while an application has fewer replicas than it wants because a
	// more important one took the room; the message says which.
	ConditionPreempted = "Preempted"
	// ConditionPreempts is True while an application stands in for its copies in a lost cluster with
	// room that less important ones gave up; the message says which.
	ConditionPreempts = "Preempts"
	// ReasonHigherPriority is the reason of ConditionPreempted.
	ReasonHigherPriority = "HigherPriority"
	// ReasonRoomMade is the reason of ConditionPreempts.
	ReasonRoomMade = "RoomMade"
)

// Events about pre-emption.
const (
	// EventReasonPreempted is told of an application that gives up replicas.
	EventReasonPreempted = "Preempted"
	// EventReasonPreempts is told of the one that gets their room.
	EventReasonPreempts = "PreemptsOthers"
	// EventReasonPreemptionEnded: it has all replicas it wants again.
	EventReasonPreemptionEnded = "PreemptionEnded"
)
