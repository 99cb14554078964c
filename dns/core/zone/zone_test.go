package zone_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const head = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.example.com
  nameServers: [{name: ns1.apps.example.com, addresses: [192.0.2.53]}]
`

const plan = `
kind: TrafficPlan
metadata: {name: shop, namespace: shop}
spec:
  policy: {uid: u, generation: 3}
  ttlSeconds: 10
  maxAnswers: 2
  check: {protocol: TCP, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
`

const endpoint = ", port: 80, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}"

// records are ZoneRecords of the zone in head.
func records(name, list string) string {
	return "\nkind: ZoneRecords\nmetadata: {name: " + name + "}\nspec:\n  zone: apps\n  records:" + list
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		objects string
		want    []string
	}{
		"nothing wrong": {zonetest.Demo, nil},
		"a domain that is none": {
			strings.Replace(head, "apps.example.com\n", "apps..example.com\n", 1),
			[]string{`Zone apps: spec.domain: "apps..example.com" has an empty label`},
		},
		"the root": {
			strings.Replace(head, "apps.example.com\n", ".\n", 1),
			[]string{`Zone apps: spec.domain: "." cannot be a zone: name a domain that is delegated to these servers`},
		},
		"overlapping zones: the older is served": {
			head + "---" + strings.Replace(strings.Replace(head, "name: apps}", "name: inner}", 1), "domain: ", "domain: eu.", 1) +
				"---" + strings.Replace(strings.Replace(head, "name: apps}", "name: outer}", 1), "domain: apps.", "domain: ", 1) +
				"---" + strings.Replace(head, "name: apps}", "name: twin}", 1),
			[]string{
				"Zone inner: spec.domain: eu.apps.example.com overlaps the older Zone apps: make it part of that Zone, or delete one of them",
				"Zone outer: spec.domain: example.com overlaps the older Zone apps: make it part of that Zone, or delete one of them",
				"Zone twin: spec.domain: apps.example.com overlaps the older Zone apps: make it part of that Zone, or delete one of them",
			},
		},
		"name servers": {
			strings.Replace(head, "addresses: [192.0.2.53]}", `addresses: [192.0.2.53, nonsense, 0.0.0.0]}, {name: ns2.apps.example.com}, {name: "a..b"}, {name: "*.example.net"}`, 1),
			[]string{
				`Zone apps: spec.nameServers[0].addresses[1]: "nonsense" is not an IPv4 or IPv6 address`,
				"Zone apps: spec.nameServers[0].addresses[2]: 0.0.0.0 is not the address of a single host",
				"Zone apps: spec.nameServers[1].addresses: ns2.apps.example.com lies inside the zone, so nobody can find it without its addresses: add them",
				`Zone apps: spec.nameServers[2].name: "a..b" has an empty label`,
				`Zone apps: spec.nameServers[3].name: "*.example.net" is not the name of a server`,
			},
		},
		"no name server at all": {
			strings.Replace(head, ", addresses: [192.0.2.53]", "", 1),
			[]string{
				"Zone apps: spec.nameServers: no usable name server is left: the zone is served without NS records and resolvers will not trust it",
				"Zone apps: spec.nameServers[0].addresses: ns1.apps.example.com lies inside the zone, so nobody can find it without its addresses: add them",
			},
		},
		"records": {
			head + `  records:
  - {name: a, type: A, values: ["2001:db8::1", "192.0.2.1"]}
  - {name: b, type: SOA, values: ["x"]}
  - {name: c.apps.example.com., type: A, values: ["192.0.2.1"]}
  - {name: d, type: MX, values: ["mail"]}
  - {name: e, type: A, ttl: 1000h, values: ["192.0.2.1"]}
  - {name: f, type: A, ttl: 10s, values: ["192.0.2.1"]}
  - {name: f, type: A, ttl: 20s, values: ["192.0.2.2"]}
  - {name: "@", type: NS, values: ["ns.example.net"]}
  - {name: "@", type: CNAME, values: ["www.example.net"]}
  - {name: "*.g", type: NS, values: ["ns.example.net"]}
  - {name: h, type: CNAME, values: ["www.example.net"]}
  - {name: h, type: TXT, values: ["text"]}
  - {name: i, type: CNAME, values: ["a.example.net", "b.example.net"]}
  - {name: ns1, type: A, values: ["192.0.2.99"]}
  - {name: j, type: TXT, values: ["line\nline"]}
  - {name: k, type: CAA, values: ["issue nobody"]}
  - {name: l, type: CNAME, values: ["two words"]}
