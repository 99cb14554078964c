package failover

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"
)

// What is told to people is what is done.
func TestConditionsAgreeWithTheDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := fleet(t)
		terms := DefaultTerms()
		terms.MaxUnavailable = intstr.FromInt32(int32(rapid.IntRange(0, 4).Draw(t, "limit")))
		s := NewSurvey(t0, all).WatchedSince(ago(time.Duration(rapid.IntRange(0, 60).Draw(t, "watching")) * time.Second))
		d := s.Decide(Binding{Placed: names(all), Terms: terms})
		leaves := map[string]bool{}
		for _, m := range d.Evict {
			leaves[m.Cluster] = true
		}
		for _, c := range all {
			met := true
			for _, condition := range s.Conditions(c.Name, terms) {
				met = met && condition.Met
			}
			if met != leaves[c.Name] {
				t.Fatalf("%s leaves: %v, but: %+v", c.Name, leaves[c.Name], s.Conditions(c.Name, terms))
			}
		}
	})
}

func TestConditionsInWords(t *testing.T) {
	terms := DefaultTerms()
	for name, tc := range map[string]struct {
		cluster string
		all     []Cluster
		want    string
	}{
		"all is well": {"a", []Cluster{fine("a"), fine("b")},
			"no data path lost: requests get through, for 1h0m0s | no control plane lost: the API server answers, for 1h0m0s | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 2 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%"},
		"not probed": {"a", []Cluster{{Name: "a", ControlPlane: unknown(time.Hour), DataPath: unknown(time.Hour)}, fine("b")},
			"no data path lost: no application in it is probed, and nobody can tell, for 1h0m0s | yes control plane lost: its agent is silent, for 1h0m0s | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 2 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%"},
		"lost a moment ago": {"a", []Cluster{{Name: "a", ControlPlane: down(5 * time.Second), DataPath: down(10 * time.Second)}, fine("b"), fine("c")},
			"yes data path lost: lost, for 10s | yes control plane lost: lost, for 5s | no lost long enough: 10s left of moveWorkloadsAfter 15s | " +
				"yes hub not cut off: the hub reaches its clusters | yes brake not on: 1 of 3 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%"},
		"too many": {"a", []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, {Name: "b", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, fine("c")},
			"yes data path lost: lost, for 1h0m0s | yes control plane lost: lost, for 1h0m0s | yes lost long enough: for 1h0m0s, moveWorkloadsAfter is 15s | " +
				"yes hub not cut off: the hub reaches its clusters | no brake not on: 2 of 3 clusters (a, b) were lost within 10m0s, more than the 1 allowed by maxUnavailableClusters 34%"},
		"no member": {"x", []Cluster{fine("a")},
			"no data path lost: no application in it is probed, and nobody can tell | no control plane lost: its agent is silent | no lost long enough: moveWorkloadsAfter 15s begins when both are lost | " +
				"yes hub not cut off: the hub reaches its clusters | yes brake not on: 0 of 1 clusters lost within 10m0s, 1 allowed by maxUnavailableClusters 34%"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range NewSurvey(t0, tc.all).Conditions(tc.cluster, terms) {
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
