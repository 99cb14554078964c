package server

import (
	"bufio"
	"container/list"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/seaway-io/seaway/dns/core/answer"
)

// connections are all TCP connections of a server.
type connections struct {
	server *Server
	count  *counters
	wg     sync.WaitGroup
	// messages lends what is needed only while a message is being answered, so that an idle
	// connection costs little.
	messages sync.Pool

	mu        sync.Mutex
	quiet     *list.List // of *connection, the one that has been quiet for longest first
	perClient map[netip.Prefix]int
	closed    bool
}

func newConnections(s *Server) *connections {
	p := &connections{server: s, count: s.metrics.add("tcp"), quiet: list.New(), perClient: map[netip.Prefix]int{}}
	p.messages.New = func() any { return &message{worker: answer.NewWorker(s.options.Identity), out: make([]byte, 0, chunk)} }
	s.metrics.connections = p.len
	return p
}

// message is the memory for one message and its answer.
type message struct {
	worker  *answer.Worker
	in, out []byte
}

// connection is one TCP connection.
type connection struct {
	*net.TCPConn
	client netip.Addr
	at     *list.Element
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
func (p *connections) accept(ctx context.Context, l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case err == nil:
			p.admit(ctx, c)
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
func (p *connections) admit(ctx context.Context, tc *net.TCPConn) {
	from := tc.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	c := &connection{TCPConn: tc, client: from.Unmap().WithZone("")}
	limits := &p.server.options.TCP
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.perClient[clientOf(c.client)] >= limits.PerClient {
		p.count.drop(dropConnection)
		tc.Close()
		return
	}
	if p.quiet.Len() >= limits.Total {
		p.evictLocked()
	}
	c.at = p.quiet.PushBack(c)
	p.perClient[clientOf(c.client)]++
	p.wg.Go(func() {
		defer p.remove(c)
		p.serve(ctx, c)
	})
}

// evict closes the connection that has been quiet for longest.
func (p *connections) evict() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.evictLocked()
}

func (p *connections) evictLocked() {
	if e := p.quiet.Front(); e != nil {
		p.count.drop(dropConnection)
		p.forget(e.Value.(*connection))
	}
}

// forget closes a connection and counts it no longer. Its goroutine finds out by itself.
func (p *connections) forget(c *connection) {
	c.Close()
	if c.at == nil {
		return
	}
	p.quiet.Remove(c.at)
	c.at = nil
	client := clientOf(c.client)
	if p.perClient[client]--; p.perClient[client] == 0 {
		delete(p.perClient, client)
	}
}

func (p *connections) remove(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(c)
}

// heard moves a connection to those that were quiet for the shortest time.
func (p *connections) heard(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.at != nil {
		p.quiet.MoveToBack(c.at)
	}
}

func (p *connections) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.quiet.Len()
}

func (p *connections) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.quiet.Len() > 0 {
		p.forget(p.quiet.Front().Value.(*connection))
	}
}

func (p *connections) wait() { p.wg.Wait() }

// readBuffer holds several pipelined queries, which are then answered with one write.
const readBuffer = 512

// serve answers the queries of a connection in their order. Each takes microseconds and waits for
// nothing, so that no query holds up another.
func (p *connections) serve(ctx context.Context, c *connection) {
	in := bufio.NewReaderSize(c, readBuffer)
	limits := &p.server.options.TCP
	for ctx.Err() == nil {
		if in.Buffered() < 2 {
			if c.SetReadDeadline(time.Now().Add(limits.Idle)) != nil {
				return
			}
		}
		if _, err := in.Peek(2); err != nil {
			return
		}
		p.heard(c)
		if c.SetDeadline(time.Now().Add(limits.Message)) != nil || !p.exchange(c, in) {
			return
		}
	}
}

// exchange answers the query that has begun to arrive, and those that have arrived whole behind it.
func (p *connections) exchange(c *connection, in *bufio.Reader) bool {
	m := p.messages.Get().(*message)
	defer p.messages.Put(m)
	m.out = m.out[:0]
	for {
		if !m.read(in) {
			return false
		}
		if !p.reply(c, m) {
			return false
		}
		if len(m.out) > flushAt || !whole(in) {
			_, err := c.Write(m.out)
			return err == nil
		}
	}
}

// flushAt is how much is answered before it is sent.
const flushAt = 16 << 10

// reply appends the answer to the message that was read, with its length before it.
func (p *connections) reply(c *connection, m *message) bool {
	began := time.Now()
	at := len(m.out)
	m.out = append(m.out, 0, 0)
	// The answer is written where it will be sent from, unless it is too large for that.
	out := p.server.answer(m.worker, m.out[at+2:], m.in, c.client, true)
	if out == nil {
		// Nobody who speaks DNS sends that over TCP.
		p.count.drop(dropMessage)
		return false
	}
	m.out = append(m.out[:at+2], out...)
	binary.BigEndian.PutUint16(m.out[at:], uint16(len(out)))
	p.count.answered(out)
	p.count.took(time.Since(began))
	return true
}

// chunk is how much memory a message is given ahead of its bytes: one who announces 64 KiB and sends
// nothing gets no more.
const chunk = 1 << 10

// read reads one message with its length before it.
func (m *message) read(in *bufio.Reader) bool {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return false
	}
	size := int(binary.BigEndian.Uint16(head[:]))
	m.in = m.in[:0]
	for len(m.in) < size {
		n := min(size-len(m.in), max(chunk, cap(m.in)-len(m.in)))
		at := len(m.in)
		m.in = append(m.in, make([]byte, n)...)
		if _, err := io.ReadFull(in, m.in[at:]); err != nil {
			return false
		}
	}
	return true
}

// whole reports whether a whole message has been read ahead.
func whole(in *bufio.Reader) bool {
	if in.Buffered() < 2 {
		return false
	}
	head, err := in.Peek(2)
	return err == nil && in.Buffered() >= 2+int(binary.BigEndian.Uint16(head))
}
