package decision

import (
	"fmt"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// load is what became of spillover and overload between two plans. How far a spill has gone is no news: it
// changes in steps, and the plan has it.
type load struct {
	// cause is the most important of what happened; empty when nothing did.
	cause string
	// says are sentences.
	says []string
}

func loadOf(before, after *trafficv1alpha1.TrafficPlanSpec) load {
	var l load
	var began, ended bool
	compare := func(who string, was, is *trafficv1alpha1.Spill) {
		switch {
		case !spills(was) && spills(is):
			began = true
			l.says = append(l.says, fmt.Sprintf("%s spill over from %s", who, flows(is)))
		case spills(was) && !spills(is):
			ended = true
			l.says = append(l.says, who+" go where they belong again")
		}
	}
	compare("clients", before.Spill, after.Spill)
	was := make(map[string]*trafficv1alpha1.Spill, len(before.Regions))
	for i := range before.Regions {
		was[before.Regions[i].Name] = before.Regions[i].Spill
	}
	for i := range after.Regions {
		r := &after.Regions[i]
		compare("clients of "+r.Name, was[r.Name], r.Spill)
	}
	over, still := overloaded(before), overloaded(after)
	switch {
	case still && !over:
		l.says = append([]string{after.Load.Message}, l.says...)
	case over && !still:
		l.says = append(l.says, "no longer overloaded"+because(after.Load))
	}
	switch {
	case still && !over:
		l.cause = trafficv1alpha1.CauseOverload
	case began:
		l.cause = trafficv1alpha1.CauseSpillover
	case over && !still:
		l.cause = trafficv1alpha1.CauseOverloadEnded
	case ended:
		l.cause = trafficv1alpha1.CauseSpilloverEnded
	}
	return l
}

func because(l *trafficv1alpha1.Load) string {
	if l == nil || l.Message == "" {
		return ""
	}
	return ": " + l.Message
}

func overloaded(p *trafficv1alpha1.TrafficPlanSpec) bool {
	return p.Load != nil && p.Load.Reason == trafficv1alpha1.LoadOverloaded
}

func spills(s *trafficv1alpha1.Spill) bool { return s != nil && len(s.Shifts) > 0 }

// flows says which clusters give requests away, and which take them.
func flows(s *trafficv1alpha1.Spill) string {
	var from, to []string
	for _, shift := range s.Shifts {
		switch {
		case shift.Points < 0:
			from = append(from, shift.Name)
		case shift.Points > 0:
			to = append(to, shift.Name)
		}
	}
	const most = 5
	return some.Of(from, most) + " to " + some.Of(to, most)
}

// demands are what was measured of each cluster against what it can take.
func demands(after *trafficv1alpha1.TrafficPlanSpec) []trafficv1alpha1.DecisionInput {
	var out []trafficv1alpha1.DecisionInput
	for i := range after.Endpoints {
		e := &after.Endpoints[i]
		if e.Demand == nil {
			continue
		}
		in := trafficv1alpha1.DecisionInput{Cluster: e.Cluster, Signal: trafficv1alpha1.SignalDemand, Value: e.Demand.String()}
		if e.Capacity != nil {
			in.Message = fmt.Sprintf("of the %s requests/s that %d ready replicas can take", e.Capacity, e.ReadyReplicas)
		}
		out = append(out, in)
	}
	return out
}
