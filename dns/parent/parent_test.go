package parent

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// listen answers on a loopback address and port by UDP and TCP, and returns the port.
func listen(t *testing.T, ip string, port int, handle dns.HandlerFunc) int {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(ip), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	port = l.Addr().(*net.TCPAddr).Port
	p, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: l, Handler: handle}, {PacketConn: p, Handler: handle}} {
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return port
}

// answer answers with records of the question's name and type, and others in the authority section.
func answer(texts []string, change func(q dns.Question, m *dns.Msg)) dns.HandlerFunc {
	var all []dns.RR
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		all = append(all, rr)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		for _, rr := range all {
			if rr.Header().Name == q.Question[0].Name && rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if change != nil {
			change(q.Question[0], m)
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && m.Truncated {
			m.Answer = nil
		} else {
			m.Truncated = false
		}
		_ = w.WriteMsg(m)
	}
}

func key(t *testing.T) *dns.DNSKEY {
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "apps.example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ED25519}
	if _, err := k.Generate(256); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEveryServerOfTheParentIsAsked(t *testing.T) {
	k1, k2, k3 := key(t), key(t), key(t)
	ds := func(k *dns.DNSKEY, digest uint8) string { return k.ToDS(digest).String() }
	broken := false
	// The first server sends those who come by UDP to TCP; the second is reached at its second address.
	soa := func(q dns.Question, m *dns.Msg) {
		if len(m.Answer) == 0 {
			rr, _ := dns.NewRR("example.com. 3600 IN SOA a.example.com. h.example.com. 1 2 3 4 300")
			m.Ns = append(m.Ns, rr)
		}
	}
	var tcp atomic.Int32
	port := listen(t, "127.0.9.1", 0, answer([]string{ds(k1, dns.SHA256), ds(k2, dns.SHA384), ds(k3, dns.SHA1),
		"apps.example.com. 60 IN NS ns1.apps.example.com."}, func(q dns.Question, m *dns.Msg) {
		m.Truncated = true
		tcp.Add(1)
		if q.Qtype == dns.TypeNS {
			m.Ns, m.Answer = m.Answer, nil
			rr, _ := dns.NewRR("ns1.apps.example.com. 60 IN A 192.0.2.53")
			m.Extra = append(m.Extra, rr)
		}
	}))
	listen(t, "127.0.9.2", port, answer([]string{ds(k1, dns.SHA256), strings.Replace(ds(k3, dns.SHA256), " 15 2 ", " 15 99 ", 1)}, func(q dns.Question, m *dns.Msg) {
		if broken {
			m.Rcode = dns.RcodeRefused
		}
		soa(q, m)
	}))
	// The resolver knows of an empty non-terminal between the zone and its parent.
	resolver := listen(t, "127.0.9.3", 0, answer([]string{
		"example.com. 60 IN NS a.example.com.", "example.com. 60 IN NS B.example.com.",
		"a.example.com. 60 IN A 127.0.9.1", "b.example.com. 60 IN A 127.0.9.4", "b.example.com. 60 IN A 127.0.9.2",
	}, func(q dns.Question, m *dns.Msg) { m.Authoritative = false; soa(q, m) }))
	a := &Asker{Resolver: netip.AddrPortFrom(netip.MustParseAddr("127.0.9.3"), uint16(resolver)).String(), Port: uint16(port)}

	v, err := a.Delegation(t.Context(), "Apps.example.com")
	if err != nil || v.Zone != "example.com." || len(v.Servers) != 3 || tcp.Load() < 4 {
		t.Fatalf("%+v, %v", v, err)
	}
	for i, want := range []string{"a.example.com 127.0.9.1", "b.example.com 127.0.9.2", "b.example.com 127.0.9.4"} {
		s := &v.Servers[i]
		if got := s.String() + " " + s.Address.Addr().String(); got != want || (s.Err != nil) != (i == 2) {
			t.Errorf("%s and not %s, %v", got, want, s.Err)
		}
	}
	if s := v.Servers[0]; !slices.Equal(s.NS, []string{"ns1.apps.example.com."}) || len(s.Glue["ns1.apps.example.com."]) != 1 {
		t.Errorf("%+v", s)
	}
	now := time.Now()
	got, err := v.Match(map[string]*dns.DNSKEY{"k1": k1, "k2": k2, "k3": k3}, now)
	want := dnssec.Parent{Checked: now, Anywhere: []string{"k1", "k2", "k3"}, Everywhere: []string{"k1"}, TTL: time.Hour}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, _ = v.Match(map[string]*dns.DNSKEY{"k2": k2}, now)
	want = dnssec.Parent{Checked: now, Anywhere: []string{"k2"}, Foreign: true, TTL: time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// Servers that are named stand in for those that the resolver would find, which is not asked.
	named := &Asker{Servers: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.9.1"), uint16(port))}, Timeout: time.Second}
	v, err = named.Delegation(t.Context(), "apps.example.com")
	if err != nil || v.Zone != "" || len(v.Servers) != 1 || len(v.Servers[0].DS) != 3 || len(v.Servers[0].NS) != 1 || v.Servers[0].String() != named.Servers[0].String() {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := named.Addresses(t.Context(), "a.example.com"); err == nil {
		t.Error("there is no resolver")
	}
	if all, err := a.Addresses(t.Context(), "b.example.com"); err != nil || len(all) != 2 || all[0] != netip.MustParseAddr("127.0.9.2") {
		t.Error(all, err)
	}

	broken = true
	v, err = a.DS(t.Context(), "apps.example.com.")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Match(map[string]*dns.DNSKEY{"k1": k1}, now); !got.Checked.IsZero() || err == nil || !strings.Contains(err.Error(), "b.example.com: 127.0.9.2: ") || !strings.Contains(err.Error(), "REFUSED") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := a.DS(t.Context(), "."); err == nil {
		t.Error("the root has no parent")
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]:5353": "[2001:db8::53]:5353", "resolver.example:53": "resolver.example:53",
		"": "", "192.0.2.53:port": "", "resolver": "", ":53": "",
	} {
		if got, err := ParseAddress(text); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
