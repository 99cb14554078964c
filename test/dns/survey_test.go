package dns

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// The survey is what a list of RFCs asks of every authoritative server, each row by its number.
func TestSurvey(t *testing.T) {
	var long, longer []string
	for i := range 12 {
		long = append(long, fmt.Sprintf("%q", strings.Repeat(fmt.Sprint(i%10), 60)))
	}
	for i := range 40 {
		longer = append(longer, fmt.Sprintf("%q", strings.Repeat(fmt.Sprint(i%10), 58)+fmt.Sprint(10+i)))
	}
	zone := strings.Replace(zonetest.Demo, "  records:\n", "  records:\n"+
		"  - {name: long, type: TXT, values: ["+strings.Join(long, ", ")+"]}\n"+
		"  - {name: longer, type: TXT, values: ["+strings.Join(longer, ", ")+"]}\n", 1)
	to := start(t, zone, nil).Addresses()[0]

	const a, txt = miekg.TypeA, miekg.TypeTXT
	in := func(name string) string { return name + ".apps.example.com" }
	expect := func(t *testing.T, m *miekg.Msg, rcode int, aa bool, answer ...string) {
		t.Helper()
		if m.Rcode != rcode || m.Authoritative != aa || m.RecursionAvailable || m.AuthenticatedData || m.Zero {
			t.Errorf("rcode %s, aa %v, ra %v: %v", miekg.RcodeToString[m.Rcode], m.Authoritative, m.RecursionAvailable, m)
		}
		if got := lines(m.Answer); !slices.Equal(got, answer) {
			t.Errorf("answer %q, want %q", got, answer)
		}
	}
	nothing := func(t *testing.T, m *miekg.Msg, rcode int) {
		t.Helper()
		expect(t, m, rcode, true)
		if err := hasSOA(m, 30); err != nil {
			t.Error(err)
		}
	}
	rcodeOnly := func(t *testing.T, b []byte, rcodes ...int) {
		t.Helper()
		if b == nil {
			t.Fatal("no answer")
		}
		if got := int(b[3] & 0xF); !slices.Contains(rcodes, got) {
			t.Errorf("rcode %s", miekg.RcodeToString[got])
		}
		if b[2]&0x80 == 0 || b[2]&0x04 != 0 || b[3]&0x80 != 0 {
			t.Errorf("flags %02x%02x", b[2], b[3])
		}
	}
	header := func(flags uint16, counts ...uint16) []byte {
		b := []byte{0x12, 0x34}
		b = binary.BigEndian.AppendUint16(b, flags)
		for _, c := range counts {
			b = binary.BigEndian.AppendUint16(b, c)
		}
		return b
	}
	raw := pack(t, question(in("www"), a))[12:]
	ecs := func(t *testing.T, option string) []byte {
		o, err := hex.DecodeString(strings.ReplaceAll(option, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b := append(header(0, 1, 0, 0, 1), raw...)
		b = append(b, 0, 0, 41, 0x10, 0, 0, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(o)+4))
		b = append(b, 0, 8)
		return append(binary.BigEndian.AppendUint16(b, uint16(len(o))), o...)
	}

	for name, row := range map[string]func(t *testing.T){
		"01 RFC 1035: positive answer, AA, RA clear": func(t *testing.T) {
			q := question(in("www"), a)
			q.RecursionDesired = true
			m := ask(t, to, q)
			expect(t, m, 0, true, "A 192.0.2.10", "A 192.0.2.11")
			if !m.RecursionDesired {
				t.Error("RD is not repeated")
			}
		},
		"02 0x20: case of the question is kept": func(t *testing.T) {
			q := pack(t, question("wWw.aPPs.ExAmple.coM", a))
			if got := udp(t, to, q); !equalQuestion(q, got) {
				t.Errorf("%x came back as %x", q, got)
			}
		},
		"03 RFC 2308: NXDOMAIN with SOA and negative TTL": func(t *testing.T) {
			nothing(t, ask(t, to, question(in("nope"), a)), miekg.RcodeNameError)
		},
		"04 RFC 2308: NODATA with SOA": func(t *testing.T) { nothing(t, ask(t, to, question(in("www"), txt)), 0) },
		"05 RFC 8020: empty non-terminal is NODATA": func(t *testing.T) {
			nothing(t, ask(t, to, question(in("c.ent"), a)), 0)
		},
		"06 RFC 4592: wildcard": func(t *testing.T) {
			m := ask(t, to, question(in("x.y.wild"), txt))
			expect(t, m, 0, true, `TXT "wild"`)
			if m.Answer[0].Header().Name != "x.y.wild.apps.example.com." {
				t.Error("the owner is not the question's name")
			}
		},
		"07 RFC 4592: wildcard NODATA": func(t *testing.T) { nothing(t, ask(t, to, question(in("x.wild"), a)), 0) },
		"08 RFC 4592: below an existing sibling there is no wildcard": func(t *testing.T) {
			nothing(t, ask(t, to, question(in("x.sibling.wild"), txt)), miekg.RcodeNameError)
		},
		"09 RFC 4592: an empty non-terminal blocks the wildcard above it": func(t *testing.T) {
			nothing(t, ask(t, to, question(in("y.ent.wild"), txt)), miekg.RcodeNameError)
		},
		"10 RFC 1034: CNAME in the zone": func(t *testing.T) {
			expect(t, ask(t, to, question(in("alias"), miekg.TypeAAAA)), 0, true, "CNAME www.apps.example.com.", "AAAA 2001:db8::10")
		},
		"11 RFC 1034: CNAME chain is completed": func(t *testing.T) {
			expect(t, ask(t, to, question(in("alias2"), miekg.TypeAAAA)), 0, true,
				"CNAME alias.apps.example.com.", "CNAME www.apps.example.com.", "AAAA 2001:db8::10")
		},
		"12 RFC 2308: CNAME out of the zone": func(t *testing.T) {
			m := ask(t, to, question(in("away"), a))
			expect(t, m, 0, true, "CNAME www.example.org.")
			if len(m.Ns) > 0 {
				t.Errorf("authority: %v", m.Ns)
			}
		},
		"13 RFC 1034: referral": func(t *testing.T) {
			m := ask(t, to, question("www."+in("child"), a))
			expect(t, m, 0, false)
			if got := lines(m.Ns); !slices.Equal(got, []string{"NS ns.child.apps.example.com.", "NS ns.example.net."}) {
				t.Errorf("authority %q", got)
			}
			if got := lines(m.Extra); !slices.Equal(got, []string{"A 192.0.2.54", "AAAA 2001:db8::54"}) {
				t.Errorf("glue %q", got)
			}
		},
		"14 RFC 4035: DS at the cut is the parent's": func(t *testing.T) { nothing(t, ask(t, to, question(in("child"), miekg.TypeDS)), 0) },
		"15 RFC 1035: 512 octets without EDNS": func(t *testing.T) {
			m := ask(t, to, question(in("long"), txt))
			if !m.Truncated || len(m.Answer) > 0 {
				t.Errorf("tc %v, %d records", m.Truncated, len(m.Answer))
			}
		},
		"16 RFC 6891: 1232 octets with EDNS": func(t *testing.T) {
			if m := ask(t, to, edns(question(in("longer"), txt), 1232)); !m.Truncated {
				t.Error("not truncated")
			}
			if m := ask(t, to, edns(question(in("long"), txt), 1232, withCookie(t, to))); m.Truncated || len(m.Answer) == 0 {
				t.Error("what fits is truncated")
			}
		},
		"17 RFC 6891: a large client buffer is capped": func(t *testing.T) {
			m := ask(t, to, edns(question(in("longer"), txt), 4096))
			if !m.Truncated || m.IsEdns0().UDPSize() != 1232 {
				t.Errorf("tc %v, buffer %d", m.Truncated, m.IsEdns0().UDPSize())
			}
		},
		"18 RFC 7766: TCP gives the whole answer": func(t *testing.T) {
			m := unpack(t, tcp(t, to, pack(t, question(in("longer"), txt)))[0])
			if m.Truncated || len(m.Answer) != 40 {
				t.Errorf("tc %v, %d records", m.Truncated, len(m.Answer))
			}
		},
		"19 RFC 7766: pipelining": func(t *testing.T) {
			var queries [][]byte
			for i := range 3 {
				q := question(in([]string{"www", "nope", "longer"}[i]), txt)
				q.Id = uint16(100 + i)
				queries = append(queries, pack(t, q))
			}
			for i, b := range tcp(t, to, queries...) {
				if m := unpack(t, b); m.Id != uint16(100+i) {
					t.Errorf("answer %d has id %d", i, m.Id)
				}
			}
		},
		"20 RFC 7828: keepalive": func(t *testing.T) {
			q := edns(question(in("www"), a), 1232, &miekg.EDNS0_TCP_KEEPALIVE{Code: miekg.EDNS0TCPKEEPALIVE})
			if o := option[*miekg.EDNS0_TCP_KEEPALIVE](unpack(t, tcp(t, to, pack(t, q))[0])); o == nil || o.Timeout != 100 {
				t.Errorf("over TCP: %v", o)
			}
			if o := option[*miekg.EDNS0_TCP_KEEPALIVE](ask(t, to, q)); o != nil {
				t.Errorf("over UDP: %v", o)
			}
		},
		"21 RFC 8482: ANY is minimal": func(t *testing.T) {
			expect(t, ask(t, to, question(in("www"), miekg.TypeANY)), 0, true, `HINFO "RFC8482" ""`)
		},
		"22 RFC 9619: two questions": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, slices.Concat(header(0, 2, 0, 0, 0), raw, raw)), miekg.RcodeFormatError)
		},
		"23 RFC 9619: no question": func(t *testing.T) { rcodeOnly(t, udp(t, to, header(0, 0, 0, 0, 0)), miekg.RcodeFormatError) },
		"24 RFC 1035: unknown opcode": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, append(header(15<<11, 1, 0, 0, 0), raw...)), miekg.RcodeNotImplemented)
		},
		"25 RFC 2136: UPDATE of no zone is answered": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, append(header(5<<11, 1, 0, 0, 0), raw...)), miekg.RcodeFormatError)
		},
		"26 RFC 1996: NOTIFY of no zone is answered": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, append(header(4<<11, 1, 0, 0, 0), raw...)), miekg.RcodeNotAuth)
		},
		"27 RFC 1035: an answer is not answered": func(t *testing.T) {
			if !silent(t, to, append(header(0x8000, 1, 0, 0, 0), raw...)) {
				t.Error("it is")
			}
		},
		"28 a header cut short is not answered": func(t *testing.T) {
			if !silent(t, to, header(0, 1)) {
				t.Error("it is")
			}
		},
		"29 RFC 1035: a question cut short": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, append(header(0, 1, 0, 0, 0), raw[:5]...)), miekg.RcodeFormatError)
		},
		"30 RFC 6891: EDNS version 1": func(t *testing.T) {
			q := edns(question(in("www"), a), 1232)
			q.IsEdns0().SetVersion(1)
			m := ask(t, to, q)
			if m.Rcode != miekg.RcodeBadVers || m.IsEdns0().Version() != 0 || len(m.Answer) > 0 {
				t.Errorf("%v", m)
			}
		},
		"31 RFC 6891: unknown option": func(t *testing.T) {
			m := ask(t, to, edns(question(in("www"), a), 1232, &miekg.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}))
			if m.Rcode != 0 || len(m.IsEdns0().Option) > 0 {
				t.Errorf("%v", m)
			}
		},
		"32 RFC 3225: DO is copied": func(t *testing.T) {
			for _, do := range []bool{true, false} {
				q := edns(question(in("www"), a), 1232)
				q.IsEdns0().SetDo(do)
				if m := ask(t, to, q); m.IsEdns0().Do() != do {
					t.Errorf("DO %v", !do)
				}
			}
		},
		"33 RFC 6891: two OPT records": func(t *testing.T) {
			opt := []byte{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0}
			rcodeOnly(t, udp(t, to, slices.Concat(header(0, 1, 0, 0, 2), raw, opt, opt)), miekg.RcodeFormatError)
		},
		"34 RFC 7871: client subnet comes back with a scope": func(t *testing.T) {
			for name, scope := range map[string]uint8{"www": 0, "nope": 0, "single": 0} {
				o := option[*miekg.EDNS0_SUBNET](ask(t, to, edns(question(in(name), a), 1232, subnet("203.0.113.0/24"))))
				if o == nil || o.SourceScope != scope || o.SourceNetmask != 24 || o.Family != 1 || o.Address.String() != "203.0.113.0" {
					t.Errorf("%s: %v", name, o)
				}
			}
			o := option[*miekg.EDNS0_SUBNET](ask(t, to, edns(question(in("shop"), a), 1232, subnet("203.0.113.0/24"))))
			if o == nil || o.SourceScope == 0 {
				t.Errorf("a name that depends on the client: %v", o)
			}
			if m := ask(t, to, edns(question(in("shop"), a), 1232)); option[*miekg.EDNS0_SUBNET](m) != nil {
				t.Error("an answer to a query without one has one")
			}
		},
		"35 RFC 7871: /0 has scope 0": func(t *testing.T) {
			o := option[*miekg.EDNS0_SUBNET](ask(t, to, edns(question(in("shop"), a), 1232, subnet("0.0.0.0/0"))))
			if o == nil || o.SourceScope != 0 {
				t.Errorf("%v", o)
			}
		},
		"36 RFC 7871: bits past the prefix": func(t *testing.T) {
			rcodeOnly(t, udp(t, to, ecs(t, "0001 10 00 0a01 ff")), miekg.RcodeFormatError)
			rcodeOnly(t, udp(t, to, ecs(t, "0001 0f 00 0a01")), miekg.RcodeFormatError)
		},
		"37 RFC 7871: unknown address family": func(t *testing.T) { rcodeOnly(t, udp(t, to, ecs(t, "0007 10 00 0a01")), miekg.RcodeFormatError) },
		"38 RFC 7871: prefix of 33 bits":      func(t *testing.T) { rcodeOnly(t, udp(t, to, ecs(t, "0001 21 00 0a01020300")), miekg.RcodeFormatError) },
		"39 RFC 7873: a client cookie gets a server cookie": func(t *testing.T) {
			c := withCookie(t, to)
			if again := option[*miekg.EDNS0_COOKIE](ask(t, to, edns(question(in("www"), a), 1232, c))); again == nil || again.Cookie != c.Cookie {
				t.Errorf("%v was sent back, and %v came", c, again)
			}
			if option[*miekg.EDNS0_COOKIE](ask(t, to, edns(question(in("www"), a), 1232))) != nil {
				t.Error("an answer to a query without one has one")
			}
		},
		"40 RFC 9018: the interoperable form": func(t *testing.T) {
			if c := withCookie(t, to).Cookie; len(c) != 48 || c[16:24] != "01000000" {
				t.Errorf("%q", c)
			}
		},
		"41 RFC 7873: a cookie of 7 octets": func(t *testing.T) {
			m := ask(t, to, edns(question(in("www"), a), 1232, &miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: clientCookie[:14]}))
			if m.Rcode != miekg.RcodeFormatError {
				t.Errorf("%v", m)
			}
		},
		"42 RFC 5001: NSID": func(t *testing.T) {
			o := option[*miekg.EDNS0_NSID](ask(t, to, edns(question(in("www"), a), 1232, &miekg.EDNS0_NSID{Code: miekg.EDNS0NSID})))
			if o == nil || o.Nsid != hex.EncodeToString([]byte("ns1")) {
				t.Errorf("%v", o)
			}
			if o := option[*miekg.EDNS0_NSID](ask(t, to, edns(question(in("www"), a), 1232))); o != nil {
				t.Error("sent to one who did not ask")
			}
		},
		"43 RFC 8914: REFUSED outside its zones": func(t *testing.T) {
			m := ask(t, to, question("www.example.org", a))
			expect(t, m, miekg.RcodeRefused, false)
			if len(m.Ns)+len(m.Extra) > 0 {
				t.Errorf("%v", m)
			}
		},
		"44 RFC 8914: with an extended error": func(t *testing.T) {
			o := option[*miekg.EDNS0_EDE](ask(t, to, edns(question("www.example.org", a), 1232)))
			if o == nil || o.InfoCode != miekg.ExtendedErrorCodeNotAuthoritative {
				t.Errorf("%v", o)
			}
		},
		"45 RFC 4892: version.bind": func(t *testing.T) {
			q := question("version.bind", txt)
			q.Question[0].Qclass = miekg.ClassCHAOS
			expect(t, ask(t, to, q), 0, true, `TXT "Seaway"`)
		},
		"46 RFC 4892: id.server": func(t *testing.T) {
			q := question("ID.server", txt)
			q.Question[0].Qclass = miekg.ClassCHAOS
			expect(t, ask(t, to, q), 0, true, `TXT "ns1"`)
		},
		"47 RFC 5936: AXFR by a stranger": func(t *testing.T) {
			q := pack(t, question("apps.example.com", miekg.TypeAXFR))
			rcodeOnly(t, tcp(t, to, q)[0], miekg.RcodeRefused, miekg.RcodeNotAuth)
			rcodeOnly(t, udp(t, to, q), miekg.RcodeRefused, miekg.RcodeNotAuth)
		},
		"48 RFC 3597: unknown type":              func(t *testing.T) { nothing(t, ask(t, to, question(in("www"), 65280)), 0) },
		"49 RFC 9460: HTTPS where there is none": func(t *testing.T) { nothing(t, ask(t, to, question(in("www"), miekg.TypeHTTPS)), 0) },
		"50 RFC 1035: meta types as questions": func(t *testing.T) {
			for _, rrtype := range []uint16{miekg.TypeOPT, miekg.TypeRRSIG, miekg.TypeTSIG, miekg.TypeTKEY, miekg.TypeMAILA, miekg.TypeNone} {
				ask(t, to, question(in("www"), rrtype))
			}
		},
	} {
		t.Run(name, row)
	}
}

