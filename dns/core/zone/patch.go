package zone

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// patch is a zone in which some hosts change and nothing else: its draft as it will be, and the nodes that
// this changes. A host has to do with little: its own node; the nodes above it, which are there because
// something is below them; records at its name, delegations above it, aliases that lead to where it is.
// Where it meets any of these, the zone is built anew.
type patch struct {
	*draft
	names *index
	// nodes that change, nil for those that go.
	nodes map[wire.Name]*Node
}

// newPatch changes hosts of a zone, or returns nil where more than hosts would change.
func newPatch(prev *Snapshot, d *draft, hosts edits) *patch {
	for name, e := range hosts {
		if !d.allows(name, e) {
			return nil
		}
	}
	p := &patch{draft: d.copy(), names: &prev.names, nodes: make(map[wire.Name]*Node, 2*len(hosts))}
	for name, e := range hosts {
		p.setHost(name, e.new)
	}
	for name, e := range hosts {
		if e.new == nil {
			p.prune(name)
		}
	}
	if p.meetsAlias() {
		return nil
	}
	return p
}

// allows reports whether an edit has no influence on the records of the zone.
func (d *draft) allows(name wire.Name, e *edit) bool {
	_, meets := slices.BinarySearch(d.owners, e.hash)
	if e.old != nil && e.new != nil {
		// Records at the name were dropped and problems with them reported in words that still hold.
		return e.old.Plan.ref() == e.new.Plan.ref() && (!meets || e.old.alias() == e.new.alias())
	}
	return !meets && !d.circled && !slices.ContainsFunc(d.delegated, name.Within)
}

// at is a node as it is at present, or nil.
func (p *patch) at(name wire.Name) *Node {
	if n, ok := p.nodes[name]; ok {
		return n
	}
	return p.names.get(name, hashOf(name))
}

// edit is a node that can be changed, made if it is not there, together with those above it.
func (p *patch) edit(name wire.Name) *Node {
	if n := p.nodes[name]; n != nil {
		return n
	}
	n := &Node{Name: name, slot: p.slot}
	old := p.at(name)
	if old != nil {
		*n = *old
	}
	p.nodes[name] = n
	if old == nil {
		p.edit(name.Parent()).below++
	}
	if name.IsWildcard() {
		p.edit(name.Parent()).Wild = n
	}
	return n
}

// setHost gives a name another host, or none, and has the records that go by it made anew.
func (p *patch) setHost(name wire.Name, h *Host) {
	n := p.edit(name)
	n.Host = h
	if records := p.services[name]; len(records) > 0 {
		n.Services = nil
		n.Sets = slices.DeleteFunc(slices.Clone(n.Sets), func(s *wire.Set) bool { return isService(s.Type) })
		for _, r := range records {
			n.addService(p.apex, r.rrtype, r, h)
		}
		sortSets(n.Sets)
	}
}

// prune takes out a name that nothing is at or below, and those above it that were there for its sake.
func (p *patch) prune(name wire.Name) {
	for ; name != p.apex; name = name.Parent() {
		n := p.at(name)
		if n == nil || n.below > 0 || len(n.Sets) > 0 || n.Alias != nil || n.Cut != nil || n.Host != nil {
			return
		}
		p.nodes[name] = nil
		parent := p.edit(name.Parent())
		parent.below--
		if name.IsWildcard() {
			parent.Wild = nil
		}
	}
}

// meetsAlias reports whether an alias may lead elsewhere now: names have come or gone at or above its
// target, or a wildcard that could stand for it.
func (p *patch) meetsAlias() bool {
	if len(p.targets) == 0 {
		return false
	}
	moved := map[wire.Name]bool{}
	for name, n := range p.nodes {
		if (n == nil) == (p.names.get(name, hashOf(name)) == nil) {
			continue
		}
		moved[name] = true
		if name.IsWildcard() {
			moved[name.Parent()] = true
		}
	}
	if len(moved) == 0 {
		return false
	}
	return slices.ContainsFunc(p.targets, func(target wire.Name) bool {
		for n := target; n != p.apex; n = n.Parent() {
			if moved[n] {
				return true
			}
		}
		return moved[p.apex]
	})
}

// finish brings what follows from all nodes together up to date.
func (p *patch) finish(in *Input) {
	for name, n := range p.nodes {
		if old := p.names.get(name, hashOf(name)); old != nil {
			p.sum.remove(old)
			p.longest.remove(old.longest())
		}
		if n != nil {
			p.sum.add(n)
			p.longest.add(n.longest())
		}
	}
	before := p.zone.Serial
	soa, negative := p.zone.SOA, p.zone.Negative
	p.number(in)
	renumbered := p.zone.Serial.Serial != before.Serial
	if renumbered {
		apex := p.edit(p.apex)
		apex.Sets = slices.Clone(apex.Sets)
		apex.Sets[slices.IndexFunc(apex.Sets, func(s *wire.Set) bool { return s.Type == dns.TypeSOA })] = p.zone.SOA
	} else {
		p.zone.SOA, p.zone.Negative = soa, negative
	}
	p.zone.MaxTTL = p.longest.most()
	s := p.signer(in)
	if s == nil {
		return
	}
	for _, n := range p.nodes {
		if n != nil {
			s.node(n)
		}
	}
	if renumbered {
		s.rest()
	}
}
