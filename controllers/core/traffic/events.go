package traffic

import (
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Event is something about a policy that a person wants to know when it happens.
type Event struct {
	// Type is Normal or Warning.
	Type    string
	Reason  string
	Message string
}

// eventOf maps a state to the event of entering it.
var eventOf = map[trafficv1alpha1.EndpointState]struct{ kind, reason string }{
	trafficv1alpha1.EndpointServing:    {corev1.EventTypeNormal, trafficv1alpha1.EventEndpointServing},
	trafficv1alpha1.EndpointRecovering: {corev1.EventTypeNormal, trafficv1alpha1.EventEndpointRecovering},
	trafficv1alpha1.EndpointSuspect:    {corev1.EventTypeWarning, trafficv1alpha1.EventEndpointSuspect},
	trafficv1alpha1.EndpointDraining:   {corev1.EventTypeNormal, trafficv1alpha1.EventEndpointDraining},
	trafficv1alpha1.EndpointDown:       {corev1.EventTypeWarning, trafficv1alpha1.EventEndpointDown},
	trafficv1alpha1.EndpointExcluded:   {corev1.EventTypeNormal, trafficv1alpha1.EventEndpointExcluded},
}

// events are the differences between two plans: states first, then where requests go.
func events(before, after *trafficv1alpha1.TrafficPlanSpec) []Event {
	if before == nil {
		before = &trafficv1alpha1.TrafficPlanSpec{}
	}
	out := endpointEvents(before.Endpoints, after.Endpoints)
	if before.FailOpen != after.FailOpen {
		if after.FailOpen {
			out = append(out, Event{corev1.EventTypeWarning, trafficv1alpha1.EventFailOpen,
				"nothing is left that should be served; served all the same: " + shares(after.Tiers)})
		} else {
			out = append(out, Event{corev1.EventTypeNormal, trafficv1alpha1.EventFailOpenEnded, "an endpoint is healthy again"})
		}
	}
	if was, is := overloaded(before), overloaded(after); is && !was {
		out = append(out, Event{corev1.EventTypeWarning, trafficv1alpha1.EventOverloaded, after.Load.Message})
	} else if was && !is {
		out = append(out, Event{corev1.EventTypeNormal, trafficv1alpha1.EventOverloadEnded, "there is room again"})
	}
	if moved := movements(before, after); moved != "" {
		out = append(out, Event{corev1.EventTypeNormal, trafficv1alpha1.EventTrafficMoved, moved})
	}
	return out
}

func overloaded(spec *trafficv1alpha1.TrafficPlanSpec) bool {
	return spec.Load != nil && spec.Load.Reason == trafficv1alpha1.LoadOverloaded
}

func endpointEvents(before, after []trafficv1alpha1.PlanEndpoint) []Event {
	if sameStates(before, after) { // as nearly always
		return nil
	}
	var out []Event
	for i := range after {
		e := &after[i]
		if was, _ := at(before, i, e.Cluster); was == nil || e.State != was.State {
			kind, reason := eventOf[e.State].kind, eventOf[e.State].reason
			if e.FirstHealthy == nil {
				kind = corev1.EventTypeNormal // a start is not a trouble
			}
			out = append(out, Event{kind, reason, fmt.Sprintf("%s: %s", e.Cluster, e.Message)})
		}
	}
	for i := range before {
		if _, is := at(after, i, before[i].Cluster); !is {
			out = append(out, Event{corev1.EventTypeNormal, trafficv1alpha1.EventEndpointRemoved, before[i].Cluster + " is no longer part of the application"})
		}
	}
	return out
}

// at finds the endpoint of a cluster, most probably at a place.
func at(list []trafficv1alpha1.PlanEndpoint, likely int, cluster string) (*trafficv1alpha1.PlanEndpoint, bool) {
	if likely < len(list) && list[likely].Cluster == cluster {
		return &list[likely], true
	}
	if i := find(list, cluster); i >= 0 {
		return &list[i], true
	}
	return nil, false
}

func sameStates(before, after []trafficv1alpha1.PlanEndpoint) bool {
	if len(before) != len(after) {
		return false
	}
	for i := range after {
		if before[i].Cluster != after[i].Cluster || before[i].State != after[i].State {
			return false
		}
	}
	return true
}

// movements says for each client region whose first tier has changed what it was and is.
func movements(before, after *trafficv1alpha1.TrafficPlanSpec) string {
	const most = 4
	var out []string
	moved := func(region string, was, tiers []trafficv1alpha1.PlanTier) {
		if sameFirst(was, tiers) { // as nearly always
			return
		}
		old, is := shares(was), shares(tiers)
		if old == "" || is == "" || old == is {
			return
		}
		if region == "" {
			region = "clients"
		} else {
			region = "clients of " + region
		}
		out = append(out, fmt.Sprintf("%s: %s -> %s", region, old, is))
	}
	for i := range after.Regions {
		r := &after.Regions[i]
		if was := regionOf(before, r.Name, i); was != nil {
			moved(r.Name, was.Tiers, r.Tiers)
		}
	}
	if len(after.Regions) == 0 {
		moved("", before.Tiers, after.Tiers)
	}
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("and %d regions more", len(out)-most))
	}
	return strings.Join(out, "; ")
}

// regionOf is a region of a plan, likely at an index; nil when it is not there.
func regionOf(spec *trafficv1alpha1.TrafficPlanSpec, name string, likely int) *trafficv1alpha1.PlanRegion {
	if likely >= len(spec.Regions) || spec.Regions[likely].Name != name {
		likely = slices.IndexFunc(spec.Regions, func(r trafficv1alpha1.PlanRegion) bool { return r.Name == name })
	}
	if likely < 0 {
		return nil
	}
	return &spec.Regions[likely]
}

func sameFirst(a, b []trafficv1alpha1.PlanTier) bool {
	return len(a) > 0 && len(b) > 0 && slices.Equal(a[0].Clusters, b[0].Clusters)
}

// shares says what the first tier gives to each cluster.
func shares(tiers []trafficv1alpha1.PlanTier) string {
	const most = 6
	if len(tiers) == 0 {
		return ""
	}
	// Those of weight 0 stand by.
	clusters := slices.DeleteFunc(slices.Clone(tiers[0].Clusters), func(c trafficv1alpha1.WeightedCluster) bool { return c.Weight == 0 })
	if len(clusters) == 1 {
		return clusters[0].Name
	}
	var sum float64
	for _, c := range clusters {
		sum += float64(c.Weight)
	}
	var out []string
	for _, c := range clusters {
		out = append(out, fmt.Sprintf("%s %.0f %%", c.Name, math.Round(100*float64(c.Weight)/sum)))
	}
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("%d clusters more", len(out)-most))
	}
	return strings.Join(out, " + ")
}
