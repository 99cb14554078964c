package zone

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/wire"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var spec = field.NewPath("spec")

// compiler holds what grows into a snapshot.
type compiler struct {
	in        *Input
	tables    *tables
	general   []Problem            // with zones and region maps
	strays    []Problem            // with records of no zone
	drafts    map[wire.Name]*draft // by apex
	contested map[wire.Name]bool
	// edits of hosts, where others are taken over; nil where none are. stuck: that is not to be had.
	edits edits
	stuck bool
}

// Compile makes a snapshot. It never fails; see the package's documentation.
func Compile(in Input) *Snapshot {
	if s := advance(&in); s != nil {
		return s
	}
	c := &compiler{in: &in, drafts: map[wire.Name]*draft{}, contested: map[wire.Name]bool{}}
	c.tables = newTables(&in, &c.general)
	c.openZones()
	c.addSources()
	plans := c.readPlans()
	for _, p := range plans {
		c.claim(p)
	}
	c.steer(plans)
	return c.snapshot(plans)
}

// openZones starts a draft for every Zone that is well formed and overlaps no older one.
func (c *compiler) openZones() {
	above := map[wire.Name]Ref{} // every name above the apex of a served zone
	for _, z := range byAge(c.in.Zones) {
		r := reporter{refOf("Zone", z), &c.general}
		apex, err := wire.ParseName(z.Spec.Domain)
		switch {
		case err != nil:
			r.report(spec.Child("domain"), "%v", err)
			continue
		case apex == wire.Root || apex.IsWildcard():
			r.report(spec.Child("domain"), "%q cannot be a zone: name a domain that is delegated to these servers", z.Spec.Domain)
			continue
		}
		if older, ok := c.overlapping(apex, above); ok {
			r.report(spec.Child("domain"), "%s overlaps the older %s: make it part of that Zone, or delete one of them", apex, older)
			continue
		}
		c.drafts[apex] = newDraft(z, apex)
		for n := apex; n != wire.Root; {
			n = n.Parent()
			above[n] = r.object
		}
	}
	for i, d := range c.ordered() {
		d.slot = int32(i)
		d.copyOf(c.in.Copies)
		d.useKeys(c.in.Keys)
	}
}

// ordered are the drafts in the order of their domains.
func (c *compiler) ordered() []*draft {
	out := make([]*draft, 0, len(c.drafts))
	for _, d := range c.drafts {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *draft) int { return strings.Compare(a.zone.Domain, b.zone.Domain) })
	return out
}

// addSources gives the zones the records that are kept apart from them.
func (c *compiler) addSources() {
	all := make([]*draft, 0, len(c.drafts))
	for _, d := range c.drafts {
		all = append(all, d)
	}
	for d, records := range c.sources(all) {
		for _, z := range records {
			d.addSource(z)
		}
	}
}

// sources are the ZoneRecords of each zone, the oldest first. Those of no zone are reported.
func (c *compiler) sources(drafts []*draft) map[*draft][]*trafficv1alpha1.ZoneRecords {
	byName := make(map[string]*draft, len(drafts))
	for _, d := range drafts {
		byName[d.zone.Name] = d
	}
	out := map[*draft][]*trafficv1alpha1.ZoneRecords{}
	for _, z := range byAge(c.in.Records) {
		r := reporter{refOf("ZoneRecords", z), &c.strays}
		d := byName[z.Spec.Zone]
		switch {
		case d == nil:
			r.report(spec.Child("zone"), "there is no Zone %q that is served: name one, or make it", z.Spec.Zone)
		case d.spec.Secondary != nil:
			r.report(spec.Child("zone"), "Zone %q is a copy of another server's: its records stand there", z.Spec.Zone)
		default:
			out[d] = append(out[d], z)
		}
	}
	return out
}

// overlapping finds the served zone that contains the apex or lies inside it.
func (c *compiler) overlapping(apex wire.Name, above map[wire.Name]Ref) (Ref, bool) {
	if older, ok := above[apex]; ok {
		return older, true
	}
	d := c.draftOf(apex)
	if d == nil {
		return Ref{}, false
	}
	return d.object, true
}

// draftOf is the zone that a name is in, or nil.
func (c *compiler) draftOf(n wire.Name) *draft {
	for {
		if d := c.draftAt(n); d != nil || n == wire.Root {
			return d
		}
		n = n.Parent()
	}
}

func (c *compiler) draftAt(apex wire.Name) *draft {
	if c.edits == nil {
		return c.drafts[apex]
	}
	if slot, ok := c.in.Previous.slots[apex]; ok {
		return c.in.Previous.drafts[slot]
	}
	return nil
}

