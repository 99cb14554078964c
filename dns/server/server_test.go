package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

func serve(t testing.TB, snapshot func() *zone.Snapshot) *Server {
	t.Helper()
	id, err := answer.NewIdentity("Seaway", "ns1", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(Options{Addresses: []string{"127.0.0.1:0"}, Rules: &accept.Rules{Identity: id}, Snapshot: snapshot, Workers: 1,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

func query(t testing.TB, name string) []byte {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeA)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dial(t testing.TB, s *Server) *net.UDPConn {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// A panic is one SERVFAIL, and the next query is answered as if nothing had been.
func TestAPanicIsTheMisfortuneOfOneQuery(t *testing.T) {
	good := zone.Compile(zonetest.Input(t, zonetest.Demo))
	calls := 0
	s := serve(t, func() *zone.Snapshot {
		if calls++; calls%2 == 1 {
			panic("oh")
		}
		return good
	})
	c := dial(t, s)
	buf := make([]byte, 2000)
	for i, want := range []int{dns.RcodeServerFailure, dns.RcodeSuccess, dns.RcodeServerFailure, dns.RcodeSuccess} {
		q := query(t, "www.apps.example.com.")
		if _, err := c.Write(q); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:n]); err != nil || m.Rcode != want || m.Id != uint16(q[0])<<8|uint16(q[1]) {
			t.Errorf("query %d: %v %v", i, m, err)
		}
	}
	if n := s.metrics.panics.Load(); n != 2 {
		t.Errorf("%d panics were counted", n)
	}
}

func TestMetrics(t *testing.T) {
	good := zone.Compile(zonetest.Input(t, zonetest.Demo))
	s := serve(t, func() *zone.Snapshot { return good })
	c := dial(t, s)
	buf := make([]byte, 2000)
	for _, name := range []string{"www.apps.example.com.", "nope.apps.example.com.", "www.example.org."} {
		if _, err := c.Write(query(t, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	if problems, err := testutil.CollectAndLint(s); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	udp := s.metrics.total("udp")
	if udp.counts[dns.RcodeSuccess] != 1 || udp.counts[dns.RcodeNameError] != 1 || udp.counts[dns.RcodeRefused] != 1 {
		t.Errorf("%v", udp.counts)
	}
}

func TestLatencyBuckets(t *testing.T) {
	var c counters
	for _, d := range []time.Duration{0, 1, time.Microsecond, time.Microsecond + 1, 2 * time.Microsecond, time.Second} {
		c.took(d, 1)
	}
	// Up to 1 µs, up to 2 µs, and beyond all bounds.
	if c.latency[0].Load() != 3 || c.latency[1].Load() != 2 || c.latency[latencyBuckets].Load() != 1 {
		for i := range c.latency {
			t.Logf("%d: %d", i, c.latency[i].Load())
		}
		t.Error("durations are in the wrong buckets")
	}
}

// One query after the other over one socket: the time is mostly the kernel's, for both sides; the
// allocations are those of the whole process.
func BenchmarkUDP(b *testing.B) {
	good := zone.Compile(zonetest.Input(b, zonetest.Demo))
	s := serve(b, func() *zone.Snapshot { return good })
	c := dial(b, s)
	q, buf := query(b, "www.apps.example.com."), make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(q); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
