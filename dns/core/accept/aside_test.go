package accept_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// What no snapshot answers leaves the path, where there is somebody to take it, and nothing else does.
func TestAside(t *testing.T) {
	const name = "apps.example.com."
	signed := func(m *dns.Msg) *dns.Msg { return m.SetTsig("xfr.", dns.HmacSHA256, 300, zonetest.Now.Unix()) }
	update := new(dns.Msg)
	update.SetUpdate(name)
	status := new(dns.Msg)
	status.Opcode = dns.OpcodeStatus
	answered := new(dns.Msg).SetAxfr(name)
	answered.Response = true
	two := new(dns.Msg).SetAxfr(name)
	two.Question = append(two.Question, two.Question[0])
	id, err := answer.NewIdentity("", "", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	client, balancer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	for what, c := range map[string]struct {
		m       *dns.Msg
		aside   bool
		without int // the rcode where nobody takes it; -1 is silence
	}{
		"a query":            {new(dns.Msg).SetQuestion(name, dns.TypeSOA), false, dns.RcodeSuccess},
		"a signed query":     {signed(new(dns.Msg).SetQuestion(name, dns.TypeSOA)), true, dns.RcodeNotAuth},
		"AXFR":               {new(dns.Msg).SetAxfr(name), true, dns.RcodeRefused},
		"IXFR":               {new(dns.Msg).SetIxfr(name, 1, ".", "."), true, dns.RcodeRefused},
		"NOTIFY":             {new(dns.Msg).SetNotify(name), true, dns.RcodeNotImplemented},
		"UPDATE":             {signed(update), true, dns.RcodeNotImplemented},
		"STATUS":             {status, false, dns.RcodeNotImplemented},
		"an answer":          {answered, false, -1},
		"two questions":      {two, false, dns.RcodeFormatError},
		"AXFR in class ANY,": {&dns.Msg{Question: []dns.Question{{Name: name, Qtype: dns.TypeAXFR, Qclass: dns.ClassANY}}}, true, dns.RcodeRefused},
	} {
		msg, err := c.m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		for _, takes := range []bool{true, false} {
			p := accept.New(&accept.Rules{Identity: id, Proxies: []netip.Prefix{netip.PrefixFrom(balancer, 32)}})
			wrapped := append(proxy.Append(nil, netip.AddrPortFrom(client, 1), netip.AddrPortFrom(balancer, 53)), msg...)
			for from, b := range map[netip.Addr][]byte{client: msg, balancer: wrapped} {
				out, outcome := p.Datagram(s, nil, b, accept.Origin{Client: from, Now: zonetest.Now, Aside: takes})
				if takes && c.aside {
					got, who := p.Aside()
					if out != nil || outcome.Fate != accept.Aside || string(got) != string(msg) || who != client {
						t.Errorf("%s: fate %d, %x of %s", what, outcome.Fate, got, who)
					}
					continue
				}
				if outcome.Fate == accept.Aside || (out == nil) != (c.without < 0) || out != nil && int(out[3]&0xF) != c.without {
					t.Errorf("%s: fate %d, %x", what, outcome.Fate, out)
				}
			}
		}
	}
}

// Those who had enough already do not get to make anybody work.
func TestAsideIsLimited(t *testing.T) {
	id, err := answer.NewIdentity("", "", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	p := accept.New(&accept.Rules{Identity: id, Accounts: limit.NewTable(1024, [2]uint64{1, 2}), Same: limit.PerSecond(10), All: limit.PerSecond(10)})
	msg, _ := new(dns.Msg).SetAxfr("apps.example.com.").Pack()
	fates := map[accept.Fate]int{}
	for range 100 {
		_, o := p.Message(s, nil, msg, accept.Origin{Client: netip.MustParseAddr("192.0.2.1"), Now: zonetest.Now, Aside: true})
		fates[o.Fate]++
	}
	if fates[accept.Aside] == 0 || fates[accept.Aside] > 20 || fates[accept.Aside]+fates[accept.Limited] != 100 {
		t.Errorf("%v", fates)
	}
	if _, o := p.Message(s, nil, msg, accept.Origin{Client: netip.MustParseAddr("192.0.2.1"), Stream: true, Now: zonetest.Now, Aside: true}); o.Fate != accept.Aside {
		t.Errorf("over TCP: %d", o.Fate)
	}
}
