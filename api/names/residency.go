package names

// Conditions of bindings and TrafficPolicies about the wall around their namespace (ResidencyAnnotation).
const (
	// ConditionResident is False while something runs on the other side of the wall: it was there before
	// the wall was, and stays until there is a place for it inside. Absent where that never was so.
	ConditionResident = "Resident"
	// ReasonResidencyViolated goes with Resident=False; the message names the clusters.
	ReasonResidencyViolated = "ResidencyViolated"
	// ReasonResidencyKept goes with Resident=True.
	ReasonResidencyKept = "ResidencyKept"
)

// EventReasonResidencyViolated is told of a binding whose workloads are found outside of the wall.
const EventReasonResidencyViolated = "ResidencyViolated"
