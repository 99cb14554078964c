package dnssec

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/dns/core/wire"
)

func newKey(t *testing.T, algorithm uint8, flags uint16) *Key {
	t.Helper()
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "Example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: flags, Protocol: 3, Algorithm: algorithm}
	secret, err := k.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ParseKey(k.String(), k.PrivateKeyString(secret))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignaturesVerifyAndAreTheSameEverywhere(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, algorithm := range Algorithms {
		k := newKey(t, algorithm, dns.ZONE|dns.SEP)
		for _, texts := range [][]string{
			{"www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2"},
			{"example.com. 300 IN MX 10 Mail.Example.com."},
			{"*.example.com. 300 IN TXT hello"},
		} {
			var set []dns.RR
			for _, text := range texts {
				rr, err := dns.NewRR(text)
				if err != nil {
					t.Fatal(err)
				}
				set = append(set, rr)
			}
			p, _ := PeriodOf(set[0].Header().Name, now)
			sig, err := k.Sign(slices.Clone(set), p)
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(set)
			again, err := k.Sign(slices.Clone(set), p)
			if err != nil || sig.Signature != again.Signature {
				t.Errorf("%s %s: signed twice: %v, %v, %v", name, texts[0], sig, again, err)
			}
			if err := sig.Verify(k.DNSKEY, set); err != nil {
				t.Errorf("%s %s: %v", name, texts[0], err)
			}
			if !sig.ValidityPeriod(now) {
				t.Errorf("%s: does not count now: %v", name, sig)
			}
			if want := uint8(strings.Count(strings.TrimPrefix(set[0].Header().Name, "*."), ".")); sig.Labels != want {
				t.Errorf("%s: %d labels, want %d", texts[0], sig.Labels, want)
			}
		}
		if ds := k.DS(); ds.KeyTag != k.Tag || ds.DigestType != dns.SHA256 || !k.Entry() {
			t.Errorf("DS %v of %d", ds, k.Tag)
		}
	}
}

func privateText(k *Key) string {
	return k.DNSKEY.PrivateKeyString(k.signer.(deterministic).Signer.(crypto.PrivateKey))
}

func TestParseKeyRefuses(t *testing.T) {
	a, b := newKey(t, dns.ECDSAP256SHA256, dns.ZONE), newKey(t, dns.ECDSAP256SHA256, dns.ZONE)
	private := privateText
	for name, c := range map[string]struct{ public, private, want string }{
		"another's private key": {a.DNSKEY.String(), private(b), "is not that of"},
		"no key at all":         {a.DNSKEY.String(), "secret-text", "cannot be read"},
		"no record":             {"hello", private(a), "no DNSKEY"},
		"another record":        {"example.com. 60 IN A 192.0.2.1", private(a), "no DNSKEY"},
		"a weak algorithm":      {strings.Replace(a.DNSKEY.String(), "3 13", "3 5", 1), private(a), "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKey(c.public, c.private)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-text") {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

// At every moment what is served counts for long enough, and the next period begins in time.
func TestPeriods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner := rapid.StringMatching(`[a-z]{1,8}\.example\.com\.`).Draw(t, "owner")
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		p, next := PeriodOf(owner, now)
		if now.Sub(p.Inception) < Skew || p.Expiration.Sub(now) <= Lifetime-Renewal || !next.After(now) || next.Sub(now) > Renewal {
			t.Fatalf("at %v: %v, next %v", now, p, next)
		}
		if upper, _ := PeriodOf(strings.ToUpper(owner), now); upper != p {
			t.Fatal("the case of a name makes a difference")
		}
		if last, _ := PeriodOf(owner, next.Add(-time.Second)); last != p {
			t.Fatal("a period ends before its next begins")
		}
		if after, _ := PeriodOf(owner, next); !after.Inception.After(p.Inception) {
			t.Fatal("the next period does not begin")
		}
	})
}

// canonical is the order of RFC 4034 section 6.1: by labels from the last, as octets in small letters.
func canonical(a, b wire.Name) int {
	labels := func(n wire.Name) (out [][]byte) {
		for ; n[0] != 0; n = n.Parent() {
			label := []byte(n[1 : 1+n[0]])
			for i, c := range label { // octets, and not text: bytes.ToLower would read UTF-8
				if 'A' <= c && c <= 'Z' {
					label[i] = c + 'a' - 'A'
				}
			}
			out = append(out, label)
		}
		slices.Reverse(out)
		return out
	}
	return slices.CompareFunc(labels(a), labels(b), bytes.Compare)
}

func TestAbsence(t *testing.T) {
	const apex = wire.Name("\x07example\x03com\x00")
	there := Absence("\x03www"+apex, apex, true, []uint16{dns.TypeA, dns.TypeHTTPS}, 30)
	if got, want := there.String(), "www.example.com.\t30\tIN\tNSEC\t\\000.www.example.com. A RRSIG NSEC HTTPS"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	gone := Absence("\x03www"+apex, apex, false, nil, 30)
	if got, want := gone.String(), "www.example.com.\t30\tIN\tNSEC\t\\000.www.example.com. RRSIG NSEC NXNAME"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if buf := make([]byte, 600); true {
		if _, err := dns.PackRR(gone, buf, 0, nil, false); err != nil {
			t.Error(err)
		}
	}
}

// The next name is behind a name, and no name that can exist lies between them.
func TestNextName(t *testing.T) {
	const apex = wire.Name("\x07example\x03com\x00")
	octet := rapid.SampledFrom([]byte{0, 1, '-', '@', 'a', 'z', '[', '_', 0x7F, 0xFE, 0xFF})
	label := func(length int) *rapid.Generator[[]byte] { return rapid.SliceOfN(octet, length, length) }
	rapid.Check(t, func(t *rapid.T) {
		n := apex
		for size := rapid.IntRange(0, 255-len(apex)).Draw(t, "size"); size >= 2; {
			length := min(rapid.IntRange(1, 63).Draw(t, "label"), size-1)
			if size-1-length == 1 { // an octet alone is no label
				length = min(length+1, 63)
			}
			b := label(length).Draw(t, "octets")
			n = wire.Name([]byte{byte(length)}) + wire.Name(b) + n
			size -= 1 + length
		}
		if len(n) > 255 {
			t.Skip("too long")
		}
		after := next(n, apex)
		if len(after) > 255 || !after.Within(apex) {
			t.Fatalf("next of %q is %q", n, after)
		}
		if after != apex && canonical(n, after) >= 0 {
			t.Fatalf("%q is not behind %q", after, n)
		}
		if len(n)+2 <= 255 && after != "\x01\x00"+n {
			t.Fatalf("next of %q is %q", n, after)
		}
		// Neighbours of either: below, beside and above.
		for _, near := range []wire.Name{"\x01\x00" + n, n + "", "\x01\x01" + n} {
			if len(near) <= 255 && canonical(n, near) < 0 && after != apex && canonical(near, after) < 0 {
				t.Fatalf("%q lies between %q and %q", near, n, after)
			}
		}
	})
	full := func(length int, octet byte) string {
		return string(rune(length)) + strings.Repeat(string([]byte{octet}), length)
	}
	// The longest name of the highest octets: behind it comes the apex, and it is not alone in the zone.
	highest := wire.Name(full(49, 0xFF)+full(63, 0xFF)+full(63, 0xFF)+full(63, 0xFF)) + apex
	if len(highest) != 255 {
		t.Fatalf("%d octets", len(highest))
	}
	if got := next(highest, apex); got != apex {
		t.Errorf("got %q", got)
	}
	one := wire.Name(full(49, 0xFF)+full(63, 'a')+full(63, 0xFF)+full(63, 0xFF)) + apex
	if got, want := next(one, apex), wire.Name(string(rune(63))+strings.Repeat("a", 62)+"b"+full(63, 0xFF)+full(63, 0xFF))+apex; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
