package zonetest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// KeyData is the data of a Secret with new keys for a zone, all of them in use. Each is of the role and
// algorithm of a kind.
func KeyData(t TB, domain string, kinds ...dnssec.Kind) map[string][]byte {
	t.Helper()
	s := dnssec.State{Domain: domain, Decided: Now, Confirmed: Now}
	data := map[string][]byte{}
	for _, kind := range kinds {
		k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: dns.Fqdn(domain), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
			Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: kind.Algorithm}
		if kind.Role == dnssec.ZSK {
			k.Flags = dns.ZONE
		}
		private, err := k.Generate(256)
		if err != nil {
			t.Fatalf("%v", err)
		}
		life := dnssec.Life{ID: fmt.Sprintf("%s-%d-%d", strings.ToLower(string(kind.Role)), kind.Algorithm, k.KeyTag()), Kind: kind, Signed: Now, Published: Now}
		if kind.Role != dnssec.ZSK {
			life.Submitted = Now
		}
		s.Keys = append(s.Keys, life)
		data[life.ID+".key"], data[life.ID+".private"] = []byte(k.String()), []byte(k.PrivateKeyString(private))
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	data["state.json"] = text
	return data
}

// Signed is an input whose zone of a domain is signed with new keys, as many as kinds; one without.
func Signed(t TB, documents, domain string, kinds ...dnssec.Kind) (zone.Input, *dnssec.Ring) {
	t.Helper()
	if len(kinds) == 0 {
		kinds = []dnssec.Kind{{Role: dnssec.CSK, Algorithm: dns.ECDSAP256SHA256}}
	}
	ring, err := dnssec.ParseRing(KeyData(t, domain, kinds...))
	if err != nil {
		t.Fatalf("%v", err)
	}
	in := Input(t, documents)
	in.Keys = map[string]*dnssec.Ring{domain: ring}
	in.Online = &dnssec.Online{}
	in.Online.Refill(1 << 40)
	return in, ring
}
