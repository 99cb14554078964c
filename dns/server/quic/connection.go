package quic

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	quicgo "github.com/quic-go/quic-go"
)

// connection serves the streams of one client.
type connection struct {
	listener *Listener
	conn     *quicgo.Conn
	session  Session
	busy     atomic.Int64 // streams under way
	wg       sync.WaitGroup

	mu  sync.Mutex
	why error // the first violation
}

// serve serves a connection whose handshake is done, until it is closed.
func (l *Listener) serve(conn *quicgo.Conn) {
	h, _ := conn.Context().Value(handshakeKey{}).(*handshake)
	c := &connection{listener: l, conn: conn}
	// quic-go waits until the connection has said goodbye: not for everybody's lock.
	session, ok := l.service.Open(clientOf(conn.RemoteAddr()), func() { go c.close(NoError, "making room") })
	l.done(h)
	if !ok {
		l.service.Refused()
		c.close(ExcessiveLoad, errBusy.Error())
		return
	}
	c.session = session
	stop := context.AfterFunc(l.open, func() { c.close(NoError, "closing") })
	c.accept()
	stop()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.Close(c.why)
}

// close closes the connection, if that was not done before.
func (c *connection) close(code Code, why string) {
	_ = c.conn.CloseWithError(quicgo.ApplicationErrorCode(code), why) // it is gone in any case
}

// accept accepts streams until the connection is closed, which it is when it is idle for too long.
func (c *connection) accept() {
	for {
		wait, cancel := context.WithTimeout(c.conn.Context(), c.session.Idle())
		s, err := c.conn.AcceptStream(wait)
		cancel()
		switch {
		case err == nil:
			c.session.Heard()
			c.start(s)
		case c.conn.Context().Err() != nil:
			return
		case c.busy.Load() == 0:
			c.close(NoError, "idle")
			return
		}
	}
}

// start answers the query of a stream beside others while there is room for that.
func (c *connection) start(s *quicgo.Stream) {
	c.busy.Add(1)
	select {
	case c.listener.beside <- struct{}{}:
		c.wg.Go(func() {
			defer func() { <-c.listener.beside }()
			c.answer(s)
		})
	default:
		c.answer(s)
	}
}

// answer answers the query of a stream, and ends it.
func (c *connection) answer(s *quicgo.Stream) {
	defer c.busy.Add(-1)
	err := Exchange(s.Context(), s, c.listener.options.Message, c.session.Answer)
	var wrong Violation
	switch cancelled := (*quicgo.StreamError)(nil); {
	case err == nil:
		_ = s.Close() // it fails where the client has lost interest
	case errors.As(err, &wrong):
		c.mu.Lock()
		if c.why == nil {
			c.why = wrong
		}
		c.mu.Unlock()
		c.close(ProtocolError, wrong.Error())
	case errors.As(err, &cancelled):
		reset(s, RequestCancelled)
	default:
		reset(s, InternalError)
	}
}

// reset ends both directions of a stream.
func reset(s *quicgo.Stream, code Code) {
	s.CancelRead(quicgo.StreamErrorCode(code))
	s.CancelWrite(quicgo.StreamErrorCode(code))
}
