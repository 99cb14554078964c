package zone

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Service is an SVCB or HTTPS record set of a host name (RFC 9460). Who takes the address hints in it
// is sent where the addresses of the name would send them, since both come from one choice.
type Service struct {
	Type uint16
	// Sets by the plan's endpoints, each with that endpoint's addresses as hints.
	Sets []*wire.Set
}

// Service is the record set of a host name that depends on the endpoint, or nil.
func (n *Node) Service(rrtype uint16) *Service {
	for i := range n.Services {
		if n.Services[i].Type == rrtype {
			return &n.Services[i]
		}
	}
	return nil
}

func isService(rrtype uint16) bool { return rrtype == dns.TypeHTTPS || rrtype == dns.TypeSVCB }

// addService makes the record set of a host name for each endpoint of its plan. Where no endpoint is
// chosen, the set without hints is answered.
func (n *Node) addService(apex wire.Name, rrtype uint16, r *recordSet, h *Host) {
	ttl := min(r.ttl, h.Plan.TTL)
	s := Service{Type: rrtype}
	for i := range h.Plan.Answers {
		s.Sets = append(s.Sets, wire.NewSet(apex, rrtype, ttl, withHints(n.Name, r.data, h.Plan.addresses[i])))
	}
	n.Services = append(n.Services, s)
	n.add(wire.NewSet(apex, rrtype, ttl, withHints(n.Name, r.data, &addresses{})))
}

// hinted reports whether a record that leads to its own name has address hints.
func hinted(owner wire.Name, data []wire.Data) bool {
	for _, d := range data {
		if at, ok := parametersOf(owner, d.Wire); ok {
			for key := range parameters(d.Wire[at:]) {
				if key == dns.SVCB_IPV4HINT || key == dns.SVCB_IPV6HINT {
					return true
				}
			}
		}
	}
	return false
}

// withHints replaces the address hints in the records that lead to their own name.
func withHints(owner wire.Name, data []wire.Data, a *addresses) []wire.Data {
	out := slices.Clone(data)
	for i, d := range data {
		at, ok := parametersOf(owner, d.Wire)
		if !ok {
			continue
		}
		all := map[dns.SVCBKey][]byte{}
		for key, value := range parameters(d.Wire[at:]) {
			all[key] = value
		}
		delete(all, dns.SVCB_IPV4HINT)
		delete(all, dns.SVCB_IPV6HINT)
		for key, family := range map[dns.SVCBKey][]wire.Data{dns.SVCB_IPV4HINT: a.v4, dns.SVCB_IPV6HINT: a.v6} {
			for _, address := range family[:min(len(family), mostAnswers)] {
				all[key] = append(all[key], address.Wire...)
			}
		}
		w := slices.Clone(d.Wire[:at])
		for _, key := range slices.Sorted(maps.Keys(all)) { // in order (RFC 9460 section 2.2)
			w = binary.BigEndian.AppendUint16(w, uint16(key))
			w = binary.BigEndian.AppendUint16(w, uint16(len(all[key])))
			w = append(w, all[key]...)
		}
		out[i] = wire.Data{Wire: w, Tail: -1}
	}
	return out
}

// parametersOf is where the parameters of a record begin. It is false for an alias (priority 0), and
// for one whose target is another name than the owner.
func parametersOf(owner wire.Name, data []byte) (at int, ok bool) {
	if binary.BigEndian.Uint16(data) == 0 {
		return 0, false
	}
	at = 2
	for data[at] != 0 {
		at += 1 + int(data[at])
	}
	at++
	target := wire.Data{Wire: data[:at], Tail: 2}.Name()
	return at, target == wire.Root || target == owner
}

// parameters goes through the parameters of a record that was found to be well formed.
func parameters(data []byte) func(func(dns.SVCBKey, []byte) bool) {
	return func(yield func(dns.SVCBKey, []byte) bool) {
		for len(data) >= 4 {
			end := 4 + int(binary.BigEndian.Uint16(data[2:]))
			if !yield(dns.SVCBKey(binary.BigEndian.Uint16(data)), data[4:end]) {
				return
			}
			data = data[end:]
		}
	}
}
