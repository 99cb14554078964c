package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// TrafficController is who decides about traffic, in Decisions.
const TrafficController = "traffic"

// Steering is a plan that takes the place of another, and what it was made from.
type Steering struct {
	Policy *trafficv1alpha1.TrafficPolicy
	// Before is nil for the first plan.
	Before, After *trafficv1alpha1.TrafficPlanSpec
	// Moved are sentences about where requests go now.
	Moved []string
	// Evidence gives the signals about a cluster.
	Evidence func(cluster string) []trafficv1alpha1.DecisionInput

	Now time.Time
}

// Bounds of a Decision about traffic. With all of them exhausted it stays below 200 KiB.
const (
	maxChanges = 100
	maxInputs  = 400
)

// Steered is the Decision behind a new plan; false when no endpoint is in another state or gets another
// share than before, and no spillover or overload begins or ends. The first plan of a policy, and what
// happens to an endpoint before it has ever worked, moves nothing.
func Steered(s Steering) (spec trafficv1alpha1.DecisionSpec, ok bool) {
	if s.Before == nil {
		return spec, false
	}
	changes, load := changesOf(s.Before, s.After), loadOf(s.Before, s.After)
	if len(changes) == 0 && s.Before.FailOpen == s.After.FailOpen && load.cause == "" {
		return spec, false
	}
	spec = trafficv1alpha1.DecisionSpec{
		Time:       metav1.NewMicroTime(s.Now),
		Controller: TrafficController,
		Subject: trafficv1alpha1.DecisionSubject{
			APIVersion: trafficv1alpha1.GroupVersion.String(), Kind: "TrafficPolicy",
			Namespace: s.Policy.Namespace, Name: s.Policy.Name, UID: s.Policy.UID,
		},
		Cause:   causeOf(s.Before, s.After, changes, load.cause),
		Outcome: trafficv1alpha1.DecisionSteered,
		Policy:  "TrafficPolicy/" + s.Policy.Namespace + "/" + s.Policy.Name,
		Message: cut(strings.Join(append(summary(changes), load.says...), "; "), maxSentence),
		Steps:   steps(append(slices.Clone(s.Moved), thresholds(s.After, &s.Policy.Spec)...)),
	}
	spec.Changes = changes[:min(len(changes), maxChanges)]
	for i := range spec.Changes {
		if s.Evidence != nil && len(spec.Inputs) < maxInputs {
			spec.Inputs = append(spec.Inputs, s.Evidence(spec.Changes[i].Cluster)...)
		}
	}
	if load.cause != "" {
		spec.Inputs = append(spec.Inputs, demands(s.After)...)
	}
	spec.Inputs = inputs(spec.Inputs)
	return spec, true
}

// changesOf are the endpoints that are not as before, those with the most to tell first.
func changesOf(before, after *trafficv1alpha1.TrafficPlanSpec) []trafficv1alpha1.DecisionChange {
	was := make(map[string]*trafficv1alpha1.PlanEndpoint, len(before.Endpoints))
	for i := range before.Endpoints {
		was[before.Endpoints[i].Cluster] = &before.Endpoints[i]
	}
	var out []trafficv1alpha1.DecisionChange
	for i := range after.Endpoints {
		e := &after.Endpoints[i]
		old := was[e.Cluster]
		delete(was, e.Cluster)
		c := trafficv1alpha1.DecisionChange{
			Cluster: e.Cluster, ToState: e.State, ToShare: e.SharePercent, Reason: e.Reason, Message: cut(e.Message, maxDetail),
		}
		if old != nil {
			c.FromState, c.FromShare = old.State, old.SharePercent
		}
		starts := e.FirstHealthy == nil && (old == nil || old.FirstHealthy == nil) && c.FromShare == c.ToShare
		if !starts && (c.FromState != c.ToState || c.FromShare != c.ToShare) {
			out = append(out, c)
		}
	}
	for cluster, old := range was {
		if old.SharePercent > 0 {
			out = append(out, trafficv1alpha1.DecisionChange{
				Cluster: cluster, FromState: old.State, FromShare: old.SharePercent, Message: "is no longer part of the application",
			})
		}
	}
	slices.SortFunc(out, func(a, b trafficv1alpha1.DecisionChange) int {
		return cmp.Or(cmp.Compare(b.FromShare-b.ToShare, a.FromShare-a.ToShare), cmp.Compare(a.Cluster, b.Cluster))
	})
	return out
}

