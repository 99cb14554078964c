package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TrafficPlan is computed from the TrafficPolicy of the same name, the clusters and their health.
// DNS servers, the mesh and the scaler do what it says and nothing else. Edits are overwritten.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=tplan,categories=seaway
// +kubebuilder:printcolumn:name="Hostnames",type=string,JSONPath=`.spec.hostnames`
// +kubebuilder:printcolumn:name="Fail-Open",type=boolean,JSONPath=`.spec.failOpen`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TrafficPlan struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the whole plan. Its metadata.generation grows with every change.
	Spec TrafficPlanSpec `json:"spec"`
}

// TrafficPlanList is a list of TrafficPlans.
//
// +kubebuilder:object:root=true
type TrafficPlanList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TrafficPlan `json:"items"`
}

// TrafficPlanSpec is what is to be answered, and why.
type TrafficPlanSpec struct {
	// Policy is the state of the TrafficPolicy this was computed from.
	Policy PlanSource `json:"policy"`
	// Epoch of the writer: a planner that began to lead later has a higher one. A plan is not
	// overwritten by a writer of a lower epoch.
	//
	// +optional
	Epoch int64 `json:"epoch,omitempty"`
	// Hostnames that the policy won: inside a Zone and claimed by no older policy.
	//
	// +listType=atomic
	// +optional
	Hostnames []string `json:"hostnames,omitempty"`
	// TTLSeconds of the answers.
	TTLSeconds int32 `json:"ttlSeconds"`
	// MaxAnswers is the largest number of addresses in one answer.
	MaxAnswers int32 `json:"maxAnswers"`
	// Check is the probe that vantage points send to every endpoint.
	Check Check `json:"check"`
	// Endpoints, one for each cluster that is or was part of the application, by cluster name.
	//
	// +listType=map
	// +listMapKey=cluster
	// +optional
	Endpoints []PlanEndpoint `json:"endpoints,omitempty"`
	// Regions are the client regions. A client belongs to the nearest.
	//
	// +listType=map
	// +listMapKey=name
	// +optional
	Regions []PlanRegion `json:"regions,omitempty"`
	// Tiers for clients of no known region.
	//
	// +listType=atomic
	// +optional
	Tiers []PlanTier `json:"tiers,omitempty"`
	// FailOpen says that every endpoint looks down and the last healthy ones are served all the
	// same, since no answer would certainly be wrong.
	//
	// +optional
	FailOpen bool `json:"failOpen,omitempty"`
	// Spill of clients of no known region: with strategy Ordered, of all clients.
	//
	// +optional
	Spill *Spill `json:"spill,omitempty"`
	// Load is what is known of the application's load. Empty while the policy asks for no spillover.
	//
	// +optional
	Load *Load `json:"load,omitempty"`
}

// Spill is what is shifted from where clients would go to where there is room. The planner's memory.
type Spill struct {
	// Since is when it last changed.
	Since metav1.Time `json:"since"`
	// Shrinking says that the spill is on its way back.
	//
	// +optional
	Shrinking bool `json:"shrinking,omitempty"`
	// Shifts, by cluster. They sum up to 0.
	//
	// +listType=map
	// +listMapKey=name
	// +optional
	Shifts []Shift `json:"shifts,omitempty"`
}

// Shift is what a cluster gives away or takes.
type Shift struct {
	Name string `json:"name"`
	// Points are percent of the clients' requests: taken when positive, given away when negative.
	Points int32 `json:"points"`
}

// Load is what is known of the load of an application.
type Load struct {
	// Reason is NoDemand, Fits, Spilling or Overloaded.
	Reason string `json:"reason"`
	// Message says the same to a person.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when the reason began.
	Since metav1.Time `json:"since"`
	// Overload is by how much clusters are given more than their capacity, where no cluster has room:
	// this much will be turned away or slow down.
	//
	// +listType=map
	// +listMapKey=name
	// +optional
	Overload []Overload `json:"overload,omitempty"`
}

// Overload is what a cluster is given above its capacity.
type Overload struct {
	Name string `json:"name"`
	// RequestsPerSecond above the capacity.
	RequestsPerSecond resource.Quantity `json:"requestsPerSecond"`
}

// Reasons of a Load.
const (
	// LoadNoDemand: nobody measures the demand at present. What is spilled stays for ten minutes.
	LoadNoDemand = "NoDemand"
	// LoadFits: every cluster can take the requests of its own clients.
	LoadFits = "Fits"
	// LoadSpilling: some clients are sent to the next tier.
	LoadSpilling = "Spilling"
	// LoadOverloaded: no cluster has room for what is too much elsewhere.
	LoadOverloaded = "Overloaded"
)

// PlanSource is the state of the policy that a plan was computed from.
type PlanSource struct {
	UID        types.UID `json:"uid"`
	Generation int64     `json:"generation"`
}

