package zone

import (
	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// dropCircles takes out aliases that go round in circles, which nobody could ever follow, and
// reports whether there were any. It is the youngest objects in the circles that lose theirs: the
// others were there before, and led somewhere.
func (d *draft) dropCircles() bool {
	circle := d.circles()
	d.circled = d.circled || len(circle) > 0
	youngest := 0
	for _, name := range circle {
		youngest = max(youngest, d.records[name][dns.TypeCNAME].by.rank)
	}
	for _, name := range circle {
		if r := d.records[name][dns.TypeCNAME]; r.by.rank == youngest {
			r.report("the alias leads back to itself, by way of %s", d.nodes[name].Alias.Target)
			d.forget(name, dns.TypeCNAME)
		}
	}
	return len(circle) > 0
}

// link finds what stands at an alias's target.
func (d *draft) link(a *Alias) {
	if !a.Target.Within(d.apex) {
		return
	}
	d.targets = append(d.targets, a.Target)
	exact := true
	for name := a.Target; ; name = name.Parent() {
		n := d.nodes[name]
		switch {
		case n == nil:
			exact = false
			continue
		case exact:
			a.At, a.hash, a.Cut = n.Name, hashOf(n.Name), n.Cut
		case n.Cut != nil:
			a.Cut = n.Cut
		case n.Wild != nil:
			a.At, a.hash, a.Stands = n.Wild.Name, hashOf(n.Wild.Name), []byte(a.Target)
		default:
			a.Denied, a.Stands = true, []byte(a.Target)
		}
		return
	}
}

// circles are the names whose aliases are part of a circle, in order.
func (d *draft) circles() []wire.Name {
	byNode := map[*Node]bool{}
	for _, n := range d.nodes {
		if n.Alias == nil || byNode[n] {
			continue
		}
		path := map[*Node]bool{}
		at := n
		for at != nil && at.Alias != nil && !path[at] && !byNode[at] {
			path[at] = true
			at = d.nodes[at.Alias.At]
		}
		if at != nil && path[at] {
			for c := at; !byNode[c]; c = d.nodes[c.Alias.At] {
				byNode[c] = true
			}
		}
	}
	if len(byNode) == 0 {
		return nil
	}
	var out []wire.Name
	for _, name := range sortedNames(d.nodes) {
		if byNode[d.nodes[name]] {
			out = append(out, name)
		}
	}
	return out
}
