package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// TrafficPolicy gives an application its host names and says how requests to them are spread over
// the clusters it runs in, how its health is judged, and how it fails over and back.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tp,categories=seaway
// +kubebuilder:printcolumn:name="Hostnames",type=string,JSONPath=`.spec.hostnames`
// +kubebuilder:printcolumn:name="Strategy",type=string,JSONPath=`.spec.steering.strategy`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TrafficPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec TrafficPolicySpec `json:"spec"`
	// +optional
	Status TrafficPolicyStatus `json:"status,omitempty"`
}

// TrafficPolicyList is a list of TrafficPolicies.
//
// +kubebuilder:object:root=true
type TrafficPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TrafficPolicy `json:"items"`
}

// TrafficPolicySpec is the wish.
//
// +kubebuilder:validation:XValidation:rule="!has(self.steering) || !has(self.steering.spillover) || has(self.capacity)",message="steering.spillover: needs spec.capacity"
type TrafficPolicySpec struct {
	// Hostnames under which the application is reached: absolute names in lower case without the
	// trailing dot, each inside a Zone. A leading "*." covers every name below that has no policy
	// or record of its own. A host name belongs to the oldest policy that claims it.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`
	// +listType=set
	Hostnames []string `json:"hostnames"`

	// TargetRefs name what receives the requests in every cluster: objects of the policy's own
	// namespace.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1
	// +listType=atomic
	TargetRefs []TargetRef `json:"targetRefs"`

	// Steering spreads requests over clusters.
	//
	// +kubebuilder:default={strategy: "Geo"}
	// +optional
	Steering Steering `json:"steering,omitempty"`

	// Health says how an endpoint is judged.
	//
	// +kubebuilder:default={}
	// +optional
	Health Health `json:"health,omitempty"`

	// Failover says what follows when clusters are lost and when they return.
	//
	// +kubebuilder:default={}
	// +optional
	Failover Failover `json:"failover,omitempty"`

	// DNS tunes the answers.
	//
	// +kubebuilder:default={}
	// +optional
	DNS DNS `json:"dns,omitempty"`

	// Capacity is what the application can take. Without it nobody knows when a cluster is full.
	//
	// +optional
	Capacity *Capacity `json:"capacity,omitempty"`

	// Residency is a wall around the application's requests: they are never answered with a cluster
	// outside of it, not even when nothing else is left. It stands inside that of the namespace
	// (annotation traffic.seaway.dev/residency), which walls in its workloads as well.
	//
	// +optional
	Residency *Residency `json:"residency,omitempty"`

	// Drain keeps new requests of this application from clusters while others can take them. Its
	// workloads stay.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=cluster
	// +optional
	Drain []Drain `json:"drain,omitempty"`

	// Hold stops all automation for this application but one: what is not healthy leaves the answers.
	//
	// +optional
	Hold *Hold `json:"hold,omitempty"`
}

// Capacity is what the application can take.
type Capacity struct {
	// RequestsPerSecondPerReplica that one ready replica takes, such as 50 or 0.5.
	RequestsPerSecondPerReplica resource.Quantity `json:"requestsPerSecondPerReplica"`
}

// Residency is a wall.
type Residency struct {
	// ClusterAffinity picks the clusters inside.
	ClusterAffinity policyv1alpha1.ClusterAffinity `json:"clusterAffinity"`
}

// Drain is a cluster that is to be emptied.
type Drain struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Cluster string `json:"cluster"`
	// Reason is told to whoever asks why the cluster receives nothing.
	//
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`
}

// Hold keeps ramps, spillover, weights and workloads as they are until a moment.
type Hold struct {
	// Until is when automation goes on.
	Until metav1.Time `json:"until"`
	// Reason is told to whoever asks why nothing moves.
	//
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`
}

// InForce says whether automation is held at a moment. A hold that is nil never is.
func (h *Hold) InForce(now time.Time) bool { return h != nil && now.Before(h.Until.Time) }

// TargetRef names an object that receives requests.
type TargetRef struct {
	// Group of the target; empty is the core group.
	//
	// +optional
	Group string `json:"group,omitempty"`
	// Kind of the target: Service (of type LoadBalancer). Another kind is answered with the
	// condition ResolvedRefs=False/UnsupportedKind.
	//
	// +kubebuilder:default=Service
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the target.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// SectionName is the port of the target, by its name. The first port when not set.
	//
	// +optional
	SectionName string `json:"sectionName,omitempty"`
}

