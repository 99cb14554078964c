package zone

import (
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// recordTypes that may stand in a Zone.
var recordTypes = map[string]uint16{
	"A": dns.TypeA, "AAAA": dns.TypeAAAA, "CAA": dns.TypeCAA, "CNAME": dns.TypeCNAME,
	"MX": dns.TypeMX, "NS": dns.TypeNS, "SRV": dns.TypeSRV, "TXT": dns.TypeTXT,
}

func sortedTypes(m map[uint16]*recordSet) []uint16 { return slices.Sorted(maps.Keys(m)) }

// readRecords reads the static records and takes out what cannot stand beside the rest.
func (d *draft) readRecords() {
	for i := range d.spec.Records {
		d.readRecord(i, &d.spec.Records[i])
	}
	for _, name := range sortedNames(d.records) {
		d.settle(name, d.records[name])
	}
}

func (d *draft) readRecord(i int, r *trafficv1alpha1.Record) {
	at := spec.Child("records").Index(i)
	rrtype, ok := recordTypes[r.Type]
	if !ok {
		d.report(at.Child("type"), "%q is not a type that is served: use one of %v", r.Type, slices.Sorted(maps.Keys(recordTypes)))
		return
	}
	name, err := d.owner(r.Name)
	if err != nil {
		d.report(at.Child("name"), "%v", err)
		return
	}
	set := &recordSet{ttl: d.recordTTL(i, r), at: at}
	for j, v := range r.Values {
		data, err := wire.ParseData(rrtype, v)
		if err != nil {
			d.report(at.Child("values").Index(j), "%v", err)
			continue
		}
		set.data = append(set.data, data)
	}
	if len(set.data) == 0 {
		return
	}
	types := d.records[name]
	if types == nil {
		types = map[uint16]*recordSet{}
		d.records[name] = types
	}
	if first := types[rrtype]; first != nil {
		// One set written in two places (RFC 2181 section 5.2: with one TTL).
		if first.ttl != set.ttl {
			d.report(at.Child("ttl"), "the records of one name and type have one TTL: that of %s is used", first.at)
		}
		first.data = append(first.data, set.data...)
		return
	}
	types[rrtype] = set
}

func (d *draft) recordTTL(i int, r *trafficv1alpha1.Record) uint32 {
	if r.TTL == nil {
		return d.ttl
	}
	ttl := seconds(r.TTL, 0, leastTTL, mostTTL)
	if r.TTL.Duration != time.Duration(ttl)*time.Second {
		d.report(spec.Child("records").Index(i).Child("ttl"), "a TTL is whole seconds from %v to %v: %ds is used", leastTTL, mostTTL, ttl)
	}
	return ttl
}

// settle takes out the records that may not stand at a name. What is left may.
func (d *draft) settle(name wire.Name, types map[uint16]*recordSet) {
	drop := func(rrtype uint16, format string, args ...any) {
		if r := types[rrtype]; r != nil {
			d.report(r.at, format, args...)
			delete(types, rrtype)
		}
	}
	if name == d.apex {
		drop(dns.TypeNS, "the zone's own NS records come from spec.nameServers: leave these out")
		drop(dns.TypeCNAME, "a zone's apex cannot be an alias, since it has other records: use A and AAAA")
	}
	if name.IsWildcard() {
		drop(dns.TypeNS, "a wildcard cannot be delegated (RFC 4592 section 4.2): name what is")
	}
	if d.servers[name] != nil {
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
			drop(t, "%s is a name server of the zone: its addresses are those in spec.nameServers", name)
		}
	}
	if h := d.hosts[name]; h != nil {
		d.settleHost(name, h, types, drop)
	}
	if c := types[dns.TypeCNAME]; c != nil {
		switch {
		case len(types) > 1:
			drop(dns.TypeCNAME, "an alias can have no other records (RFC 1034 section 3.6.2): %s has", name)
		case len(c.data) > 1:
			drop(dns.TypeCNAME, "an alias has one target: %s has %d", name, len(c.data))
		}
	}
	if len(types) == 0 {
		delete(d.records, name)
	}
}

// settleHost takes out what collides with a host name of a plan. The host wins: its addresses are
// what its users came for.
func (d *draft) settleHost(name wire.Name, h *Host, types map[uint16]*recordSet, drop func(uint16, string, ...any)) {
	owner := Ref{"TrafficPlan", h.Plan.Namespace, h.Plan.Name}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
		drop(t, "%s is a host name of %s, which is answered instead: use another name", name, owner)
	}
	if !h.alias() {
		return
	}
	for _, t := range sortedTypes(types) {
		drop(t, "%s is a host name of %s, which is answered with an alias in some clusters; an alias can have no other records", name, owner)
	}
}

func sortSets(sets []*wire.Set) {
	slices.SortStableFunc(sets, func(a, b *wire.Set) int { return int(a.Type) - int(b.Type) })
}
