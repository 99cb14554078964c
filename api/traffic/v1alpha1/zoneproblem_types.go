package v1alpha1

// MostZoneProblems is how many problems a name server reports of a zone.
const MostZoneProblems = 20

// ZoneProblem is something in an object that a name server does not serve as it stands there: it lost
// against an older object, say. Nothing else is lost with it.
type ZoneProblem struct {
	Object ZoneObject `json:"object"`
	// Field is the path of the field, such as spec.records[3].values[0].
	Field string `json:"field"`
	// Message says what is wrong and how to put it right.
	Message string `json:"message"`
}

// ZoneObject names an object that a zone is made of: a Zone, ZoneRecords or a TrafficPlan.
type ZoneObject struct {
	Kind string `json:"kind"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// The kinds of a ZoneObject.
const (
	KindZone        = "Zone"
	KindZoneRecords = "ZoneRecords"
	KindTrafficPlan = "TrafficPlan"
)
