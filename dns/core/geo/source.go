package geo

import (
	"fmt"
	"iter"
	"net/netip"
)

// Network is a network and where it is.
type Network struct {
	Prefix   netip.Prefix
	Location Location
}

// Source is a geo database in memory: disjoint networks and the location of each. It is immutable
// and small: equal locations are kept once, neighbouring networks with equal locations are one.
// Make one with a [Builder], [NewSource] or [Overlay].
type Source struct {
	atlas  *atlas
	v4, v6 spans
}

// NewSource makes a Source of networks in any order. Networks may lie inside one another: the
// longest prefix wins, and of equal ones the last. An invalid prefix is an error. IPv4-mapped IPv6
// prefixes are IPv4.
func NewSource(networks []Network) (*Source, error) {
	a := newAtlas()
	var v4, v6 []block
	for i, n := range networks {
		p, err := unmapPrefix(n.Prefix)
		if err != nil {
			return nil, fmt.Errorf("network %d: %w", i, err)
		}
		k, is4 := keyOf(p.Addr())
		b := block{k, p.Bits(), a.add(n.Location)}
		if is4 {
			v4 = append(v4, b)
		} else {
			v6 = append(v6, b)
		}
	}
	a.seal()
	return &Source{atlas: a, v4: flatten(true, v4), v6: flatten(false, v6)}, nil
}

// unmapPrefix is p without host bits and with IPv4-mapped IPv6 as IPv4.
func unmapPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, fmt.Errorf("%v is not a valid prefix", p)
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Place is the number of a distinct Location within one Builder. 0 is the unknown location.
type Place uint32

// Builder makes a Source of networks that come in ascending order and do not overlap, as those of
// a database file do, without holding them twice. The zero Builder is ready to use.
type Builder struct {
	atlas      *atlas
	v4, v6     spans
	end4, end6 cursor
}

// cursor is the first key that is still free; full says that there is none.
type cursor struct {
	free key
	full bool
}

func (b *Builder) init() {
	if b.atlas == nil {
		b.atlas, b.v4, b.v6 = newAtlas(), newSpans(true), newSpans(false)
	}
}

// Place is the number of a location, the same for equal ones.
func (b *Builder) Place(l Location) Place {
	b.init()
	return Place(b.atlas.add(l))
}

// Add says where a network is. It must lie above all networks of its family that were added before.
func (b *Builder) Add(p netip.Prefix, at Place) error {
	p, err := unmapPrefix(p)
	if err != nil {
		return err
	}
	first, v4 := keyOf(p.Addr())
	return b.add(first, first.end(p.Bits()), v4, at, func() string { return p.String() })
}

// AddRange says where the addresses from first to last are, both included and of one family. They
// must lie above all of their family that were added before.
func (b *Builder) AddRange(first, last netip.Addr, at Place) error {
	if !first.IsValid() || !last.IsValid() || first.BitLen() != last.BitLen() || last.Less(first) {
		return fmt.Errorf("%v to %v is not a range of addresses", first, last)
	}
	from, v4 := keyOf(first)
	to, _ := keyOf(last)
	if v4 {
		to = to.end(32)
	}
	return b.add(from, to, v4, at, func() string { return fmt.Sprintf("%v to %v", first, last) })
}

func (b *Builder) add(first, last key, v4 bool, at Place, what func() string) error {
	b.init()
	if int(at) >= len(b.atlas.places) {
		return fmt.Errorf("%s: place %d is not one of this builder", what(), at)
	}
	s, c := &b.v6, &b.end6
	if v4 {
		s, c = &b.v4, &b.end4
	}
	if c.full || first.less(c.free) {
		return fmt.Errorf("%s overlaps or precedes the network before it: networks must ascend", what())
	}
	s.appendRange(first, last, uint32(at))
	c.free, c.full = last.next(), last == lastKey
	return nil
}

