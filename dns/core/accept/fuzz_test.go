package accept

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// FuzzMessage sends octets down the whole path, by every transport and from everywhere: nothing
// panics, nothing is larger than it may be, no answer is answered, and what is answered is the answer
// to it.
func FuzzMessage(f *testing.F) {
	s := demo(f)
	r := rules(f, func(r *Rules) { r.Proxies = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })
	seeds := [][]byte{
		query(f, "www", dns.TypeA), query(f, "long", dns.TypeTXT, withCookie(clientCookie)), query(f, "shop", dns.TypeA),
		query(f, "x.wild", dns.TypeTXT), query(f, "child", dns.TypeNS), query(f, "nope", dns.TypeANY), query(f, "alias2", dns.TypeAAAA),
		append(proxy.Append(nil, netip.MustParseAddrPort("192.0.2.7:1"), netip.MustParseAddrPort("192.0.2.53:53")), query(f, "shop", dns.TypeA)...),
		query(f, "www", dns.TypeA, withCookie(clientCookie), func(m *dns.Msg) { m.Question = nil }),
	}
	for _, b := range seeds {
		for transport := range byte(4) {
			f.Add(b, transport)
		}
	}
	p := New(r)
	dst := make([]byte, 0, wire.UDPSize)
	f.Fuzz(func(t *testing.T, msg []byte, transport byte) {
		o := Origin{Client: client, Now: begin, Stream: transport&1 != 0, Encrypted: transport&3 == 3, Keepalive: 100}
		if transport&3 == 2 {
			o.Client = netip.MustParseAddr("198.51.100.1")
		}
		var out []byte
		var result Outcome
		if o.Stream {
			out, result = p.Message(s, dst, msg, o)
		} else {
			out, result = p.Datagram(s, dst, msg, o)
		}
		if (out == nil) != (result.Fate == Ignored || result.Fate == Limited) {
			t.Fatalf("%+v with %x", result, out)
		}
		check(t, msg, out, o, result)
	})
}

func check(t *testing.T, msg, out []byte, o Origin, result Outcome) {
	if out == nil {
		return
	}
	if !o.Stream && proxy.Is(msg) {
		if _, size, err := proxy.Parse(msg); err == nil && o.Client != client {
			msg = msg[size:]
		}
	}
	if len(msg) < 12 || msg[2]&0x80 != 0 {
		t.Fatalf("%x was answered", msg)
	}
	if !o.Stream && (len(out) > wire.UDPSize || result.Cookie != 2 && len(out) > 10*len(msg)) {
		t.Fatalf("%d octets for %d", len(out), len(msg))
	}
	if len(out) > 65535 || out[2]&0x80 == 0 || binary.BigEndian.Uint16(out) != binary.BigEndian.Uint16(msg) || out[2]&0x78 != msg[2]&0x78 {
		t.Fatalf("%x is no answer to %x", out[:12], msg)
	}
	m := new(dns.Msg)
	if err := m.Unpack(out); err != nil {
		t.Fatalf("%v: %x", err, out)
	}
	if m.Rcode != result.Rcode || m.Truncated && o.Stream {
		t.Fatalf("%+v, %v", result, m)
	}
}
