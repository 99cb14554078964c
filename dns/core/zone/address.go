package zone

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// addresses of a server or an endpoint, by family.
type addresses struct {
	v4, v6 []wire.Data
}

func (a *addresses) none() bool { return len(a.v4)+len(a.v6) == 0 }

// readAddresses reads addresses; those that nobody can be sent to are reported and left out.
func (r reporter) readAddresses(texts []string, at *field.Path) *addresses {
	a := &addresses{}
	for i, text := range texts {
		ip, err := netip.ParseAddr(text)
		ip = ip.Unmap()
		switch {
		case err != nil, ip.Zone() != "":
			r.report(at.Index(i), "%q is not an IPv4 or IPv6 address", text)
		case ip.IsUnspecified(), ip.IsMulticast():
			r.report(at.Index(i), "%s is not the address of a single host", text)
		case ip.Is4():
			a.v4 = append(a.v4, wire.Data{Wire: ip.AsSlice(), Tail: -1})
		default:
			a.v6 = append(a.v6, wire.Data{Wire: ip.AsSlice(), Tail: -1})
		}
	}
	return a
}

// sets are the record sets that answer for the addresses.
func (a *addresses) sets(ttl uint32) []*wire.Set {
	return slices.DeleteFunc([]*wire.Set{
		addressSet(dns.TypeA, ttl, a.v4),
		addressSet(dns.TypeAAAA, ttl, a.v6),
	}, func(s *wire.Set) bool { return s == nil })
}

// addressSet holds no name but its owner, so that it serves every zone. It is nil without data.
func addressSet(rrtype uint16, ttl uint32, data []wire.Data) *wire.Set {
	if len(data) == 0 {
		return nil
	}
	return wire.NewSet(wire.Root, rrtype, ttl, data)
}

// glue are the record sets for the additional section.
func (a *addresses) glue(apex, owner wire.Name, ttl uint32) []*wire.Set {
	var out []*wire.Set
	if len(a.v4) > 0 {
		out = append(out, wire.NewSetOf(apex, owner, dns.TypeA, ttl, a.v4))
	}
	if len(a.v6) > 0 {
		out = append(out, wire.NewSetOf(apex, owner, dns.TypeAAAA, ttl, a.v6))
	}
	return out
}
