package traffic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// forgetAfter is how long an outage is remembered after the target was taken out of the cluster.
	// Within it a return is a recovery, after it a first deployment.
	forgetAfter = time.Hour
	// verdictGrace is how much longer than the probes need a new endpoint waits for its first verdict.
	verdictGrace = 5 * time.Second

	failOpenNote = "; served all the same, since nothing else is left"
)

// fault is why an endpoint can not take requests; the zero value says that it can.
type fault struct{ reason, message string }

// endpoint judges one cluster by itself, given its state in the previous plan. It is not present when
// the target is not in the cluster.
func (p *planner) endpoint(e *trafficv1alpha1.PlanEndpoint, s subject) (present bool) {
	if !s.known() && s.before == nil {
		return false
	}
	s.observe(e)
	why := p.outside(s.Cluster)
	if s.known() && !s.Exists && !(p.remembers(s.before) && p.steering.selects(s.Cluster) && why == "") {
		return false
	}
	if why != "" {
		// Without an address nobody can send requests there, whatever becomes of all others.
		e.Addresses, e.Hostname = nil, ""
		e.FirstHealthy, e.LastDown = nil, nil
		enter(e, trafficv1alpha1.EndpointExcluded, trafficv1alpha1.EndpointReasonResidency, why)
		p.date(e, s)
		return true
	}
	f := p.fault(e, s)
	drain, drained := p.drained(s.Cluster)
	switch {
	case !p.steering.selects(s.Cluster):
		// The policy was edited, which outweighs what was: a cluster that is selected again is
		// admitted like a new one.
		e.FirstHealthy, e.LastDown = nil, nil
		enter(e, trafficv1alpha1.EndpointExcluded, trafficv1alpha1.EndpointReasonNotSelected, p.steering.whyNot())
	case f.reason != "":
		enter(e, trafficv1alpha1.EndpointDown, f.reason, f.message)
	case s.Cluster.DeletionTimestamp != nil:
		enter(e, trafficv1alpha1.EndpointDraining, trafficv1alpha1.EndpointReasonClusterLeaving, "the cluster is being deleted")
	case drained:
		enter(e, trafficv1alpha1.EndpointDraining, trafficv1alpha1.EndpointReasonDrained, drain)
	case Withdrawn(s.Cluster):
		enter(e, trafficv1alpha1.EndpointDraining, trafficv1alpha1.EndpointReasonTrafficControl,
			"a Remedy asks for TrafficControl: no new requests while others can take them")
	default:
		p.rise(e, s)
	}
	if e.State == trafficv1alpha1.EndpointDraining && s.before != nil && inOutage(s.before) {
		ended := ceil(p.in.Now)
		e.LastDown = &ended
	}
	p.date(e, s)
	return true
}

// outside says why a cluster is on the other side of a wall; empty when it is not.
func (p *planner) outside(c *clusterv1alpha1.Cluster) string {
	switch {
	case !p.in.Wall.Inside(c):
		return fmt.Sprintf("the namespace is walled in by %s=%q", names.ResidencyAnnotation, p.in.Wall)
	case p.inside != nil && !p.inside.Matches(c):
		return "spec.residency: the cluster " + p.inside.Mismatch(c)
	}
	return ""
}

// drained says whether somebody drains a cluster, and why.
func (p *planner) drained(c *clusterv1alpha1.Cluster) (why string, drained bool) {
	const rule = ": no new requests while others can take them"
	if reason, drained := c.Annotations[names.DrainAnnotation]; drained {
		return because("the cluster is drained", reason) + rule, true
	}
	for _, d := range p.in.Policy.Spec.Drain {
		if d.Cluster == c.Name {
			return because("the application is drained from the cluster", d.Reason) + rule, true
		}
	}
	return "", false
}

func because(what, why string) string {
	if why = strings.TrimSpace(why); why == "" {
		return what
	}
	return fmt.Sprintf("%s (%s)", what, why)
}

// known says whether the word of the member's API server counts. One that is not Ready may show
// what was true before it fell ill.
func (m *Member) known() bool { return m.Known && !controlPlaneLost(m.Cluster) }

func controlPlaneLost(c *clusterv1alpha1.Cluster) bool {
	ready := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	return ready != nil && ready.Status != metav1.ConditionTrue
}

// Withdrawn says whether a Remedy takes the cluster out of traffic.
func Withdrawn(c *clusterv1alpha1.Cluster) bool {
	return slices.Contains(c.Status.RemedyActions, string(remedyv1alpha1.TrafficControl))
}

