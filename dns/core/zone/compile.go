package zone

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

var spec = field.NewPath("spec")

// compiler holds what grows into a snapshot.
type compiler struct {
	in       Input
	problems []Problem
	drafts   map[wire.Name]*draft // by apex
	*signatures
	snapshot *Snapshot
}

// Compile makes a snapshot. It never fails; see the package's documentation.
func Compile(in Input) *Snapshot {
	c := &compiler{
		in:     in,
		drafts: map[wire.Name]*draft{},
		snapshot: &Snapshot{
			names:    make(map[wire.Name]*Node, 2*len(in.Plans)),
			readings: make(map[*trafficv1alpha1.TrafficPlan]*reading, len(in.Plans)),
		},
	}
	c.signatures = newSignatures(in)
	c.snapshot.signatures = c.signatures
	c.snapshot.tables = newTables(in, &c.problems)
	c.openZones()
	c.addSources()
	for _, p := range byAge(in.Plans) {
		c.addPlan(p)
	}
	for _, apex := range sortedNames(c.drafts) {
		c.drafts[apex].finish(c)
	}
	c.signatures.run(in.Each, func(err error) {
		c.problems = append(c.problems, Problem{Ref{Kind: "Zone"}, spec.Child("dnssec").String(), err.Error()})
	})
	c.order()
	return c.snapshot
}

// openZones starts a draft for every Zone that is well formed and overlaps no older one.
func (c *compiler) openZones() {
	above := map[wire.Name]Ref{} // every name above the apex of a served zone
	for _, z := range byAge(c.in.Zones) {
		r := reporter{refOf("Zone", z), &c.problems}
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
		c.drafts[apex] = newDraft(z, apex, r)
		c.drafts[apex].copyOf(c.in.Copies)
		c.drafts[apex].useKeys(c.in.Keys)
		for n := apex; n != wire.Root; {
			n = n.Parent()
			above[n] = r.object
		}
	}
}

// addSources gives the zones the records that are kept apart from them, the oldest first.
func (c *compiler) addSources() {
	byName := map[string]*draft{}
	for _, d := range c.drafts {
		byName[d.zone.Name] = d
	}
	for _, z := range byAge(c.in.Records) {
		r := reporter{refOf("ZoneRecords", z), &c.problems}
		d := byName[z.Spec.Zone]
		if d != nil && d.spec.Secondary != nil {
			r.report(spec.Child("zone"), "Zone %q is a copy of another server's: its records stand there", z.Spec.Zone)
			continue
		}
		if d == nil {
			r.report(spec.Child("zone"), "there is no Zone %q that is served: name one, or make it", z.Spec.Zone)
			continue
		}
		d.sources = append(d.sources, &source{reporter: r, rank: len(d.sources), records: z.Spec.Records})
	}
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
		if d := c.drafts[n]; d != nil || n == wire.Root {
			return d
		}
		n = n.Parent()
	}
}

// order brings everything that is listed into a stable order.
func (c *compiler) order() {
	s := c.snapshot
	slices.SortFunc(s.Zones, func(a, b *Zone) int { return strings.Compare(a.Domain, b.Domain) })
	slices.SortFunc(s.Plans, func(a, b *Plan) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	slices.SortFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Object.Kind, b.Object.Kind),
			strings.Compare(a.Object.Namespace, b.Object.Namespace),
			strings.Compare(a.Object.Name, b.Object.Name),
			strings.Compare(a.Field, b.Field),
			strings.Compare(a.Message, b.Message))
	})
	s.Problems = slices.Compact(c.problems)
	// What was taken over is in here now; the rest is for the garbage collector.
	s.tables.before, s.tables.problems, s.tables.known = nil, nil, nil
	for n := range s.names {
		s.depth = max(s.depth, n.Labels())
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
