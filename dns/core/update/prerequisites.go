package update

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// setKey names a record set.
type setKey struct {
	name   wire.Name
	rrtype uint16
}

// prerequisites are checked by RFC 2136 section 3.2.
func (d *decision) prerequisites() error {
	exact := map[setKey][]dns.RR{}
	var order []setKey
	for _, rr := range d.Message.Answer {
		h := rr.Header()
		name, err := d.inside(rr)
		switch {
		case h.Ttl != 0:
			return refuse(dns.RcodeFormatError, "a prerequisite has no TTL")
		case err != nil:
			return err
		case h.Class == dns.ClassINET && !meta(h.Rrtype):
			key := setKey{name, h.Rrtype}
			if exact[key] == nil {
				order = append(order, key)
			}
			exact[key] = append(exact[key], rr)
			continue
		case h.Rdlength != 0 || meta(h.Rrtype) && h.Rrtype != dns.TypeANY:
			return refuse(dns.RcodeFormatError, "a prerequisite about existence has no data")
		}
		there := len(d.set(setKey{name, h.Rrtype})) > 0
		if h.Rrtype == dns.TypeANY {
			there = d.inUse(name)
		}
		switch {
		case h.Class == dns.ClassANY && !there && h.Rrtype == dns.TypeANY:
			return refuse(dns.RcodeNameError, "%s does not exist", name)
		case h.Class == dns.ClassANY && !there:
			return refuse(dns.RcodeNXRrset, "%s has no %s", name, dns.Type(h.Rrtype))
		case h.Class == dns.ClassNONE && there && h.Rrtype == dns.TypeANY:
			return refuse(dns.RcodeYXDomain, "%s exists", name)
		case h.Class == dns.ClassNONE && there:
			return refuse(dns.RcodeYXRrset, "%s has a %s", name, dns.Type(h.Rrtype))
		case h.Class != dns.ClassANY && h.Class != dns.ClassNONE:
			return refuse(dns.RcodeFormatError, "a prerequisite of class %s", dns.Class(h.Class))
		}
	}
	for _, key := range order {
		if !slices.Equal(data(exact[key]), data(d.set(key))) {
			return refuse(dns.RcodeNXRrset, "%s %s is not what the prerequisite says", key.name, dns.Type(key.rrtype))
		}
	}
	return nil
}

// inUse reports whether a name has records (RFC 2136 section 2.4.4): an empty non-terminal has none.
func (d *decision) inUse(name wire.Name) bool {
	n, above := d.before.Lookup(name)
	return n != nil && above == 0 && (len(n.Sets) > 0 || n.Alias != nil || n.Host != nil || n.Cut != nil)
}

// asker is nobody in particular: where the answer depends on the client, any will do.
var asker = netip.IPv4Unspecified()

// set is the records of a name itself, and no wildcard's, as they are answered.
func (d *decision) set(key setKey) []dns.RR {
	if _, above := d.before.Lookup(key.name); above > 0 {
		return nil
	}
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(key.name.String()), key.rrtype)
	query, err := q.Pack()
	if err != nil {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(answer.NewWorker(&answer.Identity{}).Answer(d.before, nil, query, asker, true)); err != nil {
		return nil
	}
	var out []dns.RR
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if rr.Header().Rrtype == key.rrtype && strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
			out = append(out, rr)
		}
	}
	return out
}

// data is the data of records as a set.
func data(records []dns.RR) []string {
	var out []string
	for _, rr := range records {
		b, err := packed(rr)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		out = append(out, fold(rr.Header().Rrtype, b))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// packed is the data of a record without compression.
func packed(rr dns.RR) ([]byte, error) {
	c := dns.Copy(rr)
	c.Header().Name = "."
	buf := make([]byte, 1<<16)
	end, err := dns.PackRR(c, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	const header = 1 + 10 // the root's name, type, class, TTL, length
	return buf[header:end], nil
}

// named are the types whose data hold names, which compare without regard to case.
var named = []uint16{dns.TypeCNAME, dns.TypeNS, dns.TypePTR, dns.TypeMX, dns.TypeSRV, dns.TypeRP, dns.TypeAFSDB}

// fold makes equal data equal strings.
func fold(rrtype uint16, data []byte) string {
	if slices.Contains(named, rrtype) {
		return strings.ToLower(string(data))
	}
	return string(data)
}
