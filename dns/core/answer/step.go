package answer

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Parse is the first step of Answer, for those who have something to do between the two: Reply is
// the second.
func (w *Worker) Parse(msg []byte) wire.Outcome {
	w.zone, w.above, w.plan = nil, 0, nil
	return w.query.Parse(msg)
}

// Query is the query that was parsed last.
func (w *Worker) Query() *wire.Query { return &w.query }

// Reply answers the query that was parsed, which must not be one to drop. With the outcome Refuse
// the answer is the query's rcode and nothing else. It is nil where there is to be none.
func (w *Worker) Reply(s *zone.Snapshot, dst []byte, outcome wire.Outcome, o *wire.Options, from netip.Addr, stream bool) []byte {
	w.snapshot, w.from = s, from
	w.proven, w.silent = stream, false
	w.reply.Begin(dst, &w.query, o, stream)
	if outcome == wire.Refuse {
		w.reply.Rcode = w.query.Rcode
	} else {
		w.serve()
	}
	w.snapshot = nil // not to be kept until the next query
	if w.silent {
		return nil
	}
	return w.reply.End()
}

// Refuse answers the query that was parsed with an rcode and nothing else.
func (w *Worker) Refuse(dst []byte, rcode int, o *wire.Options, stream bool) []byte {
	w.reply.Begin(dst, &w.query, o, stream)
	w.reply.Rcode = rcode
	return w.reply.End()
}

// Truncated answers the query that was parsed with nothing but the advice to ask over TCP.
func (w *Worker) Truncated(dst []byte, o *wire.Options) []byte {
	w.reply.Begin(dst, &w.query, o, false)
	w.reply.Truncate()
	return w.reply.End()
}

// Rcode is that of the last answer, with the part that stands in OPT.
func (w *Worker) Rcode() int { return w.reply.Rcode }

// Trace is where an answer came from, as numbers for those who count.
type Trace struct {
	// Zone and Endpoint are those of zone.Series.
	Zone, Endpoint uint16
	// Steered: the answer was chosen by a plan, by a Rule and from a Tier (-1 for none).
	Steered bool
	Rule    steer.Rule
	Tier    int
}

// Trace is that of the last answer.
func (w *Worker) Trace() Trace {
	var t Trace
	if w.zone != nil {
		t.Zone = w.zone.Series
	}
	if w.plan != nil {
		t.Steered, t.Rule, t.Tier = true, w.choice.Rule, w.choice.Tier
		if i := w.choice.Endpoint; i >= 0 && i < len(w.plan.Series) {
			t.Endpoint = w.plan.Series[i]
		}
	}
	return t
}

// Class is what sort of answer a reply is, as far as those care who count answers.
type Class uint8

// The classes of answers.
const (
	Failed   Class = iota // refused, malformed, not ready, or about the server itself
	Positive              // records
	Wildcard              // records of a wildcard
	Negative              // NXDOMAIN or an empty answer
	Referral              // to other name servers
)

// Account says of the last answer what class it is of and under which name it counts: answers that an
// inventive client can get any number of by asking for other names all have one. The name is valid
// until the next Parse.
func (w *Worker) Account() (Class, []byte) {
	if w.zone == nil {
		return Failed, nil
	}
	apex := w.query.Suffix(w.query.Labels() - w.zone.Labels)
	switch {
	case !w.reply.Authoritative:
		return Referral, apex
	case w.reply.Rcode == dns.RcodeNameError || !w.reply.Answered() && !w.reply.Truncated():
		return Negative, apex
	case w.above > 0:
		return Wildcard, w.query.Suffix(w.above)
	}
	return Positive, w.query.Name()
}
