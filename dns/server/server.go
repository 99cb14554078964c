package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/querylog"
	"github.com/seaway-io/seaway/dns/server/datagram"
)

// Options of a Server.
type Options struct {
	// Addresses to listen on, UDP and TCP alike, such as 192.0.2.53:53, [2001:db8::53]:53 or :53,
	// which is every address of either family.
	Addresses []string
	// TLS, HTTPS and QUIC are addresses to listen on for DNS over TLS, over HTTPS and over QUIC.
	TLS, HTTPS, QUIC []string
	// Certificate returns the certificate for those. It is called for every handshake.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Rules of the path of every message.
	Rules *accept.Rules
	// Snapshot returns what is served at the moment. It is called for every query.
	Snapshot func() *zone.Snapshot
	// Aside takes messages that no snapshot answers; there may be none.
	Aside Aside
	// Series returns the names of what answers are counted under, as engine.Engine does; there are no
	// such metrics if nil.
	Series func() (firstZone int, domains []string, firstEndpoint int, endpoints []zone.EndpointSeries)
	// QueryLog takes down queries; nil takes none.
	QueryLog *querylog.Log
	// Workers is the number of UDP sockets for each address; as many as there are CPUs if 0.
	Workers int
	// TCP bounds connections, those for TLS, HTTPS and QUIC among them.
	TCP TCPLimits
	// Log gets what goes wrong. Nothing is logged for a query.
	Log *slog.Logger
}

// Aside answers messages that no snapshot answers: updates, notifications, transfers, and whatever is
// signed with TSIG. Its methods are called from any number of goroutines, and only once the server
// serves.
type Aside interface {
	// Later handles a message that came by UDP beside the caller, who must not wait, and sends the
	// answer if there is one. The message is the caller's again when it returns. It reports false, and
	// does nothing, when too many wait already.
	Later(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) bool
	// Stream handles a message that came over a connection, whose other messages wait meanwhile. It
	// sends all messages of the answer. An error closes the connection.
	Stream(ctx context.Context, msg []byte, from netip.Addr, send func([]byte) error) error
}

// TCPLimits bound connections, by TCP and QUIC alike. Zero values mean the defaults.
type TCPLimits struct {
	// Idle is how long a connection may be idle: 10 seconds. It becomes less when more than half of
	// all places are taken, down to a tenth.
	Idle time.Duration
	// Message is how long a client may take to send one message, and to take the answers that wait
	// for it: 5 seconds.
	Message time.Duration
	// Total number of connections: 4096. When it is reached, the connection that has been quiet for
	// longest makes room.
	Total int
	// PerClient is the number of connections of one IPv4 address or IPv6 /64 network: 64.
	PerClient int
}

// WithDefaults are the limits with every zero replaced.
func (l TCPLimits) WithDefaults() TCPLimits {
	set := func(to *time.Duration, d time.Duration) {
		if *to <= 0 {
			*to = d
		}
	}
	set(&l.Idle, 10*time.Second)
	set(&l.Message, 5*time.Second)
	if l.Total <= 0 {
		l.Total = 4096
	}
	if l.PerClient <= 0 {
		l.PerClient = 64
	}
	return l
}

// Server answers DNS queries.
type Server struct {
	options Options
	udp     []*udpWorker
	tcp     []listener
	https   []*httpsServer
	quic    []*quicServer
	pool    *pool
	metrics *metrics
}

// listener is a TCP socket and who serves its connections.
type listener struct {
	*net.TCPListener
	transport string
	count     *counters
	serve     func(context.Context, *connection)
}

