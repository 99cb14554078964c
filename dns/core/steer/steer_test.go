package steer

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	healthy   = trafficv1alpha1.VerdictHealthy
	unhealthy = trafficv1alpha1.VerdictUnhealthy
	unknown   = trafficv1alpha1.VerdictUnknown

	serving  = trafficv1alpha1.EndpointServing
	draining = trafficv1alpha1.EndpointDraining
	excluded = trafficv1alpha1.EndpointExcluded
	down     = trafficv1alpha1.EndpointDown
)

func TestRules(t *testing.T) {
	fra := Endpoint{Cluster: "fra", State: serving, Usable: true}
	iad := Endpoint{Cluster: "iad", State: serving, Usable: true}
	sin := Endpoint{Cluster: "sin", State: serving, Usable: true}
	is := func(e Endpoint, s trafficv1alpha1.EndpointState) Endpoint { e.State = s; return e }
	empty := func(e Endpoint) Endpoint { e.Usable = false; return e }
	ordered := Ranking{{{0, 100}}, {{1, 100}}, {{2, 100}}}
	all := Ranking{{{0, 1}, {1, 1}, {2, 1}}}

	type result struct {
		Rule Rule
		Tier int
		From []string
	}
	for name, c := range map[string]struct {
		endpoints []Endpoint
		tiers     Ranking
		verdicts  []trafficv1alpha1.Verdict
		want      result
	}{
		"the first tier serves": {
			[]Endpoint{fra, iad, sin}, ordered, []trafficv1alpha1.Verdict{healthy, healthy, healthy},
			result{FirstHealthyTier, 0, []string{"fra"}},
		},
		"what nobody has judged yet is not down": {
			[]Endpoint{fra, iad, sin}, ordered, []trafficv1alpha1.Verdict{unknown, healthy, healthy},
			result{FirstHealthyTier, 0, []string{"fra"}},
		},
		"the next tier takes over": {
			[]Endpoint{fra, iad, sin}, ordered, []trafficv1alpha1.Verdict{unhealthy, healthy, healthy},
			result{FirstHealthyTier, 1, []string{"iad"}},
		},
		"a cluster without address is passed over": {
			[]Endpoint{empty(fra), iad, sin}, ordered, []trafficv1alpha1.Verdict{healthy, healthy, healthy},
			result{FirstHealthyTier, 1, []string{"iad"}},
		},
		"the rest of a tier shares what a dead cluster had": {
			[]Endpoint{fra, iad, sin}, all, []trafficv1alpha1.Verdict{healthy, unhealthy, unknown},
			result{FirstHealthyTier, 0, []string{"fra", "sin"}},
		},
		"half of a tier is enough": {
			[]Endpoint{fra, iad, sin}, Ranking{{{0, 1}, {1, 1}}, {{2, 1}}}, []trafficv1alpha1.Verdict{healthy, unhealthy, healthy},
			result{FirstHealthyTier, 0, []string{"fra"}},
		},
		"a tier that has lost most of its weight is passed over": {
			[]Endpoint{fra, iad, sin}, Ranking{{{0, 1}, {1, 2}}, {{2, 1}}}, []trafficv1alpha1.Verdict{healthy, unhealthy, healthy},
			result{FirstHealthyTier, 1, []string{"sin"}},
		},
		"what has no address is not missed": {
			[]Endpoint{fra, empty(iad), sin}, Ranking{{{0, 1}, {1, 2}}, {{2, 1}}}, []trafficv1alpha1.Verdict{healthy, unhealthy, healthy},
			result{FirstHealthyTier, 0, []string{"fra"}},
		},
		"where every tier has lost most, the survivors of all serve": {
			[]Endpoint{fra, iad, sin, {Cluster: "gru", State: serving, Usable: true}}, Ranking{{{0, 1}, {1, 2}}, {{2, 3}, {3, 1}, {0, 5}}},
			[]trafficv1alpha1.Verdict{healthy, unhealthy, unhealthy, healthy},
			result{FirstHealthyTier, 1, []string{"gru", "fra"}},
		},
		"each counts once among the survivors": {
			[]Endpoint{fra, iad, sin, {Cluster: "gru", State: serving, Usable: true}}, Ranking{{{0, 1}, {1, 2}}, {{2, 8}, {3, 1}, {0, 5}}},
			[]trafficv1alpha1.Verdict{healthy, unhealthy, unhealthy, healthy},
			result{Survivors, -1, []string{"fra", "gru"}},
		},
		"the last of a tier serves where there is no other": {
			[]Endpoint{fra, iad, sin}, all, []trafficv1alpha1.Verdict{unhealthy, healthy, unhealthy},
			result{Survivors, -1, []string{"iad"}},
		},
		"weight 0 waits for a later tier with a weight": {
			[]Endpoint{fra, iad, sin}, Ranking{{{0, 0}}, {{1, 5}}}, []trafficv1alpha1.Verdict{healthy, healthy, healthy},
			result{FirstHealthyTier, 1, []string{"iad"}},
		},
		"weight 0 serves when no weight is left": {
			[]Endpoint{fra, iad, sin}, Ranking{{{0, 0}}, {{1, 5}}}, []trafficv1alpha1.Verdict{healthy, unhealthy, healthy},
			result{Standby, 0, []string{"fra"}},
		},
		"an endpoint outside the tiers stands in if it is healthy": {
			[]Endpoint{fra, iad, is(sin, down)}, Ranking{{{0, 5}}}, []trafficv1alpha1.Verdict{unhealthy, unknown, healthy},
			result{OutsideTiers, -1, []string{"sin"}},
		},
		"draining and excluded endpoints do not stand in": {
			[]Endpoint{fra, is(iad, draining), is(sin, excluded)}, Ranking{{{0, 5}}}, []trafficv1alpha1.Verdict{unhealthy, healthy, healthy},
			result{FailOpen, 0, []string{"fra"}},
		},
		"everything down is served as if all were up": {
			[]Endpoint{fra, iad, sin}, all, []trafficv1alpha1.Verdict{unhealthy, unhealthy, unhealthy},
			result{FailOpen, 0, []string{"fra", "iad", "sin"}},
		},
		"no tiers and nothing healthy: whatever there is": {
			[]Endpoint{is(fra, down), is(iad, draining), is(sin, excluded)}, nil, []trafficv1alpha1.Verdict{unhealthy, unknown, unknown},
			result{LastResort, -1, []string{"fra"}},
		},
		"what is being drained is better than nothing": {
			[]Endpoint{empty(fra), is(iad, draining), is(sin, excluded)}, nil, []trafficv1alpha1.Verdict{unhealthy, unknown, unknown},
			result{LastResort, -1, []string{"iad"}},
		},
		"what the policy excludes is never served": {
			[]Endpoint{empty(fra), empty(iad), is(sin, excluded)}, nil, []trafficv1alpha1.Verdict{healthy, healthy, healthy},
			result{NoEndpoint, -1, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(Config{Name: "shop/shop", Endpoints: c.endpoints, Global: c.tiers})
			p.Update(func(cluster string) trafficv1alpha1.Verdict {
				for i, e := range c.endpoints {
					if e.Cluster == cluster {
						return c.verdicts[i]
					}
				}
				return unknown
			})
			used := p.current.Load().pools[0]
			got := result{used.rule, used.tier, nil}
			for _, d := range used.candidates {
				got.From = append(got.From, c.endpoints[d.endpoint].Cluster)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			for _, e := range p.Explain(netip.MustParseAddr("192.0.2.1")).Endpoints {
				if e.Why == "" {
					t.Errorf("no reason for %s", e.Cluster)
				}
			}
		})
	}
}

// clients are networks all over the address space.
func clients(n int) []netip.Addr {
	out := make([]netip.Addr, n)
	for i := range out {
		v := mix(uint64(i))
		out[i] = netip.AddrFrom4([4]byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)})
	}
	return out
}

