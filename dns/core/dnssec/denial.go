package dnssec

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Absence is the NSEC record that says which types a name has, for an answer that has none of what was
// asked for (RFC 9824 section 3.1): the next name is the very next possible one, so nothing is said of
// any other. TTL is that of the zone's negative answers. For a name that does not exist, exists is
// false, and types is empty (section 3.2): NXNAME says so to who knows it, and everybody else reads
// that it has no records.
func Absence(owner, apex wire.Name, exists bool, types []uint16, ttl uint32) *dns.NSEC {
	has := append([]uint16{dns.TypeRRSIG, dns.TypeNSEC}, types...)
	if !exists {
		has = append(has, dns.TypeNXNAME)
	}
	slices.Sort(has)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: absolute(owner), Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: ttl},
		NextDomain: absolute(next(owner, apex)), TypeBitMap: slices.Compact(has),
	}
}

// next is the name that comes right after a name of a zone in canonical order (RFC 4034 section 6.1): a
// label of one zero octet below it. Where that would be too long, nothing can be below it, and it is the
// first possible name beside it; behind the last of all names comes the apex.
func next(owner, apex wire.Name) wire.Name {
	if len(owner)+2 <= maxName {
		return "\x01\x00" + owner
	}
	if len(owner)+1 <= maxName && owner[0] < maxLabel {
		return beside(owner[1:1+owner[0]]+"\x00", owner.Parent())
	}
	for n := owner; n != apex; n = n.Parent() {
		label := []byte(n[1 : 1+n[0]])
		for i := len(label) - 1; i >= 0; i-- {
			if label[i] < 0xFF {
				label[i] = after(label[i])
				return beside(wire.Name(label[:i+1]), n.Parent())
			}
		}
	}
	return apex
}

const maxName, maxLabel = 255, 63

func beside(label, parent wire.Name) wire.Name {
	return wire.Name([]byte{byte(len(label))}) + label + parent
}

// after is the next octet in canonical order, in which letters are small.
func after(c byte) byte {
	if c++; 'A' <= c && c <= 'Z' {
		c = '['
	}
	return c
}

// absolute is a name in presentation format, with the final dot.
func absolute(n wire.Name) string {
	if n == wire.Root {
		return "."
	}
	return n.String() + "."
}
