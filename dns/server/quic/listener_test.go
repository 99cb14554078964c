package quic

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

// house is a service that answers each query with itself.
type house struct {
	t               *testing.T
	full            atomic.Bool
	refused, failed atomic.Int64
	idle            time.Duration
	closed          chan error
	hold            chan struct{} // answers wait for it, if there is one

	mu   sync.Mutex
	shut []func()
}

func (h *house) Welcome(netip.Addr) bool { return !h.full.Load() }
func (h *house) Refused()                { h.refused.Add(1) }
func (h *house) Failed()                 { h.failed.Add(1) }
func (h *house) Heard()                  {}
func (h *house) Close(why error)         { h.closed <- why }

func (h *house) Open(client netip.Addr, shut func()) (Session, bool) {
	if client != netip.MustParseAddr("127.0.0.1") {
		h.t.Errorf("a connection from %v", client)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = append(h.shut, shut)
	return h, !h.full.Load()
}

func (h *house) Idle() time.Duration { return h.idle }

func (h *house) Answer(ctx context.Context, msg []byte, send func([]byte) error) error {
	if h.hold != nil {
		select {
		case <-h.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return send(msg)
}

// gone waits until a place is given back.
func (h *house) gone(want error) {
	h.t.Helper()
	select {
	case why := <-h.closed:
		if why != want {
			h.t.Errorf("closed for %v, want %v", why, want)
		}
	case <-time.After(patience):
		h.t.Fatal("the place is still taken")
	}
}

const patience = 10 * time.Second

func certificate(t testing.TB, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listen runs a listener until the test ends.
func listen(t *testing.T, h *house, change func(*Options)) *Listener {
	t.Helper()
	h.t, h.closed = t, make(chan error, 100)
	if h.idle == 0 {
		h.idle = time.Minute
	}
	c := certificate(t, "ns1.example.net")
	o := Options{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c, nil }, Idle: time.Minute, Message: patience}
	if change != nil {
		change(&o)
	}
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), h, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- l.Serve() }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

// hears is a socket that hears something else than what comes.
type hears struct {
	net.PacketConn
	hear func([]byte) bool
}

func (h hears) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := h.PacketConn.ReadFrom(b)
		if err != nil || h.hear(b[:n]) {
			return n, from, err
		}
	}
}

// dial opens a connection over a socket of its own; hear sees what comes in and says what is heard.
func dial(t *testing.T, l *Listener, hear func([]byte) bool) (*quicgo.Conn, error) {
	t.Helper()
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var p net.PacketConn = u
	if hear != nil {
		p = hears{u, hear}
	}
	tr := &quicgo.Transport{Conn: p}
	t.Cleanup(func() {
		tr.Close()
		u.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return tr.Dial(ctx, net.UDPAddrFromAddrPort(l.Address()), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}}, &quicgo.Config{HandshakeIdleTimeout: patience})
}

func connect(t *testing.T, l *Listener) *quicgo.Conn {
	t.Helper()
	c, err := dial(t, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a stream and writes to it.
func open(t *testing.T, c *quicgo.Conn, b []byte) *quicgo.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := c.OpenStreamSync(ctx) // the client hears a little later which streams have ended
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
	return s
}

// read reads until the stream ends.
func read(s *quicgo.Stream) ([]byte, error) {
	s.SetReadDeadline(time.Now().Add(patience))
	return io.ReadAll(s)
}

// ended waits for the end of a connection and checks the code.
func ended(t *testing.T, c *quicgo.Conn, want Code) {
	t.Helper()
	select {
	case <-c.Context().Done():
	case <-time.After(patience):
		t.Fatal("the connection is still open")
	}
	var e *quicgo.ApplicationError
	if err := context.Cause(c.Context()); !errors.As(err, &e) || !e.Remote || Code(e.ErrorCode) != want {
		t.Errorf("ended with %v, want code %d", err, want)
	}
}

func TestStreams(t *testing.T) {
	h := &house{}
	l := listen(t, h, nil)
	c := connect(t, l)
	if s := c.ConnectionState(); s.TLS.NegotiatedProtocol != ALPN || s.TLS.Version != tls.VersionTLS13 || s.Used0RTT {
		t.Errorf("%+v", s)
	}
	good := frame(query(t, nil))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			s, err := c.OpenStreamSync(t.Context())
			if err == nil {
				_, err = s.Write(good)
			}
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
				return
			}
			if b, err := read(s); err != nil || string(b) != string(good) {
				t.Errorf("%x, %v", b, err)
			}
		})
	}
	wg.Wait()
	if _, err := c.OpenUniStream(); err == nil {
		t.Error("a stream of one direction was opened")
	}
	// One that the client gives up costs neither the connection nor other streams.
	s := open(t, c, good)
	s.CancelWrite(quicgo.StreamErrorCode(RequestCancelled))
	var e *quicgo.StreamError
	if _, err := read(s); !errors.As(err, &e) || Code(e.ErrorCode) != RequestCancelled {
		t.Errorf("a stream that was given up ended with %v", err)
	}
	s = open(t, c, good)
	s.Close()
	if b, err := read(s); err != nil || string(b) != string(good) {
		t.Errorf("%x, %v", b, err)
	}
	c.CloseWithError(0, "")
	h.gone(nil)
}