`,
			[]string{
				`Zone apps: spec.records[0].values[0]: not the data of a A record, which is an address such as 192.0.2.1`,
				"Zone apps: spec.records[10]: an alias can have no other records (RFC 1034 section 3.6.2): h.apps.example.com has",
				"Zone apps: spec.records[12]: an alias has one target: i.apps.example.com has 2",
				"Zone apps: spec.records[13]: ns1.apps.example.com is a name server of the zone: its addresses are those in spec.nameServers",
				`Zone apps: spec.records[15].values[0]: not the data of a CAA record in presentation format, such as "0 issue \"ca.example.net\""`,
				`Zone apps: spec.records[16].values[0]: not the data of a CNAME record in presentation format, such as "www.example.net"`,
				"Zone apps: spec.records[1].type: SOA records cannot be written: the start of authority is made from spec.soa",
				`Zone apps: spec.records[2].name: "c.apps.example.com." ends in a dot, but names are relative to the zone: leave out apps.example.com`,
				`Zone apps: spec.records[3].values[0]: not the data of a MX record in presentation format, such as "10 mail.example.net"`,
				"Zone apps: spec.records[4].ttl: a TTL is whole seconds from 1s to 168h0m0s: 604800s is used",
				"Zone apps: spec.records[6].ttl: the records of one name and type have one TTL: that of spec.records[5] is used",
				"Zone apps: spec.records[7]: the zone's own NS records come from spec.nameServers: leave these out",
				"Zone apps: spec.records[8]: a zone's apex cannot be an alias, since it has other records: use A and AAAA, or make it a host name of a TrafficPolicy",
				"Zone apps: spec.records[9]: a wildcard cannot be delegated (RFC 4592 section 4.2): name what is",
			},
		},
		"delegations": {
			head + `  records:
  - {name: child, type: NS, values: ["ns.child.apps.example.com", "ns2.child.apps.example.com"]}
  - {name: ns.child, type: A, values: ["192.0.2.1"]}
  - {name: www.child, type: A, values: ["192.0.2.1"]}
  - {name: child, type: TXT, values: ["text"]}
  - {name: grand.child, type: NS, values: ["ns.example.net"]}
  - {name: shops, type: NS, values: ["ns.example.net"]}
---` + plan + `
  hostnames: [eu.shops.apps.example.com]
`,
			[]string{
				"Zone apps: spec.records[0]: ns2.child.apps.example.com lies in what is delegated to it, so nobody can find it without its address: add an A or AAAA record",
				"Zone apps: spec.records[2]: www.child.apps.example.com is delegated to other name servers: the record belongs there",
				"Zone apps: spec.records[3]: child.apps.example.com is delegated to other name servers: the record belongs there",
				"Zone apps: spec.records[4]: grand.child.apps.example.com is delegated to other name servers: the record belongs there",
				"Zone apps: spec.records[5]: shops.apps.example.com cannot be delegated: the host name eu.shops.apps.example.com of TrafficPlan shop/shop lies in it and is answered here",
			},
		},
		"records of several objects": {
			head + `  records:
  - {name: a, type: CNAME, values: ["b.apps.example.com"]}
  - {name: t, type: TXT, values: ["zone"]}
  - {name: deep.d, type: A, values: ["192.0.2.1"]}
  - {name: child, type: NS, values: ["ns.child.apps.example.com"]}
  - {name: ns.child, type: A, values: ["192.0.2.1"]}
---` + records("young", `
  - {name: a, type: TXT, values: ["beside an alias"]}
  - {name: b, type: CNAME, values: ["a.apps.example.com"]}
  - {name: t, type: TXT, values: ["together"]}
  - {name: t, type: CNAME, values: ["b.example.net"]}
  - {name: d, type: NS, values: ["ns.example.net"]}
  - {name: child, type: NS, values: ["ns.example.net"]}
  - {name: x.child, type: TXT, values: ["hidden"]}
  - {name: "@", type: NS, values: ["ns.example.net"]}
  - {name: ok, type: PTR, values: ["host.example.net"]}
