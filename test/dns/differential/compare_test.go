package differential

import (
	"fmt"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"
)

// difference is one that is known, with the reason. It explains what a comparison found when explains
// says so of these very answers.
type difference struct {
	name, why string
	// explains a difference in a part of the answers, from the named server.
	explains func(part, server string, q question, ours, theirs answers) bool
}

// parts of an answer that are compared.
const (
	partHeader     = "header"
	partAnswer     = "answer"
	partAuthority  = "authority"
	partAdditional = "additional"
	partTruncation = "truncation"
	partEDNS       = "EDNS"
)

// differences are all that are known. What a server may do as it likes by an RFC is here; what one
// must do is not.
var differences = []difference{
	{"minimal ANY", "RFC 8482 section 4.2: one HINFO stands for all records", func(part, _ string, q question, ours, theirs answers) bool {
		return q.rrtype == miekg.TypeANY && part != partHeader && len(ours.full.Answer) > 0
	}},
	{"aliases into other zones", "RFC 1034 section 3.6.2: the resolver asks on for what is in another zone; it need not believe it from here (RFC 2181 section 5.4.1)",
		func(part, server string, q question, ours, theirs answers) bool {
			return server == "nsd" && leavesZone(ours.full) && strings.HasPrefix(strings.Join(inOrder(theirs.full.Answer), "\n"), strings.Join(inOrder(ours.full.Answer), "\n")) &&
				len(ours.full.Ns) == 0 && ours.full.Rcode == miekg.RcodeSuccess
		}},
	{"addresses beside an answer", "RFC 1035 section 3.3.9 and RFC 2782 make them optional: resolvers ask for what they need",
		func(part, server string, q question, ours, theirs answers) bool {
			return server == "knot" && part == partAdditional && ours.full.Authoritative && len(ours.full.Ns) == 0 && contains(theirs.full.Extra, ours.full.Extra)
		}},
	{"NSEC and RRSIG of an alias", "RFC 4035 section 2.5: they stand beside a CNAME in signed zones, so Knot does not follow the alias of an unsigned one; NSD does, as we do",
		func(part, server string, q question, ours, theirs answers) bool {
			return server == "knot" && (q.rrtype == miekg.TypeNSEC || q.rrtype == miekg.TypeRRSIG) && part != partEDNS &&
				len(ours.full.Answer) > 0 && ours.full.Answer[0].Header().Rrtype == miekg.TypeCNAME && len(theirs.full.Answer) == 0
		}},
	{"glue without TC", "RFC 9471 section 3.1: glue of servers in what is delegated is whole, or TC is set; NSD 4.6 is older than that",
		func(part, server string, q question, ours, theirs answers) bool {
			return part == partTruncation && server == "nsd" && q.truncation(ours) == "right" && missingGlue(theirs)
		}},
}

// compare says what differs between the answers of ours and another server: the names of the
// differences that are known, and the parts in which something is not explained.
func compare(q question, server string, ours, theirs answers) (known, unexplained []string) {
	for part, differs := range map[string]bool{
		partHeader:     header(ours.full) != header(theirs.full),
		partAnswer:     !slices.Equal(records(ours.full.Answer), records(theirs.full.Answer)),
		partAuthority:  !slices.Equal(records(ours.full.Ns), records(theirs.full.Ns)),
		partAdditional: !slices.Equal(records(ours.full.Extra), records(theirs.full.Extra)),
		partTruncation: q.truncation(ours) != q.truncation(theirs),
		partEDNS:       edns(ours.full) != edns(theirs.full),
	} {
		if !differs {
			continue
		}
		i := slices.IndexFunc(differences, func(d difference) bool { return d.explains(part, server, q, ours, theirs) })
		if i < 0 {
			unexplained = append(unexplained, part)
		} else {
			known = append(known, differences[i].name)
		}
	}
	slices.Sort(unexplained)
	return known, unexplained
}

func (a answers) String() string {
	if a.udp != nil && (a.udp.Truncated || a.udp.String() != a.full.String()) {
		return fmt.Sprintf("%v\n(by UDP, of %d octets:)\n%v", a.full, a.fullSize, a.udp)
	}
	return a.full.String()
}

