package answer

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var withServices = strings.Replace(zonetest.Demo, "  - {name: child, type: NS", `  - {name: shop, type: HTTPS, values: ["1 . alpn=h2,h3 ech=AAAA", "2 shop.apps.example.com. port=8443", "3 away.example.net alpn=h2 ipv4hint=192.0.2.99"]}
  - {name: "*.tenants", type: HTTPS, values: ["1 ."]}
  - {name: "@", type: HTTPS, values: ["1 . alpn=h2"]}
  - {name: "@", type: SVCB, values: ["0 www.apps.example.com"]}
  - {name: www, type: HTTPS, values: ["1 . ipv4hint=192.0.2.10"]}
  - {name: child, type: NS`, 1)

// hints are the addresses in the records that lead to the name itself, and what the others hold.
func hints(m *dns.Msg) (v4, v6, elsewhere []string) {
	for _, rr := range m.Answer {
		svcb := rr.(*dns.HTTPS).SVCB
		for _, kv := range svcb.Value {
			switch kv := kv.(type) {
			case *dns.SVCBIPv4Hint:
				if svcb.Target == "away.example.net." {
					elsewhere = append(elsewhere, kv.String())
				} else {
					v4 = append(v4, strings.Split(kv.String(), ",")...)
				}
			case *dns.SVCBIPv6Hint:
				v6 = append(v6, strings.Split(kv.String(), ",")...)
			}
		}
	}
	return v4, v6, elsewhere
}

// A client that looks up addresses of both families and services is sent to one cluster by all three,
// whatever the state of the clusters.
func TestAddressesAndHintsAreOfOneCluster(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, withServices))
	if len(s.Problems) > 0 {
		t.Fatal(s.Problems)
	}
	w := worker(t)
	verdicts := rapid.SampledFrom([]trafficv1alpha1.Verdict{trafficv1alpha1.VerdictHealthy, trafficv1alpha1.VerdictUnhealthy, trafficv1alpha1.VerdictUnknown})
	rapid.Check(t, func(t *rapid.T) {
		for _, p := range s.Plans {
			p.Update(func(string) trafficv1alpha1.Verdict { return verdicts.Draw(t, "verdict") })
		}
		raw := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "client")
		client := netip.AddrFrom4([4]byte{10, raw[0]%4 + 1, raw[1], raw[2]}).String() + "/32"
		name := rapid.SampledFrom([]string{"shop.", "x.tenants.", ""}).Draw(t, "name") + "apps.example.com"
		ask := func(rrtype uint16) *dns.Msg {
			return unpack(t, w.Answer(s, nil, query(t, name, rrtype, client), resolver, true))
		}
		v4, v6, _ := hints(ask(dns.TypeHTTPS))
		slices.Sort(v4)
		slices.Sort(v6)
		for rrtype, hinted := range map[uint16][]string{dns.TypeA: slices.Compact(v4), dns.TypeAAAA: slices.Compact(v6)} {
			var got []string
			m := ask(rrtype)
			for _, rr := range m.Answer {
				switch rr := rr.(type) {
				case *dns.A:
					got = append(got, rr.A.String())
				case *dns.AAAA:
					got = append(got, rr.AAAA.String())
				}
			}
			if diff := cmp.Diff(got, hinted); diff != "" || len(got) == 0 {
				t.Fatalf("%s %s: %v, hinted are %v", name, dns.Type(rrtype), got, hinted)
			}
		}
		scope := func(rrtype uint16) uint8 { return ask(rrtype).IsEdns0().Option[0].(*dns.EDNS0_SUBNET).SourceScope }
		if scope(dns.TypeHTTPS) != scope(dns.TypeA) {
			t.Fatal("the scopes differ")
		}
	})
}

func TestServices(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, withServices))
	w := worker(t)
	ask := func(name string, rrtype uint16) *dns.Msg {
		return unpack(t, w.Answer(s, nil, query(t, name, rrtype, "10.1.0.0/24"), resolver, true))
	}
	m := ask("shop.apps.example.com", dns.TypeHTTPS)
	if _, _, elsewhere := hints(m); !slices.Equal(elsewhere, []string{"192.0.2.99"}) || m.Answer[0].Header().Ttl != 10 {
		t.Errorf("hints for another name are left alone, and the TTL is the plan's: %v", m)
	}
	if got := m.Answer[0].(*dns.HTTPS).Value; len(got) != 4 || got[0].Key() != dns.SVCB_ALPN || got[1].Key() != dns.SVCB_IPV4HINT || got[2].Key() != dns.SVCB_ECHCONFIG {
		t.Errorf("parameters are kept and in order: %v", m.Answer[0])
	}
	if m := ask("apps.example.com", dns.TypeSVCB); len(m.Answer) != 1 || m.Answer[0].(*dns.SVCB).Priority != 0 || len(m.Answer[0].(*dns.SVCB).Value) != 0 {
		t.Errorf("an alias has no parameters: %v", m)
	}
	if v4, _, _ := hints(ask("www.apps.example.com", dns.TypeHTTPS)); !slices.Equal(v4, []string{"192.0.2.10"}) {
		t.Errorf("hints of a static name: %v", v4)
	}
	if m := ask("single.apps.example.com", dns.TypeHTTPS); len(m.Answer) != 0 || len(m.Ns) != 1 || m.Rcode != dns.RcodeSuccess {
		t.Errorf("a host without service records: %v", m)
	}
	dst, msg := make([]byte, 0, 65535), query(t, "shop.apps.example.com", dns.TypeHTTPS, "10.1.0.0/24")
	if n := testing.AllocsPerRun(100, func() { w.Answer(s, dst, msg, resolver, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