func TestViolationsEndTheConnection(t *testing.T) {
	good := query(t, nil)
	for name, c := range map[string]struct {
		octets []byte
		end    bool
		why    error
	}{
		"a message id":      {frame(append([]byte{0, 1}, good[2:]...)), true, Violation("the message id is not 0")},
		"two queries":       {frame(good, good), true, Violation("the stream has more than one query")},
		"half a query":      {frame(good)[:20], true, Violation("the stream ended before its message")},
		"no end":            {frame(good), false, Violation("the stream was not ended in time")},
		"no end of a query": {frame(make([]byte, 65535))[:100], false, Violation("the stream was not ended in time")},
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{}
			l := listen(t, h, func(o *Options) {
				if !c.end {
					o.Message = 50 * time.Millisecond
				}
			})
			conn := connect(t, l)
			s := open(t, conn, c.octets)
			if c.end {
				s.Close()
			}
			ended(t, conn, ProtocolError)
			h.gone(c.why)
		})
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	h := &house{idle: 20 * time.Millisecond, hold: make(chan struct{})}
	l := listen(t, h, nil)
	c := connect(t, l)
	ended(t, c, NoError)
	h.gone(nil)
	// One whose query is being answered is not idle.
	c = connect(t, l)
	s := open(t, c, frame(query(t, nil)))
	s.Close()
	select {
	case <-c.Context().Done():
		t.Fatal("closed while a query was being answered")
	case <-time.After(5 * h.idle):
	}
	close(h.hold)
	if b, err := read(s); err != nil || len(b) == 0 {
		t.Errorf("%x, %v", b, err)
	}
	ended(t, c, NoError)
}

func TestWithoutRoom(t *testing.T) {
	h := &house{}
	l := listen(t, h, nil)
	c := connect(t, l)
	s := open(t, c, frame(query(t, nil)))
	s.Close()
	if _, err := read(s); err != nil {
		t.Fatal(err)
	}
	t.Run("a client that has too many is refused before the handshake", func(t *testing.T) {
		h.full.Store(true)
		defer h.full.Store(false)
		var e *quicgo.TransportError
		if _, err := dial(t, l, nil); !errors.As(err, &e) || e.ErrorCode != quicgo.ConnectionRefused {
			t.Errorf("%v", err)
		}
		// A client's first flight may have several packets, each of which is refused.
		if h.refused.Load() == 0 || h.failed.Load() != 0 {
			t.Errorf("%d refused, %d failed", h.refused.Load(), h.failed.Load())
		}
	})
	t.Run("one makes room", func(t *testing.T) {
		h.mu.Lock()
		h.shut[0]()
		h.mu.Unlock()
		ended(t, c, NoError)
		h.gone(nil)
	})
	t.Run("all streams are taken", func(t *testing.T) {
		h := &house{}
		c := connect(t, listen(t, h, func(o *Options) { o.Streams = 3 }))
		good := frame(query(t, nil))
		for range 3 {
			open(t, c, good) // without an end
		}
		var limit *quicgo.StreamLimitReachedError
		if _, err := c.OpenStream(); !errors.As(err, &limit) {
			t.Errorf("a fourth: %v", err)
		}
	})
	t.Run("nothing beside: one after the other", func(t *testing.T) {
		h := &house{hold: make(chan struct{})}
		l := listen(t, h, func(o *Options) { o.Beside = 1 })
		c := connect(t, l)
		good := frame(query(t, nil))
		var all []*quicgo.Stream
		for range 10 {
			s := open(t, c, good)
			s.Close()
			all = append(all, s)
		}
		close(h.hold)
		for _, s := range all {
			if b, err := read(s); err != nil || string(b) != string(good) {
				t.Errorf("%x, %v", b, err)
			}
		}
	})
}

