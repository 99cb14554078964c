package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EndpointHealth is what one vantage point sees. It is written by that vantage point alone, the
// moment a verdict changes and on a heartbeat, like a Lease. Large reports may be split over
// several objects of one vantage point.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=endpointhealths,scope=Cluster,shortName=eph,categories=seaway
// +kubebuilder:printcolumn:name="Vantage-Point",type=string,JSONPath=`.spec.vantagePoint`
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.kind`
// +kubebuilder:printcolumn:name="Cut-Off",type=date,JSONPath=`.spec.cutOffSince`
// +kubebuilder:printcolumn:name="Renewed",type=date,JSONPath=`.spec.renewTime`
type EndpointHealth struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec EndpointHealthSpec `json:"spec"`
}

// EndpointHealthList is a list of EndpointHealths.
//
// +kubebuilder:object:root=true
type EndpointHealthList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EndpointHealth `json:"items"`
}

// VantagePointKind is what probes.
//
// +kubebuilder:validation:Enum=NameServer
type VantagePointKind string

// VantageNameServer is a Seaway DNS server.
const VantageNameServer VantagePointKind = "NameServer"

// EndpointHealthSpec is the report.
type EndpointHealthSpec struct {
	// VantagePoint is the name of the one who reports.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	VantagePoint string           `json:"vantagePoint"`
	Kind         VantagePointKind `json:"kind"`
	// RenewTime is when the report was last known to be true.
	RenewTime metav1.MicroTime `json:"renewTime"`
	// LeaseDurationSeconds is how long the report counts after it was renewed. Readers measure it
	// with their own clock from the moment they saw RenewTime change.
	//
	// +kubebuilder:validation:Minimum=1
	LeaseDurationSeconds int32 `json:"leaseDurationSeconds"`
	// CutOffSince is since when the vantage point takes it that it has lost its own network, and not
	// every endpoint at once. Its verdicts are Unknown for as long, so that those of others count.
	//
	// +optional
	CutOffSince *metav1.MicroTime `json:"cutOffSince,omitempty"`
	// Plans that the vantage point has taken over, with its verdicts, by namespace and name.
	//
	// +listType=atomic
	// +optional
	Plans []PlanHealth `json:"plans,omitempty"`
	// Zones that the name server answers for.
	//
	// +listType=atomic
	// +optional
	Zones []ZoneServed `json:"zones,omitempty"`
}

// PlanHealth is a vantage point's view of one TrafficPlan.
type PlanHealth struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Generation of the TrafficPlan that is in force there.
	Generation int64 `json:"generation"`
	// Endpoints, by cluster name.
	//
	// +listType=atomic
	// +optional
	Endpoints []EndpointVerdict `json:"endpoints,omitempty"`
}

// Verdict is what a vantage point thinks of an endpoint.
//
// +kubebuilder:validation:Enum=Healthy;Unhealthy;Unknown
type Verdict string

const (
	// VerdictHealthy: enough probes in a row succeeded.
	VerdictHealthy Verdict = "Healthy"
	// VerdictUnhealthy: enough probes in a row failed.
	VerdictUnhealthy Verdict = "Unhealthy"
	// VerdictUnknown: not enough probes have been made yet, or the vantage point is cut off.
	VerdictUnknown Verdict = "Unknown"
)

// EndpointVerdict is a vantage point's verdict on the endpoint of one cluster: healthy when at least
// half of its IPv4 addresses are, or half of its IPv6 addresses.
type EndpointVerdict struct {
	Cluster string  `json:"cluster"`
	Verdict Verdict `json:"verdict"`
	// Message is the last probe's error, when unhealthy.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when the verdict began.
	Since metav1.MicroTime `json:"since"`
}

// ZoneServed is a zone that a name server answers for.
type ZoneServed struct {
	// Domain of the zone.
	Domain string `json:"domain"`
	// Generation of the Zone that is in force there.
	Generation int64 `json:"generation"`
	Serial     int64 `json:"serial"`
	// MaxTTLSeconds is the longest TTL of anything that is answered for the zone.
	//
	// +optional
	MaxTTLSeconds int64 `json:"maxTTLSeconds,omitempty"`
	// KeysVersion says with which keys the zone is signed there; empty where it is not signed.
	//
	// +optional
	KeysVersion string `json:"keysVersion,omitempty"`
	// Problems are what the name server does not serve as it stands in the objects of the zone. Of many,
	// each object's first come first.
	//
	// +kubebuilder:validation:MaxItems=20
	// +listType=atomic
	// +optional
	Problems []ZoneProblem `json:"problems,omitempty"`
}