func split(p *Plan, n int) map[string]int {
	got := map[string]int{}
	for _, c := range clients(n) {
		got[p.endpoints[p.Pick(c).Endpoint].Cluster]++
	}
	return got
}

func threeWay(weights ...int32) *Plan {
	var tier Tier
	var endpoints []Endpoint
	for i, w := range weights {
		tier = append(tier, Weighted{i, w})
		endpoints = append(endpoints, Endpoint{Cluster: fmt.Sprintf("c%d", i), State: serving, Usable: true})
	}
	return New(Config{Name: "shop/shop", Endpoints: endpoints, Global: Ranking{tier}})
}

func TestClientsAreDividedByWeight(t *testing.T) {
	const n = 100_000
	for _, weights := range [][]int32{{1, 1, 1}, {80, 15, 5}, {1, 10_000}, {3, 0, 7}} {
		p, sum := threeWay(weights...), int32(0)
		for _, w := range weights {
			sum += w
		}
		got := split(p, n)
		for i, w := range weights {
			want := float64(n) * float64(w) / float64(sum)
			have := float64(got[fmt.Sprintf("c%d", i)])
			// Five standard deviations of a binomial are below 800 for n = 100,000.
			if have < want-800 || have > want+800 || (w == 0 && have > 0) {
				t.Errorf("weights %v: c%d has %v of %d clients, want about %.0f", weights, i, have, n, want)
			}
		}
	}
}

// A canary that grows keeps the clients it has, and takes each new one from another cluster; no
// client moves between clusters whose weights did not change.
func TestAChangeOfWeightMovesOnlyWhatItMust(t *testing.T) {
	steps := []*Plan{threeWay(50, 50, 0), threeWay(50, 50, 5), threeWay(50, 50, 10), threeWay(50, 50, 20)}
	for _, c := range clients(20_000) {
		for i := 1; i < len(steps); i++ {
			before, after := steps[i-1].Pick(c).Endpoint, steps[i].Pick(c).Endpoint
			if before != after && after != 2 {
				t.Fatalf("%v moved from c%d to c%d when only c2 grew", c, before, after)
			}
		}
	}
}

