package answer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const domain = "apps.example.com"

// secured is a query with DO, and CO if wanted.
func secured(t zonetest.TB, name string, rrtype uint16, subnet string, co bool) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), rrtype)
	m.SetEdns0(4096, true)
	m.IsEdns0().SetCo(co)
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		s := subnetOf(p.Addr())
		s.SourceNetmask = uint8(p.Bits())
		m.IsEdns0().Option = append(m.IsEdns0().Option, s)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// validate checks an answer as a validator does, and takes out what is for validators alone. It returns
// what is wrong with it.
func validate(ring *dnssec.Ring, m *dns.Msg) string {
	q := m.Question[0]
	final := strings.ToLower(q.Name)
	sections := [][]dns.RR{m.Answer, m.Ns}
	if q.Qtype == dns.TypeNS && m.Authoritative {
		sections = append(sections, m.Extra)
	}
	for _, section := range sections {
		sets := map[string][]dns.RR{}
		for _, r := range section {
			h := r.Header()
			if h.Rrtype == dns.TypeRRSIG || h.Rrtype == dns.TypeOPT {
				continue
			}
			sets[strings.ToLower(h.Name)+" "+dns.Type(h.Rrtype).String()] = append(sets[strings.ToLower(h.Name)+" "+dns.Type(h.Rrtype).String()], r)
		}
		for name, set := range sets {
			h := set[0].Header()
			if h.Rrtype == dns.TypeNS && !m.Authoritative {
				continue
			}
			found := map[uint8]bool{}
			for _, r := range section {
				sig, ok := r.(*dns.RRSIG)
				if !ok || !strings.EqualFold(sig.Hdr.Name, h.Name) || sig.TypeCovered != h.Rrtype {
					continue
				}
				if sig.Hdr.Ttl != h.Ttl || sig.OrigTtl != h.Ttl || !sig.ValidityPeriod(zonetest.Now) {
					return fmt.Sprintf("%s: TTL or period of %v", name, sig)
				}
				if labels := dns.CountLabel(h.Name); int(sig.Labels) != labels && !strings.HasPrefix(h.Name, "*.") {
					return fmt.Sprintf("%s: %d labels, want %d", name, sig.Labels, labels)
				}
				for _, k := range ring.For(h.Rrtype) {
					if k.Tag == sig.KeyTag && sig.Verify(k.DNSKEY, set) == nil {
						found[sig.Algorithm] = true
					}
				}
			}
			for _, k := range ring.For(h.Rrtype) {
				if !found[k.DNSKEY.Algorithm] {
					return fmt.Sprintf("%s is not signed with algorithm %d", name, k.DNSKEY.Algorithm)
				}
			}
		}
	}
	answered := false
	for _, r := range m.Answer {
		if c, ok := r.(*dns.CNAME); ok && q.Qtype != dns.TypeCNAME && q.Qtype != dns.TypeANY {
			final = strings.ToLower(c.Target)
		} else if r.Header().Rrtype != dns.TypeRRSIG {
			answered = true
		}
	}
	if !m.Authoritative {
		return proofAtCut(m)
	}
	if !answered && len(m.Ns) > 0 && q.Qtype != dns.TypeRRSIG {
		return proofOfAbsence(m, final, q.Qtype)
	}
	return ""
}

func proofAtCut(m *dns.Msg) string {
	for _, r := range m.Ns {
		switch n := r.(type) {
		case *dns.DS:
			return ""
		case *dns.NSEC:
			if slices.Contains(n.TypeBitMap, dns.TypeNS) && !slices.Contains(n.TypeBitMap, dns.TypeDS) && !slices.Contains(n.TypeBitMap, dns.TypeSOA) {
				return ""
			}
			return fmt.Sprintf("the proof at the cut is %v", n)
		}
	}
	return "no DS and no proof"
}

func proofOfAbsence(m *dns.Msg, name string, rrtype uint16) string {
	for _, r := range m.Ns {
		n, ok := r.(*dns.NSEC)
		if !ok {
			continue
		}
		if strings.ToLower(n.Hdr.Name) != name {
			return fmt.Sprintf("the proof is for %s, not %s", n.Hdr.Name, name)
		}
		if slices.Contains(n.TypeBitMap, rrtype) || slices.Contains(n.TypeBitMap, dns.TypeCNAME) {
			return fmt.Sprintf("%s %v is not denied by %v", name, dns.Type(rrtype), n)
		}
		if nx := slices.Contains(n.TypeBitMap, dns.TypeNXNAME); m.Rcode == dns.RcodeNameError && !nx {
			return fmt.Sprintf("NXDOMAIN with %v", n)
		}
		return ""
	}
	return "no proof"
}

