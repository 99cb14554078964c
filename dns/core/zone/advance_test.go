package zone_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// world is a few objects that change. There are few names, so that they get into each other's way.
type world struct {
	zone.Input
	rings   []*dnssec.Ring
	changes int
}

var (
	worldLabels  = []string{"@", "a", "b", "*", "x.a", "*.a", "y.x.a", "z.y.x.a", "*.x.a", "b.b", "c.b.b", "ns1", "d.c", "e.d.c"}
	worldDomains = []string{"one.example.com", "two.example.com", "three.example.net"}
)

func absolute(label, domain string) string {
	if label == "@" {
		return domain
	}
	return label + "." + domain
}

func (w *world) stamp(o metav1.Object, name string, age int) {
	w.changes++
	o.SetName(name)
	o.SetGeneration(int64(w.changes))
	o.SetCreationTimestamp(metav1.NewTime(zonetest.Now.Add(time.Duration(age) * time.Second)))
}

func (w *world) plan(t *rapid.T, i int) *trafficv1alpha1.TrafficPlan {
	p := zonetest.Input(t, zonetest.Demo).Plans[0]
	w.stamp(p, fmt.Sprintf("p%d", i), i%3)
	p.Spec.Hostnames = nil
	for range rapid.IntRange(0, 2).Draw(t, "hosts") {
		p.Spec.Hostnames = append(p.Spec.Hostnames, absolute(rapid.SampledFrom(worldLabels).Draw(t, "host"), rapid.SampledFrom(worldDomains).Draw(t, "domain")))
	}
	w.vary(t, p)
	return p
}

// vary changes a plan in what it answers.
func (w *world) vary(t *rapid.T, p *trafficv1alpha1.TrafficPlan) {
	p.Spec.TTLSeconds = rapid.Int32Range(5, 8).Draw(t, "ttl")
	e := &p.Spec.Endpoints[rapid.IntRange(0, 2).Draw(t, "endpoint")]
	e.Addresses = rapid.SampledFrom([][]string{{"192.0.2.77"}, {"192.0.2.78", "192.0.2.79", "192.0.2.80"}, {"2001:db8::77", "192.0.2.78"}, {"-"}, nil}).Draw(t, "addresses")
	e.Hostname = rapid.SampledFrom([]string{"", "", "", "lb.example.net"}).Draw(t, "hostname")
	switch rapid.IntRange(0, 4).Draw(t, "regions") {
	case 0:
		p.Spec.Regions = p.Spec.Regions[:1]
	case 1:
		p.Spec.Regions[0].Location = &trafficv1alpha1.Coordinates{Latitude: rapid.SampledFrom([]string{"north", "1", "2"}).Draw(t, "latitude"), Longitude: "8"}
	case 2:
		p.Spec.Regions[0].Tiers = p.Spec.Tiers
	}
}

func (w *world) records(t *rapid.T, domain string, most int) []trafficv1alpha1.Record {
	var out []trafficv1alpha1.Record
	name := func() string { return absolute(rapid.SampledFrom(worldLabels).Draw(t, "target"), domain) }
	for range rapid.IntRange(0, most).Draw(t, "records") {
		r := trafficv1alpha1.Record{Name: rapid.SampledFrom(worldLabels).Draw(t, "owner")}
		r.Type = rapid.SampledFrom([]string{"A", "TXT", "CNAME", "CNAME", "NS", "NS", "HTTPS", "MX"}).Draw(t, "type")
		switch r.Type {
		case "A":
			r.Values = []string{"192.0.2.1"}
		case "TXT":
			r.Values, r.TTL = []string{"text"}, &metav1.Duration{Duration: time.Duration(rapid.IntRange(1, 9).Draw(t, "minutes")) * time.Minute}
		case "HTTPS":
			r.Values = []string{rapid.SampledFrom([]string{"1 . alpn=h2", "1 . ipv4hint=192.0.2.9"}).Draw(t, "https")}
		case "NS":
			r.Values = []string{rapid.SampledFrom([]string{name(), "ns.example.org"}).Draw(t, "server")}
		case "MX":
			r.Values = []string{"10 " + name()}
		default:
			r.Values = []string{name()}
		}
		out = append(out, r)
	}
	return out
}

func (w *world) zone(t *rapid.T, i int) *trafficv1alpha1.Zone {
	z := &trafficv1alpha1.Zone{}
	w.stamp(z, fmt.Sprintf("z%d", i), i)
	z.Spec.Domain = worldDomains[i]
	z.Spec.NameServers = []trafficv1alpha1.NameServer{{Name: "ns1." + z.Spec.Domain, Addresses: []string{"192.0.2.53"}}}
	if i == 2 {
		z.Spec.Secondary = &trafficv1alpha1.Secondary{}
		return z
	}
	z.Spec.Records = w.records(t, z.Spec.Domain, 3)
	return z
}