// The same for any weights: a cluster whose weight grows keeps every client it has.
func TestACanaryOnlyGrows(t *testing.T) {
	networks := clients(500)
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int32Range(0, 1000), 2, 6).Draw(t, "weights")
		canary := rapid.IntRange(0, len(weights)-1).Draw(t, "canary")
		before := threeWay(weights...)
		weights[canary] += rapid.Int32Range(1, 1000).Draw(t, "more")
		after := threeWay(weights...)
		if before.current.Load().pools[0].rule != FirstHealthyTier {
			return // no weight at all
		}
		for _, c := range networks {
			was, is := before.Pick(c).Endpoint, after.Pick(c).Endpoint
			if was != is && is != canary {
				t.Fatalf("%v moved from c%d to c%d when only c%d grew", c, was, is, canary)
			}
		}
	})
}

// What a dead cluster had is divided among the others; theirs stay.
func TestADeadClusterMovesOnlyItsOwnClients(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int32Range(1, 100), 2, 6).Draw(t, "weights")
		dead := rapid.IntRange(0, len(weights)-1).Draw(t, "dead")
		p := threeWay(weights...)
		all := clients(500)
		before := make([]int, len(all))
		for i, c := range all {
			before[i] = p.Pick(c).Endpoint
		}
		p.Update(func(cluster string) trafficv1alpha1.Verdict {
			if cluster == fmt.Sprintf("c%d", dead) {
				return unhealthy
			}
			return healthy
		})
		for i, c := range all {
			after := p.Pick(c).Endpoint
			if before[i] != dead && after != before[i] || after == dead {
				t.Fatalf("%v moved from c%d to c%d when c%d died", c, before[i], after, dead)
			}
		}
	})
}

// The answer is the same for every address inside the scope, of either family.
func TestScopeCoversTheBlock(t *testing.T) {
	p := threeWay(1, 1, 1)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "octets")
		raw := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address")
		other := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "other")
		a, _ := netip.AddrFromSlice(raw)
		c := p.Pick(a)
		block, err := a.Prefix(int(c.Scope))
		if err != nil {
			t.Fatal(err)
		}
		// Another address of the same block: its bits inside the scope, others outside.
		mixed := make([]byte, size)
		for i := range mixed {
			keep := byte(0)
			switch bits := int(c.Scope) - 8*i; {
			case bits >= 8:
				keep = 0xFF
			case bits > 0:
				keep = 0xFF << (8 - bits)
			}
			mixed[i] = raw[i]&keep | other[i]&^keep
		}
		b, _ := netip.AddrFromSlice(mixed)
		if !block.Contains(b) {
			t.Fatalf("%v is not in %v: the test is wrong", b, block)
		}
		if got := p.Pick(b); got != c {
			t.Fatalf("%v: %+v, but %v in the same %v: %+v", a, c, b, block, got)
		}
	})
}

func TestOneEndpointNeedsNoScope(t *testing.T) {
	p := threeWay(1)
	if got := p.Pick(netip.MustParseAddr("198.51.100.7")); got != (Choice{Rule: FirstHealthyTier}) {
		t.Errorf("got %+v", got)
	}
	if p.Tailored() {
		t.Error("a plan with one endpoint is the same for everybody")
	}
}

// The client's cluster is part of what users see and must survive upgrades.
func TestHashesNeverChange(t *testing.T) {
	p := threeWay(1, 1, 1)
	var got []int
	for _, c := range clients(16) {
		got = append(got, p.Pick(c).Endpoint)
	}
	want := []int{1, 0, 2, 1, 0, 2, 0, 0, 2, 0, 0, 0, 1, 1, 1, 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	p, c := threeWay(1, 2, 3), netip.MustParseAddr("198.51.100.7")
	if n := testing.AllocsPerRun(1000, func() { p.Pick(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPick(b *testing.B) {
	p, c := threeWay(1, 2, 3), netip.MustParseAddr("198.51.100.7")
	b.ReportAllocs()
	for b.Loop() {
		p.Pick(c)
	}
}

// The draw that is explained is the draw: the least cost is chosen, and shares are those of the
// weights.
func TestTheDrawIsExplained(t *testing.T) {
	p := threeWay(5, 3, 2)
	for _, c := range clients(200) {
		e := p.Explain(c)
		if !e.Block.Contains(c) || e.Block.Bits() != BlockIPv4 {
			t.Fatalf("%v was hashed as %v", c, e.Block)
		}
		least, sum := e.Endpoints[0], 0.0
		for _, x := range e.Endpoints {
			if x.Cost < least.Cost {
				least = x
			}
			sum += x.Share
		}
		if !least.Chosen || e.Endpoints[0].Share != 0.5 || sum < 0.999 || sum > 1.001 {
			t.Fatalf("%v: %+v", c, e.Endpoints)
		}
	}
	if e := threeWay(1).Explain(clients(1)[0]); e.Block.IsValid() || e.Endpoints[0].Share != 1 || e.Endpoints[0].Cost != 0 {
		t.Errorf("there is nothing to draw: %+v", e)
	}
}
