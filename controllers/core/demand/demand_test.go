package demand

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// loads are what clusters receive when clients do as they are told.
func loads(told Shares, clients map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for region, shares := range told {
		for cluster, share := range shares {
			out[cluster] += share * clients[region]
		}
	}
	return out
}

func TestClientsAreFoundFromLoads(t *testing.T) {
	for name, tc := range map[string]struct {
		told    Shares
		clients map[string]float64
	}{
		"everybody stays at home":       {Shares{"eu": {"fra": 1}, "us": {"iad": 1}}, map[string]float64{"eu": 200, "us": 50}},
		"a part spills":                 {Shares{"eu": {"fra": .6, "iad": .4}, "us": {"iad": 1}}, map[string]float64{"eu": 200, "us": 50}},
		"nobody asks":                   {Shares{"eu": {"fra": 1}, "us": {"iad": 1}}, map[string]float64{}},
		"one list for all":              {Shares{"": {"fra": .5, "iad": .5}}, map[string]float64{"": 120}},
		"two regions with one home":     {Shares{"eu": {"fra": 1}, "ch": {"fra": 1}}, map[string]float64{"eu": 50, "ch": 50}},
		"most of a region is elsewhere": {Shares{"eu": {"fra": .2, "iad": .5, "sin": .3}, "us": {"iad": 1}, "ap": {"sin": 1}}, map[string]float64{"eu": 500, "us": 50, "ap": 20}},
	} {
		t.Run(name, func(t *testing.T) {
			var e Estimate
			for i := range 10 {
				e.Observe(noon.Add(time.Duration(i)*10*time.Second), loads(tc.told, tc.clients), tc.told, 35*time.Second)
			}
			got := e.Clients()
			for region := range tc.told {
				if math.Abs(got[region]-tc.clients[region]) > 0.02*tc.clients[region]+0.5 {
					t.Errorf("%s: %.1f, want %.1f", region, got[region], tc.clients[region])
				}
			}
		})
	}
}

// Whatever is measured and told, the demand is never below nothing, and never more than what arrives.
func TestNothingIsInvented(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var e Estimate
		now := noon
		for range rapid.IntRange(1, 10).Draw(rt, "measurements") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(rt, "later")))
			told, load := Shares{}, map[string]float64{}
			for i := range rapid.IntRange(0, 4).Draw(rt, "regions") {
				shares, left := map[string]float64{}, 1.0
				for c := range 3 {
					part := rapid.Float64Range(0, left).Draw(rt, "share")
					shares[fmt.Sprint("c", c)] = part
					left -= part
				}
				told[fmt.Sprint("r", i)] = shares
			}
			for c := range rapid.IntRange(0, 4).Draw(rt, "clusters") {
				load[fmt.Sprint("c", c)] = rapid.Float64Range(0, 1e6).Draw(rt, "load")
			}
			e.Observe(now, load, told, 35*time.Second)
			for region, n := range e.Clients() {
				if math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
					rt.Fatalf("%s asks for %v", region, n)
				}
			}
		}
	})
}

// Clients that are told to go nowhere are none until something is known of them, and then what that was.
func TestNobodyIsMadeUp(t *testing.T) {
	var e Estimate
	e.Observe(noon, map[string]float64{"fra": 100, "iad": 60}, Shares{"eu": {"fra": 1}, "us": {"iad": 1}, "": {}}, 0)
	if got := e.Clients(); got[""] != 0 || got["eu"] != 100 || got["us"] != 60 {
		t.Errorf("%v", got)
	}
	e.Observe(noon.Add(time.Second), map[string]float64{"iad": 60}, Shares{"eu": {}, "us": {"iad": 1}}, 0)
	if got := e.Clients(); got["eu"] != 100 {
		t.Errorf("%v", got)
	}
}

func TestTold(t *testing.T) {
	tiers := func(weights ...int32) []v1.PlanTier {
		var tier v1.PlanTier
		for i, w := range weights {
			tier.Clusters = append(tier.Clusters, v1.WeightedCluster{Name: fmt.Sprint("c", i), Weight: w})
		}
		return []v1.PlanTier{tier}
	}
	if got := Told(&v1.TrafficPlanSpec{Tiers: tiers(3, 1, 0)}); got[""]["c0"] != .75 || got[""]["c1"] != .25 || len(got[""]) != 2 {
		t.Errorf("%v", got)
	}
	if got := Told(&v1.TrafficPlanSpec{Tiers: tiers(1), Regions: []v1.PlanRegion{{Name: "eu", Tiers: tiers(1, 1)}}}); len(got) != 2 || got["eu"]["c1"] != .5 || got[""]["c0"] != 1 {
		t.Errorf("%v", got)
	}
}
