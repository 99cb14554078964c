package answer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// Within the scope of an answer every address is answered alike.
func TestScopeIsTrue(t *testing.T) {
	many := strings.Replace(zonetest.Demo, "addresses: [198.51.100.1, ", "addresses: [198.51.100.1, 198.51.100.11, 198.51.100.12, 198.51.100.13, ", 1)
	s := zone.Compile(zonetest.Input(t, many))
	w := worker(t)
	verdicts := rapid.SampledFrom([]trafficv1alpha1.Verdict{
		trafficv1alpha1.VerdictHealthy, trafficv1alpha1.VerdictUnhealthy, trafficv1alpha1.VerdictUnknown})
	first := rapid.SampledFrom([]string{"10.1.", "10.2.", "10.3.", "10.1.255.", "2001:db8:1:", "2001:db8:3:", "", "::ffff:10.1."})
	rapid.Check(t, func(t *rapid.T) {
		for _, p := range s.Plans {
			p.Update(func(string) trafficv1alpha1.Verdict { return verdicts.Draw(t, "verdict") })
		}
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		a := around(first.Draw(t, "network"), raw)
		name := rapid.SampledFrom([]string{"shop", "x.tenants", "single", "www", "nope"}).Draw(t, "name") + ".apps.example.com"
		rrtype := rapid.SampledFrom([]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT}).Draw(t, "type")
		answer := func(a netip.Addr) (*dns.Msg, int) {
			m := unpack(t, w.Answer(s, nil, query(t, name, rrtype, netip.PrefixFrom(a, a.BitLen()).String()), resolver, true))
			scope := int(m.IsEdns0().Option[0].(*dns.EDNS0_SUBNET).SourceScope)
			m.Extra = nil
			return m, scope
		}
		want, scope := answer(a)
		for range 8 {
			b := inside(a, scope, rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "other"))
			got, gotScope := answer(b)
			if got.String() != want.String() || gotScope != scope {
				t.Fatalf("%v within %v/%d:\n%v /%d\nbut\n%v", b, a, scope, got, gotScope, want)
			}
		}
	})
}

// around is an address that begins with the text of a network and goes on with the bytes.
func around(network string, raw []byte) netip.Addr {
	var p netip.Prefix
	switch {
	case network == "":
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte(raw[:4])), 32)
	case strings.HasPrefix(network, "::ffff:"):
		p = netip.MustParsePrefix("::ffff:10.1.0.0/112")
	case strings.Contains(network, ":"):
		p = netip.MustParsePrefix(network + ":/48")
	default:
		octets := strings.Count(network, ".")
		p = netip.MustParsePrefix(network + strings.Repeat("0.", 3-octets) + fmt.Sprintf("0/%d", 8*octets))
	}
	return inside(p.Addr(), p.Bits(), raw)
}

// inside is an address with the first bits of a and the rest of raw.
func inside(a netip.Addr, bits int, raw []byte) netip.Addr {
	out := a.AsSlice()
	for i := range out {
		for j := range 8 {
			if i*8+j >= bits {
				mask := byte(0x80 >> j)
				out[i] = out[i]&^mask | raw[i]&mask
			}
		}
	}
	b, _ := netip.AddrFromSlice(out)
	return b
}

