package table

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/dns/core/geo"
)

var date = time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)

// source makes one of networks and countries: "192.0.2.0/24 DE".
func source(t testing.TB, lines ...string) *geo.Source {
	t.Helper()
	var networks []geo.Network
	for _, l := range lines {
		prefix, country, _ := strings.Cut(l, " ")
		networks = append(networks, geo.Network{Prefix: netip.MustParsePrefix(prefix), Location: geo.Location{Country: country, ASN: uint32(len(l))}})
	}
	s, err := geo.NewSource(networks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// list is a source as text.
func list(s *geo.Source) []string {
	var out []string
	for r, l := range s.Ranges() {
		out = append(out, r[0].String()+" "+r[1].String()+" "+l.String())
	}
	return out
}

func TestCountriesComeBack(t *testing.T) {
	tests := map[string]struct{ in, want []string }{
		"nothing": {},
		"both families": {
			in:   []string{"192.0.2.0/24 DE", "203.0.113.7/32 US", "2001:db8::/32 SG"},
			want: []string{"192.0.2.0 192.0.2.255 DE", "203.0.113.7 203.0.113.7 US", "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff SG"}},
		"the ends of the address spaces": {
			in: []string{"0.0.0.0/32 DE", "255.255.255.255/32 DE", "::/64 DE", "ffff:ffff:ffff:ffff::/64 DE"},
			want: []string{"0.0.0.0 0.0.0.0 DE", "255.255.255.255 255.255.255.255 DE", ":: ::ffff:ffff:ffff:ffff DE",
				"ffff:ffff:ffff:ffff:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff DE"}},
		"a whole address space": {
			in: []string{"0.0.0.0/0 DE", "::/1 DE"}, want: []string{"0.0.0.0 255.255.255.255 DE", ":: 7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff DE"}},
		"neighbours of one country, apart by what is left out": {
			in: []string{"192.0.2.0/24 DE", "192.0.3.0/25 DE"}, want: []string{"192.0.2.0 192.0.3.127 DE"}},
		"codes that are no country's": {
			in: []string{"192.0.2.0/24 AP", "192.0.3.0/24 DE"}, want: []string{"192.0.3.0 192.0.3.255 DE"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := Encode(date, source(t, test.in...))
			if err != nil {
				t.Fatal(err)
			}
			s, built, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, list(s)); diff != "" || !built.Equal(date) {
				t.Errorf("%v %s", built, diff)
			}
			again, err := Encode(built, s)
			if err != nil || !bytes.Equal(data, again) {
				t.Errorf("encoded again it differs (%v)", err)
			}
		})
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	for name, s := range map[string]*geo.Source{
		"a network longer than /64": source(t, "2001:db8::/65 DE"),
		"the whole of IPv6":         source(t, "::/0 DE"),
	} {
		if _, err := Encode(date, s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnySourceComesBack(t *testing.T) {
	codes := []string{"DE", "US", "JP", "SG"}
	rapid.Check(t, func(rt *rapid.T) {
		var networks []geo.Network
		for range rapid.IntRange(0, 40).Draw(rt, "networks") {
			l := geo.Location{Country: rapid.SampledFrom(codes).Draw(rt, "country")}
			a := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, rapid.Uint32().Draw(rt, "IPv4"))))
			networks = append(networks, geo.Network{Prefix: netip.PrefixFrom(a, rapid.IntRange(0, 32).Draw(rt, "bits")), Location: l})
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], rapid.Uint64().Draw(rt, "IPv6"))
			networks = append(networks, geo.Network{Prefix: netip.PrefixFrom(netip.AddrFrom16(b), rapid.IntRange(1, 64).Draw(rt, "bits")), Location: l})
		}
		s, err := geo.NewSource(networks)
		if err != nil {
			rt.Fatal(err)
		}
		data, err := Encode(date, s)
		if err != nil {
			if strings.Contains(err.Error(), "whole address space") {
				rt.Skip()
			}
			rt.Fatal(err)
		}
		again, _, err := Decode(data)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(list(s), list(again)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestDamageIsNoticed(t *testing.T) {
	good, err := Encode(date, source(t, "192.0.2.0/24 DE", "2001:db8::/32 SG"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, _, err := Decode(bad); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
		if _, _, err := Decode(good[:i]); err == nil {
			t.Errorf("cut to %d bytes: no error", i)
		}
	}
}

// FuzzDecode gets past the checksum: whatever is in the stream, the decoder returns.
func FuzzDecode(f *testing.F) {
	for _, lines := range [][]string{nil, {"192.0.2.0/24 DE", "203.0.113.7/32 US", "2001:db8::/32 SG"}, {"255.0.0.0/8 DE"}} {
		data, err := Encode(date, source(f, lines...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[len(magic)+4:])
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		data := binary.BigEndian.AppendUint32([]byte(magic), crc32.ChecksumIEEE(packed))
		s, _, err := Decode(append(data, packed...))
		if err == nil && s == nil {
			t.Error("neither a source nor an error")
		}
	})
}

// FuzzStream is the same without compression, which hides most streams from a fuzzer.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 'D', 'E', 1, 0, 9, 3, 8, 0, 0})
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, built, err := decodeStream(raw)
		if err != nil {
			return
		}
		if _, err := Encode(built, s); err != nil && !strings.Contains(err.Error(), "whole address space") {
			t.Error(err)
		}
	})
}