// Strategy is a way to order and weigh clusters for a client.
//
// +kubebuilder:validation:Enum=Geo;Weighted;Ordered;Equal
type Strategy string

const (
	// StrategyGeo prefers the clusters of the client's region, then the others by distance.
	StrategyGeo Strategy = "Geo"
	// StrategyWeighted spreads clients over all clusters by spec.steering.weights.
	StrategyWeighted Strategy = "Weighted"
	// StrategyOrdered uses the first of spec.steering.tiers of which at least half is healthy.
	StrategyOrdered Strategy = "Ordered"
	// StrategyEqual spreads clients evenly over all clusters.
	StrategyEqual Strategy = "Equal"
)

// Weighing is a way to share the requests of a tier among its clusters.
type Weighing string

const (
	// WeighingReadyReplicas gives every ready replica as much as any other.
	WeighingReadyReplicas Weighing = "ReadyReplicas"
	// WeighingEven gives every cluster as much as any other.
	WeighingEven Weighing = "Even"
)

// Steering is how requests are spread over clusters.
//
// +kubebuilder:validation:XValidation:rule="self.strategy != 'Ordered' || (has(self.tiers) && size(self.tiers) > 0)",message="tiers: required with strategy Ordered"
// +kubebuilder:validation:XValidation:rule="self.strategy != 'Weighted' || (has(self.weights) && size(self.weights) > 0)",message="weights: required with strategy Weighted"
// +kubebuilder:validation:XValidation:rule="self.strategy == 'Ordered' || !has(self.tiers) || size(self.tiers) == 0",message="tiers: only with strategy Ordered"
// +kubebuilder:validation:XValidation:rule="self.strategy == 'Geo' || self.strategy == 'Ordered' || !has(self.spillover)",message="spillover: only with strategy Geo or Ordered"
// +kubebuilder:validation:XValidation:rule="self.strategy == 'Geo' || self.strategy == 'Ordered' || !has(self.weighing)",message="weighing: only with strategy Geo or Ordered"
// +kubebuilder:validation:XValidation:rule="self.strategy == 'Weighted' || !has(self.weights) || size(self.weights) == 0",message="weights: only with strategy Weighted"
type Steering struct {
	// +kubebuilder:default=Geo
	// +optional
	Strategy Strategy `json:"strategy,omitempty"`
	// Tiers of clusters, best first, for strategy Ordered. A cluster belongs to the first tier
	// that selects it; one that no tier selects receives nothing as long as any other has an
	// address.
	//
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	Tiers []Tier `json:"tiers,omitempty"`
	// Weights of clusters for strategy Weighted. A cluster has the weight of the first entry that
	// selects it; one that no entry selects receives nothing as long as any other has an address.
	// Weight 0 receives requests only when no cluster with a weight is healthy.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Weights []ClusterWeight `json:"weights,omitempty"`
	// Weighing is by what the clusters of a tier share its requests, with strategies Geo and Ordered:
	// ReadyReplicas when not set. Even is for members that scale by themselves, as with a
	// HorizontalPodAutoscaler in each: replicas follow the load there, and the load should not follow
	// the replicas.
	//
	// +kubebuilder:validation:Enum=ReadyReplicas;Even
	// +optional
	Weighing Weighing `json:"weighing,omitempty"`
	// Spillover sends what a tier can not take to the next, with strategies Geo and Ordered. It needs
	// spec.capacity, and a demand that somebody measures.
	//
	// +optional
	Spillover *Spillover `json:"spillover,omitempty"`
}

// Spillover sends the excess of requests, and only the excess, to the next tier.
type Spillover struct {
	// TargetUtilization is the percentage of a cluster's capacity from which on requests are excess.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	TargetUtilization int32 `json:"targetUtilization"`
}

// Tier is a set of clusters of equal preference.
type Tier struct {
	ClusterAffinity policyv1alpha1.ClusterAffinity `json:"clusterAffinity"`
}

// ClusterWeight gives a weight to each cluster of a set.
type ClusterWeight struct {
	ClusterAffinity policyv1alpha1.ClusterAffinity `json:"clusterAffinity"`
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Weight int32 `json:"weight"`
}