`) + "\n---" + records("younger", `
  - {name: ok, type: CNAME, values: ["host.example.net"]}
  - {name: ok, type: PTR, ttl: 1s, values: ["host2.example.net"]}
  - {name: own, type: DS, values: ["1 13 2 00"]}
  - {name: own, type: DS, values: ["1 13 1 0000000000000000000000000000000000000000"]}
`) + "\n---" + strings.Replace(records("lost", ""), "zone: apps", "zone: nowhere", 1),
			[]string{
				`ZoneRecords lost: spec.zone: there is no Zone "nowhere" that is served: name one, or make it`,
				"ZoneRecords young: spec.records[0]: a.apps.example.com is an alias in Zone apps spec.records[0], and an alias can have no other records (RFC 1034 section 3.6.2)",
				"ZoneRecords young: spec.records[1]: the alias leads back to itself, by way of a.apps.example.com",
				"ZoneRecords young: spec.records[3]: an alias can have no other records (RFC 1034 section 3.6.2): t.apps.example.com has",
				"ZoneRecords young: spec.records[4]: d.apps.example.com cannot be delegated: records of Zone apps lie in it and are answered here",
				"ZoneRecords young: spec.records[5]: child.apps.example.com cannot be delegated: records of Zone apps lie in it and are answered here",
				"ZoneRecords young: spec.records[6]: x.child.apps.example.com is delegated to other name servers: the record belongs there",
				"ZoneRecords young: spec.records[7]: the zone's own NS records come from spec.nameServers: leave these out",
				"ZoneRecords younger: spec.records[0]: an alias can have no other records (RFC 1034 section 3.6.2): ok.apps.example.com has",
				"ZoneRecords younger: spec.records[1].ttl: the records of one name and type have one TTL: that of ZoneRecords young spec.records[8] is used",
				"ZoneRecords younger: spec.records[2].values[0]: a digest of kind 2 has 32 octets, this one has 1: copy it whole",
				"ZoneRecords younger: spec.records[3]: a DS record stands where a zone is delegated (RFC 4035 section 2.4): add the NS records of own.apps.example.com",
			},
		},
		"aliases in circles": {
			head + `  records:
  - {name: a, type: CNAME, values: ["b.apps.example.com"]}
  - {name: b, type: CNAME, values: ["a.apps.example.com"]}
  - {name: c, type: CNAME, values: ["a.apps.example.com"]}
  - {name: "*.w", type: CNAME, values: ["x.w.apps.example.com"]}
  - {name: self, type: CNAME, values: ["self.apps.example.com"]}
`,
			[]string{
				"Zone apps: spec.records[0]: the alias leads back to itself, by way of b.apps.example.com",
				"Zone apps: spec.records[1]: the alias leads back to itself, by way of a.apps.example.com",
				"Zone apps: spec.records[3]: the alias leads back to itself, by way of x.w.apps.example.com",
				"Zone apps: spec.records[4]: the alias leads back to itself, by way of self.apps.example.com",
			},
		},
		"hosts": {
			head + `  records:
  - {name: shop, type: A, values: ["192.0.2.1"]}
  - {name: shop, type: TXT, values: ["may stay"]}