// Whatever the verdicts and whoever asks, a plan with an endpoint that it does not exclude answers,
// and A and AAAA are of one cluster.
func TestAnswersAreNeverEmpty(t *testing.T) {
	states := rapid.SampledFrom([]trafficv1alpha1.EndpointState{
		trafficv1alpha1.EndpointServing, trafficv1alpha1.EndpointRecovering, trafficv1alpha1.EndpointSuspect,
		trafficv1alpha1.EndpointDraining, trafficv1alpha1.EndpointDown, trafficv1alpha1.EndpointExcluded})
	verdicts := rapid.SampledFrom([]trafficv1alpha1.Verdict{
		trafficv1alpha1.VerdictHealthy, trafficv1alpha1.VerdictUnhealthy, trafficv1alpha1.VerdictUnknown})
	w := worker(t)
	rapid.Check(t, func(t *rapid.T) {
		in := zonetest.Input(t, zonetest.Demo)
		p := &in.Plans[0].Spec
		clusters := []string{"c0", "c1", "c2", "c3"}[:rapid.IntRange(0, 4).Draw(t, "clusters")]
		p.Endpoints = nil
		answerable := false
		for i, c := range clusters {
			e := trafficv1alpha1.PlanEndpoint{Cluster: c, State: states.Draw(t, "state")}
			switch rapid.IntRange(0, 3).Draw(t, "address") {
			case 1:
				e.Addresses = []string{fmt.Sprintf("198.51.100.%d", i+1), fmt.Sprintf("2001:db8:f::%d", i+1)}
			case 2:
				e.Addresses = []string{fmt.Sprintf("2001:db8:f::%d", i+1)}
			case 3:
				e.Hostname = fmt.Sprintf("c%d.lb.example.net", i)
			}
			answerable = answerable || e.State != trafficv1alpha1.EndpointExcluded && (e.Hostname != "" || len(e.Addresses) > 0)
			p.Endpoints = append(p.Endpoints, e)
		}
		tiers := func() []trafficv1alpha1.PlanTier {
			var out []trafficv1alpha1.PlanTier
			for range rapid.IntRange(0, 3).Draw(t, "tiers") {
				var tier trafficv1alpha1.PlanTier
				for _, c := range append(clusters, "stranger") {
					// What the policy excludes is in no tier.
					if i := slices.Index(clusters, c); i >= 0 && p.Endpoints[i].State == trafficv1alpha1.EndpointExcluded {
						continue
					}
					if rapid.Bool().Draw(t, "in") {
						tier.Clusters = append(tier.Clusters, trafficv1alpha1.WeightedCluster{Name: c, Weight: rapid.Int32Range(0, 3).Draw(t, "weight")})
					}
				}
				out = append(out, tier)
			}
			return out
		}
		p.Tiers = tiers()
		for i := range p.Regions {
			p.Regions[i].Tiers = tiers()
		}
		s := zone.Compile(in)
		health := map[string]trafficv1alpha1.Verdict{}
		for _, c := range clusters {
			health[c] = verdicts.Draw(t, "verdict")
		}
		for _, plan := range s.Plans {
			plan.Update(func(c string) trafficv1alpha1.Verdict { return health[c] })
		}
		subnet := fmt.Sprintf("10.%d.%d.0/24", rapid.IntRange(0, 4).Draw(t, "x"), rapid.IntRange(0, 255).Draw(t, "y"))
		of := map[string]bool{} // clusters answered with
		for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
			m := unpack(t, w.Answer(s, nil, query(t, "shop.apps.example.com", rrtype, subnet), resolver, false))
			if m.Rcode != dns.RcodeSuccess {
				t.Fatalf("%v", m)
			}
			for _, r := range m.Answer {
				text := r.String()
				switch r := r.(type) {
				case *dns.A:
					text = r.A.String()[len("198.51.100."):]
				case *dns.AAAA:
					text = r.AAAA.String()[len("2001:db8:f::"):]
				case *dns.CNAME:
					text = fmt.Sprint(r.Target[1] - '0' + 1)
				}
				of[text] = true
			}
		}
		if answerable && len(of) != 1 || !answerable && len(of) != 0 {
			t.Fatalf("answered with clusters %v of %+v, health %v", of, p.Endpoints, health)
		}
		// Nobody is sent to a dead cluster while a tier has a live one.
		e, err := Explain(s, Question{Name: "shop.apps.example.com", Type: dns.TypeAAAA, Client: netip.MustParsePrefix(subnet).Addr(), Resolver: resolver})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range e.Steering.Endpoints {
			if c.Chosen && c.Verdict == trafficv1alpha1.VerdictUnhealthy {
				for _, o := range e.Steering.Endpoints {
					if o.Tier >= 0 && o.Verdict != trafficv1alpha1.VerdictUnhealthy && o.Why != "it has no address to answer with" {
						t.Fatalf("%s is down and was chosen while %s is not", c.Cluster, o.Cluster)
					}
				}
			}
		}
	})
}
