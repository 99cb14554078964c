package answer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var resolver = netip.MustParseAddr("203.0.113.53")

func worker(t zonetest.TB) *Worker {
	t.Helper()
	i, err := NewIdentity("Seaway", "ns1", 10*time.Second)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return NewWorker(i)
}

// query is a packed query; subnet may be empty.
func query(t zonetest.TB, name string, rrtype uint16, subnet string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), rrtype)
	m.Id = 4711
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		s := subnetOf(p.Addr())
		s.SourceNetmask = uint8(p.Bits())
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, s)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

func unpack(t zonetest.TB, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("the answer cannot be read: %v\n%x", err, b)
	}
	return m
}

// short is an answer in one line.
func short(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionAvailable, "RA"}, {m.AuthenticatedData, "AD"}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	section := func(name string, records []dns.RR) {
		for _, r := range records {
			h := r.Header()
			switch r := r.(type) {
			case *dns.OPT:
				for _, o := range r.Option {
					if s, ok := o.(*dns.EDNS0_SUBNET); ok {
						fmt.Fprintf(&b, " scope=%d", s.SourceScope)
					}
					if e, ok := o.(*dns.EDNS0_EDE); ok {
						fmt.Fprintf(&b, " ede=%d", e.InfoCode)
					}
				}
			case *dns.SOA:
				fmt.Fprintf(&b, " %s:%s/SOA/%d", name, strings.TrimSuffix(h.Name, "."), h.Ttl)
			default:
				fmt.Fprintf(&b, " %s:%s/%s/%s", name, strings.TrimSuffix(h.Name, "."), dns.TypeToString[h.Rrtype],
					strings.TrimPrefix(r.String(), h.String()))
			}
		}
	}
	section("an", m.Answer)
	section("ns", m.Ns)
	section("ar", m.Extra)
	return b.String()
}

