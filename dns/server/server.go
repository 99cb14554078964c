package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Options of a Server.
type Options struct {
	// Addresses to listen on, UDP and TCP alike, such as 192.0.2.53:53, [2001:db8::53]:53 or :53,
	// which is every address of either family.
	Addresses []string
	// Identity is what the server says about itself.
	Identity *answer.Identity
	// Snapshot returns what is served at the moment. It is called for every query.
	Snapshot func() *zone.Snapshot
	// Workers is the number of UDP sockets for each address; as many as there are CPUs if 0.
	Workers int
	// TCP bounds connections.
	TCP TCPLimits
	// Log gets what goes wrong. Nothing is logged for a query.
	Log *slog.Logger
}

// TCPLimits bound TCP connections. Zero values mean the defaults.
type TCPLimits struct {
	// Idle is how long a connection may be idle: 10 seconds.
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
	tcp     []*net.TCPListener
	pool    *connections
	metrics *metrics
}

// Listen opens all sockets. Nothing is answered before Serve.
func Listen(o Options) (*Server, error) {
	if o.Workers <= 0 {
		o.Workers = defaultWorkers()
	}
	o.TCP = o.TCP.WithDefaults()
	s := &Server{options: o, metrics: &metrics{}}
	s.pool = newConnections(s)
	for _, text := range o.Addresses {
		if err := s.listen(text); err != nil {
			s.Close()
			return nil, err
		}
	}
	if len(s.udp) == 0 {
		s.Close()
		return nil, errors.New("no address to listen on")
	}
	return s, nil
}

// listen opens the sockets for one address, or for both families where it names no host.
func (s *Server) listen(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("address %q is not host:port, such as 192.0.2.53:53 or :53", text)
	}
	if host != "" {
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return fmt.Errorf("address %q: %q is not an IP address", text, host)
		}
		return s.open(ip, port)
	}
	v4 := s.open(netip.IPv4Unspecified(), port)
	v6 := s.open(netip.IPv6Unspecified(), port)
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

// open opens the sockets of one address.
func (s *Server) open(ip netip.Addr, port string) error {
	family := "6"
	if ip.Is4() {
		family = "4"
	}
	// The TCP socket comes first: it shares its address with nobody, so that two servers never do.
	l, err := net.Listen("tcp"+family, net.JoinHostPort(ip.String(), port))
	if err != nil {
		return err
	}
	s.tcp = append(s.tcp, l.(*net.TCPListener))
	// Where the port was 0, UDP gets the one that TCP was given.
	at := l.Addr().String()
	for range s.options.Workers {
		config := net.ListenConfig{Control: reusePort}
		c, err := config.ListenPacket(context.Background(), "udp"+family, at)
		if err != nil {
			return err
		}
		w, err := newUDPWorker(s, c.(*net.UDPConn), ip)
		if err != nil {
			c.Close()
			return err
		}
		s.udp = append(s.udp, w)
	}
	return nil
}

// Addresses are those that the server listens on.
func (s *Server) Addresses() []netip.AddrPort {
	var out []netip.AddrPort
	for _, l := range s.tcp {
		out = append(out, l.Addr().(*net.TCPAddr).AddrPort())
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
		wg.Go(func() { s.pool.accept(ctx, l) })
	}
	wg.Wait()
	s.Close()
	s.pool.wait()
}

// Close closes all sockets. It may be called more than once.
func (s *Server) Close() {
	for _, w := range s.udp {
		w.conn.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	s.pool.closeAll()
}

// answer is the path of every message. Whatever goes wrong in it is the misfortune of that one
// query.
func (s *Server) answer(w *answer.Worker, dst, msg []byte, from netip.Addr, tcp bool) (out []byte) {
	defer func() {
		if r := recover(); r != nil {
			s.metrics.panics.Add(1)
			s.options.Log.Error("answering a query panicked", "panic", r, "query", fmt.Sprintf("%x", msg[:min(len(msg), 512)]))
			out = answer.Failure(dst, msg)
		}
	}()
	return w.Answer(s.options.Snapshot(), dst, msg, from, tcp)
}