// Listen opens all sockets. Nothing is answered before Serve.
func Listen(o Options) (*Server, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if !datagram.Shares {
		o.Workers = 1
	}
	o.TCP = o.TCP.WithDefaults()
	s := &Server{options: o, metrics: &metrics{}}
	s.pool = newPool(s)
	if err := s.listenAll(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) listenAll() error {
	o := &s.options
	if len(o.Addresses)+len(o.TLS)+len(o.HTTPS)+len(o.QUIC) == 0 {
		return errors.New("no address to listen on")
	}
	if len(o.TLS)+len(o.HTTPS)+len(o.QUIC) > 0 && o.Certificate == nil {
		return errors.New("TLS, HTTPS and QUIC need a certificate")
	}
	for _, kind := range []struct {
		addresses []string
		open      func(ip netip.Addr, port string) error
	}{{o.Addresses, s.open}, {o.TLS, s.openTLS}, {o.HTTPS, s.openHTTPS}, {o.QUIC, s.openQUIC}} {
		for _, text := range kind.addresses {
			if err := listen(text, kind.open); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen opens the sockets for one address, or for both families where it names no host.
func listen(text string, open func(ip netip.Addr, port string) error) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("address %q is not host:port, such as 192.0.2.53:53 or :53", text)
	}
	if host != "" {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return fmt.Errorf("address %q: %q is not an IP address", text, host)
		}
		return open(ip, port)
	}
	v4 := open(netip.IPv4Unspecified(), port)
	v6 := open(netip.IPv6Unspecified(), port)
	if v4 != nil && v6 != nil {
		return v4
	}
	// A host without one of the families is nothing special.
	for _, err := range []error{v4, v6} {
		if err != nil && !missingFamily(err) {
			return err
		}
	}
	return nil
}

// missingFamily reports whether a host has no addresses of a family at all.
func missingFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// openTCP opens a TCP socket.
func (s *Server) openTCP(ip netip.Addr, port, transport string) (*listener, error) {
	network := "tcp6"
	if ip.Is4() {
		network = "tcp4"
	}
	l, err := net.Listen(network, net.JoinHostPort(ip.String(), port))
	if err != nil {
		return nil, err
	}
	s.tcp = append(s.tcp, listener{TCPListener: l.(*net.TCPListener), transport: transport, count: s.metrics.add(transport)})
	s.tcp[len(s.tcp)-1].count.record = s.options.QueryLog.Recorder(querylog.TransportOf(transport))
	return &s.tcp[len(s.tcp)-1], nil
}

// open opens the sockets of one address for UDP and TCP.
func (s *Server) open(ip netip.Addr, port string) error {
	// The TCP socket comes first: it shares its address with nobody, so that two servers never do.
	l, err := s.openTCP(ip, port, "tcp")
	if err != nil {
		return err
	}
	l.serve = newStreams(s, l.count, nil).serve
	// Where the port was 0, UDP gets the one that TCP was given.
	at := l.Addr().(*net.TCPAddr).AddrPort()
	for i := range s.options.Workers {
		socket, err := datagram.Listen(netip.AddrPortFrom(ip, at.Port()), datagrams)
		if err != nil && i > 0 {
			s.options.Log.Warn("sockets cannot share an address here: fewer CPUs answer UDP than there are", "address", at.String(), "sockets", i, "error", err)
			return nil
		}
		if err != nil {
			return err
		}
		s.udp = append(s.udp, &udpWorker{server: s, socket: socket, path: accept.New(s.options.Rules), count: s.metrics.add("udp"), now: time.Now, record: s.options.QueryLog.Recorder(querylog.UDP)})
	}
	return nil
}

func (s *Server) tlsConfig(protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.options.Certificate, NextProtos: protocols}
}

func (s *Server) openTLS(ip netip.Addr, port string) error {
	l, err := s.openTCP(ip, port, "tls")
	if err != nil {
		return err
	}
	l.serve = newStreams(s, l.count, s.tlsConfig("dot")).serve
	return nil
}

func (s *Server) openHTTPS(ip netip.Addr, port string) error {
	l, err := s.openTCP(ip, port, "https")
	if err != nil {
		return err
	}
	h := newHTTPS(s, l.count, s.tlsConfig("h2", "http/1.1"))
	s.https = append(s.https, h)
	l.serve = h.serve
	return nil
}

// Addresses are those that the server listens on for UDP and TCP.
func (s *Server) Addresses() []netip.AddrPort { return s.addresses("tcp") }

// TLSAddresses are those for DNS over TLS.
func (s *Server) TLSAddresses() []netip.AddrPort { return s.addresses("tls") }

// HTTPSAddresses are those for DNS over HTTPS.
func (s *Server) HTTPSAddresses() []netip.AddrPort { return s.addresses("https") }

// QUICAddresses are those for DNS over QUIC.
func (s *Server) QUICAddresses() []netip.AddrPort {
	var out []netip.AddrPort
	for _, q := range s.quic {
		out = append(out, q.listener.Address())
	}
	return out
}

func (s *Server) addresses(transport string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.tcp {
		if l.transport == transport {
			out = append(out, l.Addr().(*net.TCPAddr).AddrPort())
		}
	}
	return out
}

// Serve answers until the context ends, and then closes everything.
func (s *Server) Serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.Close)
	defer stop()
	var wg sync.WaitGroup
	for _, w := range s.udp {
		wg.Go(func() { w.run(ctx) })
	}
	for _, l := range s.tcp {
		wg.Go(func() { s.pool.accept(ctx, l.TCPListener, l.count, l.serve) })
	}
	for _, h := range s.https {
		wg.Go(h.run)
	}
	for _, q := range s.quic {
		wg.Go(q.run)
	}
	wg.Wait()
	s.Close()
	s.pool.wait()
}

// Close closes all sockets. It may be called more than once.
func (s *Server) Close() {
	for _, w := range s.udp {
		w.socket.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	for _, h := range s.https {
		h.close()
	}
	for _, q := range s.quic {
		q.listener.Close()
	}
	s.pool.closeAll()
}

// answer sends a message down the path. Whatever goes wrong on it is the misfortune of that one
// query.
func (s *Server) answer(p *accept.Path, dst, msg []byte, o accept.Origin) (out []byte, outcome accept.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			out, outcome = s.failed(r, p, dst, msg, o)
		}
	}()
	if o.Stream {
		return p.Message(s.options.Snapshot(), dst, msg, o)
	}
	return p.Datagram(s.options.Snapshot(), dst, msg, o)
}

func (s *Server) failed(reason any, p *accept.Path, dst, msg []byte, o accept.Origin) ([]byte, accept.Outcome) {
	// Each is counted, and one a second is told, lest a clever query fill the disk.
	s.metrics.panics.Add(1)
	if now := o.Now.Unix(); s.metrics.told.Swap(now) != now {
		s.options.Log.Error("answering a query panicked", "panic", reason, "query", fmt.Sprintf("%x", msg[:min(len(msg), 512)]))
	}
	out := p.Failure(dst, msg, o)
	if out == nil {
		return nil, accept.Outcome{Fate: accept.Ignored}
	}
	return out, accept.Outcome{Rcode: dns.RcodeServerFailure}
}
