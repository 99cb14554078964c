package zone

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// cuts finds the delegations: NS records below the apex. What lies at or below one is no longer this
// zone's to answer (RFC 1034 section 4.2.1), so records there are glue or nothing.
func (d *draft) cuts() []*Cut {
	var delegated []wire.Name
	for name, types := range d.records {
		if types[dns.TypeNS] != nil {
			delegated = append(delegated, name)
		}
	}
	if len(delegated) == 0 {
		return nil
	}
	slices.Sort(delegated)
	d.delegated = delegated
	held := d.held()
	var names []wire.Name
	for _, name := range delegated {
		ns := d.records[name][dns.TypeNS]
		if by, ok := held[name]; ok {
			ns.report("%s cannot be delegated: %s lies in it and is answered here", name, by)
			d.forget(name, dns.TypeNS)
			continue
		}
		names = append(names, name)
	}
	// The shortest first: a cut hides those below it.
	slices.SortStableFunc(names, func(a, b wire.Name) int { return a.Labels() - b.Labels() })
	cuts := map[wire.Name]*recordSet{}
	for _, name := range names {
		if _, hidden := cutAbove(cuts, name.Parent()); !hidden {
			cuts[name] = d.records[name][dns.TypeNS]
			delete(d.records[name], dns.TypeNS)
		}
	}
	glue := d.takeBelow(cuts)
	var out []*Cut
	used := map[wire.Name]bool{}
	for _, name := range sortedNames(cuts) {
		if c := d.cut(name, cuts[name], glue, used); c != nil {
			out = append(out, c)
		}
	}
	d.reportUnused(glue, used, cuts)
	return out
}

// held are the names that must not be delegated, because they or names below them are answered
// here, and what those are.
func (d *draft) held() map[wire.Name]string {
	held := map[wire.Name]string{}
	hold := func(name wire.Name, by string) {
		for n := name; n != d.apex; n = n.Parent() {
			if _, ok := held[n]; !ok {
				held[n] = by
			}
		}
	}
	for _, n := range sortedNames(d.hosts) {
		h := d.hosts[n]
		hold(n, "the host name "+n.String()+" of "+h.Plan.ref().String())
	}
	for _, n := range sortedNames(d.servers) {
		hold(n, "the zone's name server "+n.String())
	}
	return held
}

// cutAbove is the cut at or above a name.
func cutAbove(cuts map[wire.Name]*recordSet, n wire.Name) (wire.Name, bool) {
	for ; n != wire.Root; n = n.Parent() {
		if cuts[n] != nil {
			return n, true
		}
	}
	return "", false
}

// takeBelow takes everything at and below cuts out of the zone's records.
func (d *draft) takeBelow(cuts map[wire.Name]*recordSet) map[wire.Name]recordSets {
	taken := map[wire.Name]recordSets{}
	for _, name := range sortedNames(d.records) {
		if _, ok := cutAbove(cuts, name); ok {
			taken[name] = d.records[name]
			delete(d.records, name)
		}
	}
	return taken
}

// cut builds a delegation. Name servers that lie in it and have no address cannot be reached and are
// left out.
func (d *draft) cut(name wire.Name, ns *recordSet, glue map[wire.Name]recordSets, used map[wire.Name]bool) *Cut {
	c := &Cut{Name: name}
	var servers []wire.Data
	for _, s := range ns.data {
		server := s.Name()
		if server.Within(d.apex) {
			used[server] = true
			sets := d.addressesOf(server, glue)
			switch {
			case !server.Within(name):
				c.Siblings = append(c.Siblings, sets...)
			case len(sets) > 0:
				c.Glue = append(c.Glue, sets...)
			default:
				ns.report("%s lies in what is delegated to it, so nobody can find it without its address: add an A or AAAA record", server)
				continue
			}
		}
		servers = append(servers, s)
	}
	if len(servers) == 0 {
		return nil
	}
	if ds := glue[name][dns.TypeDS]; ds != nil {
		c.ds = wire.NewSet(d.apex, dns.TypeDS, ds.ttl, ds.data)
	}
	c.NS = wire.NewSetOf(d.apex, name, dns.TypeNS, ns.ttl, servers)
	return c
}

// addressesOf are the addresses of a name server in the zone or below a cut, as far as they are
// static.
func (d *draft) addressesOf(server wire.Name, glue map[wire.Name]recordSets) []*wire.Set {
	if a := d.servers[server]; a != nil {
		return a.glue(d.apex, server, d.ttl)
	}
	var out []*wire.Set
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		for _, from := range []map[wire.Name]recordSets{glue, d.records} {
			if g := from[server][t]; g != nil {
				out = append(out, wire.NewSetOf(d.apex, server, t, g.ttl, g.data))
			}
		}
	}
	return out
}

// reportUnused reports the records that are hidden by cuts and are not glue.
func (d *draft) reportUnused(taken map[wire.Name]recordSets, glue map[wire.Name]bool, cuts map[wire.Name]*recordSet) {
	for _, name := range sortedNames(taken) {
		for _, t := range sortedTypes(taken[name]) {
			if (t == dns.TypeA || t == dns.TypeAAAA) && glue[name] || t == dns.TypeDS && cuts[name] != nil {
				continue
			}
			taken[name][t].report("%s is delegated to other name servers: the record belongs there", name)
		}
	}
}

// forget drops a record set.
func (d *draft) forget(name wire.Name, rrtype uint16) {
	delete(d.records[name], rrtype)
	if len(d.records[name]) == 0 {
		delete(d.records, name)
	}
}