func (w *world) source(t *rapid.T, i int) *trafficv1alpha1.ZoneRecords {
	r := &trafficv1alpha1.ZoneRecords{}
	w.stamp(r, fmt.Sprintf("r%d", i), i)
	at := rapid.IntRange(0, 3).Draw(t, "zone")
	r.Spec.Zone = fmt.Sprintf("z%d", at)
	r.Spec.Records = w.records(t, worldDomains[at%3], 2)
	return r
}

func (w *world) copies(t *rapid.T) {
	w.Copies = map[string]*zone.Copy{}
	if rapid.Bool().Draw(t, "copy") {
		apex, _ := wire.ParseName(worldDomains[2])
		www, _ := wire.ParseName("www." + worldDomains[2])
		w.Copies[worldDomains[2]] = &zone.Copy{
			SOA: wire.Record{Name: apex, Type: dns.TypeSOA, TTL: 300, Data: "\x02ns\x00\x00" + strings.Repeat("\x00\x00\x00\x07", 5)},
			Records: []wire.Record{{Name: apex, Type: dns.TypeNS, TTL: 60, Data: "\x02ns\x00"},
				{Name: www, Type: dns.TypeA, TTL: rapid.Uint32Range(1, 9).Draw(t, "ttl"), Data: "\xc0\x00\x02\x01"}}}
	}
}

// replace gives a list another object of a name, takes it out or puts it in.
func replace[T metav1.Object](t *rapid.T, list []T, o T, out bool) []T {
	list = slices.Clone(list)
	at, there := slices.BinarySearchFunc(list, o, func(a, b T) int { return strings.Compare(a.GetName(), b.GetName()) })
	switch {
	case there && out:
		return slices.Delete(list, at, at+1)
	case there:
		list[at] = o
	case !out:
		list = slices.Insert(list, at, o)
	}
	return list
}

func (w *world) change(t *rapid.T) {
	often := rapid.IntRange(0, 13).Draw(t, "what")
	switch often {
	case 0:
		i := rapid.IntRange(0, 1).Draw(t, "zone")
		w.Zones = replace(t, w.Zones, w.zone(t, i), rapid.IntRange(0, 3).Draw(t, "out") == 0)
	case 1:
		w.Records = replace(t, w.Records, w.source(t, rapid.IntRange(0, 2).Draw(t, "source")), rapid.Bool().Draw(t, "out"))
	case 2:
		w.copies(t)
	case 3:
		w.Keys = map[string]*dnssec.Ring{}
		if n := rapid.IntRange(0, len(w.rings)).Draw(t, "ring"); n > 0 {
			w.Keys[worldDomains[0]] = w.rings[n-1]
		}
	case 4:
		w.Global = map[string]string{worldDomains[rapid.IntRange(0, 2).Draw(t, "zone")]: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "global")}
	case 5:
		w.Now = w.Now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 50 * time.Hour}).Draw(t, "later"))
	case 6:
		if rapid.IntRange(0, 3).Draw(t, "rarely") == 0 {
			m := &trafficv1alpha1.RegionMap{}
			w.stamp(m, "m", 0)
			m.Spec.Regions = []trafficv1alpha1.Region{{Name: "eu-central-1", Clients: &trafficv1alpha1.RegionClients{Countries: []string{"US"}}}}
			w.RegionMaps = replace(t, w.RegionMaps, m, rapid.Bool().Draw(t, "out"))
		}
	case 7, 8, 9, 10: // the same hosts
		if len(w.Plans) > 0 {
			p := w.Plans[rapid.IntRange(0, len(w.Plans)-1).Draw(t, "plan")].DeepCopy()
			w.vary(t, p)
			p.Generation++
			w.Plans = replace(t, w.Plans, p, false)
		}
	default:
		w.Plans = replace(t, w.Plans, w.plan(t, rapid.IntRange(0, 5).Draw(t, "plan")), rapid.IntRange(0, 2).Draw(t, "out") == 0)
	}
}