// causeOf names the most important of what happened: an outage before what people do, and that before
// what comes of itself.
func causeOf(before, after *trafficv1alpha1.TrafficPlanSpec, changes []trafficv1alpha1.DecisionChange, load string) string {
	has := func(is func(c *trafficv1alpha1.DecisionChange) bool) bool {
		return slices.ContainsFunc(changes, func(c trafficv1alpha1.DecisionChange) bool { return is(&c) })
	}
	from := func(c *trafficv1alpha1.DecisionChange, states ...trafficv1alpha1.EndpointState) bool {
		return slices.Contains(states, c.FromState)
	}
	switch {
	case after.FailOpen && !before.FailOpen:
		return trafficv1alpha1.CauseFailOpen
	case has(func(c *trafficv1alpha1.DecisionChange) bool {
		return c.ToState == trafficv1alpha1.EndpointDown && c.FromState != "" && c.FromState != trafficv1alpha1.EndpointDown
	}):
		return trafficv1alpha1.CauseFailover
	case before.FailOpen && !after.FailOpen:
		return trafficv1alpha1.CauseFailOpenEnded
	case has(func(c *trafficv1alpha1.DecisionChange) bool { return c.ToState == trafficv1alpha1.EndpointDraining }):
		return trafficv1alpha1.CauseDrain
	case has(func(c *trafficv1alpha1.DecisionChange) bool { return from(c, trafficv1alpha1.EndpointDraining) }):
		return trafficv1alpha1.CauseUndrain
	case edited(before, after):
		return trafficv1alpha1.CauseEdit
	case len(changes) == 0:
		return load
	case has(func(c *trafficv1alpha1.DecisionChange) bool {
		return from(c, trafficv1alpha1.EndpointDown, trafficv1alpha1.EndpointRecovering) && !startsNow(before, c)
	}):
		return trafficv1alpha1.CauseFailback
	case has(func(c *trafficv1alpha1.DecisionChange) bool {
		return c.ToState == trafficv1alpha1.EndpointSuspect || from(c, trafficv1alpha1.EndpointSuspect)
	}):
		return trafficv1alpha1.CauseControlPlane
	}
	return trafficv1alpha1.CauseMembership
}

// edited says whether a person has changed the policy between two plans.
func edited(before, after *trafficv1alpha1.TrafficPlanSpec) bool {
	return before.Policy != after.Policy
}

// startsNow says whether an endpoint works for the first time.
func startsNow(before *trafficv1alpha1.TrafficPlanSpec, c *trafficv1alpha1.DecisionChange) bool {
	return slices.ContainsFunc(before.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool {
		return e.Cluster == c.Cluster && e.FirstHealthy == nil
	})
}

// summary says what became of the endpoints, one by one.
func summary(changes []trafficv1alpha1.DecisionChange) []string {
	const most = 5
	var parts []string
	for i := range changes {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(changes)-most))
			break
		}
		c := &changes[i]
		text := c.Cluster + " " + Change(c)
		if c.Message != "" {
			text += ": " + c.Message
		}
		parts = append(parts, text)
	}
	return parts
}

// Change says in a few words what became of an endpoint.
func Change(c *trafficv1alpha1.DecisionChange) string {
	share := ""
	if c.FromShare != c.ToShare {
		share = fmt.Sprintf(" %d→%d %%", c.FromShare, c.ToShare)
	}
	switch {
	case c.FromState == "":
		return fmt.Sprintf("new as %s%s", c.ToState, share)
	case c.ToState == "":
		return fmt.Sprintf("%s, gone%s", c.FromState, share)
	case c.FromState == c.ToState:
		return string(c.ToState) + share
	}
	return fmt.Sprintf("%s→%s%s", c.FromState, c.ToState, share)
}

// thresholds are the numbers that the decision went by.
func thresholds(after *trafficv1alpha1.TrafficPlanSpec, policy *trafficv1alpha1.TrafficPolicySpec) []string {
	c := &after.Check
	out := []string{fmt.Sprintf("%s probes every %s: down after %d failures, up after %d successes, by a majority of the fresh vantage points",
		c.Protocol, c.Interval.Duration, c.UnhealthyAfter, c.HealthyAfter)}
	if s := policy.Steering.Spillover; s != nil && after.Load != nil {
		out = append(out, fmt.Sprintf("requests above %d %% of a cluster's capacity go to the next tier", s.TargetUtilization))
	}
	if b := &policy.Failover.Failback; b.StableFor != nil && b.StepPercent != nil && b.StepEvery != nil {
		out = append(out, fmt.Sprintf("after an outage nothing for %s, then %d %% more every %s", b.StableFor.Duration, *b.StepPercent, b.StepEvery.Duration))
	}
	return out
}
