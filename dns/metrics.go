package dns

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seaway-io/seaway/dns/check"
	"github.com/seaway-io/seaway/dns/feed"
)

// register registers the metrics of all parts.
func (s *Server) register() error {
	if s.queries != nil {
		if err := s.registry.Register(s.queries); err != nil {
			return err
		}
	}
	for _, c := range []prometheus.Collector{
		s.sockets, s.engine, s.feed, probeMetrics{s.checker},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := s.registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// handler serves metrics, health and, to this host, decisions. The server is alive as long as it answers here, and ready when
// it has something to answer queries with: not reaching the hub, or any endpoint, is no reason for a
// name server to be taken out.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status := s.feed.Status()
		if status.Source == feed.SourceNothing {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		hub := "out of reach"
		if status.Live {
			hub = "in reach"
		}
		fmt.Fprintf(w, "serving from: %s\nhub: %s\n", status.Source, hub)
	})
	mux.HandleFunc("GET "+DecisionPath, s.forHost)
	return mux
}

var probesDesc = prometheus.NewDesc("seaway_dns_probes_total",
	"Rounds of probes of endpoints, by result; of skipped ones nothing was found out, since too many were under way or this host was short of something.", []string{"result"}, nil)

// probeMetrics are the metrics of the checker.
type probeMetrics struct{ checker *check.Checker }

// Describe implements prometheus.Collector.
func (p probeMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- probesDesc }

// Collect implements prometheus.Collector.
func (p probeMetrics) Collect(ch chan<- prometheus.Metric) {
	good, bad, skipped := p.checker.Results()
	for result, n := range map[string]uint64{"good": good, "bad": bad, "skipped": skipped} {
		ch <- prometheus.MustNewConstMetric(probesDesc, prometheus.CounterValue, float64(n), result)
	}
}
