package transfer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const apex = "\x01z\x00"

func soa(serial uint32) wire.Record {
	data := binary.BigEndian.AppendUint32([]byte("\x00\x00"), serial)
	return wire.Record{Name: apex, Type: dns.TypeSOA, TTL: 300, Data: string(append(data, make([]byte, 16)...))}
}

func version(serial uint32, hosts ...int) *Version {
	v := &Version{SOA: soa(serial)}
	slices.Sort(hosts)
	for _, n := range slices.Compact(hosts) {
		label := fmt.Sprintf("h%d", n)
		v.Records = append(v.Records, wire.Record{Name: wire.Name(rune(len(label))) + wire.Name(label) + apex, Type: dns.TypeA, TTL: 60, Data: string([]byte{192, 0, 2, byte(n)})})
	}
	slices.SortFunc(v.Records, wire.Record.Compare)
	return v
}

// apply is what a secondary makes of a transfer.
func apply(t interface{ Fatalf(string, ...any) }, have *Version, records []wire.Record) *Version {
	if len(records) == 1 {
		return have
	}
	if records[1].Type != dns.TypeSOA || len(records) == 2 {
		return &Version{SOA: records[0], Records: records[1 : len(records)-1]}
	}
	set := map[wire.Record]bool{}
	for _, r := range have.Records {
		set[r] = true
	}
	at, removing := have.SOA, false
	for _, r := range records[1 : len(records)-1] {
		switch {
		case r.Type == dns.TypeSOA && !removing:
			if r != at {
				t.Fatalf("a change from %d where the copy is at %d", serialOf(r), serialOf(at))
			}
			removing = true
		case r.Type == dns.TypeSOA:
			at, removing = r, false
		case set[r] != removing:
			t.Fatalf("%v is removed (%v) and there (%v)", r, removing, set[r])
		case removing:
			delete(set, r)
		default:
			set[r] = true
		}
	}
	if at != records[0] {
		t.Fatalf("the changes end at %d", serialOf(at))
	}
	v := &Version{SOA: at}
	for r := range set {
		v.Records = append(v.Records, r)
	}
	slices.SortFunc(v.Records, wire.Record.Compare)
	return v
}