func TestAnswers(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	if len(s.Problems) > 0 {
		t.Fatal(s.Problems)
	}
	const a, aaaa = dns.TypeA, dns.TypeAAAA
	for name, c := range map[string]struct {
		name   string
		rrtype uint16
		subnet string
		want   string
	}{
		"records":                      {"www.apps.example.com", a, "", "NOERROR aa an:www.apps.example.com/A/192.0.2.10 an:www.apps.example.com/A/192.0.2.11"},
		"records with a client subnet": {"www.apps.example.com", a, "10.1.2.0/24", "NOERROR aa an:www.apps.example.com/A/192.0.2.10 an:www.apps.example.com/A/192.0.2.11 scope=0"},
		"case of the question is kept": {"WwW.ApPs.eXample.com", aaaa, "", "NOERROR aa an:WwW.ApPs.eXample.com/AAAA/2001:db8::10"},
		"no such type":                 {"www.apps.example.com", dns.TypeTXT, "", "NOERROR aa ns:apps.example.com/SOA/30"},
		"no such name":                 {"nope.apps.example.com", a, "", "NXDOMAIN aa ns:apps.example.com/SOA/30"},
		"no such name, far below":      {"a.b.c.d.www.apps.example.com", a, "10.1.2.0/24", "NXDOMAIN aa ns:apps.example.com/SOA/30 scope=0"},
		"empty non-terminal":           {"b.c.ent.apps.example.com", a, "", "NOERROR aa ns:apps.example.com/SOA/30"},
		"wildcard":                     {"any.wild.apps.example.com", dns.TypeTXT, "", `NOERROR aa an:any.wild.apps.example.com/TXT/"wild"`},
		"wildcard, several labels":     {"a.b.wild.apps.example.com", dns.TypeTXT, "", `NOERROR aa an:a.b.wild.apps.example.com/TXT/"wild"`},
		"wildcard, no such type":       {"any.wild.apps.example.com", a, "", "NOERROR aa ns:apps.example.com/SOA/30"},
		"wildcard by its own name":     {"*.wild.apps.example.com", dns.TypeTXT, "", `NOERROR aa an:*.wild.apps.example.com/TXT/"wild"`},
		"a sibling hides the wildcard": {"below.sibling.wild.apps.example.com", dns.TypeTXT, "", "NXDOMAIN aa ns:apps.example.com/SOA/30"},
		"so does what only leads on":   {"y.ent.wild.apps.example.com", dns.TypeTXT, "", "NXDOMAIN aa ns:apps.example.com/SOA/30"},
		"alias":                        {"alias.apps.example.com", aaaa, "", "NOERROR aa an:alias.apps.example.com/CNAME/www.apps.example.com. an:www.apps.example.com/AAAA/2001:db8::10"},
		"alias of an alias": {"alias2.apps.example.com", aaaa, "", "NOERROR aa an:alias2.apps.example.com/CNAME/alias.apps.example.com." +
			" an:alias.apps.example.com/CNAME/www.apps.example.com. an:www.apps.example.com/AAAA/2001:db8::10"},
		"alias without the type":        {"alias.apps.example.com", dns.TypeMX, "", "NOERROR aa an:alias.apps.example.com/CNAME/www.apps.example.com. ns:apps.example.com/SOA/30"},
		"alias itself":                  {"alias.apps.example.com", dns.TypeCNAME, "", "NOERROR aa an:alias.apps.example.com/CNAME/www.apps.example.com."},
		"alias out of the zone":         {"away.apps.example.com", a, "", "NOERROR aa an:away.apps.example.com/CNAME/www.example.org."},
		"alias to nothing":              {"nowhere.apps.example.com", a, "", "NXDOMAIN aa an:nowhere.apps.example.com/CNAME/missing.deep.apps.example.com. ns:apps.example.com/SOA/30"},
		"wildcard alias":                {"q.aliases.apps.example.com", aaaa, "", "NOERROR aa an:q.aliases.apps.example.com/CNAME/www.apps.example.com. an:www.apps.example.com/AAAA/2001:db8::10"},
		"alias to a host":               {"toshop.apps.example.com", aaaa, "", "NOERROR aa an:toshop.apps.example.com/CNAME/shop.apps.example.com. an:shop.apps.example.com/AAAA/2001:db8:f::3"},
		"alias to a host, client named": {"toshop.apps.example.com", aaaa, "10.2.0.0/24", "NOERROR aa an:toshop.apps.example.com/CNAME/shop.apps.example.com. scope=0"},
		"start of authority":            {"apps.example.com", dns.TypeSOA, "", "NOERROR aa an:apps.example.com/SOA/300"},
		"name servers": {"apps.example.com", dns.TypeNS, "", "NOERROR aa an:apps.example.com/NS/ns1.apps.example.com. an:apps.example.com/NS/ns2.example.net." +
			" ar:ns1.apps.example.com/A/192.0.2.53 ar:ns1.apps.example.com/AAAA/2001:db8::53"},
		"address of a name server": {"ns1.apps.example.com", a, "", "NOERROR aa an:ns1.apps.example.com/A/192.0.2.53"},
		"mail exchangers":          {"apps.example.com", dns.TypeMX, "", "NOERROR aa an:apps.example.com/MX/10 mail.example.net. an:apps.example.com/MX/20 mail2.apps.example.com."},
		"services":                 {"_sip._tcp.apps.example.com", dns.TypeSRV, "", "NOERROR aa an:_sip._tcp.apps.example.com/SRV/10 5 5060 www.apps.example.com."},
		"certificate authorities":  {"apps.example.com", dns.TypeCAA, "", `NOERROR aa an:apps.example.com/CAA/0 issue "ca.example.net"`},
		"referral": {"www.child.apps.example.com", a, "10.1.2.0/24", "NOERROR ns:child.apps.example.com/NS/ns.child.apps.example.com. ns:child.apps.example.com/NS/ns.example.net." +
			" ar:ns.child.apps.example.com/A/192.0.2.54 ar:ns.child.apps.example.com/AAAA/2001:db8::54 scope=0"},
		"referral at the cut": {"child.apps.example.com", dns.TypeNS, "", "NOERROR ns:child.apps.example.com/NS/ns.child.apps.example.com. ns:child.apps.example.com/NS/ns.example.net." +
			" ar:ns.child.apps.example.com/A/192.0.2.54 ar:ns.child.apps.example.com/AAAA/2001:db8::54"},
		"glue is not an answer": {"ns.child.apps.example.com", a, "", "NOERROR ns:child.apps.example.com/NS/ns.child.apps.example.com. ns:child.apps.example.com/NS/ns.example.net." +
			" ar:ns.child.apps.example.com/A/192.0.2.54 ar:ns.child.apps.example.com/AAAA/2001:db8::54"},
		"DS belongs to the parent":    {"child.apps.example.com", dns.TypeDS, "", "NOERROR aa ns:apps.example.com/SOA/30"},
		"any":                         {"www.apps.example.com", dns.TypeANY, "", `NOERROR aa an:www.apps.example.com/HINFO/"RFC8482" ""`},
		"any of an alias":             {"alias.apps.example.com", dns.TypeANY, "", "NOERROR aa an:alias.apps.example.com/CNAME/www.apps.example.com."},
		"any of nothing":              {"nope.apps.example.com", dns.TypeANY, "", "NXDOMAIN aa ns:apps.example.com/SOA/30"},
		"unknown type":                {"www.apps.example.com", 65400, "", "NOERROR aa ns:apps.example.com/SOA/30"},
		"outside":                     {"www.example.org", a, "10.1.2.0/24", "REFUSED scope=0 ede=20"},
		"the parent":                  {"example.com", dns.TypeNS, "", "REFUSED"},
		"transfer":                    {"apps.example.com", dns.TypeAXFR, "10.1.2.0/24", "REFUSED scope=0 ede=18"},
		"host, resolver somewhere":    {"shop.apps.example.com", aaaa, "", "NOERROR aa an:shop.apps.example.com/AAAA/2001:db8:f::3"},
		"host, German client":         {"shop.apps.example.com", a, "10.1.2.0/24", "NOERROR aa an:shop.apps.example.com/A/198.51.100.1 scope=17"},
		"host, German client, IPv6":   {"shop.apps.example.com", aaaa, "2001:db8:1:2::/56", "NOERROR aa an:shop.apps.example.com/AAAA/2001:db8:f::1 scope=48"},
		"host, client in Virginia":    {"shop.apps.example.com", a, "10.2.0.0/16", "NOERROR aa an:shop.apps.example.com/A/198.51.100.2 scope=16"},
		"host, finer than the prefix": {"shop.apps.example.com", a, "10.1.255.0/24", "NOERROR aa an:shop.apps.example.com/A/198.51.100.1 scope=25"},
		"host, client unknown":        {"shop.apps.example.com", a, "172.16.1.0/24", "NOERROR aa an:shop.apps.example.com/A/198.51.100.3 scope=24"},
		"host, client not to be told": {"shop.apps.example.com", aaaa, "0.0.0.0/0", "NOERROR aa an:shop.apps.example.com/AAAA/2001:db8:f::3 scope=0"},
		"host, other type":            {"shop.apps.example.com", dns.TypeTXT, "10.1.2.0/24", "NOERROR aa ns:apps.example.com/SOA/30 scope=0"},
		"host at the apex":            {"apps.example.com", a, "10.3.0.0/24", "NOERROR aa an:apps.example.com/A/198.51.100.3 scope=16"},
		"records beside that host":    {"apps.example.com", dns.TypeTXT, "", `NOERROR aa an:apps.example.com/TXT/"v=spf1 -all"`},
		"wildcard host":               {"acme.tenants.apps.example.com", a, "10.3.0.0/24", "NOERROR aa an:acme.tenants.apps.example.com/A/198.51.100.3 scope=16"},
		"host with one cluster":       {"single.apps.example.com", a, "10.3.0.0/24", "NOERROR aa an:single.apps.example.com/A/198.51.100.9 scope=0"},
		"host without the family":     {"single.apps.example.com", aaaa, "10.3.0.0/24", "NOERROR aa ns:apps.example.com/SOA/30 scope=0"},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, c.name, c.rrtype, c.subnet)
			b := worker(t).Answer(s, nil, q, resolver, false)
			if diff := cmp.Diff(c.want, short(unpack(t, b))); diff != "" {
				t.Error(diff)
			}
			if string(b[12:12+len(c.name)+2]) != string(q[12:12+len(c.name)+2]) {
				t.Error("the question came back changed")
			}
		})
	}
}