// truncation is what a server does with an answer by UDP that it gives by TCP too: nothing if it
// fits; else it says so, or leaves out what is not needed.
func (q question) truncation(a answers) string {
	switch {
	case a.udp == nil:
		return "right"
	case a.fullSize <= q.limit() && (a.udp.Truncated || header(a.udp) != header(a.full) || edns(a.udp) != edns(a.full)):
		return "cut without need"
	case a.udp.Truncated:
		return "right"
	case !slices.Equal(records(a.udp.Answer), records(a.full.Answer)) || !slices.Equal(records(a.udp.Ns), records(a.full.Ns)):
		return "cut without a word"
	case a.udpSize > q.limit():
		return "too large"
	case missingGlue(a):
		return "without glue and without a word"
	}
	return "right"
}

// missingGlue reports whether a referral by UDP lacks addresses of servers that lie in what is
// delegated.
func missingGlue(a answers) bool {
	there := records(a.udp.Extra)
	for _, ns := range a.full.Ns {
		for _, rr := range a.full.Extra {
			in := miekg.IsSubDomain(strings.ToLower(ns.Header().Name), strings.ToLower(rr.Header().Name))
			if _, ok := ns.(*miekg.NS); ok && in && rr.Header().Rrtype != miekg.TypeOPT && !slices.Contains(there, records([]miekg.RR{rr})[0]) {
				return true
			}
		}
	}
	return false
}

// contains reports whether all of some records are among others.
func contains(all, some []miekg.RR) bool {
	have := records(all)
	for _, r := range records(some) {
		if !slices.Contains(have, r) {
			return false
		}
	}
	return true
}

// leavesZone reports whether an answer ends in an alias and says no more.
func leavesZone(m *miekg.Msg) bool {
	n := len(m.Answer)
	return n > 0 && m.Answer[n-1].Header().Rrtype == miekg.TypeCNAME && len(m.Ns) == 0
}

// header is the header without the ID and TC, and the question.
func header(m *miekg.Msg) string {
	h := m.MsgHdr
	return fmt.Sprintf("%s qr=%v aa=%v rd=%v ra=%v ad=%v cd=%v opcode=%d %v", miekg.RcodeToString[h.Rcode], h.Response, h.Authoritative,
		h.RecursionDesired, h.RecursionAvailable, h.AuthenticatedData, h.CheckingDisabled, h.Opcode, m.Question)
}

// records are those of a section as a set, names in lower case, without OPT.
func records(section []miekg.RR) []string {
	out := inOrder(section)
	slices.Sort(out)
	return out
}

// inOrder are the records of a section as they came.
func inOrder(section []miekg.RR) []string {
	var out []string
	for _, rr := range section {
		if rr.Header().Rrtype == miekg.TypeOPT {
			continue
		}
		buf := make([]byte, 65535)
		c := miekg.Copy(rr)
		c.Header().Name = strings.ToLower(c.Header().Name)
		end, err := miekg.PackRR(c, buf, 0, nil, false)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		// Data as octets; the case of names in it is of no account (RFC 4343).
		out = append(out, fmt.Sprintf("%s %d %s %q", c.Header().Name, c.Header().Ttl, miekg.Type(c.Header().Rrtype),
			strings.ToLower(string(buf[end-int(dataLength(c, buf[:end])):end]))))
	}
	return out
}

func dataLength(rr miekg.RR, packed []byte) uint16 {
	name := make([]byte, 256)
	n, err := miekg.PackDomainName(rr.Header().Name, name, 0, nil, false)
	if err != nil {
		return 0
	}
	return uint16(packed[n+8])<<8 | uint16(packed[n+9])
}

// edns is what an answer says in EDNS, but for the size, which is each server's own.
func edns(m *miekg.Msg) string {
	o := m.IsEdns0()
	if o == nil {
		return "none"
	}
	return fmt.Sprintf("version %d do=%v", o.Version(), o.Do())
}
