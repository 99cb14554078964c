package zone

import (
	"reflect"
	"slices"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/objects"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Most changes are of a few plans, or of the records of a zone. They are worked into the snapshot before:
// zones that they do not touch are taken over whole, and where only hosts of a zone change, only the nodes
// that this touches are made anew; see patch. What may have an influence on other plans or zones makes for
// a snapshot from scratch: other zones, region maps and places, and host names that several plans want.

// edits are the hosts that change, by name.
type edits map[wire.Name]*edit

type edit struct {
	old, new *Host
	hash     uint64 // of the name
	draft    *draft // that the name is in, as it was before
}

// advancer works changes into the snapshot before.
type advancer struct {
	compiler
	previous *Snapshot
	snapshot *Snapshot
	// again: the list of problems is to be made again.
	again bool
}

// advance makes a snapshot out of the one before, or returns nil where that is not to be had.
func advance(in *Input) *Snapshot {
	prev := in.Previous
	if prev == nil || prev.tables == nil || in.Places == nil || prev.tables.places != in.Places ||
		!slices.Equal(prev.maps, in.RegionMaps) || !sameZones(prev.zones, in.Zones) {
		return nil
	}
	gone, come := objects.Difference(prev.plans, in.Plans, objects.ByName)
	if most := len(in.Plans)/4 + perBatch; len(gone) > most || len(come) > most {
		return nil
	}
	a := &advancer{previous: prev, snapshot: &Snapshot{
		Zones: prev.Zones, Plans: prev.Plans, Problems: prev.Problems, names: prev.names, depth: prev.depth, origin: prev.origin}}
	a.compiler = compiler{in: in, tables: prev.tables, edits: edits{}}
	if !a.takePlans(gone, come) {
		return nil
	}
	a.takeZones()
	if a.again {
		a.snapshot.gatherProblems()
	}
	return a.snapshot
}

// sameZones reports whether two lists are of the same zones, as far as plans and other zones care.
func sameZones(before, after []*trafficv1alpha1.Zone) bool {
	return slices.EqualFunc(before, after, func(a, b *trafficv1alpha1.Zone) bool {
		return a == b || a.Name == b.Name && a.CreationTimestamp.Time.Equal(b.CreationTimestamp.Time) && a.Spec.Domain == b.Spec.Domain &&
			(a.Spec.Secondary == nil) == (b.Spec.Secondary == nil) && reflect.DeepEqual(a.Spec.NameServers, b.Spec.NameServers)
	})
}

// takePlans takes plans out and in, and finds which hosts that changes.
func (a *advancer) takePlans(gone, come []int) bool {
	if len(gone)+len(come) == 0 {
		return true
	}
	went := pick(a.previous.Plans, gone)
	for _, p := range went {
		a.troubled(p)
		for _, h := range p.Hosts {
			a.edits[h.Name] = &edit{old: h, hash: hashOf(h.Name), draft: a.previous.drafts[h.slot]}
		}
	}
	added := byAge(pick(a.in.Plans, come))
	came := make([]*Plan, len(added))
	for i, o := range added {
		came[i] = newPlan(o, read(o))
	}
	if a.contests(went) || a.contests(came) {
		return false
	}
	for _, p := range came {
		if a.claim(p); a.stuck {
			return false
		}
		if key := p.reading.key; key != "" && a.tables.known[key] == nil && a.tables == a.previous.tables {
			a.tables = a.tables.change()
		}
		p.steerBy(a.tableOf(p))
		a.troubled(p)
	}
	s := a.snapshot
	var ok bool
	if s.Plans, ok = replaceSorted(s.Plans, gone, came, comparePlans); !ok {
		return false
	}
	s.plans, _ = replaceSorted(s.plans, gone, added, objects.ByName)
	if a.tables != a.previous.tables {
		a.tables.prune(s.Plans)
		s.tables = a.tables
	}
	return true
}

func (a *advancer) troubled(p *Plan) {
	a.again = a.again || len(p.reading.problems)+len(p.problems) > 0
}

// contests reports whether any plan wants a host name that another wants too.
func (a *advancer) contests(plans []*Plan) bool {
	contested := a.previous.contested
	return len(contested) > 0 && slices.ContainsFunc(plans, func(p *Plan) bool {
		return slices.ContainsFunc(p.reading.hosts, func(h hostname) bool { return contested[h.name] })
	})
}

// takeZones brings the zones up to date.
func (a *advancer) takeZones() {
	s, prev, in := a.snapshot, a.previous, a.in
	sources := a.takeSources()
	hosts := map[*draft]edits{}
	for name, e := range a.edits {
		if hosts[e.draft] == nil {
			hosts[e.draft] = edits{}
		}
		hosts[e.draft][name] = e
	}
	others := a.takeObjects()
	next := slices.Clone(prev.drafts)
	var fresh []*draft
	var patches []*patch
	for slot, d := range prev.drafts {
		from := d.from
		if z := others[from]; z != nil {
			from = z
		}
		switch {
		case d.stale(in, from) || sources != nil && !d.has(sources[d]):
		case len(hosts[d]) > 0 || d.renumbered(in):
			if p := newPatch(prev, d, hosts[d]); p != nil {
				p.from = from
				patches = append(patches, p)
				next[slot] = p.draft
				continue
			}
		case d.ring.Signs() || from != d.from:
			next[slot] = d.later(in, from)
			continue
		default:
			continue
		}
		next[slot] = d.anew(in, from, sources)
		fresh = append(fresh, next[slot])
		a.again = a.again || len(d.problems) > 0
	}
	s.drafts = next
	s.Zones = make([]*Zone, len(next))
	a.build(fresh, patches)
	for i, d := range next {
		s.Zones[i] = d.zone
	}
}

// takeSources are the ZoneRecords of each zone if there are others than before, else nil.
func (a *advancer) takeSources() map[*draft][]*trafficv1alpha1.ZoneRecords {
	if slices.Equal(a.previous.records, a.in.Records) {
		return nil
	}
	sources := a.sources(a.previous.drafts)
	a.again = a.again || len(a.strays)+len(a.previous.strays) > 0
	a.snapshot.records, a.snapshot.strays = slices.Clone(a.in.Records), a.strays
	return sources
}

// takeObjects are the Zone objects that there are others for now.
func (a *advancer) takeObjects() map[*trafficv1alpha1.Zone]*trafficv1alpha1.Zone {
	out := map[*trafficv1alpha1.Zone]*trafficv1alpha1.Zone{}
	for i, z := range a.in.Zones {
		if before := a.previous.zones[i]; before != z {
			out[before] = z
		}
	}
	if len(out) > 0 {
		a.snapshot.zones = slices.Clone(a.in.Zones)
	}
	return out
}

// build finishes zones that are made anew and patches others, and gives the snapshot their nodes.
func (a *advancer) build(fresh []*draft, patches []*patch) {
	if len(fresh)+len(patches) == 0 {
		return
	}
	s, prev, in := a.snapshot, a.previous, a.in
	if len(fresh) > 0 {
		at := make([]*draft, len(s.drafts))
		for _, d := range fresh {
			at[d.slot] = d
		}
		for _, p := range s.Plans {
			for _, h := range p.Hosts {
				if d := at[h.slot]; d != nil {
					d.hosts[h.Name] = h
				}
			}
		}
	}
	in.each(len(fresh), func(i int) { fresh[i].finish(in) })
	changed := slices.Clone(fresh)
	count := 0
	for _, p := range patches {
		p.finish(in)
		changed = append(changed, p.draft)
		count += len(p.nodes)
	}
	runJobs(in, changed)
	for _, d := range changed {
		a.again = a.again || len(d.problems) > 0 && d.unsigned
	}
	for _, d := range fresh {
		a.again = a.again || len(d.problems) > 0
		count += len(d.nodes)
	}
	names := prev.names.change(count)
	if len(fresh) > 0 {
		prev.names.all(func(n *Node) {
			if d := s.drafts[n.slot]; d.nodes != nil && d.nodes[n.Name] == nil {
				names.remove(n.Name)
			}
		})
	}
	set := func(n *Node) {
		names.set(n)
		s.depth = max(s.depth, n.Name.Labels())
	}
	for _, d := range fresh {
		for _, n := range d.nodes {
			set(n)
		}
		d.nodes = nil
	}
	for _, p := range patches {
		for name, n := range p.nodes {
			if n == nil {
				names.remove(name)
			} else {
				set(n)
			}
		}
	}
	s.names = names.index
}

// stale reports whether a zone is to be built anew, whatever becomes of its hosts.
func (d *draft) stale(in *Input, from *trafficv1alpha1.Zone) bool {
	return d.unsigned ||
		d.given.copied != in.Copies[d.zone.Domain] || d.given.ring != in.Keys[d.zone.Domain] ||
		!d.renew.IsZero() && !in.Now.Before(d.renew) ||
		d.from != from && (d.from.Generation != from.Generation || !reflect.DeepEqual(d.from.Spec, from.Spec))
}

// has reports whether the zone was made of these records.
func (d *draft) has(records []*trafficv1alpha1.ZoneRecords) bool {
	return slices.EqualFunc(d.sources[1:], records, func(s *source, z *trafficv1alpha1.ZoneRecords) bool { return s.from == z })
}

// renumbered reports whether the zone may get another serial though its content is the same.
func (d *draft) renumbered(in *Input) bool {
	return d.spec.Secondary == nil && (d.given.global != in.Global[d.zone.Domain] || d.zone.Serial != in.Serials[d.zone.Domain])
}

// anew begins the zone again, for its hosts to be added.
func (d *draft) anew(in *Input, from *trafficv1alpha1.Zone, sources map[*draft][]*trafficv1alpha1.ZoneRecords) *draft {
	n := newDraft(from, d.apex)
	n.slot = d.slot
	n.copyOf(in.Copies)
	n.useKeys(in.Keys)
	if sources != nil {
		for _, z := range sources[d] {
			n.addSource(z)
		}
		return n
	}
	for _, s := range d.sources[1:] {
		n.addSource(s.from)
	}
	return n
}

// copy is a zone that can be changed, with all that the other has.
func (d *draft) copy() *draft {
	n, z := *d, *d.zone
	n.zone, n.longest, n.problems = &z, d.longest.clone(), slices.Clip(d.problems)
	n.reporter.list = &n.problems
	return &n
}

// later is the same zone as of now: what is signed when it is asked for is signed as of then.
func (d *draft) later(in *Input, from *trafficv1alpha1.Zone) *draft {
	n := d.copy()
	n.from = from
	n.signer(in)
	return n
}
