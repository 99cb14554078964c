package zone_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// FuzzCompile makes zones of objects that are drawn from the fuzzer's octets.
func FuzzCompile(f *testing.F) {
	random := rand.NewChaCha8([32]byte{1})
	for range 8 {
		octets := make([]byte, 8<<10)
		_, _ = random.Read(octets)
		f.Add(octets)
	}
	f.Fuzz(rapid.MakeFuzz(compileIsTotal(f)))
}

// FuzzDocuments makes zones of objects as people write them, and asks for every name in them: nothing
// panics, every problem says where it is, and no answer is larger than it may be.
func FuzzDocuments(f *testing.F) {
	f.Add(zonetest.Demo)
	f.Add(head + `  records:
  - {name: h, type: CNAME, values: ["www.example.net"]}
  - {name: h, type: TXT, values: ["text"]}
  - {name: "*.g", type: NS, values: ["ns.example.net"]}
  - {name: child, type: NS, values: ["ns.child.apps.example.com"]}
  - {name: ns.child, type: A, values: ["192.0.2.1"]}
  - {name: odd, type: TYPE65280, values: ['\# 4 0a000001']}
---` + records("more", "\n  - {name: www, type: A, ttl: 60s, values: [192.0.2.1]}") + `
---` + plan + `
  hostnames: [shop.apps.example.com, "*.apps.example.com"]
  endpoints:
  - {cluster: fra, addresses: [192.0.2.1, "2001:db8::1"]` + endpoint)
	id, err := answer.NewIdentity("Seaway", "ns1", time.Second)
	if err != nil {
		f.Fatal(err)
	}
	w := answer.NewWorker(id)
	f.Fuzz(func(t *testing.T, text string) {
		in := documents(text)
		s := zone.Compile(in)
		for _, p := range s.Problems {
			if p.Field == "" || p.Message == "" || p.Object.Kind == "" {
				t.Fatalf("a problem that says too little: %+v", p)
			}
		}
		for _, name := range names(in) {
			for _, rrtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeNS, dns.TypeANY} {
				q, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), rrtype).Pack()
				if err != nil {
					break // it can not be asked for
				}
				out := w.Answer(s, nil, q, netip.MustParseAddr("10.1.2.3"), false)
				if len(out) > wire.UDPSize {
					t.Fatalf("%d octets for %s", len(out), name)
				}
				if err := new(dns.Msg).Unpack(out); err != nil {
					t.Fatalf("%s: %v: %x", name, err, out)
				}
			}
		}
	})
}

// documents reads what can be read.
func documents(text string) zone.Input {
	in := zone.Input{Now: zonetest.Now, Places: zonetest.Places()}
	for _, text := range strings.Split(text, "\n---\n") {
		var head metav1.TypeMeta
		if yaml.Unmarshal([]byte(text), &head) != nil {
			continue
		}
		switch head.Kind {
		case "Zone":
			in.Zones = appended(in.Zones, text)
		case "ZoneRecords":
			in.Records = appended(in.Records, text)
		case "TrafficPlan":
			in.Plans = appended(in.Plans, text)
		case "RegionMap":
			in.RegionMaps = appended(in.RegionMaps, text)
		}
	}
	return in
}

func appended[T any](list []*T, text string) []*T {
	o := new(T)
	if yaml.Unmarshal([]byte(text), o) != nil {
		return list // refused before it comes to us
	}
	return append(list, o)
}

// names are those that the objects speak of.
func names(in zone.Input) (out []string) {
	for _, z := range in.Zones {
		out = append(out, z.Spec.Domain)
		below := func(records []trafficv1alpha1.Record) {
			for _, r := range records {
				out = append(out, r.Name+"."+z.Spec.Domain)
			}
		}
		below(z.Spec.Records)
		for _, r := range in.Records {
			below(r.Spec.Records)
		}
	}
	for _, p := range in.Plans {
		out = append(out, p.Spec.Hostnames...)
	}
	return out[:min(len(out), 64)]
}
