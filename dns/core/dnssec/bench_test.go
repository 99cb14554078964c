package dnssec

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// What a name that nobody has asked for yet costs.
func BenchmarkAbsence(b *testing.B) {
	for name, algorithm := range Algorithms {
		k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: algorithm}
		secret, err := k.Generate(256)
		if err != nil {
			b.Fatal(err)
		}
		key, err := ParseKey(k.String(), k.PrivateKeyString(secret))
		if err != nil {
			b.Fatal(err)
		}
		s := &Signing{Ring: &Ring{Domain: "example.com", Data: []*Key{key}}, Apex: "\x07example\x03com\x00", Online: &Online{}, At: time.Now(), NegativeTTL: 30}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Absence(wire.Name("\x03www")+s.Apex, false, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
