package steer

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// oracle is the documentation of the package, read out word by word for one client: it looks at every
// endpoint again for every rule, and shares no code with the plan but the hash.
type oracle struct {
	name      string
	endpoints []Endpoint
	tiers     Ranking
	verdicts  []trafficv1alpha1.Verdict
}

// weights are the endpoints among which clients are divided, with their weights.
func (o oracle) weights() map[int]int32 {
	usable := func(i int) bool { return o.endpoints[i].Usable }
	up := func(i int) bool { return usable(i) && o.verdicts[i] != unhealthy }
	// 1. the first tier in which clusters with at least half of its weight are not down
	for _, tier := range o.tiers {
		var whole, half float64
		out := map[int]int32{}
		for _, w := range tier {
			if usable(w.Endpoint) {
				whole += float64(w.Weight)
			}
			if up(w.Endpoint) && w.Weight > 0 {
				half += float64(w.Weight)
				out[w.Endpoint] = w.Weight
			}
		}
		if len(out) > 0 && half/whole >= 0.5 {
			return out
		}
	}
	// 2. all clusters of positive weight, of any tier, that are not down
	out := map[int]int32{}
	for n := len(o.tiers) - 1; n >= 0; n-- { // the first tier's weight is written last
		for _, w := range o.tiers[n] {
			if w.Weight > 0 && up(w.Endpoint) {
				out[w.Endpoint] = w.Weight
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	// 3. the first tier in which a cluster of weight zero is not down
	if out = o.firstOf(false, up); len(out) > 0 {
		return out
	}
	// 4. any endpoint that is seen healthy and is neither Draining nor Excluded
	state := func(i int, not ...trafficv1alpha1.EndpointState) bool {
		for _, s := range not {
			if o.endpoints[i].State == s {
				return false
			}
		}
		return usable(i)
	}
	if out = o.anyOf(func(i int) bool { return o.verdicts[i] == healthy && state(i, draining, excluded) }); len(out) > 0 {
		return out
	}
	// 5. as if all were healthy
	for _, weighted := range []bool{true, false} {
		if out = o.firstOf(weighted, usable); len(out) > 0 {
			return out
		}
	}
	// 6. any endpoint that is neither Draining nor Excluded; then any that is not Excluded
	if out = o.anyOf(func(i int) bool { return state(i, draining, excluded) }); len(out) > 0 {
		return out
	}
	return o.anyOf(func(i int) bool { return state(i, excluded) })
}

func (o oracle) firstOf(weighted bool, allowed func(int) bool) map[int]int32 {
	for _, tier := range o.tiers {
		out := map[int]int32{}
		for _, w := range tier {
			if weighted == (w.Weight > 0) && allowed(w.Endpoint) {
				out[w.Endpoint] = max(w.Weight, 1)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func (o oracle) anyOf(allowed func(int) bool) map[int]int32 {
	out := map[int]int32{}
	for i := range o.endpoints {
		if allowed(i) {
			out[i] = 1
		}
	}
	return out
}

// pick is the endpoint with the smallest exponential variable, or -1.
func (o oracle) pick(client netip.Addr) int {
	block, _ := Block(client)
	best, least := -1, math.Inf(1)
	for i, w := range o.weights() {
		u := (float64(mix(block^seed(o.name, o.endpoints[i].Cluster))>>11) + 0.5) / (1 << 53)
		if cost := -math.Log(u) / float64(w); cost < least {
			best, least = i, cost
		}
	}
	return best
}

func TestPickIsTheOracles(t *testing.T) {
	states := rapid.SampledFrom([]trafficv1alpha1.EndpointState{serving, serving, serving, down, draining, excluded, trafficv1alpha1.EndpointSuspect})
	verdicts := rapid.SampledFrom([]trafficv1alpha1.Verdict{healthy, unhealthy, unhealthy, unknown})
	addresses := clients(50)
	rapid.Check(t, func(t *rapid.T) {
		o := oracle{name: "shop/shop"}
		for i := range rapid.IntRange(0, 7).Draw(t, "endpoints") {
			o.endpoints = append(o.endpoints, Endpoint{
				Cluster: fmt.Sprintf("c%d", i),
				State:   states.Draw(t, "state"),
				Usable:  rapid.IntRange(0, 5).Draw(t, "address") > 0,
			})
			o.verdicts = append(o.verdicts, verdicts.Draw(t, "verdict"))
		}
		for range rapid.IntRange(0, 4).Draw(t, "tiers") {
			var tier Tier
			for i := range o.endpoints {
				if rapid.Bool().Draw(t, "in") {
					tier = append(tier, Weighted{i, rapid.Int32Range(0, 4).Draw(t, "weight")})
				}
			}
			o.tiers = append(o.tiers, tier)
		}
		p := New(Config{Name: o.name, Endpoints: o.endpoints, Global: o.tiers})
		p.Update(func(cluster string) trafficv1alpha1.Verdict {
			var i int
			fmt.Sscanf(cluster, "c%d", &i)
			return o.verdicts[i]
		})
		all := o.weights()
		for _, c := range addresses {
			want := o.pick(c)
			if got := p.Pick(c).Endpoint; got != want {
				t.Fatalf("%v is sent to %d, the oracle says %d: %+v", c, got, want, o)
			}
			for i, e := range p.Explain(c).Endpoints {
				var n int
				fmt.Sscanf(e.Cluster, "c%d", &n)
				_, candidate := all[n]
				if e.Candidate != candidate || e.Chosen != (n == want) || e.Why == "" {
					t.Fatalf("explanation %d: %+v, the oracle says %v of %v", i, e, want, all)
				}
			}
		}
		// Nobody is sent to a dead cluster while one of a tier lives.
		if got := p.Pick(addresses[0]).Endpoint; got >= 0 && o.verdicts[got] == unhealthy {
			for _, tier := range o.tiers {
				for _, w := range tier {
					if o.endpoints[w.Endpoint].Usable && o.verdicts[w.Endpoint] != unhealthy {
						t.Fatalf("c%d is dead and c%d is not: %+v", got, w.Endpoint, o)
					}
				}
			}
		}
	})
}