func TestVerdictsChangeAnswersAtOnce(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	w := worker(t)
	ask := func(subnet string) string {
		return short(unpack(t, w.Answer(s, nil, query(t, "shop.apps.example.com", dns.TypeA, subnet), resolver, false)))
	}
	down := map[string]bool{}
	update := func() {
		for _, p := range s.Plans {
			p.Update(func(c string) trafficv1alpha1.Verdict {
				if down[c] {
					return trafficv1alpha1.VerdictUnhealthy
				}
				return trafficv1alpha1.VerdictHealthy
			})
		}
	}
	german := func(address string) string {
		return "NOERROR aa an:shop.apps.example.com/A/" + address + " scope=17"
	}
	for _, step := range []struct {
		down []string
		want string
	}{
		{nil, german("198.51.100.1")},
		{[]string{"fra"}, german("198.51.100.2")},
		{[]string{"fra", "iad"}, german("198.51.100.3")},
		{[]string{"fra", "iad", "sin"}, german("198.51.100.1")}, // fail open
		{[]string{"iad", "sin"}, german("198.51.100.1")},
	} {
		clear(down)
		for _, c := range step.down {
			down[c] = true
		}
		update()
		if got := ask("10.1.2.0/24"); got != step.want {
			t.Errorf("down %v: got %s, want %s", step.down, got, step.want)
		}
	}
}

