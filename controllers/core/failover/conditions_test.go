package failover

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"
)

// What is told to people is what is done: pods leave exactly when every condition is met.
func TestConditionsAgreeWithTheDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := fleet(t)
		for i := range all {
			all[i].Fence = FenceOf(rapid.SampledFrom([]string{"", "burnt down", t0.Format(time.RFC3339), ago(24 * time.Hour).Format(time.RFC3339)}).Draw(t, "fence"))
		}
		b := Binding{Placed: names(all), Terms: DefaultTerms(), Singleton: rapid.Bool().Draw(t, "singleton")}
		b.Terms.MaxUnavailable = intstr.FromInt32(int32(rapid.IntRange(0, 4).Draw(t, "limit")))
		b.MoveNow = rapid.SampledFrom([][]string{nil, nil, {all[0].Name}, {AnyCluster}}).Draw(t, "move now")
		b.Hold = rapid.SampledFrom([]*Pause{nil, nil, {Why: "for ever"}, {Until: t0, Why: "over"}, {Until: t0.Add(time.Hour), Why: "for an hour"}}).Draw(t, "hold")
		s := NewSurvey(t0, all).WatchedSince(ago(time.Duration(rapid.IntRange(0, 60).Draw(t, "watching")) * time.Second))
		d := s.Decide(b)
		leaves := map[string]bool{}
		for _, m := range d.Evict {
			leaves[m.Cluster] = true
		}
		for _, c := range all {
			met := true
			for _, condition := range s.Conditions(c.Name, b) {
				met = met && condition.Met
			}
			if met != leaves[c.Name] {
				t.Fatalf("%s leaves: %v, but: %+v", c.Name, leaves[c.Name], s.Conditions(c.Name, b))
			}
		}
	})
}

func TestConditionsInWords(t *testing.T) {
	const free = " | yes only copy fenced: two copies for a while are no harm: the workload is no singleton"
	for name, tc := range map[string]struct {
		cluster string
		all     []Cluster
		want    string
	}{
		"all is well": {"a", []Cluster{fine("a"), fine("b")},
			"no data path lost: requests get through, for 1h0m0s | no control plane lost: the API server answers, for 1h0m0s | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes no hold: nobody holds the automation of this application | yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 2 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%" + free},
		"not probed": {"a", []Cluster{{Name: "a", ControlPlane: unknown(time.Hour), DataPath: unknown(time.Hour)}, fine("b")},
			"no data path lost: no application in it is probed, and nobody can tell, for 1h0m0s | yes control plane lost: its agent is silent, for 1h0m0s | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes no hold: nobody holds the automation of this application | yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 2 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%" + free},
		"lost a moment ago": {"a", []Cluster{{Name: "a", ControlPlane: down(5 * time.Second), DataPath: down(10 * time.Second)}, fine("b"), fine("c")},
			"yes data path lost: lost, for 10s | yes control plane lost: lost, for 5s | no lost long enough: 10s left of moveWorkloadsAfter 15s | " +
				"yes no hold: nobody holds the automation of this application | yes hub not cut off: the hub reaches its clusters | yes brake not on: 1 of 3 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%" + free},
		"too many": {"a", []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, {Name: "b", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, fine("c")},
			"yes data path lost: lost, for 1h0m0s | yes control plane lost: lost, for 1h0m0s | yes lost long enough: for 1h0m0s, moveWorkloadsAfter is 15s | " +
				"yes no hold: nobody holds the automation of this application | yes hub not cut off: the hub reaches its clusters | no brake not on: 2 of 3 clusters (a, b) were lost within 10m0s, more than the 1 allowed by maxUnavailableClusters 34%" + free},
		"no member": {"x", []Cluster{fine("a")},
			"no data path lost: no application in it is probed, and nobody can tell | no control plane lost: its agent is silent | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes no hold: nobody holds the automation of this application | yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 1 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%" + free},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range NewSurvey(t0, tc.all).Conditions(tc.cluster, Binding{Terms: DefaultTerms()}) {
				yes := "no "
				if c.Met {
					yes = "yes "
				}
				got = append(got, yes+c.Name+": "+c.Detail)
			}
			if text := strings.Join(got, " | "); text != tc.want {
				t.Errorf("got  %s\nwant %s", text, tc.want)
			}
		})
	}
}

func TestConditionsInTheWordsOfPeople(t *testing.T) {
	gone := []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, {Name: "b", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, fine("c")}
	fenced := func(value string) []Cluster {
		return []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour), Fence: FenceOf(value)}, fine("b"), fine("c")}
	}
	for name, tc := range map[string]struct {
		all       []Cluster
		b         Binding
		condition string
		met       bool
		want      string
	}{
		"a hold":                  {fenced(""), Binding{Hold: &Pause{Why: "TrafficPolicy web holds all moves"}}, ConditionNoHold, false, "TrafficPolicy web holds all moves"},
		"the brake, and move-now": {gone, Binding{MoveNow: []string{"a"}}, ConditionBrake, true, "2 of 3 clusters (a, b) were lost within 10m0s, more than the 1 allowed by maxUnavailableClusters 34%" + movedNow},
		"a cut hub, and move-now": {gone[:2], Binding{MoveNow: []string{AnyCluster}}, ConditionHubConnected, true, "the hub reaches no cluster" + movedNow},
		"a cut hub":               {gone[:2], Binding{MoveNow: []string{"b"}}, ConditionHubConnected, false, "the hub reaches no cluster"},
		"a singleton":             {fenced(""), Binding{Singleton: true}, ConditionFenced, false, "it is a singleton, and its copy in a may still run"},
		"fenced in words":         {fenced("powered off"), Binding{Singleton: true}, ConditionFenced, true, "a person says that nothing runs there"},
		"fenced now":              {fenced(t0.Format(time.RFC3339)), Binding{Singleton: true}, ConditionFenced, true, "a person says that nothing ran there any more at " + t0.UTC().Format(time.RFC3339)},
		"fenced yesterday": {fenced(ago(24 * time.Hour).Format(time.RFC3339)), Binding{Singleton: true}, ConditionFenced, false,
			"it is a singleton, and its copy in a may still run: the fence of " + ago(24*time.Hour).UTC().Format(time.RFC3339) + " was about an earlier outage"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.b.Terms = DefaultTerms()
			for _, c := range NewSurvey(t0, tc.all).Conditions("a", tc.b) {
				if c.Name == tc.condition && (c.Met != tc.met || c.Detail != tc.want) {
					t.Errorf("%v: %s", c.Met, c.Detail)
				}
			}
		})
	}
}