// Health is how an endpoint is probed and judged by every vantage point.
type Health struct {
	// Probe is what is sent. A TCP connection to the target's port when not set.
	//
	// +optional
	Probe *Probe `json:"probe,omitempty"`
	// Interval between two probes of one endpoint.
	//
	// +kubebuilder:default="1s"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
	// Timeout of one probe; at most the interval.
	//
	// +kubebuilder:default="800ms"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// UnhealthyAfter is how many probes in a row must fail.
	//
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	UnhealthyAfter *int32 `json:"unhealthyAfter,omitempty"`
	// HealthyAfter is how many probes in a row must succeed.
	//
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	HealthyAfter *int32 `json:"healthyAfter,omitempty"`
}

// Probe is one kind of probe; exactly one member is set.
//
// +kubebuilder:validation:XValidation:rule="(has(self.http)?1:0)+(has(self.https)?1:0)+(has(self.tcp)?1:0)+(has(self.grpc)?1:0) == 1",message="probe: set exactly one of http, https, tcp, grpc"
type Probe struct {
	// HTTP sends a GET and wants a status from 200 to 399.
	//
	// +optional
	HTTP *HTTPProbe `json:"http,omitempty"`
	// HTTPS is HTTP over TLS; the certificate must be valid for the host name.
	//
	// +optional
	HTTPS *HTTPSProbe `json:"https,omitempty"`
	// TCP opens a connection.
	//
	// +optional
	TCP *TCPProbe `json:"tcp,omitempty"`
	// GRPC calls grpc.health.v1.Health/Check and wants the status SERVING.
	//
	// +optional
	GRPC *GRPCProbe `json:"grpc,omitempty"`
}

// HTTPProbe is a GET request.
type HTTPProbe struct {
	// +kubebuilder:default="/"
	// +kubebuilder:validation:Pattern=`^/[^\s]*$`
	// +optional
	Path string `json:"path,omitempty"`
	// Host header; the policy's first host name when not set.
	//
	// +optional
	Host string `json:"host,omitempty"`
	// Port that is probed; the target's port when not set.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
}

