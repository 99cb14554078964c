package server

import (
	"io"
	"net"
	"time"

	"github.com/seaway-io/seaway/dns/core/proxy"
)

// unwrap reads the header in which a proxy says for whom it has opened a connection, and counts the
// connection for that client. A proxy that sends none speaks for itself.
func (p *pool) unwrap(c *connection) bool {
	if c.SetReadDeadline(time.Now().Add(p.server.options.TCP.Message)) != nil {
		return false
	}
	var b [proxy.MaxSize]byte
	// The first two octets tell: a query of that length is longer than any.
	if _, err := io.ReadFull(c.Conn, b[:2]); err != nil {
		return false
	}
	if b[0] != '\r' || b[1] != '\n' {
		c.Conn = &readFirst{c.Conn, append([]byte(nil), b[:2]...)}
		return p.claim(c)
	}
	if _, err := io.ReadFull(c.Conn, b[2:proxy.HeaderSize]); err != nil {
		return false
	}
	size, err := proxy.Size(b[:proxy.HeaderSize])
	if err != nil {
		return false
	}
	if _, err := io.ReadFull(c.Conn, b[proxy.HeaderSize:size]); err != nil {
		return false
	}
	client, _, err := proxy.Parse(b[:size])
	if err != nil {
		return false
	}
	if client.IsValid() {
		p.mu.Lock()
		c.client = client.Addr().WithZone("")
		p.mu.Unlock()
		return p.claim(c)
	}
	return true // the proxy looks after the server's health
}

// claim counts a connection that came through a proxy.
func (p *pool) claim(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.at != nil && p.countLocked(c)
}

// readFirst is a connection of which something was read already.
type readFirst struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (r *readFirst) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	return n, nil
}
