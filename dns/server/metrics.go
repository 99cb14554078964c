package server

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts without locks: every worker has counters of its own, which are added up when
// somebody looks. No label comes from a query.
type metrics struct {
	all         []*counters
	panics      atomic.Uint64
	connections func() int
}

// dropReason is why a message or connection was not answered.
type dropReason int

const (
	dropMessage    dropReason = iota // not a query: too short, or itself an answer
	dropReceive                      // the socket reported an error
	dropSend                         // the answer could not be sent
	dropConnection                   // too many connections
	dropReasons
)

var dropText = [dropReasons]string{"message", "receive", "send", "connection"}

// rcodes that are counted one by one. What an answer's header can hold is less than 16.
const rcodes = 16

// latencyBuckets are powers of two in microseconds: 1, 2, 4, … 32768.
const latencyBuckets = 16

type counters struct {
	transport string
	answers   [rcodes]atomic.Uint64
	truncated atomic.Uint64
	drops     [dropReasons]atomic.Uint64
	latency   [latencyBuckets + 1]atomic.Uint64
	nanos     atomic.Uint64
}

// add must not be called once the server serves.
func (m *metrics) add(transport string) *counters {
	c := &counters{transport: transport}
	m.all = append(m.all, c)
	return c
}

func (c *counters) answered(reply []byte) {
	c.answers[reply[3]&0xF].Add(1)
	if reply[2]&0x02 != 0 {
		c.truncated.Add(1)
	}
}

func (c *counters) drop(r dropReason) { c.drops[r].Add(1) }

func (c *counters) took(d time.Duration) {
	// The bucket is the number of bits of the whole microseconds, rounded up.
	us := uint64(max(d-1, 0) / time.Microsecond)
	c.latency[min(bits.Len64(us), latencyBuckets)].Add(1)
	c.nanos.Add(uint64(d))
}

var (
	answersDesc = prometheus.NewDesc("seaway_dns_answers_total",
		"Answers sent, by transport and response code.", []string{"transport", "rcode"}, nil)
	truncatedDesc = prometheus.NewDesc("seaway_dns_truncated_total",
		"Answers with the TC flag, by transport.", []string{"transport"}, nil)
	dropsDesc = prometheus.NewDesc("seaway_dns_drops_total",
		"Messages and connections that were not answered, by transport and reason.", []string{"transport", "reason"}, nil)
	latencyDesc = prometheus.NewDesc("seaway_dns_latency_seconds",
		"Time from reading a query to having sent its answer; over UDP one query in 64 is measured.", []string{"transport"}, nil)
	panicsDesc = prometheus.NewDesc("seaway_dns_panics_total",
		"Queries that were answered with SERVFAIL because answering them panicked.", nil, nil)
	connectionsDesc = prometheus.NewDesc("seaway_dns_tcp_connections",
		"Open TCP connections.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{answersDesc, truncatedDesc, dropsDesc, latencyDesc, panicsDesc, connectionsDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	m := s.metrics
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, transport := range []string{"udp", "tcp"} {
		t := m.total(transport)
		for i, n := range t.answers {
			if n > 0 {
				counter(answersDesc, n, transport, rcodeText(i))
			}
		}
		counter(truncatedDesc, t.truncated, transport)
		for i, n := range t.drops {
			counter(dropsDesc, n, transport, dropText[i])
		}
		count, buckets := uint64(0), map[float64]uint64{}
		for i, n := range t.latency {
			count += n
			if i < latencyBuckets {
				buckets[float64(uint64(1)<<i)*1e-6] = count
			}
		}
		ch <- prometheus.MustNewConstHistogram(latencyDesc, count, float64(t.nanos)*1e-9, buckets, transport)
	}
	counter(panicsDesc, m.panics.Load())
	ch <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(m.connections()))
}

// total is the sum of the counters of a transport.
type total struct {
	answers   [rcodes]uint64
	truncated uint64
	drops     [dropReasons]uint64
	latency   [latencyBuckets + 1]uint64
	nanos     uint64
}

func (m *metrics) total(transport string) (t total) {
	for _, c := range m.all {
		if c.transport != transport {
			continue
		}
		for i := range c.answers {
			t.answers[i] += c.answers[i].Load()
		}
		t.truncated += c.truncated.Load()
		for i := range c.drops {
			t.drops[i] += c.drops[i].Load()
		}
		for i := range c.latency {
			t.latency[i] += c.latency[i].Load()
		}
		t.nanos += c.nanos.Load()
	}
	return t
}

func rcodeText(n int) string {
	if text, ok := dns.RcodeToString[n]; ok {
		return text
	}
	return "RESERVED"
}