// observe takes what the member says, or what the previous plan says while it can not be asked.
func (s subject) observe(e *trafficv1alpha1.PlanEndpoint) {
	if s.before != nil {
		*e = *s.before
		e.Message = strings.TrimSuffix(e.Message, failOpenNote)
	}
	e.Cluster, e.Region = s.Cluster.Name, s.Cluster.Spec.Region
	if s.known() {
		e.Addresses, e.Hostname, e.Port, e.ReadyReplicas = s.Addresses, s.Hostname, s.Port, s.ReadyReplicas
	}
}

// remembers says whether an endpoint whose target is gone from the cluster stays in the plan: while
// an outage is not over, so that its return is not taken for a new deployment.
func (p *planner) remembers(prev *trafficv1alpha1.PlanEndpoint) bool {
	if prev == nil || prev.FirstHealthy == nil {
		return false
	}
	switch prev.State {
	case trafficv1alpha1.EndpointRecovering:
		return true
	case trafficv1alpha1.EndpointDown:
		return p.in.Now.Before(prev.Since.Add(forgetAfter))
	}
	return false
}

func (p *planner) fault(e *trafficv1alpha1.PlanEndpoint, s subject) fault {
	prev := s.before
	switch {
	case s.known() && !s.Exists:
		return fault{trafficv1alpha1.EndpointReasonNotDeployed, "the Service is not in the cluster"}
	case !reachable(e):
		return fault{trafficv1alpha1.EndpointReasonNoAddress, "the load balancer of the Service has no address"}
	case e.Port == 0:
		return fault{trafficv1alpha1.ReasonPortNotFound, "the Service has no port " + p.portName()}
	case s.Verdict == trafficv1alpha1.VerdictUnhealthy:
		return p.unhealthy(s.VerdictMessage, prev)
	case s.Verdict != trafficv1alpha1.VerdictHealthy && prev != nil && prev.State == trafficv1alpha1.EndpointDown &&
		prev.Reason == trafficv1alpha1.EndpointReasonUnhealthy:
		return p.unhealthy("", prev)
	case e.ReadyReplicas == 0:
		return fault{trafficv1alpha1.EndpointReasonNoReadyReplicas, "no replica is ready"}
	}
	return fault{}
}

// unhealthy keeps the first words of an outage: each vantage point's last error may change with
// every probe, and the plan must not change with it.
func (p *planner) unhealthy(why string, prev *trafficv1alpha1.PlanEndpoint) fault {
	f := fault{trafficv1alpha1.EndpointReasonUnhealthy, "requests do not get through"}
	switch {
	case prev != nil && prev.Reason == f.reason:
		f.message = strings.TrimSuffix(prev.Message, failOpenNote)
	case why != "":
		f.message += ": " + why
	}
	return f
}

func (p *planner) portName() string {
	if section := p.in.Policy.Spec.TargetRefs[0].SectionName; section != "" {
		return fmt.Sprintf("named %q", section)
	}
	return "at all"
}

func reachable(e *trafficv1alpha1.PlanEndpoint) bool {
	return len(e.Addresses) > 0 || e.Hostname != ""
}

// rise decides how much an endpoint that works receives.
func (p *planner) rise(e *trafficv1alpha1.PlanEndpoint, s subject) {
	switch prev := s.before; {
	case prev != nil && (prev.State == trafficv1alpha1.EndpointServing || prev.State == trafficv1alpha1.EndpointSuspect):
		p.serve(e, s)
	case prev == nil || prev.FirstHealthy == nil:
		p.start(e, s)
	case prev.State == trafficv1alpha1.EndpointDown:
		blip := p.isBlip(prev)
		ended := ceil(p.in.Now)
		e.LastDown = &ended
		if blip {
			p.serve(e, s)
			return
		}
		e.StableSince = nil
		p.recover(e, s, 0)
	case prev.Reason == trafficv1alpha1.EndpointReasonDrained && p.calm(prev): // nothing was wrong with it
		from := floor(p.in.Now.Add(-p.ramp().stableFor))
		e.StableSince = &from
		p.recover(e, s, 0)
	case prev.State == trafficv1alpha1.EndpointDraining: // what was wrong with it may come back soon
		p.recover(e, s, 0)
	case prev.State == trafficv1alpha1.EndpointRecovering:
		p.recover(e, s, prev.SharePercent)
	default:
		p.serve(e, s)
	}
}

