package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/server/quic"
)

// exchange sends octets over a stream to a server without sockets.
func (q *quicServer) exchange(t testing.TB, sent []byte) ([]byte, error) {
	session, ok := q.Open(stranger, func() {})
	if !ok {
		t.Fatal("there is no place")
	}
	o := &octets{in: bytes.NewReader(sent)}
	err := quic.Exchange(t.Context(), o, time.Minute, session.Answer)
	session.Close(err)
	return o.out.Bytes(), err
}

// FuzzQUIC sends octets over a stream.
func FuzzQUIC(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(frame(b))
		if len(b) > 2 {
			b = bytes.Clone(b)
			b[0], b[1] = 0, 0
			f.Add(frame(b))
			f.Add(frame(b, b))
		}
	}
	s := unheard(f)
	q := newQUIC(s, &counters{})
	f.Fuzz(func(t *testing.T, sent []byte) {
		out, err := q.exchange(t, sent)
		s.intact(t)
		if s.pool.open.Load() != 0 || len(s.pool.perClient) != 0 {
			t.Fatal("a place is still taken")
		}
		if (err == nil) != (len(out) > 0) {
			t.Fatalf("%x, %v", out, err)
		}
		if err != nil {
			return
		}
		queries, replies := framed(sent), framed(out)
		if len(queries) != 1 || len(replies) != 1 || binary.BigEndian.Uint16(queries[0]) != 0 {
			t.Fatalf("%d answers to %d queries", len(replies), len(queries))
		}
		answers(t, queries[0], replies[0])
	})
}

// aside takes everything and answers with what it is.
type echo struct{ err error }

func (e echo) Later(context.Context, []byte, netip.Addr, func([]byte) error) bool { return false }
func (e echo) Stream(_ context.Context, msg []byte, from netip.Addr, send func([]byte) error) error {
	for range 3 {
		if err := send(append(bytes.Clone(msg), from.AsSlice()...)); err != nil {
			return err
		}
	}
	return e.err
}

func TestOverQUIC(t *testing.T) {
	s := unheard(t)
	q := newQUIC(s, s.metrics.add("quic"))
	ask := func(change func(*dns.Msg)) ([][]byte, error) {
		m := new(dns.Msg)
		m.SetQuestion("www.apps.example.com.", dns.TypeA)
		m.Id = 0
		change(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		out, err := q.exchange(t, frame(b))
		return framed(out), err
	}
	t.Run("a query", func(t *testing.T) {
		out, err := ask(func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{}}
		})
		m := new(dns.Msg)
		if err != nil || len(out) != 1 || m.Unpack(out[0]) != nil || len(m.Answer) != 2 || len(out[0])%468 != 0 {
			t.Errorf("%v, %v", m, err)
		}
	})
	t.Run("an answer costs the connection", func(t *testing.T) {
		if _, err := ask(func(m *dns.Msg) { m.Response = true }); !errors.Is(err, quic.NotAQuery) {
			t.Error(err)
		}
	})
	t.Run("a panic is one SERVFAIL", func(t *testing.T) {
		good := s.options.Snapshot
		s.options.Snapshot = func() *zone.Snapshot { panic("oh") }
		out, err := ask(func(*dns.Msg) {})
		s.options.Snapshot = good
		if err != nil || len(out) != 1 || out[0][3] != dns.RcodeServerFailure || s.metrics.panics.Load() != 1 {
			t.Errorf("%x, %v", out, err)
		}
	})
	t.Run("what no snapshot answers is set aside", func(t *testing.T) {
		broken := errors.New("broken")
		for _, err := range []error{nil, broken} {
			s.options.Aside = echo{err}
			out, got := ask(func(m *dns.Msg) { m.SetAxfr("apps.example.com."); m.Id = 0 })
			if got != err || len(out) != 3 || !bytes.HasSuffix(out[2], stranger.AsSlice()) {
				t.Errorf("%x, %v", out, got)
			}
		}
	})
	if got := s.metrics.total("quic"); got.counts[dns.RcodeSuccess] != 1 || got.counts[dns.RcodeServerFailure] != 1 || got.counts[atDrops+int(dropMessage)] == 0 {
		t.Errorf("%v", got.counts)
	}
}

// Connections by QUIC and by TCP are counted together.
func TestPlacesForQUIC(t *testing.T) {
	s := unheard(t)
	s.options.TCP.Total, s.options.TCP.PerClient = 3, 2
	q := newQUIC(s, s.metrics.add("quic"))
	var shut []int
	open := func(n int, client string) (quic.Session, bool) {
		return q.Open(netip.MustParseAddr(client), func() { shut = append(shut, n) })
	}
	first, ok := open(1, "192.0.2.1")
	tcp := &connection{socket: closer(func() { shut = append(shut, 2) }), pool: s.pool, count: &counters{}, client: stranger}
	if !ok || !s.pool.place(tcp) {
		t.Fatal("there is no place")
	}
	if q.Welcome(stranger) || !q.Welcome(netip.MustParseAddr("192.0.2.2")) {
		t.Error("who is welcome")
	}
	if _, ok := open(3, "192.0.2.1"); ok {
		t.Error("a third of one client")
	}
	if _, ok := open(4, "2001:db8::1"); !ok {
		t.Error("another client")
	}
	first.Heard()
	// The quietest makes room, which is the one by TCP.
	if _, ok := open(5, "2001:db8::2"); !ok || len(shut) != 1 || shut[0] != 2 || s.pool.open.Load() != 3 {
		t.Errorf("%v made room, %d are open", shut, s.pool.open.Load())
	}
	if want := s.options.TCP.Idle / 10; first.Idle() != want {
		t.Errorf("idle for %v, want %v", first.Idle(), want)
	}
	first.Close(nil)
	if s.pool.open.Load() != 2 || s.pool.perClient[clientOf(stranger)] != 0 {
		t.Errorf("%d are open, %v", s.pool.open.Load(), s.pool.perClient)
	}
}
