package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// planOf reads endpoints such as "fra Serving 100"; one with a "*" has never worked.
func planOf(generation int64, endpoints ...string) *v1.TrafficPlanSpec {
	p := &v1.TrafficPlanSpec{
		Policy: v1.PlanSource{UID: "u", Generation: generation},
		Check:  v1.Check{Protocol: "TCP", Interval: metav1.Duration{Duration: time.Second}, UnhealthyAfter: 2, HealthyAfter: 3},
	}
	for _, text := range endpoints {
		var e v1.PlanEndpoint
		text, young := strings.CutSuffix(text, "*")
		if _, err := fmt.Sscan(text, &e.Cluster, (*string)(&e.State), &e.SharePercent); err != nil {
			panic(err)
		}
		if !young {
			e.FirstHealthy = ptr.To(metav1.NewTime(noon))
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	return p
}

func open(p *v1.TrafficPlanSpec) *v1.TrafficPlanSpec { p.FailOpen = true; return p }

func steering(before, after *v1.TrafficPlanSpec) Steering {
	return Steering{Policy: &v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u"}}, Before: before, After: after, Now: noon}
}

func TestSteered(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after *v1.TrafficPlanSpec
		cause         string // none: no decision
		message       string
	}{
		"the first plan":                {nil, planOf(1, "fra Serving 100"), "", ""},
		"nothing":                       {planOf(1, "fra Serving 100"), planOf(1, "fra Serving 100"), "", ""},
		"an edit that moves nothing":    {planOf(1, "fra Serving 100"), planOf(2, "fra Serving 100"), "", ""},
		"a cluster is lost":             {planOf(1, "fra Serving 100", "iad Serving 100"), planOf(1, "fra Serving 100", "iad Down 0"), v1.CauseFailover, "iad Serving→Down 100→0 %"},
		"lost while being edited":       {planOf(1, "fra Serving 100", "iad Serving 100"), planOf(2, "fra Serving 100", "iad Down 0"), v1.CauseFailover, "iad Serving→Down 100→0 %"},
		"one lost, another back":        {planOf(1, "fra Serving 100", "iad Down 0"), planOf(1, "fra Down 0", "iad Recovering 100"), v1.CauseFailover, "fra Serving→Down 100→0 %; iad Down→Recovering 0→100 %"},
		"lost on the way back":          {planOf(1, "iad Recovering 25"), planOf(1, "iad Down 0"), v1.CauseFailover, "iad Recovering→Down 25→0 %"},
		"healthy again":                 {planOf(1, "iad Down 0"), planOf(1, "iad Recovering 0"), v1.CauseFailback, "iad Down→Recovering"},
		"a step":                        {planOf(1, "iad Recovering 25"), planOf(1, "iad Recovering 50"), v1.CauseFailback, "iad Recovering 25→50 %"},
		"the last step":                 {planOf(1, "iad Recovering 75"), planOf(1, "iad Serving 100"), v1.CauseFailback, "iad Recovering→Serving 75→100 %"},
		"everything is down":            {planOf(1, "iad Serving 100"), open(planOf(1, "iad Down 0")), v1.CauseFailOpen, "iad Serving→Down 100→0 %"},
		"something is up again":         {open(planOf(1, "iad Down 0")), planOf(1, "iad Recovering 100"), v1.CauseFailOpenEnded, "iad Down→Recovering 0→100 %"},
		"only the last resort":          {planOf(1, "iad Down 0"), open(planOf(1, "iad Down 0")), v1.CauseFailOpen, ""},
		"drained":                       {planOf(1, "iad Serving 100"), planOf(1, "iad Draining 0"), v1.CauseDrain, "iad Serving→Draining 100→0 %"},
		"drained by an edit":            {planOf(1, "iad Serving 100"), planOf(2, "iad Draining 0"), v1.CauseDrain, "iad Serving→Draining 100→0 %"},
		"no longer drained":             {planOf(1, "iad Draining 0"), planOf(1, "iad Recovering 0"), v1.CauseUndrain, "iad Draining→Recovering"},
		"the control plane is away":     {planOf(1, "iad Serving 100"), planOf(1, "iad Suspect 100"), v1.CauseControlPlane, "iad Serving→Suspect"},
		"the control plane is back":     {planOf(1, "iad Suspect 100"), planOf(1, "iad Serving 100"), v1.CauseControlPlane, "iad Suspect→Serving"},
		"ruled out by an edit":          {planOf(1, "iad Serving 100"), planOf(2, "iad Excluded 0"), v1.CauseEdit, "iad Serving→Excluded 100→0 %"},
		"a new one waits":               {planOf(1, "fra Serving 100"), planOf(1, "fra Serving 100", "iad Down 0*"), "", ""},
		"a new one serves":              {planOf(1, "fra Serving 100", "iad Down 0*"), planOf(1, "fra Serving 100", "iad Serving 100"), v1.CauseMembership, "iad Down→Serving 0→100 %"},
		"one that was seen never comes": {planOf(1, "fra Serving 100", "iad Down 0*"), planOf(1, "fra Serving 100"), "", ""},
		"one is taken away":             {planOf(1, "fra Serving 100", "iad Serving 100"), planOf(1, "fra Serving 100"), v1.CauseMembership, "iad Serving, gone 100→0 %: is no longer part of the application"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, ok := Steered(steering(tc.before, tc.after))
			if ok != (tc.cause != "") || spec.Cause != tc.cause || spec.Message != tc.message {
				t.Errorf("%v %q %q", ok, spec.Cause, spec.Message)
			}
			if ok && !News(&spec, Says(&spec)) && len(spec.Changes) > 0 {
				t.Error("it is no news")
			}
		})
	}
}

func TestWhatIsToldOfASteering(t *testing.T) {
	s := steering(planOf(3, "fra Serving 100", "iad Serving 100"), planOf(3, "fra Serving 100", "iad Down 0"))
	s.After.Endpoints[1].Reason, s.After.Endpoints[1].Message = "Unhealthy", "requests do not get through: timeout"
	s.Moved = []string{"clients: fra 50 % + iad 50 % -> fra"}
	s.Policy.Spec.Failover.Failback = v1.Failback{StableFor: &metav1.Duration{Duration: 5 * time.Minute}, StepPercent: ptr.To[int32](25), StepEvery: &metav1.Duration{Duration: 30 * time.Second}}
	s.Evidence = func(cluster string) []v1.DecisionInput {
		return []v1.DecisionInput{{Cluster: cluster, Signal: v1.SignalDataPath, By: "ns1", Value: "Unhealthy", Message: "timeout"}}
	}
	got, _ := Steered(s)
	want := v1.DecisionSpec{
		Time: metav1.NewMicroTime(noon), Controller: "traffic", Cause: "Failover", Outcome: v1.DecisionSteered,
		Subject: v1.DecisionSubject{APIVersion: "traffic.seaway.dev/v1alpha1", Kind: "TrafficPolicy", Namespace: "shop", Name: "web", UID: "u"},
		Policy:  "TrafficPolicy/shop/web",
		Message: "iad Serving→Down 100→0 %: requests do not get through: timeout",
		Changes: []v1.DecisionChange{{Cluster: "iad", FromState: "Serving", ToState: "Down", FromShare: 100, Reason: "Unhealthy", Message: "requests do not get through: timeout"}},
		Inputs:  []v1.DecisionInput{{Cluster: "iad", Signal: "DataPath", By: "ns1", Value: "Unhealthy", Message: "timeout"}},
		Steps: []string{
			"clients: fra 50 % + iad 50 % -> fra",
			"TCP probes every 1s: down after 2 failures, up after 3 successes, by a majority of the fresh vantage points",
			"after an outage nothing for 5m0s, then 25 % more every 30s",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSpilloverAndOverload(t *testing.T) {
	// plan is one of which clients of eu spill so many points, with a reason of the load.
	plan := func(generation int64, reason string, points int32) *v1.TrafficPlanSpec {
		p := planOf(generation, "fra Serving 100", "iad Serving 100")
		p.Load = &v1.Load{Reason: reason, Message: "says the planner"}
		p.Regions = []v1.PlanRegion{{Name: "eu", Spill: &v1.Spill{}}, {Name: "us"}}
		if points > 0 {
			p.Regions[0].Spill.Shifts = []v1.Shift{{Name: "fra", Points: -points}, {Name: "iad", Points: points}}
		}
		for i, demand := range []string{"900", "10"} {
			p.Endpoints[i].Demand, p.Endpoints[i].Capacity, p.Endpoints[i].ReadyReplicas = ptr.To(resource.MustParse(demand)), ptr.To(resource.MustParse("1k")), 20
		}
		return p
	}
	down := plan(1, v1.LoadSpilling, 30)
	down.Endpoints[0].State, down.Endpoints[0].SharePercent = v1.EndpointDown, 0
	ordered := plan(1, v1.LoadSpilling, 0)
	ordered.Spill = &v1.Spill{Shifts: []v1.Shift{{Name: "fra", Points: -10}, {Name: "iad", Points: 10}}}
	for name, tc := range map[string]struct {
		before, after  *v1.TrafficPlanSpec
		cause, message string
	}{
		"nothing":                   {plan(1, v1.LoadFits, 0), plan(1, v1.LoadFits, 0), "", ""},
		"a spill begins":            {plan(1, v1.LoadFits, 0), plan(1, v1.LoadSpilling, 10), v1.CauseSpillover, "clients of eu spill over from fra to iad"},
		"a spill of all begins":     {plan(1, v1.LoadFits, 0), ordered, v1.CauseSpillover, "clients spill over from fra to iad"},
		"a spill grows":             {plan(1, v1.LoadSpilling, 10), plan(1, v1.LoadSpilling, 20), "", ""},
		"a spill ends":              {plan(1, v1.LoadSpilling, 10), plan(1, v1.LoadFits, 0), v1.CauseSpilloverEnded, "clients of eu go where they belong again"},
		"it is too much for all":    {plan(1, v1.LoadSpilling, 10), plan(1, v1.LoadOverloaded, 20), v1.CauseOverload, "says the planner"},
		"at once":                   {plan(1, v1.LoadFits, 0), plan(1, v1.LoadOverloaded, 10), v1.CauseOverload, "says the planner; clients of eu spill over from fra to iad"},
		"it fits again":             {plan(1, v1.LoadOverloaded, 20), plan(1, v1.LoadSpilling, 20), v1.CauseOverloadEnded, "no longer overloaded: says the planner"},
		"nobody measures":           {plan(1, v1.LoadSpilling, 10), plan(1, v1.LoadNoDemand, 10), "", ""},
		"a person changes the rule": {plan(1, v1.LoadFits, 0), plan(2, v1.LoadSpilling, 10), v1.CauseEdit, "clients of eu spill over from fra to iad"},
		"a cluster is lost":         {plan(1, v1.LoadFits, 0), down, v1.CauseFailover, "fra Serving→Down 100→0 %; clients of eu spill over from fra to iad"},
	} {
		t.Run(name, func(t *testing.T) {
			s := steering(tc.before, tc.after)
			s.Policy.Spec.Steering.Spillover = &v1.Spillover{TargetUtilization: 80}
			got, ok := Steered(s)
			if ok != (tc.cause != "") || got.Cause != tc.cause || got.Message != tc.message {
				t.Fatalf("%v %q %q", ok, got.Cause, got.Message)
			}
			if !ok {
				return
			}
			want := []v1.DecisionInput{
				{Cluster: "fra", Signal: "Demand", Value: "900", Message: "of the 1k requests/s that 20 ready replicas can take"},
				{Cluster: "iad", Signal: "Demand", Value: "10", Message: "of the 1k requests/s that 20 ready replicas can take"},
			}
			if diff := cmp.Diff(want, got.Inputs); diff != "" {
				t.Errorf("inputs (-want +got):\n%s", diff)
			}
			if !slices.Contains(got.Steps, "requests above 80 % of a cluster's capacity go to the next tier") {
				t.Errorf("steps %q", got.Steps)
			}
		})
	}
}

func TestASteeringIsBounded(t *testing.T) {
	var before, after []string
	for i := range 300 {
		before, after = append(before, fmt.Sprintf("c%03d Serving 100", i)), append(after, fmt.Sprintf("c%03d Down 0", i))
	}
	s := steering(planOf(1, before...), planOf(1, after...))
	for i := range s.After.Endpoints {
		s.After.Endpoints[i].Message = strings.Repeat("é", 4000)
	}
	s.Evidence = func(cluster string) []v1.DecisionInput {
		return make([]v1.DecisionInput, 9)
	}
	got, _ := Steered(s)
	if len(got.Changes) != maxChanges || len(got.Inputs) != maxInputs || len(got.Message) > maxSentence || len(got.Changes[0].Message) > maxDetail {
		t.Errorf("%d changes, %d inputs, %d bytes", len(got.Changes), len(got.Inputs), len(got.Message))
	}
}

func TestMoved(t *testing.T) {
	b := &workv1alpha2.ResourceBinding{}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	got := Moved(Move{
		Binding: b, Controller: "evict", Cause: "TaintUntolerated", Now: noon, Message: "placed on fra 6",
		Before: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 4}, {Name: "iad", Replicas: 2}}, After: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 6}},
		Why: map[string]string{"iad": "iad has been lost"},
	})
	want := v1.DecisionSpec{
		Time: metav1.NewMicroTime(noon), Controller: "evict", Cause: "TaintUntolerated", Outcome: v1.DecisionPlaced,
		Subject: v1.DecisionSubject{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Message: "placed on fra 6", Steps: []string{"iad has been lost"},
		Clusters: []v1.DecisionCluster{
			{Cluster: "fra", Before: ptr.To[int32](4), After: ptr.To[int32](6)},
			{Cluster: "iad", Before: ptr.To[int32](2), Detail: "has been lost"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
