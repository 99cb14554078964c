package zone

import (
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// source is an object that static records of a zone stand in: the Zone itself, or ZoneRecords.
type source struct {
	reporter
	from    *trafficv1alpha1.ZoneRecords // nil for the Zone
	rank    int                          // the Zone's is 0; the younger the larger
	records []trafficv1alpha1.Record
}

// recordSet is a static record set, and the source and field that it was first named in.
type recordSet struct {
	rrtype uint16
	ttl    uint32
	data   []wire.Data
	by     *source
	at     *field.Path
}

func (r *recordSet) report(format string, args ...any) { r.by.report(r.at, format, args...) }

// recordSets are the sets of a name by type.
type recordSets map[uint16]*recordSet

func sortedTypes(m recordSets) []uint16 { return slices.Sorted(maps.Keys(m)) }

// readRecords reads the static records of all sources, the oldest first, and takes out what cannot
// stand beside the rest. What is wrong in one source never costs an older one a record.
func (d *draft) readRecords() {
	above := map[wire.Name]*source{} // the names of older sources' records and all above them
	for _, s := range d.sources {
		own := d.read(s)
		for _, name := range sortedNames(own) {
			d.settle(name, own[name])
		}
		var admitted []wire.Name
		for _, name := range sortedNames(own) {
			if d.admit(name, own[name], above) {
				admitted = append(admitted, name)
			}
		}
		for _, name := range admitted {
			for n := name; n != d.apex && above[n] == nil; n = n.Parent() {
				above[n] = s
			}
		}
	}
	slices.Sort(d.owners)
	d.owners = slices.Clip(slices.Compact(d.owners))
}

// read reads the records of one source.
func (d *draft) read(s *source) map[wire.Name]recordSets {
	out := map[wire.Name]recordSets{}
	for i := range s.records {
		r, at := &s.records[i], spec.Child("records").Index(i)
		rrtype, err := rdata.ParseType(r.Type)
		if err != nil {
			s.report(at.Child("type"), "%v", err)
			continue
		}
		name, err := d.owner(r.Name)
		if err != nil {
			s.report(at.Child("name"), "%v", err)
			continue
		}
		d.owners = append(d.owners, hashOf(name))
		set := &recordSet{rrtype: rrtype, ttl: d.recordTTL(s, r, at), by: s, at: at}
		for j, v := range r.Values {
			data, err := wire.ParseData(rrtype, v)
			if err != nil {
				s.report(at.Child("values").Index(j), "%v", err)
				continue
			}
			set.data = append(set.data, data)
		}
		if len(set.data) == 0 {
			continue
		}
		if out[name] == nil {
			out[name] = recordSets{}
		}
		if first := out[name][rrtype]; first != nil {
			first.merge(set)
		} else {
			out[name][rrtype] = set
		}
	}
	return out
}

func (d *draft) recordTTL(s *source, r *trafficv1alpha1.Record, at *field.Path) uint32 {
	if r.TTL == nil {
		return d.ttl
	}
	ttl := seconds(r.TTL, 0, leastTTL, mostTTL)
	if r.TTL.Duration != time.Duration(ttl)*time.Second {
		s.report(at.Child("ttl"), "a TTL is whole seconds from %v to %v: %ds is used", leastTTL, mostTTL, ttl)
	}
	return ttl
}

// merge adds to a set what is written in another place (RFC 2181 section 5.2: with one TTL).
func (r *recordSet) merge(more *recordSet) {
	if r.size()+more.size() > maxSet {
		more.report("the set would be larger than a DNS message together with %s: give it fewer or shorter values", r.where(more))
		return
	}
	if r.ttl != more.ttl {
		more.by.report(more.at.Child("ttl"), "the records of one name and type have one TTL: that of %s is used", r.where(more))
	}
	r.data = append(slices.Clip(r.data), more.data...)
}

// where names the set in messages to the owner of another.
func (r *recordSet) where(other *recordSet) string {
	if r.by == other.by {
		return r.at.String()
	}
	return r.by.object.String() + " " + r.at.String()
}

// size of the set in a message, at most.
func (r *recordSet) size() int {
	const header = 12
	n := 0
	for _, d := range r.data {
		n += header + len(d.Wire)
	}
	return n
}

// settle takes out the records of one source that may not stand at a name. What is left may, as far
// as that source goes.
func (d *draft) settle(name wire.Name, types recordSets) {
	drop := func(rrtype uint16, format string, args ...any) {
		if r := types[rrtype]; r != nil {
			r.report(format, args...)
			delete(types, rrtype)
		}
	}
	if name == d.apex {
		drop(dns.TypeNS, "the zone's own NS records come from spec.nameServers: leave these out")
		drop(dns.TypeDS, "the zone's own DS records stand in the zone above it: leave these out")
		drop(dns.TypeCNAME, "a zone's apex cannot be an alias, since it has other records: use A and AAAA, or make it a host name of a TrafficPolicy")
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
	if types[dns.TypeNS] == nil {
		drop(dns.TypeDS, "a DS record stands where a zone is delegated (RFC 4035 section 2.4): add the NS records of %s", name)
	}
	for _, t := range sortedTypes(types) {
		if types[t].size() > maxSet {
			drop(t, "the set is larger than a DNS message: give it fewer or shorter values")
		}
	}
}

// settleHost takes out what collides with a host name of a plan. The host wins: its addresses are
// what its users came for.
func (d *draft) settleHost(name wire.Name, h *Host, types recordSets, drop func(uint16, string, ...any)) {
	owner := h.Plan.ref()
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
		drop(t, "%s is a host name of %s, which is answered instead: use another name", name, owner)
	}
	for _, t := range []uint16{dns.TypeHTTPS, dns.TypeSVCB} {
		if r := types[t]; r != nil && hinted(name, r.data) {
			r.report("the address hints for %s come from %s, so that they are those of one cluster: leave them out", name, owner)
		}
	}
	if !h.alias() {
		return
	}
	for _, t := range sortedTypes(types) {
		drop(t, "%s is a host name of %s, which is answered with an alias in some clusters; an alias can have no other records", name, owner)
	}
}

// admit adds the records of one name to those of older sources, but for what cannot stand beside
// them, and reports whether any is left.
func (d *draft) admit(name wire.Name, types recordSets, above map[wire.Name]*source) bool {
	older := d.records[name]
	var other *recordSet // any of the older ones
	for _, t := range sortedTypes(older) {
		other = older[t]
		break
	}
	any := false
	for _, t := range sortedTypes(types) {
		r := types[t]
		before := older[t]
		switch {
		case t == dns.TypeCNAME && other != nil:
			r.report("an alias can have no other records (RFC 1034 section 3.6.2): %s has some in %s", name, other.where(r))
			continue
		case older[dns.TypeCNAME] != nil:
			r.report("%s is an alias in %s, and an alias can have no other records (RFC 1034 section 3.6.2)", name, older[dns.TypeCNAME].where(r))
			continue
		case rdata.IsDelegation(t) && above[name] != nil:
			r.report("%s cannot be delegated: records of %s lie in it and are answered here", name, above[name].object)
			continue
		case before != nil:
			before.merge(r)
		default:
			if d.records[name] == nil {
				d.records[name] = recordSets{}
			}
			d.records[name][t] = r
		}
		any = true
	}
	return any
}

func sortSets(sets []*wire.Set) {
	slices.SortStableFunc(sets, func(a, b *wire.Set) int { return int(a.Type) - int(b.Type) })
}
