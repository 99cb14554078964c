package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
)

// streams serves connections that carry messages with their lengths before them: TCP (RFC 7766) and
// TLS (RFC 7858).
type streams struct {
	server *Server
	count  *counters
	tls    *tls.Config // nil for TCP
	// messages lends what is needed only while a message is being answered, so that an idle
	// connection costs little.
	messages sync.Pool
}

// message is the memory for one message and its answer.
type message struct {
	path    *accept.Path
	in, out []byte
	tally   tally
	traced  traces
}

func newStreams(s *Server, count *counters, config *tls.Config) *streams {
	t := &streams{server: s, count: count, tls: config}
	t.messages.New = func() any { return s.newMessage() }
	return t
}

func (s *Server) newMessage() *message {
	return &message{path: accept.New(s.options.Rules), out: make([]byte, 0, chunk)}
}

// readBuffer holds several pipelined queries, which are then answered with one write.
const readBuffer = 512

// serve answers the queries of a connection in their order. Each takes microseconds and waits for
// nothing, so that no query holds up another.
func (t *streams) serve(ctx context.Context, c *connection) {
	defer c.Close()
	limits := &t.server.options.TCP
	var conn net.Conn = c
	if t.tls != nil {
		secured := tls.Server(c, t.tls)
		if c.SetDeadline(time.Now().Add(limits.Message)) != nil || secured.HandshakeContext(ctx) != nil {
			t.count.drop(dropHandshake)
			return
		}
		conn = secured
	}
	in := bufio.NewReaderSize(conn, readBuffer)
	for ctx.Err() == nil {
		if in.Buffered() < 2 {
			if c.SetReadDeadline(time.Now().Add(t.server.pool.idle())) != nil {
				return
			}
		}
		if _, err := in.Peek(2); err != nil {
			return
		}
		t.server.pool.heard(c)
		if c.SetDeadline(time.Now().Add(limits.Message)) != nil || !t.exchange(ctx, c, conn, in) {
			return
		}
	}
}

// exchange answers the query that has begun to arrive, and those that have arrived whole behind it.
func (t *streams) exchange(ctx context.Context, c *connection, conn net.Conn, in *bufio.Reader) bool {
	m := t.messages.Get().(*message)
	defer t.messages.Put(m)
	m.out = m.out[:0]
	for {
		if !m.read(in) || !t.reply(ctx, c, conn, m) {
			return false
		}
		if len(m.out) > flushAt || !whole(in) {
			return m.flush(conn) == nil
		}
	}
}

// flushAt is how much is answered before it is sent.
const flushAt = 16 << 10

// reply appends the answer to the message that was read, with its length before it.
func (t *streams) reply(ctx context.Context, c *connection, conn net.Conn, m *message) bool {
	at := len(m.out)
	m.out = append(m.out, 0, 0)
	// The answer is written where it will be sent from, unless it is too large for that.
	out, fate := t.server.stream(m, m.out[at+2:], c, t.count, t.tls != nil, t.server.options.Aside != nil)
	if fate == accept.Aside {
		m.out = m.out[:at]
		return t.setAside(ctx, c, conn, m)
	}
	if out == nil {
		// Nobody who speaks DNS sends that over TCP.
		return false
	}
	m.out = append(m.out[:at+2], out...)
	binary.BigEndian.PutUint16(m.out[at:], uint16(len(out)))
	return true
}

// setAside has a message answered elsewhere, after what is answered already.
func (t *streams) setAside(ctx context.Context, c *connection, conn net.Conn, m *message) bool {
	if m.flush(conn) != nil {
		return false
	}
	within := t.server.options.TCP.Message
	msg, client := m.path.Aside()
	err := t.server.options.Aside.Stream(ctx, msg, client, func(b []byte) error {
		t.server.pool.heard(c)
		if err := c.SetDeadline(time.Now().Add(within)); err != nil {
			return err
		}
		m.out = append(binary.BigEndian.AppendUint16(m.out[:0], uint16(len(b))), b...)
		return m.flush(conn)
	})
	return err == nil && c.SetDeadline(time.Now().Add(within)) == nil
}

// flush sends what is answered.
func (m *message) flush(conn net.Conn) error {
	if len(m.out) == 0 {
		return nil
	}
	_, err := conn.Write(m.out)
	m.out = m.out[:0]
	return err
}

// stream answers a message that came over a connection.
func (s *Server) stream(m *message, dst []byte, c *connection, count *counters, encrypted, aside bool) ([]byte, accept.Fate) {
	began := time.Now()
	out, outcome := s.answer(m.path, dst, m.in, accept.Origin{
		Client: c.client, Stream: true, Encrypted: encrypted, Aside: aside, Now: began,
		Keepalive: uint16(min(s.pool.idle()/(100*time.Millisecond), 65535)),
	})
	m.tally.count(out, outcome)
	count.add(&m.tally)
	if out != nil {
		m.traced.count(outcome)
		count.addTraces(&m.traced)
		count.record.Record(began, c.client, m.in, out)
		count.took(time.Since(began), 1)
	}
	return out, outcome.Fate
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