// plain is an answer without what is for validators.
func plain(m *dns.Msg) string {
	var nonexistent bool
	drop := func(r dns.RR) bool {
		switch r := r.(type) {
		case *dns.RRSIG, *dns.DS:
			return true
		case *dns.NSEC:
			nonexistent = nonexistent || slices.Contains(r.TypeBitMap, dns.TypeNXNAME)
			return true
		}
		return false
	}
	m.Answer = slices.DeleteFunc(m.Answer, drop)
	m.Ns = slices.DeleteFunc(m.Ns, drop)
	m.Extra = slices.DeleteFunc(m.Extra, drop)
	if nonexistent {
		m.Rcode = dns.RcodeNameError
	}
	return short(m)
}

// Whoever asks for what: the answer with signatures is valid, and says the same as the one without.
func TestSignedAnswersAreValid(t *testing.T) {
	many := strings.Replace(zonetest.Demo, "addresses: [198.51.100.1, ", "addresses: [198.51.100.1, 198.51.100.11, 198.51.100.12, 198.51.100.13, ", 1)
	many = strings.Replace(many, "{cluster: iad, region: us-east-1, addresses: [198.51.100.2, \"2001:db8:f::2\"]", "{cluster: iad, region: us-east-1, hostname: lb.example.net", 1)
	many = strings.Replace(many, "hostnames: [shop.apps.example.com, \"*.tenants.apps.example.com\", apps.example.com]", "hostnames: [shop.apps.example.com, \"*.tenants.apps.example.com\"]", 1)
	for name, kinds := range map[string][]dnssec.Kind{
		"one key":        {{Role: dnssec.CSK, Algorithm: dns.ECDSAP256SHA256}},
		"two keys":       {{Role: dnssec.KSK, Algorithm: dns.ED25519}, {Role: dnssec.ZSK, Algorithm: dns.ED25519}},
		"two algorithms": {{Role: dnssec.CSK, Algorithm: dns.ECDSAP256SHA256}, {Role: dnssec.CSK, Algorithm: dns.ED25519}},
	} {
		t.Run(name, func(t *testing.T) {
			in, ring := zonetest.Signed(t, many, domain, kinds...)
			s := zone.Compile(in)
			if len(s.Problems) > 0 {
				t.Fatal(s.Problems)
			}
			w := worker(t)
			label := rapid.SampledFrom([]string{"www", "alias", "alias2", "nowhere", "toshop", "a", "b", "c", "ent", "wild", "sibling", "x", "aliases", "child", "ns",
				"shop", "tenants", "single", "nope", "missing", "deep", "*", "_sip", "_tcp", "ns1", "UPPER"})
			rapid.Check(t, func(t *rapid.T) {
				for _, p := range s.Plans {
					p.Update(func(string) trafficv1alpha1.Verdict {
						return rapid.SampledFrom([]trafficv1alpha1.Verdict{trafficv1alpha1.VerdictHealthy, trafficv1alpha1.VerdictUnhealthy}).Draw(t, "verdict")
					})
				}
				labels := append(rapid.SliceOfN(label, 0, 4).Draw(t, "labels"), domain)
				name := strings.Join(labels, ".")
				rrtype := rapid.SampledFrom([]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeCNAME,
					dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeSRV, dns.TypeCAA, dns.TypeANY, dns.TypeNSEC, dns.TypeRRSIG, 65280}).Draw(t, "type")
				subnet := rapid.SampledFrom([]string{"", "10.1.2.0/24", "10.2.0.0/16", "10.3.3.0/24", "172.16.1.0/24", "2001:db8:1::/48"}).Draw(t, "client")
				co := rapid.Bool().Draw(t, "co")
				m := unpack(t, w.Answer(s, nil, secured(t, name, rrtype, subnet, co), resolver, true))
				if bad := validate(ring, m); bad != "" {
					t.Fatalf("%s\n%v", bad, m)
				}
				if rrtype == dns.TypeANY || rrtype == dns.TypeNSEC || rrtype == dns.TypeRRSIG {
					return
				}
				want := short(unpack(t, w.Answer(s, nil, strip(secured(t, name, rrtype, subnet, false)), resolver, true)))
				if strings.HasPrefix(want, "NXDOMAIN") != (m.Rcode == dns.RcodeNameError) && co {
					t.Fatalf("rcode %d with CO, want %s", m.Rcode, want)
				}
				if got := plain(m); got != want {
					t.Fatalf("%s", cmp.Diff(want, got))
				}
			})
		})
	}
}

