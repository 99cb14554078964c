package server

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// pool is all connections of a server, whatever they speak.
type pool struct {
	server *Server
	wg     sync.WaitGroup
	open   atomic.Int64

	mu        sync.Mutex
	quiet     *list.List // of *connection, the one that has been quiet for longest first
	perClient map[netip.Prefix]int
	closed    bool
}

func newPool(s *Server) *pool {
	return &pool{server: s, quiet: list.New(), perClient: map[netip.Prefix]int{}}
}

// connection is one TCP or QUIC connection. Closing it gives its place back.
type connection struct {
	// Conn belongs to the goroutine that serves it and is nil for QUIC; socket is what anybody may
	// close.
	net.Conn
	socket io.Closer
	pool   *pool
	count  *counters
	// client is whom the connection counts for and who is answered: the other end, or who a proxy
	// says it is.
	client netip.Addr
	at     *list.Element
	// counted: client is in perClient.
	counted bool
}

// Close closes the connection. It may be called more than once.
func (c *connection) Close() error {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pool.forget(c)
	return nil
}

// clientOf is the network whose connections are counted together.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// accept accepts connections until the listener is closed. It never waits for one of them.
func (p *pool) accept(ctx context.Context, l *net.TCPListener, count *counters, serve func(context.Context, *connection)) {
	for {
		tc, err := l.AcceptTCP()
		switch {
		case err == nil:
			p.admit(ctx, tc, count, serve)
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			return
		default:
			// Out of file descriptors, most likely: make room, and do not spin.
			p.evict()
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// admit starts to serve a connection, or closes it.
func (p *pool) admit(ctx context.Context, tc *net.TCPConn, count *counters, serve func(context.Context, *connection)) {
	from := tc.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	c := &connection{Conn: tc, socket: tc, pool: p, count: count, client: from.Unmap().WithZone("")}
	proxied := p.server.options.Rules.Believes(c.client)
	p.mu.Lock()
	defer p.mu.Unlock()
	// Who comes through a proxy is counted when the proxy has said who it is.
	if !p.placeLocked(c, !proxied) {
		count.drop(dropConnection)
		tc.Close()
		return
	}
	p.wg.Go(func() {
		if proxied && !p.unwrap(c) {
			count.drop(dropConnection)
			c.Close()
			return
		}
		serve(ctx, c)
	})
}

// place gives a connection a place, and reports whether its client may have one more.
func (p *pool) place(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.placeLocked(c, true)
}

func (p *pool) placeLocked(c *connection, counted bool) bool {
	if p.closed || counted && !p.countLocked(c) {
		return false
	}
	if p.quiet.Len() >= p.server.options.TCP.Total {
		p.evictLocked()
	}
	c.at = p.quiet.PushBack(c)
	p.open.Add(1)
	return true
}

// welcome reports whether a client may have one more connection.
func (p *pool) welcome(client netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && p.perClient[clientOf(client)] < p.server.options.TCP.PerClient
}

// countLocked counts a connection for its client and reports whether it may have one more.
func (p *pool) countLocked(c *connection) bool {
	client := clientOf(c.client)
	if p.perClient[client] >= p.server.options.TCP.PerClient {
		return false
	}
	p.perClient[client]++
	c.counted = true
	return true
}

// evict closes the connection that has been quiet for longest.
func (p *pool) evict() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.evictLocked()
}

func (p *pool) evictLocked() {
	if e := p.quiet.Front(); e != nil {
		c := e.Value.(*connection)
		c.count.drop(dropConnection)
		p.forget(c)
	}
}

// forget closes a connection and counts it no longer. Its goroutine finds out by itself.
func (p *pool) forget(c *connection) {
	c.socket.Close()
	if c.at == nil {
		return
	}
	p.quiet.Remove(c.at)
	p.open.Add(-1)
	c.at = nil
	if !c.counted {
		return
	}
	client := clientOf(c.client)
	if p.perClient[client]--; p.perClient[client] == 0 {
		delete(p.perClient, client)
	}
}

// heard moves a connection to those that were quiet for the shortest time.
func (p *pool) heard(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.at != nil {
		p.quiet.MoveToBack(c.at)
	}
}

// idle is how long a connection may be idle at present: the whole time while half of the places are
// free, and less and less, down to a tenth, as the other half is taken (RFC 7766 section 6.2.3).
func (p *pool) idle() time.Duration {
	l := &p.server.options.TCP
	total, open := int64(l.Total), p.open.Load()
	taken := max(2*open-total, 0)
	return l.Idle - l.Idle*9/10*time.Duration(min(taken, total))/time.Duration(total)
}

func (p *pool) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.quiet.Len() > 0 {
		p.forget(p.quiet.Front().Value.(*connection))
	}
}

func (p *pool) wait() { p.wg.Wait() }