// Whatever changes, what is made out of the snapshot before is what is made from scratch: every octet
// that is answered, all signatures, serials and problems.
func TestSnapshotsAdvanceToWhatIsMadeFromScratch(t *testing.T) {
	var rings []*dnssec.Ring
	for range 2 {
		_, ring := zonetest.Signed(t, zonetest.Demo, worldDomains[0])
		rings = append(rings, ring)
	}
	steps, advanced := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := &world{Input: zone.Input{Now: zonetest.Now, Places: zonetest.Places()}, rings: rings}
		for i := range worldDomains {
			w.Zones = append(w.Zones, w.zone(t, i))
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "plans") {
			w.Plans = append(w.Plans, w.plan(t, i))
		}
		serials := map[string]zone.Serial{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				w.change(t)
			}
			in := w.Input
			in.Serials = serials
			in.Previous = nil
			want := zone.Compile(in)
			in.Previous = w.Previous
			if steps++; w.Previous != nil && zone.Advances(in) {
				advanced++
			}
			got := zone.Compile(in)
			if diff := cmp.Diff(want.Fingerprint(), got.Fingerprint()); diff != "" {
				t.Fatalf("from scratch (-) and out of the snapshot before (+): %s", diff)
			}
			if got.Renew().After(want.Renew()) {
				t.Fatalf("signatures are renewed at %v, which is too late for those of %v", got.Renew(), want.Renew())
			}
			w.Previous = got
			next := map[string]zone.Serial{}
			for _, z := range got.Zones {
				next[z.Domain] = z.Serial
			}
			serials = next
		}
	})
	t.Logf("%d of %d snapshots were made out of the one before", advanced, steps)
	if advanced < steps/3 {
		t.Errorf("only %d of %d snapshots were made out of the one before", advanced, steps)
	}
}

// What a host has to do with besides its own name.
func TestAHostMeetsOthers(t *testing.T) {
	zones := func(records string) string {
		return "kind: Zone\nmetadata: {name: apps}\nspec:\n  domain: apps.example.com\n  nameServers: [{name: ns.example.net}]\n  records:\n" + records
	}
	host := func(plan, name, address string) string {
		return fmt.Sprintf("\n---\nkind: TrafficPlan\nmetadata: {name: %s, namespace: shop, creationTimestamp: \"2026-01-01T00:00:00Z\"}\nspec:\n  policy: {uid: u}\n  hostnames: [%s]\n  ttlSeconds: 10\n  maxAnswers: 2\n"+
			"  endpoints:\n  - {cluster: fra, addresses: [%q], since: null}\n  tiers:\n  - {clusters: [{name: fra, weight: 1}]}\n", plan, name, address)
	}
	for name, c := range map[string]struct{ zone, before, after string }{
		"a delegation above it": {
			zones("  - {name: team, type: NS, values: [ns.example.org]}\n"), host("other", "other.apps.example.com", "192.0.2.1"),
			host("other", "other.apps.example.com", "192.0.2.1") + host("web", "web.team.apps.example.com", "192.0.2.2")},
		"a delegation that is possible without it": {
			zones("  - {name: team, type: NS, values: [ns.example.org]}\n"), host("web", "web.team.apps.example.com", "192.0.2.2"),
			host("web", "web.apps.example.com", "192.0.2.2")},
		"a delegation that is another plan's fault now": {
			zones("  - {name: team, type: NS, values: [ns.example.org]}\n"), host("web", "web.team.apps.example.com", "192.0.2.2"),
			host("next", "web.team.apps.example.com", "192.0.2.2")},
		"HTTPS records at its name": {
			zones("  - {name: web, type: HTTPS, values: [\"1 . alpn=h2\"]}\n"), host("web", "web.apps.example.com", "192.0.2.1"),
			host("web", "web.apps.example.com", "192.0.2.2")},
		"an alias that a wildcard stands for": {
			zones("  - {name: alias, type: CNAME, values: [x.w.apps.example.com]}\n  - {name: other.w, type: A, values: [192.0.2.9]}\n"),
			host("web", "web.apps.example.com", "192.0.2.1"), host("web", "\"*.w.apps.example.com\"", "192.0.2.1")},
		"an alias to a name below it": {
			zones("  - {name: alias, type: CNAME, values: [x.y.apps.example.com]}\n"), "", host("web", "y.apps.example.com", "192.0.2.1")},
	} {
		t.Run(name, func(t *testing.T) {
			in := zonetest.Input(t, c.zone+c.before)
			first := zone.Compile(in)
			for _, text := range []string{c.after, c.before} {
				next := zonetest.Input(t, c.zone+text)
				next.Zones, next.Previous = in.Zones, first
				next.Serials = map[string]zone.Serial{first.Zones[0].Domain: first.Zones[0].Serial}
				alone := next
				alone.Previous = nil
				if !zone.Advances(next) {
					t.Error("it is made from scratch")
				}
				got := zone.Compile(next)
				if diff := cmp.Diff(zone.Compile(alone).Fingerprint(), got.Fingerprint()); diff != "" {
					t.Errorf("from scratch (-) and out of the snapshot before (+): %s", diff)
				}
				first = got
			}
		})
	}
}
