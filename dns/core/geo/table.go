package geo

import (
	"fmt"
	"iter"
	"math"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Global is the class of clients that belong to no region.
const Global uint16 = 0

// Table maps addresses to the regions of one list. It is immutable and safe for any number of
// readers.
type Table struct {
	v4, v6  trie
	places  *Places
	regions []Region
	rules   rules
	nearest []uint16 // class of each position of places
	as      []uint16 // what stands for each class after [Table.Merge]; nil if each for itself
}

// Regions makes the table for one list of regions. The class of a client is [Global] or the number
// of its region in the list, counted from 1. Its region is the one that the most specific override
// gives it to, or else the nearest; of equally near ones the first by name.
//
// What is wrong with the regions or the overrides is returned as problems, with the path of each
// field, and left out; the table is always usable.
func (p *Places) Regions(regions []Region, overrides []Override) (*Table, field.ErrorList) {
	list, r, problems := readRules(regions, overrides)
	t := &Table{places: p, regions: list, rules: r, nearest: p.nearest(list)}
	t.build()
	return t, problems
}

// Merge makes a table in which classes of the same answer are one, for scopes as wide as the answers
// allow: as[class] is the class that stands for it. Classes past the end of the list, and those for
// which one stands that does not exist, stand for themselves.
func (t *Table) Merge(as []uint16) *Table {
	m := *t
	m.as = make([]uint16, len(t.regions)+1)
	for i := range m.as {
		m.as[i] = t.standIn(uint16(i))
		if int(m.as[i]) < len(as) && int(as[m.as[i]]) < len(m.as) {
			m.as[i] = as[m.as[i]]
		}
	}
	m.build()
	return &m
}

func (t *Table) standIn(class uint16) uint16 {
	if t.as == nil {
		return class
	}
	return t.as[class]
}

// build makes the tries from everything else.
func (t *Table) build() {
	classes := t.classes()
	v4 := t.divide(&t.places.source.v4, classes)
	v6 := t.divide(&t.places.source.v6, classes)
	keepMappedApart(&v4, &v6)
	t.v4, t.v6 = newTrie(&v4), newTrie(&v6)
}

// nearest is the class of the nearest region of each position.
func (p *Places) nearest(regions []Region) []uint16 {
	type candidate struct {
		at    point
		name  string
		class uint16
	}
	var candidates []candidate
	for i, r := range regions {
		if r.HasLocation {
			candidates = append(candidates, candidate{pointAt(r.Latitude, r.Longitude), r.Name, uint16(i + 1)})
		}
	}
	out := make([]uint16, len(p.points))
	for i := 1; i < len(p.points); i++ {
		best := math.Inf(1)
		name := ""
		for _, c := range candidates {
			d := p.points[i].chord2(c.at)
			if d < best || d == best && c.name < name {
				best, name, out[i] = d, c.name, c.class
			}
		}
	}
	return out
}

// classes is the class of every place when no network override applies.
func (t *Table) classes() []uint32 {
	out := make([]uint32, len(t.places.source.atlas.places))
	for i := range out {
		class, _ := t.classOf(uint32(i))
		out[i] = uint32(t.standIn(class))
	}
	return out
}

// classOf decides for a place, after network overrides had their say.
func (t *Table) classOf(i uint32) (uint16, Basis) {
	a := t.places.source.atlas
	l := a.places[i]
	if len(t.rules.asns) > 0 {
		if c, ok := t.rules.asns[l.asn]; ok {
			return c, ByASN
		}
	}
	if len(t.rules.subdivisions) > 0 {
		if c, ok := t.rules.subdivisions[a.names[l.subdivision]]; ok {
			return c, BySubdivision
		}
	}
	if len(t.rules.countries) > 0 {
		if c, ok := t.rules.countries[a.names[l.country]]; ok {
			return c, ByCountry
		}
	}
	position := t.places.position[i]
	if c := t.nearest[position]; c != Global {
		return c, t.places.basis[position]
	}
	return Global, ByNothing
}

// divide turns a division by place into one by class, network overrides included.
func (t *Table) divide(places *spans, classes []uint32) spans {
	var blocks []block
	for _, n := range t.rules.networks {
		if k, v4 := keyOf(n.prefix.Addr()); v4 == places.v4 {
			// One more than the class, since 0 is what no override covers.
			blocks = append(blocks, block{k, n.prefix.Bits(), uint32(t.standIn(n.class)) + 1})
		}
	}
	overrides := flatten(places.v4, blocks)
	return overlay(places, &overrides, func(place, override uint32) uint32 {
		if override != 0 {
			return override - 1
		}
		return classes[place]
	})
}

// classMapped stands for the IPv4-mapped block of IPv6. No region has it.
const classMapped = math.MaxUint16

var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// keepMappedApart makes the scopes around the IPv4-mapped block of the IPv6 space true. Addresses in
// it are looked up as IPv4, so no block around it may include it unless all of IPv4 has the block's
// class.
func keepMappedApart(v4, v6 *spans) {
	value := uint32(classMapped)
	if v4.len() == 1 {
		value = v4.value[0]
	}
	k, _ := keyOf(mapped.Addr())
	hole := flatten(false, []block{{k, mapped.Bits(), value + 1}})
	*v6 = overlay(v6, &hole, func(class, hole uint32) uint32 {
		if hole != 0 {
			return hole - 1
		}
		return class
	})
}

// Lookup is the class of a client and the scope of that answer: the number of leading bits of the
// address that decided it. Every address that shares them has the same class, and no shorter prefix
// has that property. A scope of 0 says that all clients of the family have one class.
//
// For EDNS client subnet (RFC 7871) look up the address of the option and answer with the scope,
// also where it is longer than the source prefix: the client's block is then divided, its first
// address is answered, and the scope tells the resolver to send more bits next time (section
// 7.2.1). All answers for one scope block agree. A source prefix of 0 is a client that does not want
// to be located: do not look it up, answer it as [Global] with scope 0.
//
// IPv4-mapped IPv6 addresses are looked up as IPv4; their scope still counts 128 bits. The zero
// Addr is Global.
func (t *Table) Lookup(addr netip.Addr) (class uint16, scope uint8) {
	if !addr.IsValid() {
		return Global, 0
	}
	k, v4 := keyOf(addr)
	class, bits := t.lookup(k, v4)
	if class == classMapped {
		class, bits = t.v4.lookup(key{hi: k.lo << 32})
		bits += 96
	}
	return class, uint8(bits)
}

// lookup finds a key and does not follow [classMapped].
func (t *Table) lookup(k key, v4 bool) (class uint16, scope int) {
	if v4 {
		return t.v4.lookup(k)
	}
	return t.v6.lookup(k)
}

// Region is the name of a class; empty for [Global].
func (t *Table) Region(class uint16) string {
	if class == Global || int(class) > len(t.regions) {
		return ""
	}
	return t.regions[class-1].Name
}

// Blocks yields the whole address space of a family as the widest blocks of one class, in
// ascending order. The IPv4-mapped block is left out of IPv6 unless it is part of a wider one.
func (t *Table) Blocks(v4 bool) iter.Seq2[netip.Prefix, uint16] {
	return func(yield func(netip.Prefix, uint16) bool) {
		for k := (key{}); ; {
			class, scope := t.lookup(k, v4)
			if class != classMapped && !yield(netip.PrefixFrom(k.addr(v4), scope), class) {
				return
			}
			last := k.end(scope)
			if last == lastKey {
				return
			}
			k = last.next()
		}
	}
}

// Basis is why a client belongs to its region.
type Basis int

// From the most to the least specific.
const (
	ByNothing             Basis = iota // nothing is known of the client, or no region has a location
	ByNetwork                          // an override names a network around it
	ByASN                              // an override names its autonomous system
	BySubdivision                      // an override names its subdivision
	ByCountry                          // an override names its country
	ByCoordinates                      // the region is nearest to its coordinates
	BySubdivisionDistance              // the region is nearest to the middle of its subdivision
	ByCountryDistance                  // the region is nearest to the middle of its country
)

var basisText = [...]string{"nothing known", "network override", "ASN override", "subdivision override",
	"country override", "nearest to coordinates", "nearest to subdivision", "nearest to country"}

func (b Basis) String() string {
	if b < 0 || int(b) >= len(basisText) {
		return fmt.Sprintf("Basis(%d)", int(b))
	}
	return basisText[b]
}

// Explanation is an answer of [Table.Lookup] with its reasons.
type Explanation struct {
	Class uint16
	// Region is the name of the class; empty for [Global]. In a merged table that may be another than
	// the one which By and Rule chose.
	Region string
	// Scope is the widest network around the address with one answer.
	Scope netip.Prefix
	// By is the rule that decided and Rule what it matched, such as "DE" or "192.0.2.0/24"; Rule is
	// empty where distance decided.
	By   Basis
	Rule string
	// Location is what the database says of the address.
	Location Location
	// Distances are all regions from where the client was taken to be, nearest first, and empty
	// where nothing places it.
	Distances []Ranked
}

// Explain says why Lookup answers what it does. It is meant for people and costs accordingly.
func (t *Table) Explain(addr netip.Addr) Explanation {
	class, scope := t.Lookup(addr)
	e := Explanation{Class: class, Region: t.Region(class)}
	if !addr.IsValid() {
		return e
	}
	addr = addr.WithZone("")
	e.Scope = netip.PrefixFrom(addr, int(scope)).Masked()
	addr = addr.Unmap()
	place := t.places.source.placeOf(addr)
	e.Location = t.places.source.atlas.location(place)
	_, e.By = t.classOf(place)
	switch e.By {
	case ByASN:
		e.Rule = fmt.Sprintf("AS%d", e.Location.ASN)
	case BySubdivision:
		e.Rule = e.Location.Subdivision
	case ByCountry:
		e.Rule = e.Location.Country
	}
	longest := -1
	for _, n := range t.rules.networks {
		if n.prefix.Bits() > longest && n.prefix.Contains(addr) {
			longest = n.prefix.Bits()
			e.By, e.Rule = ByNetwork, n.prefix.String()
		}
	}
	e.Distances = t.places.distances(place, t.regions)
	return e
}

// distances ranks regions as seen from a place.
func (p *Places) distances(i uint32, regions []Region) []Ranked {
	if p.position[i] == 0 {
		return nil
	}
	a := p.source.atlas
	l := a.places[i]
	if l.located {
		return Rank(float64(l.latitude)/coordinateUnit, float64(l.longitude)/coordinateUnit, regions)
	}
	c, _, _ := a.middle(l)
	return Rank(c.latitude, c.longitude, regions)
}