// HTTPSProbe is a GET request over TLS.
type HTTPSProbe struct {
	HTTPProbe `json:",inline"`
	// InsecureSkipVerify accepts any certificate.
	//
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// TCPProbe is a connection that is opened and closed.
type TCPProbe struct {
	// Port that is probed; the target's port when not set.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
}

// GRPCProbe is a call of the gRPC health checking protocol.
//
// +kubebuilder:validation:XValidation:rule="!has(self.insecureSkipVerify) || !self.insecureSkipVerify || (has(self.tls) && self.tls)",message="insecureSkipVerify: only with tls"
type GRPCProbe struct {
	// Service that is asked about; the server as a whole when not set.
	//
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[!-~]*$`
	// +optional
	Service string `json:"service,omitempty"`
	// Host is the authority of the call and the TLS server name; the policy's first host name when
	// not set.
	//
	// +optional
	Host string `json:"host,omitempty"`
	// Port that is probed; the target's port when not set.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
	// TLS encrypts the connection; the certificate must be valid for the host name. Plain text when
	// not set.
	//
	// +optional
	TLS bool `json:"tls,omitempty"`
	// InsecureSkipVerify accepts any certificate.
	//
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// Failover is what follows when clusters are lost and when they return.
type Failover struct {
	// MoveWorkloadsAfter is how long both the data path and the control plane of a cluster must
	// have been lost before its replicas are placed elsewhere. Requests leave at once.
	//
	// +kubebuilder:default="15s"
	// +optional
	MoveWorkloadsAfter *metav1.Duration `json:"moveWorkloadsAfter,omitempty"`
	// MaxUnavailableClusters is how many of the policy's clusters, as a number or a percentage
	// rounded down but at least one, may be lost within ten minutes before workloads stop being
	// moved and only requests are steered.
	//
	// +kubebuilder:default="34%"
	// +kubebuilder:validation:XIntOrString
	// +optional
	MaxUnavailableClusters *intstr.IntOrString `json:"maxUnavailableClusters,omitempty"`
	// Failback is how a cluster that returns gets its requests back.
	//
	// +kubebuilder:default={}
	// +optional
	Failback Failback `json:"failback,omitempty"`
}

// FailbackMode says who starts a failback.
type FailbackMode string

const (
	// FailbackAutomatic goes back when the conditions hold.
	FailbackAutomatic FailbackMode = "Automatic"
	// FailbackManual goes back when somebody asks for it, as with a WorkloadRebalancer.
	FailbackManual FailbackMode = "Manual"
)

// Failback is a ramp: after StableFor of health the cluster gets StepPercent of its requests, and
// as much again every StepEvery. Its replicas are Ready before the first step; the replicas that
// stood in for them elsewhere go only after the last.
type Failback struct {
	// Workloads says whether replicas go back by themselves to an earlier affinity group of their
	// policy once it has had room for them for StableFor, in the same steps.
	//
	// +kubebuilder:validation:Enum=Automatic;Manual
	// +kubebuilder:default=Automatic
	// +optional
	Workloads FailbackMode `json:"workloads,omitempty"`
	// +kubebuilder:default="5m"
	// +optional
	StableFor *metav1.Duration `json:"stableFor,omitempty"`
	// +kubebuilder:default=25
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	StepPercent *int32 `json:"stepPercent,omitempty"`
	// +kubebuilder:default="30s"
	// +optional
	StepEvery *metav1.Duration `json:"stepEvery,omitempty"`
}

// DNS tunes the answers.
type DNS struct {
	// TTL of answers; from 1 second to 1 hour.
	//
	// +kubebuilder:default="10s"
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`
	// MaxAnswers is the largest number of addresses in one answer. All are of one cluster.
	//
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	// +optional
	MaxAnswers *int32 `json:"maxAnswers,omitempty"`
}

// Condition types and reasons of the kinds of this group.
const (
	// ConditionAccepted says that the object is well formed and in force.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs says that everything the object names exists.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed says that the actuators do what the object says.
	ConditionProgrammed = "Programmed"
	// ConditionHeld says that automation is held for the policy (spec.hold). Absent where it never was.
	ConditionHeld = "Held"

	// ReasonAccepted goes with Accepted=True.
	ReasonAccepted = "Accepted"
	// ReasonInvalid: a field is wrong; the message names it and the fix.
	ReasonInvalid = "Invalid"
	// ReasonHostnameConflict: an older policy has the host name.
	ReasonHostnameConflict = "HostnameConflict"
	// ReasonNoZone: a host name lies in no accepted Zone.
	ReasonNoZone = "NoZone"
	// ReasonNamespaceNotAllowed: the Zone does not let this namespace claim names in it.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonOverlap: the Zone overlaps an older one.
	ReasonOverlap = "Overlap"

	// ReasonResolved goes with ResolvedRefs=True.
	ReasonResolved = "ResolvedRefs"
	// ReasonUnsupportedKind: the target is of a kind that can not receive requests.
	ReasonUnsupportedKind = "UnsupportedKind"
	// ReasonTargetNotFound: the target does not exist on the hub.
	ReasonTargetNotFound = "TargetNotFound"
	// ReasonPortNotFound: the target has no port of that name.
	ReasonPortNotFound = "PortNotFound"
	// ReasonNoEndpoints: the target has no address in any cluster yet.
	ReasonNoEndpoints = "NoEndpoints"

	// ReasonProgrammed goes with Programmed=True.
	ReasonProgrammed = "Programmed"
	// ReasonPending: some live name server has not yet taken over the newest plan.
	ReasonPending = "Pending"
	// ReasonPartlyServed: name servers do not serve some of it as it stands; the message names the fields.
	ReasonPartlyServed = "PartlyServed"
	// ReasonNoServers: no name server is alive.
	ReasonNoServers = "NoServers"
	// ReasonHeld goes with Held=True.
	ReasonHeld = "Held"
	// ReasonReleased goes with Held=False: the hold has ended or was taken away.
	ReasonReleased = "Released"
	// ReasonNotAccepted: nothing is programmed because the object is not accepted.
	ReasonNotAccepted = "NotAccepted"

	// ClusterConditionDataPath is the condition of a Cluster that says whether requests reach it:
	// False when every endpoint in it that is probed is down by quorum, Unknown when none is probed.
	ClusterConditionDataPath = "DataPathReachable"
)

// TrafficPolicyStatus is what has become of a TrafficPolicy.
type TrafficPolicyStatus struct {
	// Conditions: Accepted, ResolvedRefs, Programmed, Held, Resident.
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Clusters is the state of the policy's endpoint in each cluster.
	//
	// +listType=map
	// +listMapKey=name
	// +optional
	Clusters []ClusterTraffic `json:"clusters,omitempty"`
}

// ClusterTraffic is the state of a policy's endpoint in one cluster.
type ClusterTraffic struct {
	Name    string        `json:"name"`
	State   EndpointState `json:"state"`
	Reason  string        `json:"reason"`
	Message string        `json:"message,omitempty"`
}
