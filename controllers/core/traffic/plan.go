package traffic

import (
	"slices"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// Input is all that a plan depends on. Nothing in it is changed.
type Input struct {
	Now time.Time
	// Policy with its defaults filled in.
	Policy *trafficv1alpha1.TrafficPolicy
	// Invalid says what is wrong with the policy; empty when nothing is.
	Invalid string
	// Previous is the plan in force, nil when there is none.
	Previous *trafficv1alpha1.TrafficPlanSpec
	// Claims is what became of the policy's host names.
	Claims HostnameResult
	// Wall of the policy's namespace.
	Wall residency.Wall
	// Demand that was measured; nil when nobody measures.
	Demand *Demand
	// Target is what became of the policy's target on the hub.
	Target Target
	// Clusters are all clusters of the federation, in any order, with the target as it is there.
	Clusters []Member
	// Regions that RegionMaps name.
	Regions Regions
	// Atlas remembers distances from plan to plan; nil does without. What is decided does not hang on it.
	Atlas *Atlas
	// VantagePoints is how many vantage points report at present.
	VantagePoints int
}

// Member is one cluster and the policy's target in it.
type Member struct {
	Cluster *clusterv1alpha1.Cluster
	Discovered
	// Verdict of the quorum on the endpoint, with the words of the first vantage point that can
	// not reach it.
	Verdict        trafficv1alpha1.Verdict
	VerdictMessage string
}

// Discovered is the target of a policy as a member's API server tells it.
type Discovered struct {
	// Known says that the member was asked and answered. Nothing else counts when it is false.
	Known bool
	// Exists says that the Service is in the member.
	Exists bool
	// Addresses of the load balancer; IP addresses in their shortest form, sorted.
	Addresses []string
	// Hostname of the load balancer when it has no addresses.
	Hostname string
	// Port that requests are sent to; 0 when the Service has no such port.
	Port int32
	// ReadyReplicas behind the Service.
	ReadyReplicas int32
}

// Output is what was decided.
type Output struct {
	// Spec of the TrafficPlan. Nil says to leave the plan as it is, or not to make one: a policy
	// that can not be carried out never takes away what its last good version gave. It shares memory
	// with the input.
	Spec *trafficv1alpha1.TrafficPlanSpec
	// Conditions of the policy, without times and generation: Accepted, ResolvedRefs and, where there is
	// something to tell, Held and Resident.
	Conditions []metav1.Condition
	// Clusters is the policy's status for each cluster.
	Clusters []trafficv1alpha1.ClusterTraffic
	// Events are the differences from the previous plan that a person wants to know.
	Events []Event
	// RequeueAfter is when time alone changes the plan; 0 when it never does.
	RequeueAfter time.Duration
}

// Plan decides.
func Plan(in Input) Output {
	out := Output{Conditions: conditions(in)}
	if !planned(in) {
		if in.Previous != nil {
			out.Clusters = clusterStatus(in.Previous)
		}
		return out
	}
	p := newPlanner(in)
	p.judge()
	p.rescue()
	p.weigh()
	p.rate()
	p.steer()
	p.overflow()

	spec := &trafficv1alpha1.TrafficPlanSpec{
		Policy:     trafficv1alpha1.PlanSource{UID: in.Policy.UID, Generation: in.Policy.Generation},
		Hostnames:  in.Claims.Hostnames,
		TTLSeconds: seconds(in.Policy.Spec.DNS.TTL.Duration),
		MaxAnswers: *in.Policy.Spec.DNS.MaxAnswers,
		Check:      check(&in.Policy.Spec),
		Endpoints:  p.endpoints,
		Regions:    p.regions,
		Tiers:      p.tiers,
		FailOpen:   p.failOpen,
		Spill:      p.spill,
		Load:       p.load,
	}
	out.Spec = spec
	out.Clusters = clusterStatus(spec)
	out.Events = events(in.Previous, spec)
	out.RequeueAfter = p.wake
	if c := p.resident(); c != nil {
		out.Conditions = append(out.Conditions, *c)
	}
	return out
}

// planned says whether there is something to compute. A policy that won no host name gets no plan,
// but one that has a plan and loses its names keeps its endpoints judged.
func planned(in Input) bool {
	if in.Invalid != "" || in.Target.Reason == trafficv1alpha1.ReasonUnsupportedKind {
		return false
	}
	return len(in.Claims.Hostnames) > 0 || in.Previous != nil
}

// planner holds one run.
type planner struct {
	in       Input
	steering steering
	// previous are the endpoints of the previous plan, by cluster.
	previous []trafficv1alpha1.PlanEndpoint
	// inside is the wall that the policy draws, inside that of its namespace; nil when it draws none.
	inside *affinity.Matcher
	// held says that spec.hold is in force.
	held bool
	// demand is nil unless it is fresh.
	demand *Demand

	// endpoints, by cluster, and what each was made from.
	endpoints []trafficv1alpha1.PlanEndpoint
	subjects  []subject
	failOpen  bool
	regions   []trafficv1alpha1.PlanRegion
	tiers     []trafficv1alpha1.PlanTier
	spill     *trafficv1alpha1.Spill
	load      *trafficv1alpha1.Load
	wake      time.Duration
}

// subject is a cluster that has an endpoint, or may have one.
type subject struct {
	*Member
	// before is what the previous plan says; nil when nothing.
	before *trafficv1alpha1.PlanEndpoint
}

func newPlanner(in Input) *planner {
	p := &planner{
		in:       in,
		steering: newSteering(&in.Policy.Spec.Steering),
		held:     in.Policy.Spec.Hold.InForce(in.Now),
		demand:   freshDemand(in),
	}
	if p.held {
		p.wakeAt(in.Policy.Spec.Hold.Until.Time)
	}
	if r := in.Policy.Spec.Residency; r != nil {
		inside := affinity.New(&r.ClusterAffinity)
		p.inside = &inside
	}
	if in.Previous != nil {
		p.previous = byCluster(in.Previous.Endpoints)
	}
	return p
}

// byCluster is a list as it is when it is sorted, as every plan is that nobody has edited.
func byCluster(list []trafficv1alpha1.PlanEndpoint) []trafficv1alpha1.PlanEndpoint {
	for i := 1; i < len(list); i++ {
		if list[i].Cluster < list[i-1].Cluster {
			list = slices.Clone(list)
			slices.SortFunc(list, func(a, b trafficv1alpha1.PlanEndpoint) int { return strings.Compare(a.Cluster, b.Cluster) })
			break
		}
	}
	return list
}

// find is the index of a cluster in a sorted list; -1 when it is not there.
func find(list []trafficv1alpha1.PlanEndpoint, cluster string) int {
	if i, found := sort.Find(len(list), func(i int) int { return strings.Compare(cluster, list[i].Cluster) }); found {
		return i
	}
	return -1
}

// judge gives every endpoint its state, by itself.
func (p *planner) judge() {
	candidates := p.concerned()
	p.endpoints = make([]trafficv1alpha1.PlanEndpoint, 0, len(candidates))
	p.subjects = candidates[:0]
	for _, s := range candidates {
		n := len(p.endpoints)
		p.endpoints = append(p.endpoints, trafficv1alpha1.PlanEndpoint{})
		if p.endpoint(&p.endpoints[n], s) {
			p.subjects = append(p.subjects, s)
		} else {
			p.endpoints = p.endpoints[:n]
		}
	}
}

// concerned are the clusters that may have an endpoint, by name: those with the target, and those that
// had one.
func (p *planner) concerned() []subject {
	out := make([]subject, 0, len(p.previous)+1)
	for i := range p.in.Clusters {
		s := subject{Member: &p.in.Clusters[i]}
		if at := find(p.previous, s.Cluster.Name); at >= 0 {
			s.before = &p.previous[at]
		} else if !s.known() || !s.Exists {
			continue
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b subject) int { return strings.Compare(a.Cluster.Name, b.Cluster.Name) })
	return out
}

// rescue sees to it that requests are never kept waiting for a dead endpoint while a living one is
// held back: when nobody serves, those that recover are served in full, and if there are none, those
// that are new.
func (p *planner) rescue() {
	if p.each(trafficv1alpha1.EndpointServing, nil)+p.each(trafficv1alpha1.EndpointSuspect, nil) == 0 &&
		p.each(trafficv1alpha1.EndpointRecovering, p.serveInFull) == 0 {
		p.each(trafficv1alpha1.EndpointDown, p.admitStarting)
	}
	for i := range p.endpoints {
		p.wakeFor(&p.endpoints[i])
	}
}

// each calls do for every endpoint in a state and counts them.
func (p *planner) each(state trafficv1alpha1.EndpointState, do func(*trafficv1alpha1.PlanEndpoint, subject)) (n int) {
	for i := range p.endpoints {
		e := &p.endpoints[i]
		if e.State != state {
			continue
		}
		n++
		if do != nil {
			do(e, p.subjects[i])
		}
	}
	return n
}

// wakeAt makes sure that the plan is computed again at a moment in the future.
func (p *planner) wakeAt(t time.Time) {
	if d := t.Sub(p.in.Now); d > 0 && (p.wake == 0 || d < p.wake) {
		p.wake = d
	}
}

// check is the policy's probe with every default filled in.
func check(spec *trafficv1alpha1.TrafficPolicySpec) trafficv1alpha1.Check {
	h := spec.Health
	c := trafficv1alpha1.Check{
		Protocol:       trafficv1alpha1.CheckTCP,
		Interval:       *h.Interval,
		Timeout:        *h.Timeout,
		UnhealthyAfter: *h.UnhealthyAfter,
		HealthyAfter:   *h.HealthyAfter,
	}
	switch probe := h.Probe; {
	case probe == nil:
	case probe.HTTP != nil:
		c.Protocol = trafficv1alpha1.CheckHTTP
		fillHTTP(&c, spec, *probe.HTTP)
	case probe.HTTPS != nil:
		c.Protocol = trafficv1alpha1.CheckHTTPS
		c.InsecureSkipVerify = probe.HTTPS.InsecureSkipVerify
		fillHTTP(&c, spec, probe.HTTPS.HTTPProbe)
	case probe.GRPC != nil:
		fillGRPC(&c, spec, probe.GRPC)
	case probe.TCP != nil && probe.TCP.Port != nil:
		c.Port = *probe.TCP.Port
	}
	return c
}

func fillGRPC(c *trafficv1alpha1.Check, spec *trafficv1alpha1.TrafficPolicySpec, probe *trafficv1alpha1.GRPCProbe) {
	c.Protocol, c.Service, c.Host = trafficv1alpha1.CheckGRPC, probe.Service, probe.Host
	if probe.TLS {
		c.Protocol, c.InsecureSkipVerify = trafficv1alpha1.CheckGRPCS, probe.InsecureSkipVerify
	}
	if c.Host == "" {
		c.Host = probeHost(spec.Hostnames)
	}
	if probe.Port != nil {
		c.Port = *probe.Port
	}
}

func fillHTTP(c *trafficv1alpha1.Check, spec *trafficv1alpha1.TrafficPolicySpec, probe trafficv1alpha1.HTTPProbe) {
	c.Path, c.Host = probe.Path, probe.Host
	if c.Path == "" {
		c.Path = "/"
	}
	if c.Host == "" {
		c.Host = probeHost(spec.Hostnames)
	}
	if probe.Port != nil {
		c.Port = *probe.Port
	}
}

// probeHost is the first host name that is not a wildcard, else a name that the first wildcard
// covers: a certificate for a wildcard does not cover the name above it.
func probeHost(hostnames []string) string {
	for _, h := range hostnames {
		if !strings.HasPrefix(h, "*.") {
			return h
		}
	}
	if len(hostnames) == 0 {
		return ""
	}
	return "seaway-probe" + strings.TrimPrefix(hostnames[0], "*")
}

func clusterStatus(spec *trafficv1alpha1.TrafficPlanSpec) []trafficv1alpha1.ClusterTraffic {
	if len(spec.Endpoints) == 0 {
		return nil
	}
	out := make([]trafficv1alpha1.ClusterTraffic, 0, len(spec.Endpoints))
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		out = append(out, trafficv1alpha1.ClusterTraffic{Name: e.Cluster, State: e.State, Reason: e.Reason, Message: e.Message})
	}
	return out
}

// seconds rounds up: a TTL is never 0 by rounding.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second)
}

func floor(t time.Time) metav1.Time {
	return metav1.NewTime(t.UTC().Truncate(time.Second))
}

func ceil(t time.Time) metav1.Time {
	up := t.UTC().Truncate(time.Second)
	if up.Before(t) {
		up = up.Add(time.Second)
	}
	return metav1.NewTime(up)
}