// Check is a probe with every default filled in.
type Check struct {
	// Protocol of the probe.
	//
	// +kubebuilder:validation:Enum=HTTP;HTTPS;TCP;GRPC;GRPCS
	Protocol string `json:"protocol"`
	// Port that is probed; the endpoint's own port when 0.
	//
	// +optional
	Port int32 `json:"port,omitempty"`
	// Host header, or authority, and TLS server name.
	//
	// +optional
	Host string `json:"host,omitempty"`
	// Path of an HTTP request.
	//
	// +optional
	Path string `json:"path,omitempty"`
	// Service that a gRPC health check asks about.
	//
	// +optional
	Service string `json:"service,omitempty"`
	// InsecureSkipVerify accepts any certificate.
	//
	// +optional
	InsecureSkipVerify bool            `json:"insecureSkipVerify,omitempty"`
	Interval           metav1.Duration `json:"interval"`
	Timeout            metav1.Duration `json:"timeout"`
	UnhealthyAfter     int32           `json:"unhealthyAfter"`
	HealthyAfter       int32           `json:"healthyAfter"`
}

// Protocols of a Check.
const (
	CheckHTTP  = "HTTP"
	CheckHTTPS = "HTTPS"
	CheckTCP   = "TCP"
	// CheckGRPC and CheckGRPCS call grpc.health.v1.Health/Check, in plain text and over TLS.
	CheckGRPC  = "GRPC"
	CheckGRPCS = "GRPCS"
)

// EndpointState is whether an endpoint receives requests.
//
// +kubebuilder:validation:Enum=Serving;Recovering;Suspect;Draining;Down;Excluded
type EndpointState string

const (
	// EndpointServing receives its full share.
	EndpointServing EndpointState = "Serving"
	// EndpointRecovering is healthy again after an outage: it waits until it has been stable, then
	// receives a growing share.
	EndpointRecovering EndpointState = "Recovering"
	// EndpointSuspect has lost its control plane while its data path answers: it keeps its share.
	EndpointSuspect EndpointState = "Suspect"
	// EndpointDraining is healthy but is being emptied on purpose.
	EndpointDraining EndpointState = "Draining"
	// EndpointDown does not answer, by quorum, or has nothing behind it.
	EndpointDown EndpointState = "Down"
	// EndpointExcluded is ruled out by the policy.
	EndpointExcluded EndpointState = "Excluded"
)

// PlanEndpoint is the application in one cluster, as seen by a client.
type PlanEndpoint struct {
	Cluster string `json:"cluster"`
	// +optional
	Region string `json:"region,omitempty"`
	// Addresses (IPv4 and IPv6) that requests are sent to.
	//
	// +listType=atomic
	// +optional
	Addresses []string `json:"addresses,omitempty"`
	// Hostname that requests are sent to where the cluster's load balancer has a name and no
	// addresses.
	//
	// +optional
	Hostname string `json:"hostname,omitempty"`
	// Port that requests are sent to.
	//
	// +optional
	Port int32 `json:"port,omitempty"`
	// ReadyReplicas behind the addresses, as last known.
	ReadyReplicas int32 `json:"readyReplicas"`

	State EndpointState `json:"state"`
	// Reason is one CamelCase word for why.
	Reason string `json:"reason"`
	// Message says the same to a person.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when the state began.
	Since metav1.Time `json:"since"`
	// SharePercent is how much of its normal share the endpoint receives: 100 when Serving or
	// Suspect, growing while Recovering, else 0.
	SharePercent int32 `json:"sharePercent"`
	// FirstHealthy is when the endpoint was first found good. What fails before that is a start, not
	// an outage. The planner's memory, as are LastDown and StableSince.
	//
	// +optional
	FirstHealthy *metav1.Time `json:"firstHealthy,omitempty"`
	// LastDown is when the last outage ended. An outage that still lasts began at Since.
	//
	// +optional
	LastDown *metav1.Time `json:"lastDown,omitempty"`
	// Weight among the clusters of its tier, where ready replicas give it: the ready replicas that the
	// shares are computed by. It follows readyReplicas when it is off by more than a tenth. The
	// planner's memory.
	//
	// +optional
	Weight int32 `json:"weight,omitempty"`
	// Capacity in requests per second of the ready replicas, where the policy declares any.
	//
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`
	// Demand in requests per second that was last measured, where anybody measures. It is brought up to
	// date when it has changed by a tenth of the capacity.
	//
	// +optional
	Demand *resource.Quantity `json:"demand,omitempty"`
	// StableSince is since when the endpoint has been healthy without a break while Recovering. Empty
	// while the recovery waits for something else.
	//
	// +optional
	StableSince *metav1.Time `json:"stableSince,omitempty"`
}

// PlanRegion is what clients of one region are answered.
type PlanRegion struct {
	Name string `json:"name"`
	// Spill of the clients of the region.
	//
	// +optional
	Spill *Spill `json:"spill,omitempty"`
	// Location of the region, when known.
	//
	// +optional
	Location *Coordinates `json:"location,omitempty"`
	// Tiers, best first: all of a client's requests go to the first tier of which at least half, by
	// weight, is healthy; those of no such tier go to what is healthy in any.
	//
	// +listType=atomic
	// +optional
	Tiers []PlanTier `json:"tiers,omitempty"`
}

// PlanTier is a weighted set of clusters. Each stands in Endpoints.
type PlanTier struct {
	// +listType=map
	// +listMapKey=name
	Clusters []WeightedCluster `json:"clusters"`
}

// WeightedCluster is a cluster and its weight among those of its tier. Weight 0 stands by until none
// of any tier with a weight is healthy.
type WeightedCluster struct {
	Name string `json:"name"`
	// +kubebuilder:validation:Minimum=0
	Weight int32 `json:"weight"`
}
