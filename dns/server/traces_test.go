package server

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// A whole batch of queries that have nothing in common is counted to the last, in the bounds of the
// array and without memory.
func TestTracesAreCounted(t *testing.T) {
	c := &counters{}
	var pending traces
	outcome := func(i int) accept.Outcome {
		return accept.Outcome{Rcode: i, Trace: answer.Trace{
			Zone: uint16(zone.MostZoneSeries - 1 - i), Steered: true, Endpoint: uint16(zone.MostEndpointSeries - 1 - i),
			Rule: steer.Rule(i % (int(steer.LastResort) + 1)), Tier: i - 1,
		}}
	}
	allocs := testing.AllocsPerRun(10, func() {
		for i := range datagrams.Batch {
			pending.count(outcome(i))
		}
		pending.count(accept.Outcome{Fate: accept.Slipped})
		c.addTraces(&pending)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	sum := uint64(0)
	for i := range c.traces {
		sum += c.traces[i].Load()
	}
	if want := uint64(11 * 3 * datagrams.Batch); sum != want {
		t.Errorf("%d are counted of %d", sum, want)
	}
}

func TestTraceLabels(t *testing.T) {
	for rule := steer.NoEndpoint; rule <= steer.LastResort; rule++ {
		if ruleText[rule] == "" {
			t.Errorf("the rule %q has no label", rule)
		}
	}
	for tier, want := range map[int]string{-1: "none", 0: "1", 2: "3", 3: "later", 99: "later"} {
		if got := ruleTierText(ruleTier(tier)); got != want {
			t.Errorf("tier %d: %q, want %q", tier, got, want)
		}
	}
	for rcode, want := range map[int]string{dns.RcodeSuccess: "NOERROR", dns.RcodeNameError: "NXDOMAIN", dns.RcodeServerFailure: "SERVFAIL", dns.RcodeRefused: "REFUSED", 23: "other", 4095: "other"} {
		if got := zoneRcodeText[zoneRcode(rcode)]; got != want {
			t.Errorf("rcode %d: %q, want %q", rcode, got, want)
		}
	}
}
