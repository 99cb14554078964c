package server

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// httpsServer answers DNS over HTTPS (RFC 8484) with HTTP/2 and HTTP/1.1. Its connections are those
// of the pool, so that one set of limits holds for everything.
type httpsServer struct {
	server   *Server
	count    *counters
	http     *http.Server
	admitted chan net.Conn
	done     chan struct{}
	end      sync.Once
	messages sync.Pool
}

// HTTPSPath is where queries are answered.
const HTTPSPath = "/dns-query"

const mediaType = "application/dns-message"

// maxStreams is how many queries of one connection may be under way.
const maxStreams = 100

func newHTTPS(s *Server, count *counters, config *tls.Config) *httpsServer {
	h := &httpsServer{server: s, count: count, admitted: make(chan net.Conn), done: make(chan struct{})}
	h.messages.New = func() any { return s.newMessage() }
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+HTTPSPath, h.get)
	mux.HandleFunc("POST "+HTTPSPath, h.post)
	limits := s.options.TCP
	h.http = &http.Server{
		Handler:           mux,
		TLSConfig:         config,
		ReadHeaderTimeout: limits.Message,
		ReadTimeout:       limits.Message,
		WriteTimeout:      limits.Message,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    8 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		// What clients do wrong is not worth a line.
		ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connectionKey{}, c)
		},
	}
	return h
}

type connectionKey struct{}

// run serves what serve hands over until close.
func (h *httpsServer) run() {
	_ = h.http.ServeTLS(h, "", "") // it ends when it is closed
}

func (h *httpsServer) close() {
	h.end.Do(func() { close(h.done) })
	h.http.Close()
}

// serve hands a connection of the pool over.
func (h *httpsServer) serve(_ context.Context, c *connection) {
	select {
	case h.admitted <- c:
	case <-h.done:
		c.Close()
	}
}

// Accept implements net.Listener.
func (h *httpsServer) Accept() (net.Conn, error) {
	select {
	case c := <-h.admitted:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *httpsServer) Close() error {
	h.end.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *httpsServer) Addr() net.Addr { return &net.TCPAddr{} }

func (h *httpsServer) get(w http.ResponseWriter, r *http.Request) {
	msg, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	if err != nil || len(msg) == 0 {
		http.Error(w, "the parameter dns is not a DNS message in base64url without padding", http.StatusBadRequest)
		return
	}
	h.answer(w, r, msg)
}

func (h *httpsServer) post(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != mediaType {
		http.Error(w, "the content type is not "+mediaType, http.StatusUnsupportedMediaType)
		return
	}
	msg, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 65535))
	if err != nil {
		code := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the message cannot be read", code)
		return
	}
	h.answer(w, r, msg)
}

// answer answers a message.
func (h *httpsServer) answer(w http.ResponseWriter, r *http.Request, msg []byte) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok {
		http.Error(w, "not a connection of this server", http.StatusInternalServerError)
		return
	}
	h.server.pool.heard(c)
	m := h.messages.Get().(*message)
	defer h.messages.Put(m)
	m.in = append(m.in[:0], msg...)
	// Over HTTPS one message answers another (RFC 8484 section 4.2), which is no way to transfer a
	// zone, and none that anybody updates one by.
	out, _ := h.server.stream(m, m.out[:0], c, h.count, true, false)
	if out == nil {
		http.Error(w, "the message is not a DNS query", http.StatusBadRequest)
		return
	}
	m.out = out
	head := w.Header()
	head.Set("Content-Type", mediaType)
	head.Set("Content-Length", fmt.Sprint(len(out)))
	// What one client is answered may not be good for the next.
	head.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", wire.Lifetime(out)))
	_, _ = w.Write(out) // who does not wait for the answer gets none
}
