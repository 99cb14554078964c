package accept

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/cookie"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var (
	client = netip.MustParseAddr("192.0.2.1")
	begin  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func rules(t testing.TB, change func(*Rules)) *Rules {
	t.Helper()
	id, err := answer.NewIdentity("Seaway", "ns1", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r := &Rules{
		Identity: id, Accounts: limit.NewTable(1<<12, [2]uint64{1, 2}), Same: limit.PerSecond(10), All: limit.PerSecond(50),
		Slip: 2, Amplification: 10,
	}
	secrets, err := cookie.NewSecrets(cookie.Secret{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	r.SetSecrets(secrets)
	if change != nil {
		change(r)
	}
	return r
}

func demo(t testing.TB) *zone.Snapshot {
	long := strings.Repeat(`"`+strings.Repeat("x", 60)+`", `, 1)
	for i := range 11 {
		long += `"` + strings.Repeat(string(rune('a'+i)), 60) + `", `
	}
	text := strings.Replace(zonetest.Demo, "  records:\n", "  records:\n  - {name: long, type: TXT, values: ["+strings.TrimSuffix(long, ", ")+"]}\n", 1)
	return zone.Compile(zonetest.Input(t, text))
}

type change func(*dns.Msg)

func withCookie(hexText string) change {
	return func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hexText})
	}
}