func TestClientSubnetsAreBelievedAsTheZoneSays(t *testing.T) {
	const virginia = "10.2.9.9" // the resolver
	for name, c := range map[string]struct{ spec, want string }{
		"honoured":             {"{mode: Honor}", "198.51.100.1 scope=17"},
		"ignored":              {"{mode: Ignore}", "198.51.100.2 scope=0"},
		"trusted":              {"{trustedResolvers: [10.2.0.0/16]}", "198.51.100.1 scope=17"},
		"not trusted":          {"{trustedResolvers: [10.3.0.0/16]}", "198.51.100.2 scope=0"},
		"nobody, by a mistake": {"{trustedResolvers: [10.3.0.0]}", "198.51.100.2 scope=0"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(zonetest.Demo, "  ttl: 5m\n", "  clientSubnet: "+c.spec+"\n", 1)
			s := zone.Compile(zonetest.Input(t, text))
			b := worker(t).Answer(s, nil, query(t, "shop.apps.example.com", dns.TypeA, "10.1.2.0/24"), netip.MustParseAddr(virginia), false)
			if got, want := short(unpack(t, b)), "NOERROR aa an:shop.apps.example.com/A/"+c.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestAnswerDoesNotAllocate(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	w := worker(t)
	dst := make([]byte, 0, 1232)
	for name, q := range map[string][]byte{
		"plain":     query(t, "www.apps.example.com", dns.TypeA, ""),
		"geo":       query(t, "shop.apps.example.com", dns.TypeA, "10.1.2.0/24"),
		"weights":   query(t, "shop.apps.example.com", dns.TypeAAAA, "172.16.1.0/24"),
		"nxdomain":  query(t, "nope.nope.apps.example.com", dns.TypeA, "10.1.2.0/24"),
		"alias":     query(t, "alias2.apps.example.com", dns.TypeA, ""),
		"referral":  query(t, "www.child.apps.example.com", dns.TypeA, ""),
		"wildcard":  query(t, "x.wild.apps.example.com", dns.TypeTXT, ""),
		"refused":   query(t, "www.example.org", dns.TypeA, "10.1.2.0/24"),
		"malformed": query(t, "www.apps.example.com", dns.TypeA, "10.1.2.0/24")[:50],
	} {
		if n := testing.AllocsPerRun(100, func() { w.Answer(s, dst, q, resolver, false) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestExplain(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	for _, p := range s.Plans {
		p.Update(func(c string) trafficv1alpha1.Verdict {
			if c == "fra" {
				return trafficv1alpha1.VerdictUnhealthy
			}
			return trafficv1alpha1.VerdictHealthy
		})
	}
	e, err := Explain(s, Question{Name: "toshop.apps.example.com", Type: dns.TypeA, Client: netip.MustParseAddr("10.1.2.3")})
	if err != nil {
		t.Fatal(err)
	}
	type line struct{ Cluster, Why string }
	got := struct {
		Kind                                    Kind
		Zone, Host, Plan, Region, Rule, Cluster string
		Aliases, Records                        []string
		Scope                                   string
		Lines                                   []line
	}{e.Kind, e.Zone, e.Host, e.PlanNamespace + "/" + e.PlanName, e.Steering.Geo.Region, e.Steering.Rule.String(), e.Chosen,
		e.Aliases, e.Records, e.Scope.String(), nil}
	for _, c := range e.Steering.Endpoints {
		got.Lines = append(got.Lines, line{c.Cluster, c.Why})
	}
	want := got
	want.Kind, want.Zone, want.Host, want.Plan = KindHost, "apps", "shop.apps.example.com", "shop/shop"
	want.Region, want.Rule, want.Cluster = "eu-central-1", "first tier that is at least half healthy", "iad"
	want.Aliases = []string{"shop.apps.example.com"}
	want.Records = []string{"toshop.apps.example.com. 300 IN CNAME shop.apps.example.com.", "shop.apps.example.com. 10 IN A 198.51.100.2"}
	want.Scope = "10.1.0.0/17"
	want.Lines = []line{
		{"fra", "its probes fail, by a majority of the vantage points"},
		{"iad", "chosen: first tier that is at least half healthy"},
		{"sin", "an earlier tier is at least half healthy"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, kind := range map[string]Kind{
		"www.apps.example.com": KindRecords, "nope.apps.example.com": KindNoName,
		"x.child.apps.example.com": KindDelegated, "example.org": KindNoZone, "x.wild.apps.example.com": KindRecords,
	} {
		e, err := Explain(s, Question{Name: name, Type: dns.TypeA, Client: resolver})
		if err != nil || e.Kind != kind {
			t.Errorf("%s: %s, %v", name, e.Kind, err)
		}
	}
	if _, err := Explain(s, Question{Name: "a..b", Type: dns.TypeA, Client: resolver}); err == nil {
		t.Error("a..b is no name")
	}
}

// Any bytes are safe: no panic, and what comes out is a message that can be read, is an answer to
// this query, and is no larger than it may be.
func FuzzAnswer(f *testing.F) {
	in, _ := zonetest.Signed(f, zonetest.Demo, "apps.example.com")
	s := zone.Compile(in)
	for _, name := range []string{"www.apps.example.com", "shop.apps.example.com", "alias2.apps.example.com", "www.child.apps.example.com",
		"nope.apps.example.com", "x.wild.apps.example.com", "example.org", "apps.example.com", "."} {
		for _, rrtype := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeNS, dns.TypeAXFR, dns.TypeTSIG, 65535} {
			f.Add(query(f, name, rrtype, ""), false)
			f.Add(query(f, name, rrtype, "10.1.2.0/24"), true)
			f.Add(secured(f, name, rrtype, "", true), false)
		}
	}
	w := worker(f)
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		in.Online.Refill(1)
		b := w.Answer(s, nil, msg, resolver, tcp)
		if len(msg) < 12 || msg[2]&0x80 != 0 {
			if b != nil {
				t.Fatalf("%x must not be answered", msg)
			}
			return
		}
		m := unpack(t, b)
		if !m.Response || m.Id != uint16(msg[0])<<8|uint16(msg[1]) || m.RecursionAvailable || m.AuthenticatedData {
			t.Fatalf("not an answer: %v", m)
		}
		q := new(dns.Msg)
		if !tcp && len(b) > 512 {
			size := 512
			if err := q.Unpack(msg); err == nil && q.IsEdns0() != nil {
				size = max(512, min(1232, int(q.IsEdns0().UDPSize())))
			}
			if len(b) > size {
				t.Fatalf("%d octets for a client that takes %d", len(b), size)
			}
		}
		// What the library cannot pack again was not well formed.
		if _, err := m.Pack(); err != nil {
			t.Fatalf("%v\n%x", err, b)
		}
		if m.Rcode == dns.RcodeServerFailure {
			t.Fatalf("SERVFAIL to %x", msg)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	in, _ := zonetest.Signed(b, zonetest.Demo, "apps.example.com")
	s := zone.Compile(in)
	w := worker(b)
	dst := make([]byte, 0, 1232)
	for _, c := range []struct {
		name string
		q    []byte
	}{
		{"plain", query(b, "www.apps.example.com", dns.TypeA, "")},
		{"ecs-geo", query(b, "shop.apps.example.com", dns.TypeA, "10.1.2.0/24")},
		{"ecs-weights", query(b, "shop.apps.example.com", dns.TypeA, "172.16.1.0/24")},
		{"nxdomain", query(b, "nope.apps.example.com", dns.TypeA, "")},
		{"signed", secured(b, "www.apps.example.com", dns.TypeA, "", false)},
		{"signed-geo", secured(b, "shop.apps.example.com", dns.TypeA, "10.1.2.0/24", false)},
		{"signed-nxdomain-again", secured(b, "nope.apps.example.com", dns.TypeA, "", false)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Answer(s, dst, c.q, resolver, false)
			}
		})
	}
}
