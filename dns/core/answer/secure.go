package answer

import (
	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// secure is what a worker needs for those who validate. Nothing of it is touched for others, and what
// it adds to their answers was signed while the zone was compiled, but for what only the question knows:
// names that do not exist, and those that a wildcard stands for. For these there is a budget. Who is
// over it is sent to TCP, or, having come by TCP, gets no answer and asks another server: anything else
// would be taken for a bogus zone and remembered.
type secure struct {
	asker dnssec.Asker
	types []uint16
	// validates: the client wants signatures, and the zone is signed.
	validates bool
	// proven: the client's address is its own.
	proven bool
	// silent: there is to be no answer.
	silent bool
	// stands is the name that the node, a wildcard, is answered under; nil for any other node.
	stands []byte
}

// postpone has the client ask again, when there may be a budget for its answer.
func (w *Worker) postpone() {
	if w.proven {
		w.silent = true
	}
	w.reply.Postpone()
}

// sign adds the signatures of a set that was just answered with, or of a window of it.
func (w *Worker) sign(n *zone.Node, s *wire.Set, start, count int, owner uint16) {
	if !w.validates {
		return
	}
	var sig *wire.Set
	if w.stands == nil {
		sig = n.Signed.Of(s, start)
	} else {
		sig = w.asker.Expansion(w.zone.Signing, w.stands, s, start, count, w.proven)
	}
	if sig == nil {
		w.postpone()
		return
	}
	w.reply.Answer(sig, owner, wire.HeaderSize)
}

// noName says that there is no such name, and for how long that may be remembered (RFC 2308).
func (w *Worker) noName(z *zone.Zone, name []byte, apex uint16) {
	w.reply.Rcode = dns.RcodeNameError
	if !w.validates {
		w.reply.Authority(z.Negative, apex)
		return
	}
	if !w.query.CO {
		// As far as others know there is such a name, without any records (RFC 9824 section 3.2).
		w.reply.Rcode = dns.RcodeSuccess
	}
	proof, ok := w.asker.Absence(z.Signing, name, false, nil, w.proven)
	if t := w.query.Type; t == dns.TypeNSEC || t == dns.TypeRRSIG {
		// The proof cannot deny its own types: it is the answer, and so there is the name.
		w.reply.Rcode = dns.RcodeSuccess
		w.own(proof, ok, wire.HeaderSize, apex)
		return
	}
	w.denial(z, proof, ok, apex)
}

// noType says that a name has no records of the type.
func (w *Worker) noType(n *zone.Node, apex uint16) {
	w.reply.Rcode = dns.RcodeSuccess
	if !w.validates {
		w.reply.Authority(w.zone.Negative, apex)
		return
	}
	proof, ok := w.proof(n)
	w.denial(w.zone, proof, ok, apex)
}

// proof is the proof of what a name has, for who asks for a type that it has not.
func (w *Worker) proof(n *zone.Node) (dnssec.Proof, bool) {
	if w.stands == nil {
		p := n.Signed.Absence(w.query.Type)
		return p, p.NSEC != nil
	}
	w.types = n.Signed.Types(w.query.Type, w.types)
	return w.asker.Absence(w.zone.Signing, w.stands, true, w.types, w.proven)
}

// denial is the authority section of a negative answer.
func (w *Worker) denial(z *zone.Zone, p dnssec.Proof, ok bool, apex uint16) {
	if !ok || z.NegativeSignature == nil {
		w.postpone()
		return
	}
	w.reply.Authority(z.Negative, apex)
	w.reply.Authority(z.NegativeSignature, apex)
	w.reply.Authority(p.NSEC, apex)
	w.reply.Authority(p.Signature, apex)
}

// any answers what asks for no one set: ANY with the first there is (RFC 8482 section 4.1), NSEC with
// the proof of what the name has, RRSIG with the signature of that.
func (w *Worker) any(n *zone.Node, owner, apex uint16) {
	if w.query.Type == dns.TypeANY && len(n.Sets) > 0 {
		w.reply.Answer(n.Sets[0], owner, apex)
		w.sign(n, n.Sets[0], 0, wire.All, owner)
		return
	}
	p, ok := w.proof(n)
	w.own(p, ok, owner, apex)
}

// own answers with a proof, or its signature alone to who asks for that.
func (w *Worker) own(p dnssec.Proof, ok bool, owner, apex uint16) {
	if !ok {
		w.postpone()
		return
	}
	if w.query.Type != dns.TypeRRSIG {
		w.reply.Answer(p.NSEC, owner, apex)
	}
	w.reply.Answer(p.Signature, owner, apex)
}

// asksNode reports whether the query is about a name itself, even where that is an alias.
func (w *Worker) asksNode() bool {
	t := w.query.Type
	return t == dns.TypeCNAME || w.validates && (t == dns.TypeNSEC || t == dns.TypeRRSIG)
}

// glue adds the addresses of the zone's name servers, with their signatures where they are wanted.
func (w *Worker) glue(z *zone.Zone, apex uint16) {
	for i, g := range z.Glue {
		w.reply.Additional(g, apex)
		if w.validates && z.GlueSignatures[i] != nil {
			w.reply.Additional(z.GlueSignatures[i], apex)
		}
	}
}

// delegation says whether what is delegated is signed: the DS records of the cut, or the proof that
// there are none (RFC 4035 section 3.1.4).
func (w *Worker) delegation(c *zone.Cut, apex uint16) {
	if !w.validates {
		return
	}
	if c.DS != nil && c.DSSignature != nil {
		w.reply.Authority(c.DS, apex)
		w.reply.Authority(c.DSSignature, apex)
		return
	}
	p := c.Signed.Absence(dns.TypeDS)
	if p.NSEC == nil {
		w.postpone()
		return
	}
	w.reply.Authority(p.NSEC, apex)
	w.reply.Authority(p.Signature, apex)
}
