package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var (
	zonesDesc = prometheus.NewDesc("seaway_dns_zones", "Zones that are served.", nil, nil)
	namesDesc = prometheus.NewDesc("seaway_dns_names", "Names that are served.", nil, nil)
	plansDesc = prometheus.NewDesc("seaway_dns_plans", "TrafficPlans that are served.", nil, nil)

	problemsDesc   = prometheus.NewDesc("seaway_dns_problems", "Things in objects that are not served as they stand.", nil, nil)
	peersDesc      = prometheus.NewDesc("seaway_dns_peers", "Other vantage points whose reports count at present.", nil, nil)
	cutOffDesc     = prometheus.NewDesc("seaway_dns_cut_off", "1 while this server takes it that it has lost its own network.", nil, nil)
	signaturesDesc = prometheus.NewDesc("seaway_dns_signatures_total",
		"What was signed because it was asked for (made), and what was not since the budget was used up (denied).", []string{"result"}, nil)
	endpointsDesc = prometheus.NewDesc("seaway_dns_endpoints", "Endpoints by this server's own verdict.", []string{"verdict"}, nil)
)

// Describe implements prometheus.Collector.
func (e *Engine) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{zonesDesc, namesDesc, plansDesc, problemsDesc, peersDesc, cutOffDesc, signaturesDesc, endpointsDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	s := e.Snapshot()
	gauge(zonesDesc, len(s.Zones))
	gauge(namesDesc, s.Names())
	gauge(plansDesc, len(s.Plans))
	gauge(problemsDesc, len(s.Problems))
	gauge(peersDesc, len(e.FreshPeers()))
	gauge(cutOffDesc, e.cutOffs())
	made, denied := e.signer.online.Counts()
	for result, n := range map[string]uint64{"made": made, "denied": denied} {
		ch <- prometheus.MustNewConstMetric(signaturesDesc, prometheus.CounterValue, float64(n), result)
	}
	for verdict, n := range e.verdicts() {
		gauge(endpointsDesc, n, string(verdict))
	}
}

// verdicts counts this server's own verdicts.
func (e *Engine) verdicts() map[trafficv1alpha1.Verdict]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[trafficv1alpha1.Verdict]int{
		trafficv1alpha1.VerdictHealthy: 0, trafficv1alpha1.VerdictUnhealthy: 0, trafficv1alpha1.VerdictUnknown: 0,
	}
	for _, p := range e.plans {
		for _, s := range p.own {
			out[s.Verdict]++
		}
	}
	return out
}

func (e *Engine) cutOffs() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cutOff.IsZero() {
		return 0
	}
	return 1
}
