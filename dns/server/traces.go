package server

import (
	"strconv"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// What is counted of where answers came from. Each has a bound, so that all counters of a worker are
// one array.
const (
	zoneRcodes   = 5
	ruleTiers    = 5 // none, and the first three one by one
	tracedZones  = zone.MostZoneSeries * zoneRcodes
	tracedPlans  = zone.MostEndpointSeries
	tracedRules  = int(steer.LastResort+1) * ruleTiers
	tracedSeries = tracedZones + tracedPlans + tracedRules
)

// zoneRcodeText are the rcodes that are told apart for a zone.
var zoneRcodeText = [zoneRcodes]string{"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "other"}

func zoneRcode(rcode int) int {
	switch rcode {
	case dns.RcodeSuccess:
		return 0
	case dns.RcodeNameError:
		return 1
	case dns.RcodeServerFailure:
		return 2
	case dns.RcodeRefused:
		return 3
	}
	return 4
}

// ruleTier is the number of a tier among those that are told apart.
func ruleTier(tier int) int { return min(max(tier+1, 0), ruleTiers-1) }

func ruleTierText(n int) string {
	switch n {
	case 0:
		return "none"
	case ruleTiers - 1:
		return "later"
	}
	return strconv.Itoa(n)
}

// traces is what one goroutine has counted and not yet made known: few of very many counters, which
// are therefore listed.
type traces struct {
	pending [3 * 32]struct{ series, n uint32 }
	used    int
}

// count counts an answer that was sent. At most a batch is counted before it is made known.
func (t *traces) count(o accept.Outcome) {
	if o.Fate != accept.Answered {
		return
	}
	t.add(int(o.Trace.Zone)*zoneRcodes + zoneRcode(o.Rcode))
	if o.Trace.Steered {
		t.add(tracedZones + int(o.Trace.Endpoint))
		t.add(tracedZones + tracedPlans + int(o.Trace.Rule)*ruleTiers + ruleTier(o.Trace.Tier))
	}
}

func (t *traces) add(series int) {
	// The queries of a batch are much alike.
	for i := t.used - 1; i >= max(0, t.used-6); i-- {
		if t.pending[i].series == uint32(series) {
			t.pending[i].n++
			return
		}
	}
	if t.used < len(t.pending) {
		t.pending[t.used] = struct{ series, n uint32 }{uint32(series), 1}
		t.used++
	}
}

// addTraces makes known what was counted, and begins anew.
func (c *counters) addTraces(t *traces) {
	for _, p := range t.pending[:t.used] {
		c.traces[p.series].Add(uint64(p.n))
	}
	t.used = 0
}

var (
	zoneAnswersDesc = prometheus.NewDesc("seaway_dns_zone_answers_total",
		"Answers sent, by zone, transport and response code; \"other\" is for the zones beyond the first 254, and \"\" for names in none.",
		[]string{"zone", "transport", "rcode"}, nil)
	steeredDesc = prometheus.NewDesc("seaway_dns_steered_answers_total",
		"Answers from TrafficPlans, by the cluster that was chosen; \"other\" is for the endpoints beyond the first 1022, and \"\" where there was none.",
		[]string{"namespace", "plan", "cluster"}, nil)
	rulesDesc = prometheus.NewDesc("seaway_dns_steering_rules_total",
		"Answers from TrafficPlans, by the rule that found the clusters and the tier they are of.",
		[]string{"rule", "tier"}, nil)
)

// ruleText are the rules as labels.
var ruleText = [...]string{
	steer.NoEndpoint: "NoEndpoint", steer.FirstHealthyTier: "FirstHealthyTier", steer.Survivors: "Survivors",
	steer.Standby: "Standby", steer.OutsideTiers: "OutsideTiers", steer.FailOpen: "FailOpen", steer.LastResort: "LastResort",
}

// collectTraces gives the counters that are not zero.
func (s *Server) collectTraces(ch chan<- prometheus.Metric) {
	if s.options.Series == nil {
		return
	}
	firstZone, domains, firstEndpoint, endpoints := s.options.Series()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		if n > 0 {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
		}
	}
	for _, transport := range transports {
		t := s.metrics.traced(transport)
		for i := range tracedZones {
			name := ""
			if n := i / zoneRcodes; n == zone.SeriesOther {
				name = "other"
			} else if n -= firstZone; n >= 0 && n < len(domains) {
				name = domains[n]
			}
			counter(zoneAnswersDesc, t[i], name, transport, zoneRcodeText[i%zoneRcodes])
		}
	}
	t := s.metrics.traced("")
	for i, n := range t[tracedZones : tracedZones+tracedPlans] {
		var e zone.EndpointSeries
		if i == zone.SeriesOther {
			e = zone.EndpointSeries{Namespace: "other", Plan: "other", Cluster: "other"}
		} else if i -= firstEndpoint; i >= 0 && i < len(endpoints) {
			e = endpoints[i]
		}
		counter(steeredDesc, n, e.Namespace, e.Plan, e.Cluster)
	}
	for i, n := range t[tracedZones+tracedPlans:] {
		counter(rulesDesc, n, ruleText[i/ruleTiers], ruleTierText(i%ruleTiers))
	}
}

// traced adds the counters of a transport up, or of all if it is empty.
func (m *metrics) traced(transport string) (t [tracedSeries]uint64) {
	for _, c := range m.all {
		if transport == "" || c.transport == transport {
			for i := range c.traces {
				t[i] += c.traces[i].Load()
			}
		}
	}
	return t
}