func (p *planner) serve(e *trafficv1alpha1.PlanEndpoint, s subject) {
	if e.FirstHealthy == nil && (s.Verdict == trafficv1alpha1.VerdictHealthy || p.in.VantagePoints == 0) {
		first := floor(p.in.Now)
		e.FirstHealthy = &first
	}
	if controlPlaneLost(s.Cluster) {
		enter(e, trafficv1alpha1.EndpointSuspect, trafficv1alpha1.EndpointReasonControlPlaneLost,
			"the control plane of the cluster is lost, which says nothing about requests: they stay")
	} else {
		enter(e, trafficv1alpha1.EndpointServing, trafficv1alpha1.EndpointReasonReady, "receives its full share")
	}
	e.SharePercent = 100
}

// start admits a new endpoint once somebody has reached it: a load balancer often has an address
// before it works. When nobody gives a verdict the replicas being ready must be enough.
func (p *planner) start(e *trafficv1alpha1.PlanEndpoint, s subject) {
	prev := s.before
	waiting := prev != nil && prev.Reason == trafficv1alpha1.EndpointReasonStarting && e.StableSince != nil
	since := ceil(p.in.Now)
	if waiting {
		since = *e.StableSince
	}
	if s.Verdict == trafficv1alpha1.VerdictHealthy || p.in.VantagePoints == 0 || !p.in.Now.Before(p.verdictDue(since)) {
		p.serve(e, s)
		return
	}
	enter(e, trafficv1alpha1.EndpointDown, trafficv1alpha1.EndpointReasonStarting, "is new; waits for the first verdict of the vantage points")
	e.StableSince = &since
}

// verdictDue is when the vantage points must have reached a verdict on an endpoint that is new since
// a moment.
func (p *planner) verdictDue(since metav1.Time) time.Time {
	h := p.in.Policy.Spec.Health
	return since.Add(h.Interval.Duration*time.Duration(*h.HealthyAfter) + verdictGrace)
}

// isBlip says whether the outage that ends now may be passed over.
func (p *planner) isBlip(prev *trafficv1alpha1.PlanEndpoint) bool {
	f := p.in.Policy.Spec.Failover
	short := p.in.Now.Sub(prev.Since.Time) < f.MoveWorkloadsAfter.Duration
	return short && p.calm(prev)
}

// calm says whether the last outage was long enough ago.
func (p *planner) calm(prev *trafficv1alpha1.PlanEndpoint) bool {
	return prev.LastDown == nil || p.in.Now.Sub(prev.LastDown.Time) >= p.ramp().stableFor
}

// admitStarting admits a new endpoint without a verdict, because there is no other.
func (p *planner) admitStarting(e *trafficv1alpha1.PlanEndpoint, s subject) {
	if e.Reason == trafficv1alpha1.EndpointReasonStarting {
		p.serve(e, s)
		p.date(e, s)
	}
}

// serveInFull gives an endpoint its full share before its time, because there is no other.
func (p *planner) serveInFull(e *trafficv1alpha1.PlanEndpoint, _ subject) {
	e.SharePercent = 100
	p.describe(e)
}

// enter sets the state. Times and share are set by others.
func enter(e *trafficv1alpha1.PlanEndpoint, state trafficv1alpha1.EndpointState, reason, message string) {
	e.State, e.Reason, e.Message = state, reason, message
	e.SharePercent = 0
	e.StableSince = nil
}

// date keeps the beginning of a state that goes on.
func (p *planner) date(e *trafficv1alpha1.PlanEndpoint, s subject) {
	if prev := s.before; prev != nil && prev.State == e.State {
		e.Since = prev.Since
		return
	}
	e.Since = floor(p.in.Now)
}

// wakeFor asks for a new plan at the next moment at which time changes the endpoint.
func (p *planner) wakeFor(e *trafficv1alpha1.PlanEndpoint) {
	switch {
	case e.State == trafficv1alpha1.EndpointRecovering && e.StableSince != nil:
		p.wakeAt(p.ramp().next(e))
	case e.Reason == trafficv1alpha1.EndpointReasonStarting:
		p.wakeAt(p.verdictDue(*e.StableSince))
	case e.Reason == trafficv1alpha1.EndpointReasonNotDeployed:
		p.wakeAt(e.Since.Add(forgetAfter))
	}
}
