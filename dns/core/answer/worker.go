package answer

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Worker answers queries, one at a time. Each goroutine that serves has its own.
type Worker struct {
	identity *Identity
	snapshot *zone.Snapshot
	from     netip.Addr
	query    wire.Query
	reply    wire.Reply
	secure

	zone  *zone.Zone // that answered, or nil
	above int        // labels of the question's name above which it did

	plan   *zone.Plan // that chose, or nil
	choice steer.Choice
}

// NewWorker returns a worker of the server with an identity.
func NewWorker(i *Identity) *Worker { return &Worker{identity: i} }

// Answer answers a message that came from an address. The answer is written over dst, which should
// have the capacity of one (wire.UDPSize, or 65535 octets over TCP), and is valid until dst is used
// again. A message that must not be answered gives nil.
func (w *Worker) Answer(s *zone.Snapshot, dst, msg []byte, from netip.Addr, tcp bool) []byte {
	outcome := w.Parse(msg)
	if outcome == wire.Drop {
		return nil
	}
	return w.Reply(s, dst, outcome, w.identity.options(tcp), from, tcp)
}

// Failure is the answer to a message whose handling went wrong: SERVFAIL and nothing else. It needs
// nothing of the message but its header and is nil where even that must not be answered.
func Failure(dst, msg []byte) []byte {
	if len(msg) < wire.HeaderSize || msg[2]&0x80 != 0 {
		return nil
	}
	dst = append(dst[:0], msg[0], msg[1], msg[2]&0x79|0x80, dns.RcodeServerFailure)
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
}

// Extended errors (RFC 8914).
const (
	notReady         = int(dns.ExtendedErrorCodeNotReady)
	prohibited       = int(dns.ExtendedErrorCodeProhibited)
	notAuthoritative = int(dns.ExtendedErrorCodeNotAuthoritative)
	invalidType      = 30 // Invalid Query Type
)

func (w *Worker) refuse(rcode, extended int) {
	w.reply.Rcode, w.reply.ExtendedError = rcode, extended
}

// serve answers a well-formed query.
func (w *Worker) serve() {
	switch w.query.Class {
	case dns.ClassINET:
	case dns.ClassCHAOS:
		w.chaos()
		return
	default:
		w.refuse(dns.RcodeRefused, notAuthoritative)
		return
	}
	switch w.query.Type {
	case dns.TypeAXFR, dns.TypeIXFR:
		w.refuse(dns.RcodeRefused, prohibited)
		return
	case dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY:
		// These are never records of a name.
		w.refuse(dns.RcodeFormatError, wire.NoExtendedError)
		return
	case dns.TypeNXNAME:
		// It says in proofs that there is no such name, and is nothing to ask for (RFC 9824 section 3.5).
		w.refuse(dns.RcodeFormatError, invalidType)
		return
	case dns.TypeMAILA, dns.TypeMAILB:
		w.refuse(dns.RcodeNotImplemented, wire.NoExtendedError)
		return
	}
	if len(w.snapshot.Zones) == 0 {
		// A server that has not heard yet what it serves cannot know that a name is not its own, and
		// resolvers remember REFUSED for longer than it may take.
		w.refuse(dns.RcodeServerFailure, notReady)
		return
	}
	n, above := w.snapshot.Find(&w.query)
	if n == nil {
		w.refuse(dns.RcodeRefused, notAuthoritative)
		return
	}
	z := w.snapshot.ZoneOf(n)
	if z.Expired {
		w.refuse(dns.RcodeServerFailure, notReady)
		return
	}
	w.zone, w.above = z, above
	w.validates = w.query.DO && z.Signing != nil
	apex := w.query.Offset(w.query.Labels() - z.Labels)
	w.name(n, above, apex)
}

// maxAliases is how many aliases in a row are followed. Resolvers go on from there.
const maxAliases = 8

// name answers for a name in a zone: n is its node, or its closest encloser that many labels above.
func (w *Worker) name(n *zone.Node, above int, apex uint16) {
	if n.Cut != nil && !(above == 0 && w.query.Type == dns.TypeDS) {
		w.referral(n.Cut, apex)
		return
	}
	w.reply.Authoritative = true
	w.stands = nil
	if above > 0 {
		if n.Wild == nil {
			w.noName(w.zone, w.query.Name(), apex)
			return
		}
		n, w.stands = n.Wild, w.query.Name()
	}
	owner := uint16(wire.HeaderSize)
	for range maxAliases {
		if n.Alias == nil || w.asksNode() {
			w.node(n, owner, apex)
			return
		}
		a := n.Alias
		target := w.reply.Alias(a.Set, owner, apex)
		w.sign(n, a.Set, 0, wire.All, owner)
		owner = target
		if w.query.Type == dns.TypeANY {
			return
		}
		if a.Cut != nil && !(a.At != "" && w.query.Type == dns.TypeDS) {
			// How far the answer goes, and who knows the rest (RFC 1034 section 4.3.2, step 3b).
			w.referral(a.Cut, apex)
			return
		}
		if a.Denied {
			// The rcode is that of the last name (RFC 6604 section 3).
			w.noName(w.zone, a.Stands, apex)
			return
		}
		w.stands = a.Stands
		if n = w.snapshot.Follow(a); n == nil || n.Host != nil && w.namesClient(w.zone) {
			// Out of the zone, or on to a name whose answer depends on the client: the resolver asks
			// for that itself, so that only what depends on the client is cached by client
			// (RFC 7871 section 7.2.1).
			return
		}
	}
}