// hostAt is the host of a name, or nil.
func (c *compiler) hostAt(d *draft, h hostname) *Host {
	if c.edits == nil {
		return d.hosts[h.name]
	}
	if e := c.edits[h.name]; e != nil {
		return e.new
	}
	if n := c.in.Previous.names.get(h.name, h.hash); n != nil {
		return n.Host
	}
	return nil
}

func (c *compiler) setHost(d *draft, h hostname, host *Host) {
	if c.edits == nil {
		d.hosts[h.name] = host
		return
	}
	e := c.edits[h.name]
	if e == nil {
		e = &edit{hash: h.hash, draft: d}
		c.edits[h.name] = e
	}
	e.new = host
}

// contest takes note that several plans want a host name.
func (c *compiler) contest(name wire.Name) {
	if c.edits != nil {
		c.stuck = true
		return
	}
	c.contested[name] = true
}

// readPlans reads the plans, or finds what was read of them before. They are in the order of age.
func (c *compiler) readPlans() []*Plan {
	objects := byAge(c.in.Plans)
	known := map[*trafficv1alpha1.TrafficPlan]*reading{}
	if c.in.Previous != nil {
		for _, p := range c.in.Previous.Plans {
			known[p.object] = p.reading
		}
	}
	plans := make([]*Plan, len(objects))
	c.in.each(batches(len(objects)), func(batch int) {
		for i := range within(batch, len(objects)) {
			r := known[objects[i]]
			if r == nil {
				r = read(objects[i])
			}
			plans[i] = newPlan(objects[i], r)
		}
	})
	return plans
}

// steer gives plans their steering.
func (c *compiler) steer(plans []*Plan) {
	byPlan := make([]*geo.Table, len(plans))
	for i, p := range plans {
		byPlan[i] = c.tableOf(p)
	}
	c.in.each(batches(len(plans)), func(batch int) {
		for i := range within(batch, len(plans)) {
			plans[i].steerBy(byPlan[i])
		}
	})
}

// tableOf is the table that a plan's regions are told apart by; nil where they make no difference.
func (c *compiler) tableOf(p *Plan) *geo.Table {
	if p.reading.key == "" {
		return nil
	}
	return c.tables.of(p.reading.key, p.object.Spec.Regions, reporter{p.ref(), &p.problems})
}

// snapshot finishes the zones and puts everything together.
func (c *compiler) snapshot(plans []*Plan) *Snapshot {
	drafts := c.ordered()
	c.in.each(len(drafts), func(i int) { drafts[i].finish(c.in) })
	runJobs(c.in, drafts)
	s := &Snapshot{origin: origin{
		zones: slices.Clone(c.in.Zones), records: slices.Clone(c.in.Records), maps: slices.Clone(c.in.RegionMaps),
		drafts: drafts, slots: make(map[wire.Name]int32, len(drafts)), tables: c.tables, contested: c.contested, general: c.general, strays: c.strays,
	}}
	c.tables.close()
	total := 0
	for _, d := range drafts {
		total += len(d.nodes)
	}
	nodes := make([]*Node, 0, total)
	for i, d := range drafts {
		s.slots[d.apex] = int32(i)
		s.Zones = append(s.Zones, d.zone)
		for name, n := range d.nodes {
			nodes = append(nodes, n)
			s.depth = max(s.depth, name.Labels())
		}
		d.nodes = nil
	}
	s.names = newIndex(nodes)
	slices.SortFunc(plans, comparePlans)
	s.Plans = plans
	s.plans = make([]*trafficv1alpha1.TrafficPlan, len(plans))
	for i, p := range plans {
		s.plans[i] = p.object
	}
	s.gatherProblems()
	return s
}

func comparePlans(a, b *Plan) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// gatherProblems lists the problems with all objects, in a stable order.
func (s *Snapshot) gatherProblems() {
	all := slices.Concat(s.general, s.strays)
	for _, d := range s.drafts {
		all = append(all, d.problems...)
	}
	for _, p := range s.Plans {
		all = append(append(all, p.reading.problems...), p.problems...)
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Object.Kind, b.Object.Kind),
			strings.Compare(a.Object.Namespace, b.Object.Namespace),
			strings.Compare(a.Object.Name, b.Object.Name),
			strings.Compare(a.Field, b.Field),
			strings.Compare(a.Message, b.Message))
	})
	s.Problems = slices.Compact(all)
}

// perBatch is how many plans are worked on together: one alone is not worth the way to another processor.
const perBatch = 256

func batches(n int) int { return (n + perBatch - 1) / perBatch }

// within are the numbers of a batch.
func within(batch, n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := batch * perBatch; i < min((batch+1)*perBatch, n); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

func sortedNames[V any](m map[wire.Name]V) []wire.Name {
	out := make([]wire.Name, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
