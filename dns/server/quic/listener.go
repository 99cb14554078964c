package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Service is what a Listener serves for. Its methods are called from any number of goroutines.
type Service interface {
	// Welcome reports whether a client may have one more connection. It is asked before anything is
	// done for a handshake, and the address may still be forged.
	Welcome(client netip.Addr) bool
	// Open gives a place to a connection whose handshake is done, and reports whether there is one.
	// It may end the connection with shut, which does not wait, to make room for others.
	Open(client netip.Addr, shut func()) (Session, bool)
	// Refused is told of each connection that did not come about because there are too many, Failed
	// of each other handshake that came to nothing.
	Refused()
	Failed()
}

// Session is a connection that has a place.
type Session interface {
	// Idle is how long the connection may be idle at present.
	Idle() time.Duration
	// Heard is told of each query that begins to arrive.
	Heard()
	// Answer sends all messages of the answer to a query, which is the caller's again afterwards. A
	// Violation ends the connection, any other error the stream.
	Answer(ctx context.Context, msg []byte, send func([]byte) error) error
	// Close gives the place back. why is nil or a Violation.
	Close(why error)
}

// Options of a Listener. Zero numbers mean the defaults.
type Options struct {
	// Certificate is called for every handshake.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Idle is how long a connection may be without any packet. Message is how long a handshake, a
	// query and each message of an answer may take.
	Idle, Message time.Duration
	// Handshakes is how many there may be at the same time: 1024. When there are more than Unproven,
	// 128, a client is first asked to show that it gets what is sent to its address, which costs it a
	// round trip and the server no memory (RFC 9000 section 8.1.2).
	Handshakes, Unproven int64
	// Streams is how many queries of one connection may be under way: 100.
	Streams int64
	// Beside is how many queries may be read and answered beside others of their connection, in all
	// connections together: 1024. Beyond that each connection has its queries answered one after the
	// other.
	Beside int
}

func (o Options) withDefaults() Options {
	set := func(to *int64, n int64) {
		if *to <= 0 {
			*to = n
		}
	}
	set(&o.Handshakes, 1024)
	set(&o.Unproven, 128)
	set(&o.Streams, 100)
	if o.Beside <= 0 {
		o.Beside = 1024
	}
	return o
}

// ALPN is the protocol that is negotiated.
const ALPN = "doq"

// Receive windows: queries are short, and what is read makes room for more. A connection that sends
// and is not read holds this much and no more.
const (
	streamWindow     = 16 << 10
	connectionWindow = 64 << 10
)

// Listener is a socket.
type Listener struct {
	options Options
	service Service
	socket  *net.UDPConn
	// open ends with Close.
	open    context.Context
	close   context.CancelFunc
	serving atomic.Bool
	// handshakes under way.
	handshakes atomic.Int64
	beside     chan struct{}
	wg         sync.WaitGroup
}

// Listen opens a socket. Nothing is read before Serve.
func Listen(at netip.AddrPort, s Service, o Options) (*Listener, error) {
	network := "udp6"
	if at.Addr().Is4() {
		network = "udp4"
	}
	socket, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	l := &Listener{options: o, service: s, socket: socket, beside: make(chan struct{}, o.Beside)}
	l.open, l.close = context.WithCancel(context.Background())
	return l, nil
}

// Address is that of the socket, as it was given by the system.
func (l *Listener) Address() netip.AddrPort { return l.socket.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close ends Serve, or closes the socket where that was not called. It may be called more than once.
func (l *Listener) Close() {
	l.close()
	if !l.serving.Swap(true) {
		l.socket.Close()
	}
}

// Serve accepts connections until Close, and then closes them all and the socket. It is called once.
func (l *Listener) Serve() error {
	if l.serving.Swap(true) {
		return nil // it was closed
	}
	defer l.socket.Close()
	defer l.close()
	t := &quicgo.Transport{
		Conn:                l.socket,
		ConnContext:         l.begin,
		VerifySourceAddress: func(net.Addr) bool { return l.handshakes.Load() >= l.options.Unproven },
	}
	defer t.Close()
	listener, err := t.Listen(
		&tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: l.options.Certificate, NextProtos: []string{ALPN}},
		&quicgo.Config{
			HandshakeIdleTimeout:           l.options.Message,
			MaxIdleTimeout:                 l.options.Idle,
			InitialStreamReceiveWindow:     streamWindow,
			MaxStreamReceiveWindow:         connectionWindow,
			InitialConnectionReceiveWindow: connectionWindow,
			MaxConnectionReceiveWindow:     connectionWindow,
			MaxIncomingStreams:             l.options.Streams,
			MaxIncomingUniStreams:          -1,
			// Packets of that size pass every path.
			InitialPacketSize: wire.UDPSize,
		})
	if err != nil {
		return err
	}
	defer l.wg.Wait()
	defer listener.Close()
	for {
		c, err := listener.Accept(l.open)
		if err != nil {
			if l.open.Err() != nil {
				return nil
			}
			l.close()
			return err
		}
		l.wg.Go(func() { l.serve(c) })
	}
}

// clientOf is whom an address is of.
func clientOf(a net.Addr) netip.Addr {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return u.AddrPort().Addr().Unmap().WithZone("")
}

// handshake is one that is under way until done.
type handshake struct{ over atomic.Bool }

type handshakeKey struct{}

var errBusy = errors.New("too many connections")

// begin lets a handshake begin, or refuses it. The context ends with the connection.
func (l *Listener) begin(ctx context.Context, info *quicgo.ClientInfo) (context.Context, error) {
	if l.handshakes.Add(1) > l.options.Handshakes || !l.service.Welcome(clientOf(info.RemoteAddr)) {
		l.handshakes.Add(-1)
		l.service.Refused()
		return nil, errBusy
	}
	h := &handshake{}
	context.AfterFunc(ctx, func() {
		if l.done(h) {
			l.service.Failed()
		}
	})
	return context.WithValue(ctx, handshakeKey{}, h), nil
}

// done ends a handshake and reports whether it was under way still.
func (l *Listener) done(h *handshake) bool {
	if h == nil || h.over.Swap(true) {
		return false
	}
	l.handshakes.Add(-1)
	return true
}