// node answers with the records of a name that exists and is no alias to be followed.
func (w *Worker) node(n *zone.Node, owner, apex uint16) {
	switch t := w.query.Type; {
	case w.validates && (t == dns.TypeANY || t == dns.TypeNSEC || t == dns.TypeRRSIG):
		w.any(n, owner, apex)
	case t == dns.TypeANY:
		// RFC 8482 section 4.2.
		w.reply.Answer(anyAnswer, owner, apex)
	case n.Alias != nil:
		w.reply.Answer(n.Alias.Set, owner, apex)
		w.sign(n, n.Alias.Set, 0, wire.All, owner)
	case n.Host != nil && (t == dns.TypeA || t == dns.TypeAAAA || t == dns.TypeCNAME):
		w.host(n, owner, apex)
	case n.Services != nil && n.Service(t) != nil:
		w.service(n, n.Service(t), owner, apex)
	default:
		s := n.Set(t)
		if s == nil {
			w.noType(n, apex)
			return
		}
		w.reply.Answer(s, owner, apex)
		w.sign(n, s, 0, wire.All, owner)
		if t == dns.TypeNS {
			w.glue(w.zone, apex)
		}
	}
}

// host answers with what a plan has for the client. The cluster does not depend on the type that is
// asked for, so that a client that looks up both families is sent to one place; a cluster that has
// no address of the family is an empty answer.
func (w *Worker) host(n *zone.Node, owner, apex uint16) {
	p := n.Host.Plan
	client := w.client(w.zone)
	choice := n.Host.Steer.Pick(client)
	w.plan, w.choice = p, choice
	set, scope := pickSet(p, choice.Endpoint, w.query.Type), choice.Scope
	switch {
	case set == nil:
		w.noType(n, apex)
	case set.Count <= p.MaxAnswers:
		w.reply.Answer(set, owner, apex)
		w.sign(n, set, 0, wire.All, owner)
	default:
		start, bits := spread(client, set.Count)
		scope = max(scope, bits)
		w.reply.AnswerWindow(set, owner, start, p.MaxAnswers)
		w.sign(n, set, start, p.MaxAnswers, owner)
	}
	if w.namesClient(w.zone) {
		w.reply.Scope = scope
	}
}

// service answers with the SVCB or HTTPS records of a host: hints and all for the endpoint that its
// addresses would be answered of.
func (w *Worker) service(n *zone.Node, s *zone.Service, owner, apex uint16) {
	choice := n.Host.Steer.Pick(w.client(w.zone))
	if choice.Endpoint < 0 {
		w.reply.Answer(n.Set(s.Type), owner, apex)
		w.sign(n, n.Set(s.Type), 0, wire.All, owner)
	} else {
		w.reply.Answer(s.Sets[choice.Endpoint], owner, apex)
		w.sign(n, s.Sets[choice.Endpoint], 0, wire.All, owner)
	}
	if w.namesClient(w.zone) {
		w.reply.Scope = choice.Scope
	}
}

// pickSet is what an endpoint has for a type, or nil.
func pickSet(p *zone.Plan, endpoint int, rrtype uint16) *wire.Set {
	if endpoint < 0 {
		return nil
	}
	a := &p.Answers[endpoint]
	switch {
	case a.CNAME != nil:
		return a.CNAME
	case rrtype == dns.TypeA:
		return a.A
	case rrtype == dns.TypeAAAA:
		return a.AAAA
	}
	return nil
}

// client is the address by which to steer.
func (w *Worker) client(z *zone.Zone) netip.Addr {
	if w.namesClient(z) {
		return w.query.Subnet.Addr
	}
	return w.from
}

// namesClient reports whether the query names a client and is believed. A query that says it names
// none (a prefix of 0) is steered like its resolver; then, as in a query that is not believed, the
// answer is good for all clients of that resolver and the scope is 0.
func (w *Worker) namesClient(z *zone.Zone) bool {
	return w.query.HasSubnet && w.query.Subnet.Prefix > 0 && z.Believes(w.from)
}

// referral sends the resolver on to the servers of a delegation.
func (w *Worker) referral(c *zone.Cut, apex uint16) {
	w.reply.Authority(c.NS, apex)
	w.delegation(c, apex)
	for _, g := range c.Glue {
		w.reply.Glue(g, apex)
	}
	for _, g := range c.Siblings {
		w.reply.Additional(g, apex)
	}
}
