package engine

import (
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// Decide answers a question from what is served at this moment, and says why. Between the answer and
// the evidence for it a verdict may change; each is true at the moment it is taken.
func (e *Engine) Decide(q answer.Question) (decision.Decision, error) {
	d, err := decision.Make(e.Snapshot(), q, e.evidence)
	d.Server, d.Time = e.options.VantagePoint, time.Now()
	return d, err
}

// evidence is what this server and all its peers say of an endpoint, this server first.
func (e *Engine) evidence(key verdict.Key) []decision.Evidence {
	e.mu.Lock()
	defer e.mu.Unlock()
	own := verdict.State{Verdict: trafficv1alpha1.VerdictUnknown}
	if s := e.own(key); s != nil {
		own = *s
	}
	out := []decision.Evidence{{
		VantagePoint: e.options.VantagePoint, Verdict: own.Verdict, Message: own.Message, Since: own.Since, Own: true, Counts: true,
	}}
	for _, t := range e.peers.Testimonies(key, time.Now()) {
		out = append(out, decision.EvidenceOf(t))
	}
	return out
}
