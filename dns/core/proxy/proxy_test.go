package proxy

import (
	"net/netip"
	"testing"
)

func TestParse(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.7:1234"), netip.MustParseAddrPort("[2001:db8::7]:1234")
	s4, s6 := netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.7]:1234")
	head := func(command, family byte, rest ...byte) []byte {
		return append(append([]byte(signature), command, family, 0, byte(len(rest))), rest...)
	}
	for name, c := range map[string]struct {
		b    []byte
		want netip.AddrPort
		size int
		ok   bool
	}{
		"IPv4":                  {append(Append(nil, v4, s4), "query"...), v4, 28, true},
		"IPv6":                  {Append(nil, v6, s6), v6, 52, true},
		"IPv4 in IPv6":          {Append(nil, mapped, s6), v4, 52, true},
		"the proxy itself":      {head(0x20, 0), netip.AddrPort{}, 16, true},
		"without an address":    {head(0x21, 0, 1, 2, 3), netip.AddrPort{}, 19, true},
		"a socket in the files": {head(0x21, 0x31, make([]byte, 216)...), netip.AddrPort{}, 232, true},
		"additions":             {head(0x21, 0x12, append([]byte{192, 0, 2, 7, 192, 0, 2, 53, 4, 210, 0, 53}, 3, 0, 0)...), v4, 31, true},
		"version 1":             {head(0x11, 0x12, make([]byte, 12)...), netip.AddrPort{}, 0, false},
		"unknown command":       {head(0x22, 0x12, make([]byte, 12)...), netip.AddrPort{}, 0, false},
		"unknown family":        {head(0x21, 0x42, make([]byte, 12)...), netip.AddrPort{}, 0, false},
		"too few addresses":     {head(0x21, 0x22, make([]byte, 12)...), netip.AddrPort{}, 0, false},
		"cut short":             {Append(nil, v4, s4)[:27], netip.AddrPort{}, 0, false},
		"too long":              {append([]byte(signature), 0x21, 0x12, 0xFF, 0xFF), netip.AddrPort{}, 0, false},
		"something else":        {[]byte("GET / HTTP/1.1\r\n"), netip.AddrPort{}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, size, err := Parse(c.b)
			if got != c.want || size != c.size || (err == nil) != c.ok {
				t.Errorf("%v, %d, %v", got, size, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Append(nil, netip.MustParseAddrPort("192.0.2.7:1234"), netip.MustParseAddrPort("192.0.2.53:53")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, size, err := Parse(b); err == nil && (size < HeaderSize || size > len(b)) {
			t.Errorf("%d of %d octets", size, len(b))
		}
	})
}
