package preview

import (
	"encoding/binary"
	"iter"
	"net/netip"

	"github.com/seaway-io/seaway/dns/core/geo"
)

// run is a run of addresses in one country, from first to last, both included.
type run struct {
	first, last netip.Addr
	country     string
}

// mapped is looked up as IPv4: it is no part of the address space of IPv6.
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// runs yields the whole address space, IPv4 first, in ascending order.
func runs(source *geo.Source) iter.Seq[run] {
	return func(yield func(run) bool) {
		next := netip.IPv4Unspecified()
		// upTo yields what the database does not know from next to before an address.
		upTo := func(end netip.Addr) bool {
			if !next.IsValid() || !next.Less(end) {
				return true
			}
			return unmapped(run{first: next, last: end.Prev()}, yield)
		}
		rest := func() bool {
			return !next.IsValid() || unmapped(run{first: next, last: lastOf(next, 0)}, yield)
		}
		for r, where := range source.Ranges() {
			if next.IsValid() && next.Is4() != r[0].Is4() || !next.IsValid() && r[0].Is6() {
				if !rest() {
					return
				}
				next = netip.IPv6Unspecified()
			}
			if !upTo(r[0]) || !unmapped(run{r[0], r[1], where.Country}, yield) {
				return
			}
			next = r[1].Next()
		}
		// The database may end anywhere, or know nothing of IPv6.
		wasIPv4 := next.IsValid() && next.Is4() || !next.IsValid() && !knowsIPv6(source)
		if !rest() || !wasIPv4 {
			return
		}
		next = netip.IPv6Unspecified()
		rest()
	}
}

// knowsIPv6 reports whether a database has a network of IPv6.
func knowsIPv6(source *geo.Source) bool {
	for r := range source.Ranges() {
		if r[0].Is6() {
			return true
		}
	}
	return false
}

// unmapped yields a run without what of it is IPv4 in the clothes of IPv6.
func unmapped(r run, yield func(run) bool) bool {
	first, last := mapped.Addr(), lastOf(mapped.Addr(), mapped.Bits())
	if r.first.Is4() || r.last.Less(first) || last.Less(r.first) {
		return yield(r)
	}
	if r.first.Less(first) && !yield(run{r.first, first.Prev(), r.country}) {
		return false
	}
	return !last.Less(r.last) || yield(run{last.Next(), r.last, r.country})
}

// lastOf is the last address of the network of an address.
func lastOf(a netip.Addr, bits int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|uint32(uint64(1)<<(32-bits)-1))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	// Go's shifts by 64 and more give zero.
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])|^uint64(0)>>min(bits, 64))
	binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(b[8:])|^uint64(0)>>max(bits-64, 0))
	return netip.AddrFrom16(b)
}

func least(a, b netip.Addr) netip.Addr {
	if b.Less(a) {
		return b
	}
	return a
}

// extent is the size of a run: in addresses of IPv4, or in networks of /48 of IPv6.
func extent(first, last netip.Addr) float64 {
	a, b := first.As16(), last.As16()
	low := binary.BigEndian.Uint64(b[8:]) - binary.BigEndian.Uint64(a[8:])
	if first.Is4() {
		return float64(low) + 1
	}
	high := binary.BigEndian.Uint64(b[:8]) - binary.BigEndian.Uint64(a[:8])
	if binary.BigEndian.Uint64(b[8:]) < binary.BigEndian.Uint64(a[8:]) {
		high--
	}
	return float64(high)/(1<<16) + (float64(low)+1)/(1<<16)/(1<<64)
}