func query(t testing.TB, name string, rrtype uint16, changes ...change) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name+".apps.example.com.", rrtype)
	for _, c := range changes {
		c(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpack(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	return m
}

func cookieOf(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, x := range o.Option {
			if c, ok := x.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

const clientCookie = "0102030405060708"

func TestCookies(t *testing.T) {
	p, s := New(rules(t, nil)), demo(t)
	ask := func(q []byte, from netip.Addr) (*dns.Msg, Outcome) {
		out, o := p.Message(s, nil, q, Origin{Client: from, Now: begin})
		return unpack(t, out), o
	}
	m, o := ask(query(t, "www", dns.TypeA, withCookie(clientCookie)), client)
	made := cookieOf(m)
	if o.Cookie != cookie.None || !o.HasCookie || len(made) != 48 || !strings.HasPrefix(made, clientCookie+"01000000") {
		t.Fatalf("%+v, %q", o, made)
	}
	if m, o := ask(query(t, "www", dns.TypeA, withCookie(made)), client); o.Cookie != cookie.Good || cookieOf(m) != made {
		t.Errorf("sent back: %+v, %q", o, cookieOf(m))
	}
	if m, o := ask(query(t, "www", dns.TypeA, withCookie(made)), netip.MustParseAddr("192.0.2.2")); o.Cookie != cookie.Bad || m.Rcode != 0 || cookieOf(m) == made {
		t.Errorf("from elsewhere: %+v, %v", o, m)
	}
	if m, _ := ask(query(t, "www", dns.TypeA), client); m.IsEdns0() != nil {
		t.Error("who sent none got one")
	}
	t.Run("a query without a question is after a cookie", func(t *testing.T) {
		q := query(t, "www", dns.TypeA, withCookie(clientCookie), func(m *dns.Msg) { m.Question = nil })
		if m, _ := ask(q, client); m.Rcode != 0 || len(cookieOf(m)) != 48 {
			t.Errorf("%v", m)
		}
	})
	t.Run("a malformed cookie", func(t *testing.T) {
		for _, size := range []int{0, 7, 9, 15, 41} {
			m, _ := ask(query(t, "www", dns.TypeA, withCookie(strings.Repeat("00", size))), client)
			if m.Rcode != dns.RcodeFormatError {
				t.Errorf("%d octets: %v", size, m)
			}
		}
	})
	t.Run("required", func(t *testing.T) {
		p := New(rules(t, func(r *Rules) { r.RequireCookie = true }))
		out, o := p.Message(s, nil, query(t, "www", dns.TypeA, withCookie(clientCookie)), Origin{Client: client, Now: begin})
		m := unpack(t, out)
		if o.Fate != NoCookie || o.Rcode != dns.RcodeBadCookie || m.Rcode != dns.RcodeBadCookie || len(m.Answer) > 0 {
			t.Fatalf("%+v, %v", o, m)
		}
		if _, o := p.Message(s, nil, query(t, "www", dns.TypeA, withCookie(cookieOf(m))), Origin{Client: client, Now: begin}); o.Fate != Answered || o.Rcode != 0 {
			t.Errorf("with the cookie: %+v", o)
		}
		if _, o := p.Message(s, nil, query(t, "www", dns.TypeA), Origin{Client: client, Now: begin}); o.Fate != Answered || o.Rcode != 0 {
			t.Errorf("one that does not know cookies: %+v", o)
		}
		if _, o := p.Message(s, nil, query(t, "www", dns.TypeA, withCookie(clientCookie)), Origin{Client: client, Now: begin, Stream: true}); o.Rcode != 0 {
			t.Errorf("over TCP: %+v", o)
		}
	})
	t.Run("without secrets there are none", func(t *testing.T) {
		p := New(rules(t, func(r *Rules) { r.SetSecrets(nil); r.RequireCookie = true }))
		out, _ := p.Message(s, nil, query(t, "www", dns.TypeA, withCookie(clientCookie)), Origin{Client: client, Now: begin})
		if m := unpack(t, out); m.Rcode != 0 || cookieOf(m) != "" {
			t.Errorf("%v", m)
		}
	})
}

func TestRateLimit(t *testing.T) {
	s := demo(t)
	count := func(r *Rules, o Origin, queries ...[]byte) (fates [FateCount]int) {
		p := New(r)
		for range 100 {
			for _, q := range queries {
				out, result := p.Message(s, nil, q, o)
				fates[result.Fate]++
				if (out == nil) != (result.Fate == Limited) || len(out) > 10*len(q) {
					t.Fatalf("%+v: %x", result, out)
				}
				switch m := out; result.Fate {
				case Slipped:
					if m := unpack(t, m); !m.Truncated || len(m.Answer)+len(m.Ns) > 0 {
						t.Fatalf("%v", m)
					}
				case NoCookie:
					if m := unpack(t, m); m.Rcode != dns.RcodeBadCookie || m.Truncated {
						t.Fatalf("%v", m)
					}
				}
			}
		}
		return fates
	}
	www, plain := query(t, "www", dns.TypeA), Origin{Client: client, Now: begin}
	var made [cookie.Size]byte
	rules(t, nil).Secrets().Check([]byte{1, 2, 3, 4, 5, 6, 7, 8}, client, uint32(begin.Unix()), &made)
	var many [][]byte
	for i := range 20 {
		many = append(many, query(t, string(rune('a'+i))+".wild", dns.TypeTXT))
	}
	for name, c := range map[string]struct {
		change  func(*Rules)
		origin  Origin
		queries [][]byte
		want    [FateCount]int
	}{
		"the same question":                {nil, plain, [][]byte{www}, [FateCount]int{Answered: 10, Limited: 45, Slipped: 45}},
		"names of a wildcard are the same": {nil, plain, many, [FateCount]int{Answered: 10, Limited: 995, Slipped: 995}},
		"names that are not there are the same": {nil, plain, [][]byte{query(t, "no", dns.TypeA), query(t, "x.no", dns.TypeA), query(t, "www", dns.TypeTXT)},
			[FateCount]int{Answered: 10, Limited: 145, Slipped: 145}},
		"errors are the same": {nil, plain, [][]byte{{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, query(t, "x\\.", dns.TypeA)[:30]},
			[FateCount]int{Answered: 10, Limited: 95, Slipped: 95}},
		"different questions have limits of their own, and one together": {nil, plain,
			[][]byte{www, query(t, "www", dns.TypeAAAA), query(t, "shop", dns.TypeA), query(t, "alias", dns.TypeA), query(t, "nope", dns.TypeA), query(t, "a.wild", dns.TypeTXT), query(t, "child", dns.TypeA), query(t, "single", dns.TypeA)},
			[FateCount]int{Answered: 50, Limited: 375, Slipped: 375}},
		"no slip":                               {func(r *Rules) { r.Slip = 0 }, plain, [][]byte{www}, [FateCount]int{Answered: 10, Limited: 90}},
		"off":                                   {func(r *Rules) { r.Accounts = nil }, plain, [][]byte{www}, [FateCount]int{Answered: 100}},
		"an exempt network":                     {func(r *Rules) { r.Exempt = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, plain, [][]byte{www}, [FateCount]int{Answered: 100}},
		"over TCP":                              {nil, Origin{Client: client, Now: begin, Stream: true}, [][]byte{www}, [FateCount]int{Answered: 100}},
		"with a good cookie":                    {nil, plain, [][]byte{query(t, "www", dns.TypeA, withCookie(clientCookie+hex.EncodeToString(made[:])))}, [FateCount]int{Answered: 100}},
		"a client that speaks cookies gets one": {nil, plain, [][]byte{query(t, "www", dns.TypeA, withCookie(clientCookie))}, [FateCount]int{Answered: 10, Limited: 45, NoCookie: 45}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := count(rules(t, c.change), c.origin, c.queries...); got != c.want {
				t.Errorf("answered, ignored, limited, slipped, no cookie: %v, want %v", got, c.want)
			}
		})
	}
}

func TestAmplification(t *testing.T) {
	p, s := New(rules(t, nil)), demo(t)
	big := func(m *dns.Msg) { m.SetEdns0(1232, false) }
	out, _ := p.Message(s, nil, query(t, "long", dns.TypeTXT, big), Origin{Client: client, Now: begin})
	if m := unpack(t, out); !m.Truncated || len(m.Answer) > 0 {
		t.Errorf("without cookie: %d octets", len(out))
	}
	var made [cookie.Size]byte
	p.rules.Secrets().Check([]byte{1, 2, 3, 4, 5, 6, 7, 8}, client, uint32(begin.Unix()), &made)
	out, _ = p.Message(s, nil, query(t, "long", dns.TypeTXT, withCookie(clientCookie+hex.EncodeToString(made[:]))), Origin{Client: client, Now: begin})
	if m := unpack(t, out); m.Truncated || len(m.Answer) != 12 {
		t.Errorf("with a good one: %v", m)
	}
}

func TestProxies(t *testing.T) {
	fra, sin := netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.3.0.1")
	s := demo(t)
	p := New(rules(t, func(r *Rules) { r.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }))
	q := query(t, "shop", dns.TypeA)
	for name, c := range map[string]struct {
		from netip.Addr
		msg  []byte
		want string // the address in the answer, or the rcode, or nothing
	}{
		"a proxy's client":         {client, append(proxy.Append(nil, netip.AddrPortFrom(sin, 1), netip.AddrPortFrom(fra, 53)), q...), "198.51.100.3"},
		"a proxy by itself":        {client, append([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"), q...), "any"},
		"a stranger is not one":    {fra, append(proxy.Append(nil, netip.AddrPortFrom(sin, 1), netip.AddrPortFrom(fra, 53)), q...), "NOTIMP"},
		"a proxy may do without":   {client, q, "any"},
		"a header that is cut":     {client, proxy.Append(nil, netip.AddrPortFrom(sin, 1), netip.AddrPortFrom(fra, 53))[:20], ""},
		"a header without a query": {client, proxy.Append(nil, netip.AddrPortFrom(sin, 1), netip.AddrPortFrom(fra, 53)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, o := p.Datagram(s, nil, c.msg, Origin{Client: c.from, Now: begin})
			if out == nil {
				if c.want != "" || o.Fate != Ignored {
					t.Errorf("silence: %+v", o)
				}
				return
			}
			m := unpack(t, out)
			got := dns.RcodeToString[m.Rcode]
			if len(m.Answer) > 0 {
				got = m.Answer[0].(*dns.A).A.String()
			}
			if got != c.want && (c.want != "any" || len(m.Answer) == 0) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestPadding(t *testing.T) {
	p, s := New(rules(t, nil)), demo(t)
	pad := func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_PADDING{Padding: make([]byte, 10)})
	}
	for name, padded := range map[string]bool{"encrypted": true, "plain": false} {
		for _, q := range []string{"www", "long", "nope"} {
			out, _ := p.Message(s, nil, query(t, q, dns.TypeTXT, pad), Origin{Client: client, Now: begin, Stream: true, Encrypted: padded})
			unpack(t, out)
			if (len(out)%468 == 0) != padded {
				t.Errorf("%s, %s: %d octets", name, q, len(out))
			}
		}
	}
	if out, _ := p.Message(s, nil, query(t, "www", dns.TypeA), Origin{Client: client, Now: begin, Stream: true, Encrypted: true}); len(out) > 100 {
		t.Error("padded although nobody asked")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	p, s := New(rules(t, nil)), demo(t)
	dst := make([]byte, 0, wire.UDPSize)
	for name, q := range map[string][]byte{"plain": query(t, "www", dns.TypeA), "cookie": query(t, "shop", dns.TypeA, withCookie(clientCookie))} {
		i := 0
		if n := testing.AllocsPerRun(1000, func() {
			i++
			p.Datagram(s, dst, q, Origin{Client: client, Now: begin.Add(time.Duration(i) * time.Millisecond)})
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkDatagram(b *testing.B) {
	s := demo(b)
	for name, q := range map[string][]byte{
		"plain": query(b, "www", dns.TypeA), "cookie": query(b, "www", dns.TypeA, withCookie(clientCookie)),
		"geo": query(b, "shop", dns.TypeA), "nxdomain": query(b, "nope", dns.TypeA),
	} {
		b.Run(name, func(b *testing.B) {
			p := New(rules(b, func(r *Rules) { r.Accounts = limit.NewTable(1<<17, [2]uint64{1, 2}) }))
			dst := make([]byte, 0, wire.UDPSize)
			b.ReportAllocs()
			i := uint32(0)
			for b.Loop() {
				i += 7919
				p.Datagram(s, dst, q, Origin{Client: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Now: begin.Add(time.Duration(i))})
			}
		})
	}
}