// Source is what was built. The Builder starts anew.
func (b *Builder) Source() *Source {
	b.init()
	s := &Source{atlas: b.atlas, v4: b.v4, v6: b.v6}
	*b = Builder{}
	s.atlas.seal()
	s.v4.clip()
	s.v6.clip()
	return s
}

// Overlay lays databases over one another, such as one of cities and one of autonomous systems. For
// each address the first that knows its country decides the country; what the first leaves open is
// taken from the next that does not contradict it: a subdivision or coordinates only if it names
// the same country and subdivision.
func Overlay(sources ...*Source) *Source {
	if len(sources) == 0 {
		return new(Builder).Source()
	}
	out := sources[0]
	for _, s := range sources[1:] {
		out = overlayTwo(out, s)
	}
	return out
}

func overlayTwo(a, b *Source) *Source {
	at := newAtlas()
	an, bn := at.adopt(a.atlas), at.adopt(b.atlas)
	seen := map[[2]uint32]uint32{}
	pair := func(i, j uint32) uint32 {
		k, ok := seen[[2]uint32{i, j}]
		if !ok {
			k = at.place(complete(a.atlas.places[i].renamed(an), b.atlas.places[j].renamed(bn)))
			seen[[2]uint32{i, j}] = k
		}
		return k
	}
	s := &Source{atlas: at, v4: overlay(&a.v4, &b.v4, pair), v6: overlay(&a.v6, &b.v6, pair)}
	at.seal()
	s.v4.clip()
	s.v6.clip()
	return s
}

// adopt takes over the names of another atlas and says which of ours each is.
func (a *atlas) adopt(o *atlas) []uint32 {
	to := make([]uint32, len(o.names))
	for i, n := range o.names {
		to[i] = a.name(n)
	}
	return to
}

func (p place) renamed(to []uint32) place {
	p.country, p.continent, p.subdivision = to[p.country], to[p.continent], to[p.subdivision]
	return p
}

// complete fills what p leaves open from o, where o does not contradict p.
func complete(p, o place) place {
	if p.asn == 0 {
		p.asn = o.asn
	}
	if p.country == 0 {
		p.country = o.country
		if o.country != 0 || p.continent == 0 {
			p.continent = o.continent
		}
	}
	if p.country != o.country {
		return p
	}
	if p.subdivision == 0 {
		p.subdivision = o.subdivision
	}
	if !p.located && p.subdivision == o.subdivision {
		p.latitude, p.longitude, p.located = o.latitude, o.longitude, o.located
	}
	return p
}

// Len is the number of runs of addresses of one known location.
func (s *Source) Len() int {
	n := 0
	for _, f := range []*spans{&s.v4, &s.v6} {
		for _, v := range f.value {
			if v != 0 {
				n++
			}
		}
	}
	return n
}

// Locate is the location of an address; the zero Location if nothing is known. IPv4-mapped
// addresses are IPv4.
func (s *Source) Locate(addr netip.Addr) Location {
	if !addr.IsValid() {
		return Location{}
	}
	return s.atlas.location(s.placeOf(addr.Unmap()))
}

func (s *Source) placeOf(addr netip.Addr) uint32 {
	k, v4 := keyOf(addr)
	f := &s.v6
	if v4 {
		f = &s.v4
	}
	return f.value[f.find(k)]
}

// Ranges yields all addresses of known location in ascending order, IPv4 first, as ranges from the
// first to the last address, both included.
func (s *Source) Ranges() iter.Seq2[[2]netip.Addr, Location] {
	return func(yield func([2]netip.Addr, Location) bool) {
		for _, f := range []*spans{&s.v4, &s.v6} {
			for i, v := range f.value {
				if v == 0 {
					continue
				}
				r := [2]netip.Addr{f.start(i).addr(f.v4), f.last(i).addr(f.v4)}
				if !yield(r, s.atlas.location(v)) {
					return
				}
			}
		}
	}
}
