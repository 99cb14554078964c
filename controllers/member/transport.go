package member

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// bodyTimeouts is how many times the timeout a whole response may take, as long as
// its bytes keep coming: a list of many objects is slow but not stuck.
const bodyTimeouts = 12

// transport is the one way to a member's API server. It adds the token, refuses
// every other host, and bounds each call in time.
type transport struct {
	name      string
	scheme    string
	host      string
	token     credential
	userAgent string
	timeout   time.Duration
	closed    context.Context
	delegate  *http.Transport
}

func newTransport(closed context.Context, name string, t target, options Options) (*transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.insecure}
	if len(t.caBundle) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(t.caBundle) {
			return nil, fmt.Errorf("cluster %q: the CA bundle holds no PEM certificate", name)
		}
	}
	delegate := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     config,
		DialContext:         (&net.Dialer{Timeout: options.Timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: options.Timeout,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
		// A member that is cut off sends neither FIN nor RST. Pings find out, and
		// end the watches that would otherwise wait for ever.
		HTTP2: &http.HTTP2Config{SendPingTimeout: options.Timeout / 2, PingTimeout: options.Timeout / 2},
	}
	if t.proxy != nil {
		delegate.Proxy = http.ProxyURL(t.proxy)
		delegate.ProxyConnectHeader = proxyHeader(t.headers)
	}
	return &transport{
		name:      name,
		scheme:    t.endpoint.Scheme,
		host:      t.endpoint.Host,
		token:     t.token,
		userAgent: options.UserAgent,
		timeout:   options.Timeout,
		closed:    closed,
		delegate:  delegate,
	}, nil
}

// proxyHeader splits values at commas, as spec.proxyHeader documents.
func proxyHeader(headers map[string]string) http.Header {
	if len(headers) == 0 {
		return nil
	}
	h := http.Header{}
	for name, values := range headers {
		for value := range strings.SplitSeq(values, ",") {
			h.Add(name, strings.TrimSpace(value))
		}
	}
	return h
}

// client returns an HTTP client that follows no redirect: a member must not send
// the control plane, with or without the token, anywhere else.
func (t *transport) client() *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// apart returns a transport with connections of its own. Probes use one: they must not
// wait behind watches on a connection that is clogged, nor hang on one that is dead
// while a new one would work.
func (t *transport) apart() *transport {
	c := *t
	c.delegate = t.delegate.Clone()
	return &c
}

func (t *transport) close() { t.delegate.CloseIdleConnections() }

var (
	errTimeout = errors.New("no answer in time")
	errClosed  = errors.New("the connection was removed or replaced")
)

// timeoutError satisfies net.Error, so that callers' checks for timeouts work.
type timeoutError struct {
	name  string
	after time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("cluster %q: no answer within %s", e.name, e.after)
}
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// RoundTrip sends one request.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.host || req.URL.Scheme != t.scheme {
		return nil, fmt.Errorf("cluster %q: refusing to call %s://%s, which is not its endpoint", t.name, req.URL.Scheme, req.URL.Host)
	}
	call := newCall(req.Context(), t)
	req = req.Clone(call.ctx)
	req.Header.Set("Authorization", "Bearer "+t.token())
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", t.userAgent)
	}
	resp, err := t.delegate.RoundTrip(req)
	if err != nil {
		err = call.explain(err)
		call.end()
		return nil, err
	}
	// The clients above would sleep for as long as the member says, and then try
	// again, ten times over. A refusal goes to the caller instead, which has its own
	// queue and its own delays.
	resp.Header.Del("Retry-After")
	if isWatch(req) {
		call.stopTimers()
	}
	resp.Body = &body{ReadCloser: resp.Body, call: call}
	return resp, nil
}

func isWatch(req *http.Request) bool {
	watch := req.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// call is the life of one request: its context ends when the member is removed,
// when nothing came for the timeout, or when the body was closed.
type call struct {
	t      *transport
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func() bool
	pause  *time.Timer
	whole  *time.Timer
	watch  bool
}

func newCall(parent context.Context, t *transport) *call {
	c := &call{t: t}
	c.ctx, c.cancel = context.WithCancelCause(parent)
	c.stop = context.AfterFunc(t.closed, func() { c.cancel(errClosed) })
	c.pause = time.AfterFunc(t.timeout, func() { c.cancel(errTimeout) })
	c.whole = time.AfterFunc(bodyTimeouts*t.timeout, func() { c.cancel(errTimeout) })
	return c
}

func (c *call) stopTimers() {
	c.watch = true
	c.pause.Stop()
	c.whole.Stop()
}

func (c *call) progress() {
	if !c.watch {
		c.pause.Reset(c.t.timeout)
	}
}

func (c *call) end() {
	c.stop()
	c.pause.Stop()
	c.whole.Stop()
	c.cancel(nil)
}

// explain turns the bare "context canceled" of a call this package ended into what
// happened.
func (c *call) explain(err error) error {
	switch cause := context.Cause(c.ctx); {
	case errors.Is(cause, errTimeout):
		return &timeoutError{name: c.t.name, after: c.t.timeout}
	case errors.Is(cause, errClosed):
		return fmt.Errorf("cluster %q: %w: %w", c.t.name, errClosed, ErrNotConnected)
	}
	return err
}

// body keeps a call alive while its bytes come.
type body struct {
	io.ReadCloser
	call *call
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.call.progress()
	}
	if err != nil && err != io.EOF {
		err = b.call.explain(err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.call.end()
	return err
}
