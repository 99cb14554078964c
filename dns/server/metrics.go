package server

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/querylog"
)

// metrics counts without locks: every worker has counters of its own, which are added up when
// somebody looks. No label comes from a query.
type metrics struct {
	all    []*counters
	panics atomic.Uint64
	told   atomic.Int64 // when the last of them was logged, in seconds since 1970
}

// The transports, as labels.
var transports = []string{"udp", "tcp", "tls", "https", "quic"}

// dropReason is why a message or connection was not answered.
type dropReason int

const (
	dropMessage    dropReason = iota // not a query: too short, or itself an answer
	dropLimited                      // over the limit of answers
	dropStale                        // waited for too long
	dropReceive                      // the socket reported an error
	dropSend                         // the answer could not be sent
	dropConnection                   // too many connections, or a malformed proxy's header
	dropHandshake                    // no TLS or QUIC came about
	dropBusy                         // too many updates and the like wait already
	dropReasons
)

var dropText = [dropReasons]string{"message", "limited", "stale", "receive", "send", "connection", "handshake", "busy"}

// rcodes that are counted one by one, BADCOOKIE being the highest in use.
const rcodes = 24

// cookieText are the labels of cookies: that of a client which has only its own part, and those of
// cookie.Bad and cookie.Good.
var cookieText = [3]string{"client", "bad", "good"}

// limitedText are the labels of what was said to those over the limit.
var limitedText = [2]string{"truncated", "badcookie"}

// latencyBuckets are powers of two in microseconds: 1, 2, 4, … 32768.
const latencyBuckets = 16

// counted is everything that is counted for each answer.
type counted [rcodes + 1 + int(dropReasons) + len(cookieText) + len(limitedText)]uint64

// Where in counted something is.
const (
	atTruncated = rcodes
	atDrops     = atTruncated + 1
	atCookies   = atDrops + int(dropReasons)
	atLimited   = atCookies + len(cookieText)
)

// tally is what one goroutine has counted and not yet made known.
type tally counted

// count counts what became of a message.
func (t *tally) count(reply []byte, o accept.Outcome) {
	if o.HasCookie {
		t[atCookies+int(o.Cookie)]++
	}
	switch o.Fate {
	case accept.Ignored:
		t[atDrops+int(dropMessage)]++
	case accept.Limited:
		t[atDrops+int(dropLimited)]++
	case accept.Slipped:
		t[atLimited]++
	case accept.NoCookie:
		t[atLimited+1]++
	}
	if reply != nil {
		t[min(o.Rcode, rcodes-1)]++
		if reply[2]&0x02 != 0 {
			t[atTruncated]++
		}
	}
}

type counters struct {
	transport string
	counts    [len(counted{})]atomic.Uint64
	latency   [latencyBuckets + 1]atomic.Uint64
	nanos     atomic.Uint64
	traces    [tracedSeries]atomic.Uint64
	record    *querylog.Recorder // of a transport with connections
}

// add must not be called once the server serves.
func (m *metrics) add(transport string) *counters {
	c := &counters{transport: transport}
	m.all = append(m.all, c)
	return c
}

// add makes known what was tallied, and begins anew.
func (c *counters) add(t *tally) {
	for i, n := range t {
		if n > 0 {
			c.counts[i].Add(n)
			t[i] = 0
		}
	}
}

func (c *counters) drop(r dropReason) { c.counts[atDrops+int(r)].Add(1) }

// took says how long n messages took that were answered together.
func (c *counters) took(d time.Duration, n uint64) {
	// The bucket is the number of bits of the whole microseconds, rounded up.
	us := uint64(max(d-1, 0) / time.Microsecond)
	c.latency[min(bits.Len64(us), latencyBuckets)].Add(n)
	c.nanos.Add(uint64(d) * n)
}

var (
	answersDesc = prometheus.NewDesc("seaway_dns_answers_total",
		"Answers sent, by transport and response code.", []string{"transport", "rcode"}, nil)
	truncatedDesc = prometheus.NewDesc("seaway_dns_truncated_total",
		"Answers with the TC flag, by transport.", []string{"transport"}, nil)
	cookiesDesc = prometheus.NewDesc("seaway_dns_cookies_total",
		"Cookies that came, by transport and what they are worth: the client's part only, good, or bad.", []string{"transport", "cookie"}, nil)
	limitedDesc = prometheus.NewDesc("seaway_dns_limited_total",
		"Answers that told a client to come back over TCP or with a cookie, by transport.", []string{"transport", "answer"}, nil)
	dropsDesc = prometheus.NewDesc("seaway_dns_drops_total",
		"Messages and connections that were not answered, by transport and reason.", []string{"transport", "reason"}, nil)
	latencyDesc = prometheus.NewDesc("seaway_dns_latency_seconds",
		"Time from reading a query to having sent its answer; over UDP one batch in 16 is measured.", []string{"transport"}, nil)
	panicsDesc = prometheus.NewDesc("seaway_dns_panics_total",
		"Queries that were answered with SERVFAIL because answering them panicked.", nil, nil)
	connectionsDesc = prometheus.NewDesc("seaway_dns_tcp_connections",
		"Open connections, by TCP and QUIC.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{answersDesc, truncatedDesc, cookiesDesc, limitedDesc, dropsDesc, latencyDesc, panicsDesc, connectionsDesc, zoneAnswersDesc, steeredDesc, rulesDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	m := s.metrics
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for _, transport := range transports {
		if !m.has(transport) {
			continue
		}
		t := m.total(transport)
		for i, n := range t.counts[:rcodes] {
			if n > 0 {
				counter(answersDesc, n, transport, rcodeText(i))
			}
		}
		counter(truncatedDesc, t.counts[atTruncated], transport)
		for i, text := range dropText {
			counter(dropsDesc, t.counts[atDrops+i], transport, text)
		}
		for i, text := range cookieText {
			counter(cookiesDesc, t.counts[atCookies+i], transport, text)
		}
		for i, text := range limitedText {
			counter(limitedDesc, t.counts[atLimited+i], transport, text)
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
	s.collectTraces(ch)
	counter(panicsDesc, m.panics.Load())
	ch <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(s.pool.open.Load()))
}

func (m *metrics) has(transport string) bool {
	for _, c := range m.all {
		if c.transport == transport {
			return true
		}
	}
	return false
}

// total is the sum of the counters of a transport.
type total struct {
	counts  counted
	latency [latencyBuckets + 1]uint64
	nanos   uint64
}

func (m *metrics) total(transport string) (t total) {
	for _, c := range m.all {
		if c.transport != transport {
			continue
		}
		for i := range c.counts {
			t.counts[i] += c.counts[i].Load()
		}
		for i := range c.latency {
			t.latency[i] += c.latency[i].Load()
		}
		t.nanos += c.nanos.Load()
	}
	return t
}

func rcodeText(n int) string {
	if n == dns.RcodeBadVers {
		return "BADVERS" // the library has the name that the number has in TSIG
	}
	if text, ok := dns.RcodeToString[n]; ok {
		return text
	}
	return "RESERVED"
}
