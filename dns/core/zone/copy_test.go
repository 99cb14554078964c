package zone_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const secondary = `
kind: Zone
metadata: {name: copy}
spec:
  domain: apps.example.com
  nameServers: [{name: ns1.example.net}]
  secondary: {primaries: [{address: 192.0.2.1}]}
---
kind: ZoneRecords
metadata: {name: more}
spec:
  zone: copy
  records: [{name: more, type: A, values: [192.0.2.1]}]
---
` // and the plans of the demo

func mustName(t *testing.T, text string) wire.Name {
	t.Helper()
	n, err := wire.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A copy holds what the primary said and nothing of what others want in it.
func TestCopies(t *testing.T) {
	in := zonetest.Input(t, secondary+strings.SplitN(zonetest.Demo, "\n---\n", 2)[1])
	apex := mustName(t, "apps.example.com")
	data := []byte("\x02ns\x00\x00")
	for _, n := range []uint32{42, 3600, 60, 86400, 30} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	record := func(name string, rrtype uint16, data string) wire.Record {
		return wire.Record{Name: mustName(t, name), Type: rrtype, TTL: 60, Data: data}
	}
	c := &zone.Copy{SOA: wire.Record{Name: apex, Type: dns.TypeSOA, TTL: 300, Data: string(data)}, Records: []wire.Record{
		record("apps.example.com", dns.TypeNS, "\x02ns\x00"),
		record("www.apps.example.com", dns.TypeA, "\xc0\x00\x02\x01"),
		record("loop.apps.example.com", dns.TypeCNAME, string(mustName(t, "loop.apps.example.com"))),
		record("both.apps.example.com", dns.TypeCNAME, string(apex)),
		record("both.apps.example.com", dns.TypeA, "\xc0\x00\x02\x01"),
	}}
	s := zone.Compile(in)
	if z := s.Zones[0]; !z.Expired {
		t.Error("a zone of which nothing is known is answered")
	}
	in.Copies = map[string]*zone.Copy{"apps.example.com": c}
	s = zone.Compile(in)
	z := s.Zones[0]
	if z.Expired || z.Serial.Serial != 42 || z.SOA.TTL != 300 || z.Negative.TTL != 30 {
		t.Errorf("%+v", z)
	}
	for name, want := range map[string]bool{
		"www.apps.example.com": true, "both.apps.example.com": true, "loop.apps.example.com": false, "shop.apps.example.com": false, "more.apps.example.com": false,
	} {
		if _, above := s.Lookup(mustName(t, name)); (above == 0) != want {
			t.Errorf("%s is there: %v", name, above == 0)
		}
	}
	if ns := s.Zones[0]; ns.Apex != apex || len(s.Problems) == 0 {
		t.Errorf("%v", s.Problems)
	}
	expired := *c
	expired.Expired = true
	in.Copies["apps.example.com"] = &expired
	if s = zone.Compile(in); !s.Zones[0].Expired || s.Names() != 1 {
		t.Error("what has expired is answered")
	}
}