---` + plan + `
  hostnames: [shop.apps.example.com, shop.example.org, ns1.apps.example.com, "a..b"]
  endpoints:
  - {cluster: fra, addresses: [192.0.2.300, 224.0.0.1, 192.0.2.1]` + endpoint + `
  - {cluster: fra, addresses: [192.0.2.2]` + endpoint + `
  tiers:
  - {clusters: [{name: fra, weight: 1}, {name: nobody, weight: 1}, {name: fra, weight: 2}]}
---` + strings.Replace(plan, "name: shop,", "name: thief,", 1) + `
  hostnames: [shop.apps.example.com]
`,
			[]string{
				`TrafficPlan shop/shop: spec.endpoints[0].addresses[0]: "192.0.2.300" is not an IPv4 or IPv6 address`,
				"TrafficPlan shop/shop: spec.endpoints[0].addresses[1]: 224.0.0.1 is not the address of a single host",
				`TrafficPlan shop/shop: spec.endpoints[1].cluster: "fra" is there twice: the first is used`,
				"TrafficPlan shop/shop: spec.hostnames[1]: shop.example.org lies in no Zone that is served here",
				"TrafficPlan shop/shop: spec.hostnames[2]: ns1.apps.example.com is a name server of Zone apps: use another name",
				`TrafficPlan shop/shop: spec.hostnames[3]: "a..b" has an empty label`,
				`TrafficPlan shop/shop: spec.tiers[0].clusters[1].name: "nobody" is not among spec.endpoints`,
				`TrafficPlan shop/shop: spec.tiers[0].clusters[2].name: "fra" is there twice: the first is used`,
				"TrafficPlan shop/thief: spec.hostnames[0]: shop.apps.example.com is a host name of the older TrafficPlan shop/shop",
				"Zone apps: spec.records[0]: shop.apps.example.com is a host name of TrafficPlan shop/shop, which is answered instead: use another name",
			},
		},
		"hosts that are aliases": {
			head + `  records:
  - {name: shop, type: TXT, values: ["cannot stay"]}
---` + plan + `
  hostnames: [shop.apps.example.com, apps.example.com]
  endpoints:
  - {cluster: fra, hostname: lb.example.net` + endpoint + `
  - {cluster: iad, hostname: shop.apps.example.com` + endpoint + `
`,
			[]string{
				"TrafficPlan shop/shop: spec.endpoints[0]: fra has a name and no address, so it cannot be answered for apps.example.com, which is the apex of a zone and cannot be an alias",
				"TrafficPlan shop/shop: spec.endpoints[1].hostname: shop.apps.example.com is a host name of this plan: an alias of itself leads nowhere",
				"Zone apps: spec.records[0]: shop.apps.example.com is a host name of TrafficPlan shop/shop, which is answered with an alias in some clusters; an alias can have no other records",
			},
		},
		"regions": {
			zonetest.Demo + `
---
kind: RegionMap
metadata: {name: mine}
spec:
  regions:
  - {name: eu-central-1, clients: {networks: [10.9.0.0/16, nonsense], countries: [de]}}
---
kind: RegionMap
metadata: {name: younger}
spec:
  regions:
  - {name: eu-central-1, clients: {networks: [10.8.0.0/16]}}
`,
			[]string{
				`RegionMap mine: spec.regions[0].clients.countries[0]: Invalid value: "de"`,
				`RegionMap mine: spec.regions[0].clients.networks[1]: Invalid value: "nonsense"`,
				`RegionMap younger: spec.regions[0].name: "eu-central-1" is already in RegionMap mine, which is used`,
			},
		},
		"soa and client subnets": {
			head + `  soa: {contact: nobody}
  clientSubnet: {trustedResolvers: [192.0.2.1]}
`,
			[]string{
				`Zone apps: spec.clientSubnet.trustedResolvers[0]: "192.0.2.1" is not a network in CIDR form, such as 192.0.2.0/24`,
				`Zone apps: spec.soa.contact: "nobody" is not a mailbox such as hostmaster@example.com`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range zone.Compile(zonetest.Input(t, c.objects)).Problems {
				line := p.String()
				if before, _, ok := strings.Cut(line, `": `); ok && p.Object.Name == "mine" {
					line = before + `"` // the rest is package geo's to say
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// fingerprint is everything that a snapshot answers.
func fingerprint(s *zone.Snapshot) map[string]string {
	out := map[string]string{}
	for _, z := range s.Zones {
		out[z.Domain] = z.Serial.Digest
	}
	return out
}

func TestTheOrderOfObjectsIsOfNoConsequence(t *testing.T) {
	text := zonetest.Demo + "---" + strings.ReplaceAll(head, "apps", "other") + "---" + plan + "  hostnames: [shop.other.example.com, single.apps.example.com]\n"
	first := zone.Compile(zonetest.Input(t, text))
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		in := zonetest.Input(t, text)
		r.Shuffle(len(in.Zones), func(i, j int) { in.Zones[i], in.Zones[j] = in.Zones[j], in.Zones[i] })
		r.Shuffle(len(in.Plans), func(i, j int) { in.Plans[i], in.Plans[j] = in.Plans[j], in.Plans[i] })
		if seed%2 == 0 {
			in.Previous = first
		}
		s := zone.Compile(in)
		if diff := cmp.Diff(fingerprint(first), fingerprint(s)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(first.Problems, s.Problems); diff != "" {
			t.Fatal(diff)
		}
	}
}

// What is taken over from the snapshot before makes no difference: neither to what is served, nor to
// the problems that are listed.
func TestThePreviousSnapshotIsOfNoConsequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := zonetest.Input(t, zonetest.Demo)
		spoil := func() {
			for i, p := range in.Plans {
				if rapid.Bool().Draw(t, "same") {
					continue
				}
				p = p.DeepCopy()
				p.Generation++
				p.Spec.TTLSeconds = rapid.Int32Range(0, 60).Draw(t, "ttl")
				if len(p.Spec.Endpoints) > 0 {
					e := &p.Spec.Endpoints[rapid.IntRange(0, len(p.Spec.Endpoints)-1).Draw(t, "endpoint")]
					e.Addresses = rapid.SampledFrom([][]string{{"192.0.2.77"}, {"nonsense"}, {"2001:db8::77", "192.0.2.78"}, nil}).Draw(t, "addresses")
					e.Hostname = rapid.SampledFrom([]string{"", "lb.example.net", "-"}).Draw(t, "hostname")
				}
				if len(p.Spec.Regions) > 0 && rapid.Bool().Draw(t, "misplaced") {
					p.Spec.Regions[0].Location = &trafficv1alpha1.Coordinates{Latitude: "north", Longitude: "8"}
				}
				if rapid.Bool().Draw(t, "renamed") {
					p.Spec.Hostnames = []string{rapid.SampledFrom([]string{"shop.apps.example.com", "apps.example.com", "other.apps.example.com", "elsewhere.org"}).Draw(t, "host")}
				}
				in.Plans[i] = p
			}
		}
		spoil()
		previous := zone.Compile(in)
		spoil()
		alone := zone.Compile(in)
		in.Previous = previous
		after := zone.Compile(in)
		if diff := cmp.Diff(fingerprint(alone), fingerprint(after)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(alone.Problems, after.Problems); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSerialsOnlyGrow(t *testing.T) {
	in := zonetest.Input(t, zonetest.Demo)
	compile := func() zone.Serial {
		z := zone.Compile(in).Zones[0]
		in.Serials = map[string]zone.Serial{z.Domain: z.Serial}
		return z.Serial
	}
	first := compile()
	if want := uint32(zonetest.Now.Unix()); first.Serial != want {
		t.Errorf("the first serial is %d, want the time, %d", first.Serial, want)
	}
	in.Now = in.Now.Add(time.Hour)
	if got := compile(); got != first {
		t.Errorf("nothing changed, but the serial did: %v", got)
	}
	in.Plans[0].Spec.Endpoints[0].Addresses[0] = "198.51.100.77"
	second := compile()
	if want := uint32(in.Now.Unix()); second.Serial != want {
		t.Errorf("got %d, want %d", second.Serial, want)
	}
	in.Now = in.Now.Add(-24 * time.Hour) // a clock that was put right
	in.Plans[0].Spec.TTLSeconds = 20
	if got := compile(); got.Serial != second.Serial+1 {
		t.Errorf("got %d, want %d", got.Serial, second.Serial+1)
	}
	in.Plans[0].Spec.Endpoints[0].Message = "nothing that is answered"
	in.Plans[0].Spec.Endpoints[0].ReadyReplicas = 7
	if got := compile(); got.Serial != second.Serial+1 {
		t.Errorf("nothing that is answered changed, but the serial did: %v", got)
	}
	in.Serials["apps.example.com"] = zone.Serial{Serial: 0xFFFFFFFF, Digest: "old"}
	in.Now = time.Unix(5, 0)
	if got := compile(); got.Serial != 5 {
		t.Errorf("serials go round (RFC 1982): got %d after 4294967295", got.Serial)
	}
}

// nasty are texts that have broken name servers before.
var nasty = rapid.SampledFrom([]string{
	"", ".", "@", "*", "*.", "..", "a..b", "a.", "*.*.x", "xn--bcher-kva", "ü", "\x00", "a\nb", `a\.b`, `\300`, `\`, "a b",
	strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a", strings.Repeat("long.", 60), "ns1", "shop", "www", "child", "x.child",
	"apps.example.com", "example.com", "example.net", "shop.apps.example.com", "*.apps.example.com", "192.0.2.1", "::1", "::ffff:1.2.3.4",
	"1.2.3.4%eth0", "10 mail.example.net", "65536 mail", "0 issue x", `0 issue "x`, "(", ";", "$INCLUDE /etc/passwd", "$GENERATE 1-5 a", "-1", "99999999999999999999",
})

func TestCompileIsTotal(t *testing.T) { rapid.Check(t, compileIsTotal(t)) }

// Any objects give a snapshot, and no zone is disturbed by the objects of others.
func compileIsTotal(t zonetest.TB) func(*rapid.T) {
	types := rapid.SampledFrom([]string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT", "SOA", "", "ANY", "TYPE1"})
	quiet := zone.Compile(zonetest.Input(t, zonetest.Demo))
	return func(t *rapid.T) {
		in := zonetest.Input(t, zonetest.Demo)
		texts := rapid.SliceOfN(nasty, 0, 4)
		durations := rapid.SampledFrom([]*metav1.Duration{nil, {}, {Duration: -time.Second}, {Duration: 1 << 62}, {Duration: time.Minute}})
		for range rapid.IntRange(0, 2).Draw(t, "zones") {
			z := &trafficv1alpha1.Zone{Spec: trafficv1alpha1.ZoneSpec{Domain: nasty.Draw(t, "domain"), TTL: durations.Draw(t, "ttl")}}
			z.Name = nasty.Draw(t, "name")
			z.CreationTimestamp = metav1.NewTime(zonetest.Now)
			if rapid.Bool().Draw(t, "own domain") {
				z.Spec.Domain = "noise.example.org"
			}
			for range rapid.IntRange(0, 3).Draw(t, "servers") {
				z.Spec.NameServers = append(z.Spec.NameServers, trafficv1alpha1.NameServer{Name: nasty.Draw(t, "server"), Addresses: texts.Draw(t, "addresses")})
			}
			for range rapid.IntRange(0, 8).Draw(t, "records") {
				z.Spec.Records = append(z.Spec.Records, trafficv1alpha1.Record{
					Name: nasty.Draw(t, "owner"), Type: types.Draw(t, "type"), TTL: durations.Draw(t, "record ttl"), Values: texts.Draw(t, "values")})
			}
			if rapid.Bool().Draw(t, "soa") {
				z.Spec.SOA = &trafficv1alpha1.SOA{Contact: nasty.Draw(t, "contact"), Refresh: durations.Draw(t, "refresh"), NegativeTTL: durations.Draw(t, "negative")}
				z.Spec.ClientSubnet = &trafficv1alpha1.ClientSubnet{Mode: "?", TrustedResolvers: texts.Draw(t, "trusted")}
			}
			in.Zones = append(in.Zones, z)
		}
		for range rapid.IntRange(0, 2).Draw(t, "plans") {
			p := &trafficv1alpha1.TrafficPlan{Spec: trafficv1alpha1.TrafficPlanSpec{
				TTLSeconds: rapid.Int32().Draw(t, "seconds"), MaxAnswers: rapid.Int32().Draw(t, "answers")}}
			p.Name = nasty.Draw(t, "plan")
			p.CreationTimestamp = metav1.NewTime(zonetest.Now)
			for _, h := range texts.Draw(t, "hostnames") {
				p.Spec.Hostnames = append(p.Spec.Hostnames, h+".noise.example.org")
			}
			for range rapid.IntRange(0, 3).Draw(t, "endpoints") {
				p.Spec.Endpoints = append(p.Spec.Endpoints, trafficv1alpha1.PlanEndpoint{
					Cluster: nasty.Draw(t, "cluster"), Addresses: texts.Draw(t, "endpoint"), Hostname: nasty.Draw(t, "hostname")})
			}
			tier := trafficv1alpha1.PlanTier{Clusters: []trafficv1alpha1.WeightedCluster{{Name: nasty.Draw(t, "of tier"), Weight: rapid.Int32().Draw(t, "weight")}}}
			p.Spec.Tiers = append(p.Spec.Tiers, tier)
			p.Spec.Regions = append(p.Spec.Regions, trafficv1alpha1.PlanRegion{Name: nasty.Draw(t, "region"),
				Location: &trafficv1alpha1.Coordinates{Latitude: nasty.Draw(t, "latitude"), Longitude: "NaN"}})
			in.Plans = append(in.Plans, p)
		}
		s := zone.Compile(in)
		if got, want := fingerprint(s)["apps.example.com"], fingerprint(quiet)["apps.example.com"]; got != want {
			t.Fatalf("the objects of others changed a zone; problems: %v", s.Problems)
		}
		for _, p := range s.Problems {
			if p.Field == "" || p.Message == "" || p.Object.Kind == "" {
				t.Fatalf("a problem that says too little: %+v", p)
			}
		}
		for _, p := range s.Plans {
			if p.TTL < 1 || p.TTL > 3600 || p.MaxAnswers < 1 || p.MaxAnswers > 16 {
				t.Fatalf("TTL %d, at most %d answers", p.TTL, p.MaxAnswers)
			}
		}
	}
}

func TestNamesAreFoundByTheLongestSuffix(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	for text, want := range map[string]int{
		"apps.example.com": 0, "www.apps.example.com": 0, "x.www.apps.example.com": 1, "x.y.apps.example.com": 2,
		"b.c.ent.apps.example.com": 0, "z.b.c.ent.apps.example.com": 1,
	} {
		n, err := wire.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, above := s.Lookup(n); above != want {
			t.Errorf("%s: closest encloser %d labels above, want %d", text, above, want)
		}
	}
	for _, text := range []string{"example.com", "com", ".", "xapps.example.com", "apps.example.org"} {
		n, _ := wire.ParseName(text)
		if node, _ := s.Lookup(n); node != nil {
			t.Errorf("%s is in no zone", text)
		}
	}
}

// large is many zones with many plans.
func large(zones, plansPerZone int) zone.Input {
	in := zone.Input{Now: zonetest.Now, Places: zonetest.Places()}
	demo := zonetest.Input(tb{}, zonetest.Demo)
	for i := range zones {
		z := demo.Zones[0].DeepCopy()
		z.Name = fmt.Sprintf("z%d", i)
		z.Spec.Domain = fmt.Sprintf("z%d.example.com", i)
		z.Spec.NameServers[0].Name = "ns1." + z.Spec.Domain
		z.Spec.Records = nil
		in.Zones = append(in.Zones, z)
		for j := range plansPerZone {
			p := demo.Plans[0].DeepCopy()
			p.Name = fmt.Sprintf("p%d-%d", i, j)
			p.Spec.Hostnames = []string{fmt.Sprintf("h%d.%s", j, z.Spec.Domain)}
			in.Plans = append(in.Plans, p)
		}
	}
	return in
}

type tb struct{}

func (tb) Helper()                           {}
func (tb) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func BenchmarkCompile(b *testing.B) {
	in := large(100, 100)
	in.Previous = zone.Compile(in)
	b.ReportAllocs()
	for b.Loop() {
		zone.Compile(in)
	}
}

// BenchmarkFind looks names up as queries do, in no order.
func BenchmarkFind(b *testing.B) {
	for _, zones := range []int{100, 1000} {
		in := large(zones, 100)
		s := zone.Compile(in)
		queries := make([]wire.Query, 0, len(in.Plans))
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(in.Plans)) {
			m := new(dns.Msg)
			m.SetQuestion(in.Plans[i].Spec.Hostnames[0]+".", dns.TypeA)
			msg, err := m.Pack()
			if err != nil {
				b.Fatal(err)
			}
			var q wire.Query
			q.Parse(msg)
			queries = append(queries, q)
		}
		b.Run(fmt.Sprintf("%d-names", len(queries)), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if n, above := s.Find(&queries[i]); n == nil || above > 0 || n.Host == nil {
					b.Fatal("it is not found")
				}
				if i++; i == len(queries) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkAdvance changes one plan of 10,000, in one zone and in a hundred.
func BenchmarkAdvance(b *testing.B) {
	for _, zones := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d-zones", zones), func(b *testing.B) {
			in := large(zones, 10_000/zones)
			slices.SortFunc(in.Plans, func(a, b *trafficv1alpha1.TrafficPlan) int { return strings.Compare(a.Name, b.Name) })
			in.Serials = map[string]zone.Serial{}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				in.Previous = zone.Compile(in)
				for _, z := range in.Previous.Zones {
					in.Serials[z.Domain] = z.Serial
				}
				p := in.Plans[i%len(in.Plans)].DeepCopy()
				p.Spec.TTLSeconds++
				in.Plans[i%len(in.Plans)] = p
				i++
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := zone.Compile(large(100, 100))
	down := false
	for b.Loop() {
		down = !down
		for _, p := range s.Plans {
			p.Update(func(c string) trafficv1alpha1.Verdict {
				if down && c == "fra" {
					return trafficv1alpha1.VerdictUnhealthy
				}
				return trafficv1alpha1.VerdictHealthy
			})
		}
	}
}
