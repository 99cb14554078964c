package preview

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/steer"
)

var (
	germany   = geo.Location{Country: "DE", Latitude: 50, Longitude: 8, HasCoordinates: true}
	virginia  = geo.Location{Country: "US", Latitude: 38, Longitude: -77, HasCoordinates: true}
	singapore = geo.Location{Country: "SG", Latitude: 1, Longitude: 103, HasCoordinates: true}
)

func source(t interface{ Fatal(...any) }, networks map[string]geo.Location) *geo.Source {
	var list []geo.Network
	for text, l := range networks {
		list = append(list, geo.Network{Prefix: netip.MustParsePrefix(text), Location: l})
	}
	s, err := geo.NewSource(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func world(t interface{ Fatal(...any) }) *geo.Source {
	return source(t, map[string]geo.Location{
		"10.1.0.0/16": germany, "10.2.0.0/16": virginia, "10.3.0.0/16": singapore,
		"2001:db8:1::/48": germany, "2001:db8:2::/48": virginia, "2a00::/24": germany,
	})
}

// plan has the clusters fra, iad and sin in regions of those names; each ranking is a list of tiers,
// and a tier the weights of the three. The first ranking is the global one.
func plan(s *geo.Source, rankings ...[][3]int32) *steer.Plan {
	c := steer.Config{Name: "shop/web"}
	for _, name := range []string{"fra", "iad", "sin"} {
		c.Endpoints = append(c.Endpoints, steer.Endpoint{Cluster: name, State: trafficv1alpha1.EndpointServing, Usable: true})
	}
	for i, tiers := range rankings {
		var r steer.Ranking
		for _, weights := range tiers {
			var tier steer.Tier
			for n, w := range weights {
				if w > 0 {
					tier = append(tier, steer.Weighted{Endpoint: n, Weight: w})
				}
			}
			r = append(r, tier)
		}
		if i == 0 {
			c.Global = r
		} else {
			c.Regions = append(c.Regions, r)
		}
	}
	c.Table = func() *geo.Table {
		t, _ := geo.Compile(s).Regions([]geo.Region{
			{Name: "fra", Latitude: 50, Longitude: 8, HasLocation: true},
			{Name: "iad", Latitude: 38, Longitude: -77, HasLocation: true},
			{Name: "sin", Latitude: 1, Longitude: 103, HasLocation: true},
		}, nil)
		return t
	}
	return steer.New(c)
}

var (
	fra = [][3]int32{{1, 0, 0}}
	iad = [][3]int32{{0, 1, 0}}
	sin = [][3]int32{{0, 0, 1}}
)

func TestMoves(t *testing.T) {
	s := world(t)
	for name, c := range map[string]struct {
		before, after *steer.Plan
		want          []Move
	}{
		"the same plan moves nobody": {plan(s, fra, fra, iad, sin), plan(s, fra, fra, iad, sin), nil},
		"a region goes elsewhere": {
			plan(s, fra, fra, iad, sin), plan(s, fra, fra, fra, sin),
			[]Move{{"US", "iad", "fra", 2, Size{65536, 1}}},
		},
		"who is nowhere goes with the global tiers": {
			plan(s, sin, fra, iad, sin), plan(s, fra, fra, iad, sin),
			[]Move{{"", "sin", "fra", 6, Size{1<<32 - 3<<16, 1<<48 - 1<<24 - 2 - math.Pow(2, -48)}}},
		},
		"nothing was answered before": {
			nil, plan(s, iad, fra, iad, sin),
			[]Move{{"DE", "", "fra", 3, Size{65536, 1<<24 + 1}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := Compare(s, c.before, c.after)
			if name == "nothing was answered before" {
				r.Moves = slices.DeleteFunc(r.Moves, func(m Move) bool { return m.Country != "DE" })
			}
			if diff := cmp.Diff(c.want, r.Moves); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	r := Compare(world(t), nil, nil)
	all := Size{}
	for _, s := range r.Countries {
		all.Add(s)
	}
	if all.IPv4 != 1<<32 || math.Abs(all.IPv6-(1<<48)) > 1 {
		t.Errorf("the address space is %v", all)
	}
	if diff := cmp.Diff(Size{3 << 16, 1<<24 + 2}, r.Known); diff != "" {
		t.Error(diff)
	}
	for name, networks := range map[string]map[string]geo.Location{
		"an empty database":        {},
		"one that ends with IPv4":  {"128.0.0.0/1": germany},
		"one of IPv6 only":         {"8000::/1": germany},
		"one that knows all of it": {"0.0.0.0/0": germany, "::/0": virginia},
	} {
		t.Run(name, func(t *testing.T) {
			var all Size
			var at netip.Addr
			for r := range runs(source(t, networks)) {
				all.add(r.first.Is4(), extent(r.first, r.last))
				if at.IsValid() && !at.Less(r.first) || r.last.Less(r.first) {
					t.Errorf("%v to %v comes after %v", r.first, r.last, at)
				}
				at = r.last
			}
			if all.IPv4 != 1<<32 || math.Abs(all.IPv6-(1<<48)) > 1 {
				t.Errorf("the address space is %v", all)
			}
		})
	}
}

// What the report says of an address is what the plans answer it, whatever they are.
func TestReportsAreWhatIsAnswered(t *testing.T) {
	locations := []geo.Location{germany, virginia, singapore, {Country: "FR"}, {}}
	rapid.Check(t, func(t *rapid.T) {
		networks := map[string]geo.Location{}
		for range rapid.IntRange(0, 8).Draw(t, "networks") {
			l := rapid.SampledFrom(locations).Draw(t, "location")
			if rapid.Bool().Draw(t, "IPv4") {
				networks[fmt.Sprintf("10.%d.%d.0/%d", rapid.IntRange(0, 3).Draw(t, "b"), rapid.IntRange(0, 255).Draw(t, "c"), rapid.IntRange(12, 30).Draw(t, "bits"))] = l
			} else {
				networks[fmt.Sprintf("2001:db8:%x::/%d", rapid.IntRange(0, 255).Draw(t, "d"), rapid.IntRange(20, 64).Draw(t, "bits"))] = l
			}
		}
		s := source(t, networks)
		draw := func(name string) *steer.Plan {
			var rankings [][][3]int32
			for range 4 {
				var tiers [][3]int32
				for range rapid.IntRange(0, 2).Draw(t, name) {
					w := rapid.Int32Range(0, 3)
					tiers = append(tiers, [3]int32{w.Draw(t, "fra"), w.Draw(t, "iad"), w.Draw(t, "sin")})
				}
				rankings = append(rankings, tiers)
			}
			return plan(s, rankings...)
		}
		before, after := draw("before"), draw("after")
		c := comparison{before: newSide(before), after: newSide(after), report: Report{Countries: map[string]Size{}}, moves: map[Move]*total{}}
		for r := range runs(s) {
			c.run(r)
		}
		for range 40 {
			a := netip.AddrFrom4([4]byte{10, rapid.Byte().Draw(t, "b") & 3, rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")})
			if rapid.Bool().Draw(t, "IPv6") {
				raw := [16]byte{0x20, 0x01, 0x0d, 0xb8}
				binary.BigEndian.PutUint64(raw[5:], rapid.Uint64().Draw(t, "rest"))
				a = netip.AddrFrom16(raw)
			}
			where := s.Locate(a)
			check(t, &c.report, a, where.Country, c.before.pick(a), c.after.pick(a))
		}
	})
}

func check(t *rapid.T, r *Report, a netip.Addr, country, from, to string) {
	var found []Change
	sum := 0.0
	for _, c := range r.Changes {
		if !a.Less(c.First) && !c.Last.Less(a) {
			found = append(found, c)
			sum += c.Share
			if c.Country != country {
				t.Fatalf("%v is in %s, not in %s", a, country, c.Country)
			}
		}
	}
	listed := slices.ContainsFunc(found, func(c Change) bool { return c.From == from && c.To == to })
	switch {
	case sum > 1+1e-9:
		t.Fatalf("%v: more than all moves: %v", a, found)
	case from != to && !listed:
		t.Fatalf("%v goes from %s to %s, but the report has %v", a, from, to, found)
	case from == to && sum > 1-1e-9 && !slices.ContainsFunc(found, func(c Change) bool { return c.Share < 1 }):
		t.Fatalf("%v stays at %s, but the report has %v", a, from, found)
	}
}

// The parts that are computed from the weights are those that the hash gives.
func TestExpectedIsWhatTheHashGives(t *testing.T) {
	const networks = 40_000
	s := world(t)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) [3]int32 {
			w := rapid.Int32Range(0, 20)
			return [3]int32{w.Draw(t, name), w.Draw(t, name), 1 + w.Draw(t, name)}
		}
		before, after := newSide(plan(s, [][3]int32{draw("before")})), newSide(plan(s, [][3]int32{draw("after")}))
		got := map[[2]string]float64{}
		for i := range networks {
			var raw [16]byte
			binary.BigEndian.PutUint64(raw[:], 0x2a00<<48|uint64(i)<<16)
			a := netip.AddrFrom16(raw)
			if f, to := before.pick(a), after.pick(a); f != to {
				got[[2]string{f, to}] += 1. / networks
			}
		}
		for _, m := range expected(before.pools[0], after.pools[0]) {
			key := [2]string{m.from, m.to}
			// Six standard deviations of a binomial.
			if math.Abs(got[key]-m.share) > 6*math.Sqrt(m.share*(1-m.share)/networks)+1e-3 {
				t.Fatalf("%v: %v of the networks move, %v were expected", key, got[key], m.share)
			}
			delete(got, key)
		}
		for key, share := range got {
			if share > 1e-3 {
				t.Fatalf("%v: %v of the networks move, none was expected", key, share)
			}
		}
	})
}

func TestAPoolThatComesOrGoes(t *testing.T) {
	pool := []share{{"fra", 3}, {"iad", 1}}
	if diff := cmp.Diff([]moved{{"fra", "", .75}, {"iad", "", .25}}, expected(pool, nil), cmp.AllowUnexported(moved{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]moved{{"", "fra", .75}, {"", "iad", .25}}, expected(nil, pool), cmp.AllowUnexported(moved{})); diff != "" {
		t.Error(diff)
	}
}