func TestFloodsOfHandshakes(t *testing.T) {
	h := &house{}
	l := listen(t, h, func(o *Options) { o.Message, o.Handshakes, o.Unproven = 100*time.Millisecond, 8, 4 })
	retried := atomic.Int64{}
	deaf := func(b []byte) bool {
		if b[0]&0xF0 == 0xF0 { // a Retry packet of version 1
			retried.Add(1)
		}
		return false
	}
	// Clients that send the first packet, and again, and hear nothing of what comes back.
	const flood = 30
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range flood {
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		tr := &quicgo.Transport{Conn: hears{u, deaf}}
		defer tr.Close()
		wg.Go(func() {
			if _, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(l.Address()), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}}, nil); err == nil {
				t.Error("a client that hears nothing has a connection")
			}
		})
	}
	eventually(t, "most are sent a Retry", func() bool { return retried.Load() >= flood-8 })
	if n := l.handshakes.Load(); n > 8 {
		t.Errorf("%d handshakes are under way", n)
	}
	// Who hears is served meanwhile.
	heard := atomic.Bool{}
	c, err := dial(t, l, func(b []byte) bool {
		if b[0]&0xF0 == 0xF0 {
			heard.Store(true)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	good := frame(query(t, nil))
	s := open(t, c, good)
	s.Close()
	if b, err := read(s); err != nil || string(b) != string(good) {
		t.Errorf("%x, %v", b, err)
	}
	t.Logf("the client was sent a Retry: %v", heard.Load())
	cancel()
	wg.Wait()
	eventually(t, "all handshakes are forgotten", func() bool { return l.handshakes.Load() == 0 })
	if h.failed.Load() == 0 {
		t.Error("no handshake has failed")
	}
	// With as many as there may be, none begins, though the address be proven.
	l.handshakes.Add(8)
	defer l.handshakes.Add(-8)
	var e *quicgo.TransportError
	if _, err := dial(t, l, nil); !errors.As(err, &e) || e.ErrorCode != quicgo.ConnectionRefused {
		t.Errorf("%v", err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not so: %s", what)
		}
	}
}

// The certificate is asked for at each handshake; connections that are open go on.
func TestCertificatesAreReplaced(t *testing.T) {
	var current atomic.Pointer[tls.Certificate]
	current.Store(certificate(t, "old.example.net"))
	l := listen(t, &house{}, func(o *Options) {
		o.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }
	})
	old := connect(t, l)
	current.Store(certificate(t, "new.example.net"))
	fresh := connect(t, l)
	for c, want := range map[*quicgo.Conn]string{old: "old.example.net", fresh: "new.example.net"} {
		if got := c.ConnectionState().TLS.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		s := open(t, c, frame(query(t, nil)))
		s.Close()
		if b, err := read(s); err != nil || len(b) == 0 {
			t.Errorf("%s: %x, %v", want, b, err)
		}
	}
}

func TestClose(t *testing.T) {
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), &house{t: t}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := l.Address()
	l.Close()
	l.Close()
	if err := l.Serve(); err != nil {
		t.Error(err)
	}
	h := &house{t: t, idle: time.Minute, closed: make(chan error, 1)}
	cert := certificate(t, "ns1.example.net")
	if l, err = Listen(at, h, Options{Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }, Idle: time.Minute, Message: patience}); err != nil {
		t.Fatal("the socket was not closed: ", err)
	}
	done := make(chan error)
	go func() { done <- l.Serve() }()
	c := connect(t, l)
	stream := open(t, c, frame(query(t, nil)))
	stream.Close()
	if _, err := read(stream); err != nil {
		t.Fatal(err)
	}
	open(t, c, frame(query(t, nil))) // which waits for its end
	l.Close()
	ended(t, c, NoError)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if again, err := Listen(at, h, Options{}); err != nil {
		t.Error("the socket was not closed: ", err)
	} else {
		again.Close()
	}
}
