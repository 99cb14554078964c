package geo

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func drawn(t *rapid.T) chooser {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
}

// classesWithin are the classes of all addresses of a block, by the oracle: of its first address
// and of every border inside.
func (w world) classesWithin(p netip.Prefix, borders []netip.Addr) map[uint16]netip.Addr {
	out := map[uint16]netip.Addr{w.class(p.Addr()): p.Addr()}
	for _, b := range borders {
		if p.Contains(b) {
			out[w.class(b)] = b
		}
	}
	return out
}

func TestScopeIsTheWidestBlockWithOneAnswer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := drawn(rt)
		w := pick.world(24, 6)
		if pick(2) == 0 {
			w.merge = make([]uint16, pick(len(w.regions)+2))
			for i := range w.merge {
				w.merge[i] = uint16(pick(len(w.regions) + 1))
			}
		}
		table, borders := w.table(t), w.borders()
		for range 8 {
			a := pick.address(w, borders)
			class, scope := table.Lookup(a)
			block := netip.PrefixFrom(a, int(scope)).Masked()
			if in := w.classesWithin(block, borders); len(in) != 1 {
				rt.Fatalf("Lookup(%v) = %d/%d, but the block has %v\n%v", a, class, scope, in, w)
			}
			if scope == 0 {
				continue
			}
			wider := netip.PrefixFrom(a, int(scope)-1).Masked()
			if in := w.classesWithin(wider, borders); len(in) == 1 {
				rt.Fatalf("Lookup(%v) = %d/%d, but %v has one answer too\n%v", a, class, scope, wider, w)
			}
			for _, inside := range []netip.Addr{block.Addr(), lastOf(block)} {
				if c, s := table.Lookup(inside); c != class || s != scope {
					rt.Fatalf("Lookup(%v) = %d/%d, Lookup(%v) of the same block = %d/%d", a, class, scope, inside, c, s)
				}
			}
		}
	})
}

func TestBlocksCoverEachFamilyOnceAndCannotBeJoined(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawn(rt).world(24, 6)
		table := w.table(t)
		for _, v4 := range []bool{true, false} {
			var next netip.Addr
			last := netip.Prefix{}
			lastClass := uint16(0)
			for p, class := range table.Blocks(v4) {
				if next.IsValid() && p.Addr() != next && next != mapped.Addr() {
					rt.Fatalf("block %v follows %v", p, last)
				}
				if p.Bits() > 0 && last.Bits() == p.Bits() && class == lastClass &&
					netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked().Contains(last.Addr()) {
					rt.Fatalf("%v and %v are halves of one block with class %d", last, p, class)
				}
				last, lastClass, next = p, class, lastOf(p).Next()
			}
			if next.IsValid() {
				rt.Fatalf("the last block is %v", last)
			}
		}
	})
}

func TestTheSameInputGivesTheSameTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawn(rt).world(24, 6)
		a, b := w.table(t), w.table(t)
		if !reflect.DeepEqual(a.v4, b.v4) || !reflect.DeepEqual(a.v6, b.v6) {
			rt.Fatal("two tables of one world differ")
		}
	})
}

func TestAnOverlayIsDecidedAddressByAddress(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := drawn(rt)
		one, two := pick.world(12, 0), pick.world(12, 0)
		a, err := NewSource(one.networks)
		if err != nil {
			rt.Fatal(err)
		}
		b, err := NewSource(two.networks)
		if err != nil {
			rt.Fatal(err)
		}
		both := Overlay(a, b)
		borders := append(one.borders(), two.borders()...)
		for range 8 {
			at := pick.address(one, borders)
			l, first, second := both.Locate(at), a.Locate(at), b.Locate(at)
			wantCountry, wantASN := first.Country, first.ASN
			if wantCountry == "" {
				wantCountry = second.Country
			}
			if wantASN == 0 {
				wantASN = second.ASN
			}
			if l.Country != wantCountry || l.ASN != wantASN {
				rt.Fatalf("%v: %+v over %+v gives %+v", at, first, second, l)
			}
			if first.HasCoordinates && (l.Latitude != first.Latitude || l.Longitude != first.Longitude) {
				rt.Fatalf("%v: coordinates of %+v became %+v", at, first, l)
			}
		}
	})
}

func TestRangesAreTheSourceAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := drawn(rt)
		w := pick.world(24, 0)
		s, err := NewSource(w.networks)
		if err != nil {
			rt.Fatal(err)
		}
		var b Builder
		n := 0
		for r, l := range s.Ranges() {
			if err := b.AddRange(r[0], r[1], b.Place(l)); err != nil {
				rt.Fatal(err)
			}
			n++
		}
		again := b.Source()
		if n != s.Len() || n != again.Len() {
			rt.Fatalf("%d ranges, %d and %d networks", n, s.Len(), again.Len())
		}
		borders := w.borders()
		for range 8 {
			a := pick.address(w, borders)
			if x, y := s.Locate(a), again.Locate(a); x != y {
				rt.Fatalf("%v: %v became %v", a, x, y)
			}
			// The source holds what the scan of all networks finds.
			want := w.locate(a.Unmap())
			if got := s.Locate(a); got.Country != want.Country || got.ASN != want.ASN || got.Subdivision != want.Subdivision {
				rt.Fatalf("%v: %v, want %v", a, got, want)
			}
		}
	})
}

func TestRankIsByDistanceWithUnknownOnesLast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		latitude := rapid.Float64Range(-90, 90).Draw(rt, "latitude")
		longitude := rapid.Float64Range(-180, 180).Draw(rt, "longitude")
		ranked := Rank(latitude, longitude, someRegions)
		if len(ranked) != len(someRegions) || ranked[len(ranked)-1].Region.HasLocation {
			rt.Fatalf("%v", ranked)
		}
		for i, r := range ranked[:len(ranked)-1] {
			want := haversine(latitude, longitude, r.Region.Latitude, r.Region.Longitude)
			if d := r.Kilometres - want; d > 0.01 || d < -0.01 {
				rt.Fatalf("%v is %g km away, want %g", r.Region, r.Kilometres, want)
			}
			if i > 0 && ranked[i-1].Kilometres > r.Kilometres {
				rt.Fatalf("%v", ranked)
			}
		}
		reversed := slices.Clone(someRegions)
		slices.Reverse(reversed)
		if !slices.Equal(ranked, Rank(latitude, longitude, reversed)) {
			rt.Fatal("the order of the list matters")
		}
	})
}