// From whichever version a copy starts, what it is sent makes it the newest, and is never larger than
// the whole zone by more than a header.
func TestACopyBecomesTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h *History
		var all []*Version
		serial := rapid.Uint32().Draw(t, "first serial")
		for range rapid.IntRange(1, 12).Draw(t, "versions") {
			v := version(serial, rapid.SliceOfN(rapid.IntRange(0, 20), 0, 12).Draw(t, "hosts")...)
			h, all = h.Then(v), append(all, v)
			serial += rapid.Uint32Range(1, 3).Draw(t, "step")
		}
		newest := all[len(all)-1]
		for _, v := range all {
			sent := slices.Collect(h.Since(v.Serial()))
			if got := apply(t, v, sent); got.SOA != newest.SOA || !slices.Equal(got.Records, newest.Records) {
				t.Fatalf("from %d: %s", v.Serial(), cmp.Diff(newest, got))
			}
			if whole := len(slices.Collect(h.Full())); len(sent) > whole+2 {
				t.Fatalf("%d records are sent where the zone has %d", len(sent), whole)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	h := (*History)(nil).Then(version(10, 1, 2, 3)).Then(version(11, 1, 2))
	for name, c := range map[string]struct {
		h      *History
		serial uint32
		want   int
	}{
		"the client has it":                       {h, 11, 1},
		"the client is ahead":                     {h, 12, 1},
		"one change":                              {h, 10, 5},
		"a serial that was never":                 {h, 9, 4},
		"a change that is larger than the zone":   {h.Then(version(12, 5, 6)), 11, 4},
		"the serial goes back":                    {h.Then(version(5, 1)), 4, 3},
		"the serial goes round (RFC 1982)":        {(*History)(nil).Then(version(1<<32-1, 1, 2, 3, 4)).Then(version(3, 1, 2, 3)), 1<<32 - 1, 5},
		"the same serial again has no way before": {h.Then(version(11, 7)), 10, 3},
	} {
		if got := len(slices.Collect(c.h.Since(c.serial))); got != c.want {
			t.Errorf("%s: %d records, want %d", name, got, c.want)
		}
	}
	many := (*History)(nil)
	for i := range uint32(mostChanges + 50) {
		hosts := make([]int, 0, 200)
		for n := range 200 {
			if n != int(i%100) {
				hosts = append(hosts, n)
			}
		}
		many = many.Then(version(i+1, hosts...))
	}
	if len(many.changes) > mostChanges {
		t.Errorf("%d changes are kept", len(many.changes))
	}
}

// What is packed is what a reader of DNS messages that shares no code finds.
func TestMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[a-z0-9]{1,20}`)
		var records []wire.Record
		for range rapid.IntRange(1, 300).Draw(t, "records") {
			name, err := wire.ParseName(strings.Join(rapid.SliceOfN(label, 0, 4).Draw(t, "labels"), ".") + ".z")
			if err != nil {
				name = apex
			}
			records = append(records, wire.Record{Name: name, Type: 65280, TTL: rapid.Uint32().Draw(t, "ttl"), Data: strings.Repeat("x", rapid.SampledFrom([]int{0, 4, 300, 16000, 60000}).Draw(t, "size"))})
		}
		var got []wire.Record
		head := Head{ID: 7, Question: []byte(apex + "\x00\xfc\x00\x01"), EDNS: rapid.Bool().Draw(t, "EDNS")}
		for b := range Messages(head, slices.Values(records)) {
			m := new(dns.Msg)
			if err := m.Unpack(b); err != nil || len(b) > room+100 {
				t.Fatalf("%d octets: %v", len(b), err)
			}
			if m.Id != 7 || !m.Response || !m.Authoritative || m.Question[0].Qtype != dns.TypeAXFR || (m.IsEdns0() != nil) != (head.EDNS && len(got) == 0) {
				t.Fatalf("%v", m)
			}
			for _, r := range m.Answer {
				name, err := wire.ParseName(r.Header().Name)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, wire.Record{Name: name, Type: r.Header().Rrtype, TTL: r.Header().Ttl, Data: strings.Repeat("x", int(r.Header().Rdlength))})
			}
		}
		if diff := cmp.Diff(records, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Two copies differ in their host names if and only if their texts do.
func TestGlobalFollowsVerdicts(t *testing.T) {
	s := zone.Compile(zonetest.Input(t, zonetest.Demo))
	copies := map[string]string{}
	texts := map[string]string{}
	verdicts := []trafficv1alpha1.Verdict{trafficv1alpha1.VerdictHealthy, trafficv1alpha1.VerdictUnhealthy, trafficv1alpha1.VerdictUnknown}
	for i := range 27 {
		n := map[string]int{"fra": i % 3, "iad": i / 3 % 3, "sin": i / 9}
		for _, p := range s.Plans {
			p.Update(func(cluster string) trafficv1alpha1.Verdict { return verdicts[n[cluster]] })
		}
		text := Global(s, s.Zones)["apps.example.com"]
		v := Contents(s, s.Zones)[s.Zones[0]]
		content := fmt.Sprint(v.Records)
		if other, ok := copies[text]; ok && other != content {
			t.Fatalf("%v: one text for two contents", n)
		}
		if other, ok := texts[content]; ok && other != text {
			t.Fatalf("%v: two texts for one content", n)
		}
		copies[text], texts[content] = content, text
		endpoint := global(s.Plans[0].Hosts[0])
		if endpoint != s.Plans[0].Hosts[0].Steer.Pick(netip.Addr{}).Endpoint {
			t.Fatal("not what a client of whom nothing is known gets")
		}
		if !slices.IsSortedFunc(v.Records, wire.Record.Compare) {
			t.Fatal("not in order")
		}
	}
	if len(copies) < 3 {
		t.Errorf("%d different copies", len(copies))
	}
	if g := Global(s, nil); len(g) != 0 {
		t.Errorf("zones that nobody copies: %v", g)
	}
}

var ns = wire.Record{Name: apex, Type: dns.TypeNS, TTL: 60, Data: "\x02ns\x00"}

// Whatever a primary of our own sends, a copy of our own makes the same of.
func TestApplyUndoesSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h *History
		var all []*Version
		for serial := range uint32(rapid.IntRange(1, 8).Draw(t, "versions")) {
			v := version(serial+1, rapid.SliceOfN(rapid.IntRange(0, 20), 0, 12).Draw(t, "hosts")...)
			v.Records = append(v.Records, ns)
			slices.SortFunc(v.Records, wire.Record.Compare)
			h, all = h.Then(v), append(all, v)
		}
		newest := all[len(all)-1]
		for _, have := range append(all, nil) {
			answer := h.Full()
			if have != nil {
				answer = h.Since(have.Serial())
			}
			got, err := Apply(apex, have, slices.Collect(answer))
			if err != nil || got.SOA != newest.SOA || !slices.Equal(got.Records, newest.Records) {
				t.Fatalf("%v: %s", err, cmp.Diff(newest, got))
			}
		}
	})
}

func TestApplyRefuses(t *testing.T) {
	have := version(5, 1)
	have.Records = append(have.Records, ns)
	host := have.Records[0]
	foreign := host
	foreign.Name = "\x01x\x00"
	rrsig, dname := host, host
	rrsig.Type, dname.Type = dns.TypeRRSIG, dns.TypeDNAME
	for name, answer := range map[string][]wire.Record{
		"nothing":                    nil,
		"no SOA":                     {host, ns},
		"a newer SOA alone":          {soa(9)},
		"no SOA at the end":          {soa(9), ns, host},
		"another SOA at the end":     {soa(9), ns, soa(8)},
		"no NS":                      {soa(9), host, soa(9)},
		"another zone's record":      {soa(9), ns, foreign, soa(9)},
		"a signed zone":              {soa(9), ns, rrsig, soa(9)},
		"a DNAME":                    {soa(9), ns, dname, soa(9)},
		"a change from elsewhere":    {soa(9), soa(6), soa(9), soa(9)},
		"changes that end too early": {soa(9), soa(5), soa(6), soa(9)},
		"a removal of nothing":       {soa(9), soa(5), foreign, soa(9), soa(9)},
		"a removal without an end":   {soa(9), soa(5), host, soa(9)},
	} {
		if v, err := Apply(apex, have, answer); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
	for name, answer := range map[string][]wire.Record{"the same": {soa(5)}, "an older one": {soa(4), ns, soa(4)}} {
		if v, err := Apply(apex, have, answer); err != nil || v != have {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}