const clientCookie = "0102030405060708"

// withCookie is a cookie that the server believes, as it was got from it.
func withCookie(t *testing.T, to netip.AddrPort) *miekg.EDNS0_COOKIE {
	t.Helper()
	ours := &miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: clientCookie}
	c := option[*miekg.EDNS0_COOKIE](ask(t, to, edns(question("www.apps.example.com", miekg.TypeA), 1232, ours)))
	if c == nil {
		t.Fatal("no cookie came")
	}
	return c
}

// Every type and class there is gets an answer, and none is too large or claims too much.
func TestAllTypesAndClasses(t *testing.T) {
	to := start(t, zonetest.Demo, nil).Addresses()[0]
	queries := make([][]byte, 0, 256)
	ask := func() {
		for i, b := range tcp(t, to, queries...) {
			m := unpack(t, b)
			if m.Rcode == miekg.RcodeServerFailure || !m.Response {
				t.Fatalf("%x: %v", queries[i], m)
			}
		}
		queries = queries[:0]
	}
	for n := range 1 << 16 {
		q := question("www.apps.example.com", uint16(n))
		if n%4 == 3 { // a quarter of the values as classes
			q = question("www.apps.example.com", miekg.TypeA)
			q.Question[0].Qclass = uint16(n)
		}
		if queries = append(queries, pack(t, q)); len(queries) == cap(queries) {
			ask()
		}
	}
}
