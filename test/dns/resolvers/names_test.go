//go:build linux

package resolvers

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"
)

// Names of every kind resolve through every resolver, however that asks, and none finds fault with the
// answers.
func TestNames(t *testing.T) {
	n := newInternet(t, documents(20, 5))
	const clientSubnet = "send-client-subnet: 0.0.0.0/0\nmax-client-subnet-ipv4: 24"
	for name, start := range map[string]func(*testing.T) *resolver{
		"unbound": func(t *testing.T) *resolver { return n.unbound(t, american, "iterator", "") },
		"unbound without minimised names": func(t *testing.T) *resolver {
			return n.unbound(t, american, "iterator", "qname-minimisation: no")
		},
		"unbound, strict in everything": func(t *testing.T) *resolver {
			return n.unbound(t, american, "iterator", "qname-minimisation-strict: yes\nuse-caps-for-id: yes\nharden-referral-path: yes\nharden-below-nxdomain: yes\nharden-large-queries: yes")
		},
		"unbound with 512 octets":  func(t *testing.T) *resolver { return n.unbound(t, american, "iterator", "edns-buffer-size: 512") },
		"unbound with 4096 octets": func(t *testing.T) *resolver { return n.unbound(t, american, "iterator", "edns-buffer-size: 4096") },
		"unbound over TCP":         func(t *testing.T) *resolver { return n.unbound(t, american, "iterator", "tcp-upstream: yes") },
		"unbound over IPv6":        func(t *testing.T) *resolver { return n.unbound(t, american6, "iterator", "") },
		"unbound with client subnets": func(t *testing.T) *resolver {
			return n.unbound(t, american, "subnetcache iterator", clientSubnet+"\nuse-caps-for-id: yes")
		},
		"bind, strict":                 func(t *testing.T) *resolver { return n.bind(t, singaporean, "qname-minimization strict;") },
		"bind without minimised names": func(t *testing.T) *resolver { return n.bind(t, singaporean, "qname-minimization off;") },
		"bind with 512 octets":         func(t *testing.T) *resolver { return n.bind(t, singaporean, "edns-udp-size 512;\nmax-udp-size 512;") },
		"bind without cookies":         func(t *testing.T) *resolver { return n.bind(t, singaporean, "send-cookie no;\nedns-udp-size 4096;") },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			before, tcpBefore := n.answered(t), n.answered(t, "tcp")
			for _, q := range questions(r.addr) {
				m := r.resolve(t, r.addr, q.name, q.rrtype)
				want := slices.Clone(q.want)
				slices.Sort(want)
				if diff := cmp.Diff(want, lines(m)); diff != "" || m.Rcode != q.rcode {
					t.Errorf("%s %s: %s\n%s", q.name, miekg.TypeToString[q.rrtype], miekg.RcodeToString[m.Rcode], diff)
				}
			}
			if c := r.complaints(t); len(c) > 0 {
				t.Errorf("the resolver complains: %q", c)
			}
			if asked := n.answered(t) - before; asked < 30 {
				t.Errorf("our name servers were asked %d times only", asked)
			}
			if n.answered(t, "tcp") == tcpBefore {
				t.Error("long answers came without TCP")
			}
			// It does complain about a zone that is delegated to us and that we do not have.
			if m := r.resolve(t, r.addr, "www.orphan.test", miekg.TypeA); m.Rcode != miekg.RcodeServerFailure || len(r.complaints(t)) == 0 {
				t.Errorf("a lame delegation: %s, complaints %q", miekg.RcodeToString[m.Rcode], r.complaints(t))
			}
		})
	}
}

type expectation struct {
	name   string
	rrtype uint16
	rcode  int
	want   []string
}

