package feed

import "github.com/prometheus/client_golang/prometheus"

var (
	liveDesc = prometheus.NewDesc("seaway_dns_hub_up",
		"1 if the hub is in reach and watched, else 0.", nil, nil)
	sourceDesc = prometheus.NewDesc("seaway_dns_source",
		"1 for where what is served came from: nothing, disk or hub.", []string{"source"}, nil)
	savedDesc = prometheus.NewDesc("seaway_dns_state_saved_timestamp_seconds",
		"When the state was last written to disk; 0 if never.", nil, nil)
	refusedDesc = prometheus.NewDesc("seaway_dns_hub_refused_total",
		"Objects and absences from the hub that went back behind what is served and were not believed at once.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *Feed) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{liveDesc, sourceDesc, savedDesc, refusedDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *Feed) Collect(ch chan<- prometheus.Metric) {
	s := f.Status()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	live := 0.0
	if s.Live {
		live = 1
	}
	gauge(liveDesc, live)
	gauge(sourceDesc, 1, s.Source)
	saved := 0.0
	if !s.Saved.IsZero() {
		saved = float64(s.Saved.Unix())
	}
	gauge(savedDesc, saved)
	ch <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(s.Refused))
}