// strip takes DO out of a query.
func strip(b []byte) []byte {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		panic(err)
	}
	m.IsEdns0().SetDo(false)
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func TestSignedAnswers(t *testing.T) {
	in, _ := zonetest.Signed(t, zonetest.Demo, domain)
	s := zone.Compile(in)
	for name, c := range map[string]struct {
		name   string
		rrtype uint16
		co     bool
		want   string
	}{
		"records": {"www.apps.example.com", dns.TypeAAAA, false, "NOERROR aa | AAAA RRSIG"},
		"no such name": {"nope.apps.example.com", dns.TypeA, false,
			`NOERROR aa | | SOA RRSIG NSEC(nope.apps.example.com. \000.nope.apps.example.com. RRSIG NSEC NXNAME) RRSIG`},
		"no such name, and the client knows how": {"nope.apps.example.com", dns.TypeA, true,
			`NXDOMAIN aa | | SOA RRSIG NSEC(nope.apps.example.com. \000.nope.apps.example.com. RRSIG NSEC NXNAME) RRSIG`},
		"no such type": {"www.apps.example.com", dns.TypeTXT, true,
			`NOERROR aa | | SOA RRSIG NSEC(www.apps.example.com. \000.www.apps.example.com. A AAAA RRSIG NSEC) RRSIG`},
		"empty non-terminal": {"b.c.ent.apps.example.com", dns.TypeA, false,
			`NOERROR aa | | SOA RRSIG NSEC(b.c.ent.apps.example.com. \000.b.c.ent.apps.example.com. RRSIG NSEC) RRSIG`},
		"wildcard": {"x.wild.apps.example.com", dns.TypeTXT, false, "NOERROR aa | TXT RRSIG"},
		"wildcard, no such type": {"x.wild.apps.example.com", dns.TypeA, false,
			`NOERROR aa | | SOA RRSIG NSEC(x.wild.apps.example.com. \000.x.wild.apps.example.com. TXT RRSIG NSEC) RRSIG`},
		"alias": {"alias2.apps.example.com", dns.TypeAAAA, false, "NOERROR aa | CNAME RRSIG CNAME RRSIG AAAA RRSIG"},
		"alias to nothing": {"nowhere.apps.example.com", dns.TypeAAAA, false,
			`NOERROR aa | CNAME RRSIG | SOA RRSIG NSEC(missing.deep.apps.example.com. \000.missing.deep.apps.example.com. RRSIG NSEC NXNAME) RRSIG`},
		"a family that the endpoint has not": {"single.apps.example.com", dns.TypeAAAA, false,
			`NOERROR aa | | SOA RRSIG NSEC(single.apps.example.com. \000.single.apps.example.com. A RRSIG NSEC) RRSIG`},
		"a type that the host has not": {"shop.apps.example.com", dns.TypeMX, false,
			`NOERROR aa | | SOA RRSIG NSEC(shop.apps.example.com. \000.shop.apps.example.com. A AAAA RRSIG NSEC) RRSIG`},
		"referral": {"www.child.apps.example.com", dns.TypeA, false,
			`NOERROR | | NS NS NSEC(child.apps.example.com. \000.child.apps.example.com. NS RRSIG NSEC) RRSIG | A AAAA`},
		"no DS": {"child.apps.example.com", dns.TypeDS, false,
			`NOERROR aa | | SOA RRSIG NSEC(child.apps.example.com. \000.child.apps.example.com. NS RRSIG NSEC) RRSIG`},
		"keys":         {"apps.example.com", dns.TypeDNSKEY, false, "NOERROR aa | DNSKEY RRSIG"},
		"asked for":    {"apps.example.com", dns.TypeCDS, false, "NOERROR aa | CDS RRSIG"},
		"name servers": {"apps.example.com", dns.TypeNS, false, "NOERROR aa | NS NS RRSIG | | A RRSIG AAAA RRSIG"},
		"any":          {"www.apps.example.com", dns.TypeANY, false, "NOERROR aa | A A RRSIG"},
		"any of a host": {"shop.apps.example.com", dns.TypeANY, false,
			`NOERROR aa | NSEC(shop.apps.example.com. \000.shop.apps.example.com. A AAAA RRSIG NSEC) RRSIG`},
		"NSEC of an alias": {"alias.apps.example.com", dns.TypeNSEC, false,
			`NOERROR aa | NSEC(alias.apps.example.com. \000.alias.apps.example.com. CNAME RRSIG NSEC) RRSIG`},
		"signatures":                       {"www.apps.example.com", dns.TypeRRSIG, false, "NOERROR aa | RRSIG"},
		"what means that there is no name": {"www.apps.example.com", dns.TypeNXNAME, false, "FORMERR ede=30"},
	} {
		t.Run(name, func(t *testing.T) {
			m := unpack(t, worker(t).Answer(s, nil, secured(t, c.name, c.rrtype, "", c.co), resolver, false))
			if diff := cmp.Diff(c.want, sections(m)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// sections is the types of an answer, and proofs in full.
func sections(m *dns.Msg) string {
	head := *m
	head.Answer, head.Ns, head.Extra = nil, nil, nil
	if o := m.IsEdns0(); o != nil {
		head.Extra = []dns.RR{o}
	}
	out := short(&head)
	for i, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		text := ""
		for _, r := range section {
			switch r := r.(type) {
			case *dns.OPT:
			case *dns.NSEC:
				text += " NSEC(" + r.Hdr.Name + " " + strings.TrimPrefix(r.String(), r.Hdr.String()) + ")"
			default:
				text += " " + dns.Type(r.Header().Rrtype).String()
			}
		}
		if text != "" || i == 0 && len(m.Ns) > 0 || i == 1 && len(m.Extra) > 1 {
			out += " |" + text
		}
	}
	return out
}

// What is signed ahead costs no allocation, and neither does what was asked for a moment ago.
func TestSignedAnswersDoNotAllocate(t *testing.T) {
	in, _ := zonetest.Signed(t, zonetest.Demo, domain)
	s := zone.Compile(in)
	w := worker(t)
	dst := make([]byte, 0, 1232)
	for name, q := range map[string][]byte{
		"plain":    secured(t, "www.apps.example.com", dns.TypeA, "", false),
		"geo":      secured(t, "shop.apps.example.com", dns.TypeA, "10.1.2.0/24", false),
		"no type":  secured(t, "www.apps.example.com", dns.TypeMX, "", false),
		"nxdomain": secured(t, "nope.nope.apps.example.com", dns.TypeA, "10.1.2.0/24", false),
		"denied":   secured(t, "nowhere.apps.example.com", dns.TypeA, "", false),
		"alias":    secured(t, "alias2.apps.example.com", dns.TypeA, "", false),
		"referral": secured(t, "www.child.apps.example.com", dns.TypeA, "", false),
		"wildcard": secured(t, "x.wild.apps.example.com", dns.TypeTXT, "", false),
	} {
		if n := testing.AllocsPerRun(100, func() { w.Answer(s, dst, q, resolver, false) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Who invents names uses up a budget that others do not need.
func TestBudgetOfSignatures(t *testing.T) {
	in, ring := zonetest.Signed(t, zonetest.Demo, domain)
	s := zone.Compile(in)
	w := worker(t)
	in.Online.Refill(3)
	ask := func(name string, tcp bool) *dns.Msg {
		b := w.Answer(s, nil, secured(t, name+".apps.example.com", dns.TypeA, "", false), resolver, tcp)
		if b == nil {
			return nil
		}
		return unpack(t, b)
	}
	for i := range 3 {
		if m := ask(fmt.Sprintf("made-up-%d", i), false); m.Truncated || validate(ring, m) != "" {
			t.Fatalf("%d: %v", i, m)
		}
	}
	if m := ask("one-more", false); !m.Truncated || m.Rcode != dns.RcodeSuccess || len(m.Answer)+len(m.Ns) > 0 {
		t.Errorf("over the budget: %v", m)
	}
	if m := ask("made-up-1", false); m.Truncated {
		t.Errorf("what was signed before: %v", m)
	}
	for _, name := range []string{"www", "shop"} {
		if m := ask(name, false); m.Truncated || len(m.Answer) == 0 || validate(ring, m) != "" {
			t.Errorf("what is signed ahead: %v", m)
		}
	}
	// Neither do any of the answers that failovers lead to.
	for _, dead := range []string{"", "fra", "iad", "sin"} {
		for _, p := range s.Plans {
			p.Update(func(c string) trafficv1alpha1.Verdict {
				if c == dead {
					return trafficv1alpha1.VerdictUnhealthy
				}
				return trafficv1alpha1.VerdictHealthy
			})
		}
		for _, subnet := range []string{"10.1.2.0/24", "10.2.0.0/16", "10.3.0.0/24"} {
			m := unpack(t, w.Answer(s, nil, secured(t, "shop.apps.example.com", dns.TypeAAAA, subnet, false), resolver, false))
			if m.Truncated || len(m.Answer) != 2 || validate(ring, m) != "" {
				t.Errorf("%s is dead: %v", dead, m)
			}
		}
	}
	if m := ask("one-more", true); m == nil || validate(ring, m) != "" {
		t.Errorf("over TCP: %v", m)
	}
	ask("b", true)
	ask("c", true)
	if m := ask("d", true); m != nil {
		t.Errorf("over the budget over TCP: %v", m)
	}
	if made, denied := in.Online.Counts(); made != 6 || denied != 2 {
		t.Errorf("%d signatures, %d denied", made, denied)
	}
	if m := ask("www", true); m == nil || len(m.Answer) == 0 {
		t.Errorf("the next over TCP: %v", m)
	}
}