// questions are those for a resolver at an address, to which the shop near it is near.
func questions(addr string) []expectation {
	cluster := map[string]int{american: 2, american6: 2, singaporean: 3}[addr]
	shop, shop6 := fmt.Sprintf("A 198.51.100.%d", cluster), fmt.Sprintf("AAAA 2001:db8:f::%d", cluster)
	www := []string{"A 192.0.2.10", "A 192.0.2.11"}
	txt := func(all []string) (out []string) {
		for _, s := range all {
			out = append(out, fmt.Sprintf("TXT %q", s))
		}
		return out
	}
	const a, aaaa, nxdomain = miekg.TypeA, miekg.TypeAAAA, miekg.RcodeNameError
	return []expectation{
		{"shop.apps.test", a, 0, []string{shop}},
		{"shop.apps.test", aaaa, 0, []string{shop6}},
		{"shop.apps.test", miekg.TypeTXT, 0, nil},
		{"some.tenants.apps.test", a, 0, []string{shop}},
		{"a.b.tenants.apps.test", aaaa, 0, []string{shop6}},
		{"tenants.apps.test", a, 0, nil},
		{"apps.test", a, 0, []string{shop}},
		{"apps.test", miekg.TypeNS, 0, []string{"NS ns1.apps.test.", "NS ns2.apps.test."}},
		{"apps.test", miekg.TypeMX, 0, []string{"MX 10 www.apps.test."}},
		{"apps.test", miekg.TypeTXT, 0, txt([]string{"v=spf1 -all"})},
		{"apps.test", miekg.TypeCAA, 0, []string{`CAA 0 issue "ca.example.net"`}},
		{"apps.test", miekg.TypeHTTPS, 0, nil},
		{"shop.private.test", a, 0, []string{shop}},
		{"ns1.apps.test", a, 0, []string{"A " + ns1Addr}},
		{"WwW.aPPs.TesT", a, 0, www},
		{"www.apps.test", aaaa, 0, []string{"AAAA 2001:db8::10"}},
		{"alias.apps.test", a, 0, append([]string{"CNAME alias2.apps.test.", "CNAME www.apps.test."}, www...)},
		{"alias.apps.test", miekg.TypeCNAME, 0, []string{"CNAME alias2.apps.test."}},
		{"alias.apps.test", miekg.TypeMX, 0, []string{"CNAME alias2.apps.test.", "CNAME www.apps.test."}},
		{"toshop.apps.test", a, 0, []string{"CNAME shop.apps.test.", shop}},
		{"away.apps.test", a, 0, []string{"CNAME www.elsewhere.test.", "A 192.0.2.80"}},
		{"nowhere.apps.test", a, nxdomain, []string{"CNAME missing.apps.test."}},
		{"missing.apps.test", a, nxdomain, nil},
		{"far.below.missing.apps.test", aaaa, nxdomain, nil},
		{"a.b.c.ent.apps.test", a, 0, []string{"A 192.0.2.20"}},
		{"b.c.ent.apps.test", a, 0, nil},
		{"ent.apps.test", miekg.TypeTXT, 0, nil},
		{"x.c.ent.apps.test", a, nxdomain, nil},
		{"any.wild.apps.test", a, 0, []string{"A 192.0.2.30"}},
		{"any.more.wild.apps.test", miekg.TypeTXT, 0, txt([]string{"wild"})},
		{"any.wild.apps.test", aaaa, 0, nil},
		{"*.wild.apps.test", a, 0, []string{"A 192.0.2.30"}},
		{"sibling.wild.apps.test", a, 0, []string{"A 192.0.2.31"}},
		{"sibling.wild.apps.test", miekg.TypeTXT, 0, nil},
		{"x.sibling.wild.apps.test", a, nxdomain, nil},
		{"_sip._tcp.apps.test", miekg.TypeSRV, 0, []string{"SRV 10 5 5060 www.apps.test."}},
		{"_tcp.apps.test", miekg.TypeSRV, 0, nil},
		{"www.child.apps.test", a, 0, []string{"A 192.0.2.90"}},
		{"child.apps.test", miekg.TypeNS, 0, []string{"NS ns.child.apps.test."}},
		{"missing.child.apps.test", a, nxdomain, nil},
		{"medium.apps.test", miekg.TypeTXT, 0, txt(mediumText)},
		{"big.apps.test", miekg.TypeTXT, 0, txt(bigText)},
	}
}
