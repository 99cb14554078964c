package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/querylog"
	"github.com/seaway-io/seaway/dns/server/quic"
)

// quicServer answers DNS over QUIC (RFC 9250). Its connections have places in the pool, so that one
// set of limits holds for everything. What a balancer says of its clients is not heard here: a header
// before one packet of many says nothing of a connection.
type quicServer struct {
	server   *Server
	count    *counters
	listener *quic.Listener
	messages sync.Pool
}

func (s *Server) openQUIC(ip netip.Addr, port string) error {
	number, err := net.LookupPort("udp", port)
	if err != nil {
		return err
	}
	q := newQUIC(s, s.metrics.add("quic"))
	q.count.record = s.options.QueryLog.Recorder(querylog.QUIC)
	q.listener, err = quic.Listen(netip.AddrPortFrom(ip, uint16(number)), q, quic.Options{Certificate: s.options.Certificate, Idle: s.options.TCP.Idle, Message: s.options.TCP.Message})
	if err != nil {
		return err
	}
	s.quic = append(s.quic, q)
	return nil
}

func newQUIC(s *Server, count *counters) *quicServer {
	q := &quicServer{server: s, count: count}
	q.messages.New = func() any { return s.newMessage() }
	return q
}

// run serves until the listener is closed.
func (q *quicServer) run() {
	if err := q.listener.Serve(); err != nil {
		q.server.options.Log.Error("DNS over QUIC has ended", "address", q.listener.Address().String(), "error", err)
	}
}

// Welcome implements quic.Service.
func (q *quicServer) Welcome(client netip.Addr) bool { return q.server.pool.welcome(client) }

// Refused implements quic.Service.
func (q *quicServer) Refused() { q.count.drop(dropConnection) }

// Failed implements quic.Service.
func (q *quicServer) Failed() { q.count.drop(dropHandshake) }

// Open implements quic.Service.
func (q *quicServer) Open(client netip.Addr, shut func()) (quic.Session, bool) {
	c := &connection{socket: closer(shut), pool: q.server.pool, count: q.count, client: client}
	if !q.server.pool.place(c) {
		return nil, false
	}
	return &quicSession{q, c}, true
}

// closer is a function as an io.Closer.
type closer func()

// Close implements io.Closer.
func (c closer) Close() error {
	c()
	return nil
}

// quicSession is a connection of the pool.
type quicSession struct {
	*quicServer
	connection *connection
}

// Idle implements quic.Session.
func (s *quicSession) Idle() time.Duration { return s.server.pool.idle() }

// Heard implements quic.Session.
func (s *quicSession) Heard() { s.server.pool.heard(s.connection) }

// Close implements quic.Session.
func (s *quicSession) Close(why error) {
	if why != nil {
		s.count.drop(dropMessage)
	}
	s.connection.Close()
}

// Answer implements quic.Session.
func (s *quicSession) Answer(ctx context.Context, msg []byte, send func([]byte) error) error {
	m := s.messages.Get().(*message)
	defer s.messages.Put(m)
	m.in = msg
	defer func() { m.in = nil }()
	out, fate := s.server.stream(m, m.out[:0], s.connection, s.count, true, s.server.options.Aside != nil)
	if fate == accept.Aside {
		msg, client := m.path.Aside()
		return s.server.options.Aside.Stream(ctx, msg, client, func(b []byte) error {
			s.Heard()
			return send(b)
		})
	}
	if out == nil {
		return quic.NotAQuery
	}
	m.out = out
	return send(out)
}
