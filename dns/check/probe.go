package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// dialer opens connections as the host would, by no proxy and without keepalives.
var dialer = net.Dialer{KeepAlive: -1}

// Probe asks one address of an endpoint whether it is well: a connection for TCP; for HTTP and
// HTTPS a GET that is answered with a status from 200 to 399; for GRPC and GRPCS a health check that
// is answered with SERVING. TLS handshakes send the name in the check, and the certificate must be
// valid for it. Every probe is a new connection, as a client's first request is.
func Probe(ctx context.Context, t *Target, host string) error {
	return probeWith(ctx, t, host, nil)
}

// probeWith is Probe with the certificates that are trusted; those of the host if nil.
func probeWith(ctx context.Context, t *Target, host string, roots *x509.CertPool) error {
	address := net.JoinHostPort(host, strconv.Itoa(int(t.Port)))
	conn, err := dialer.DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ours(err):
		return fmt.Errorf("%w: %s: %s", errNoResult, address, plain(ctx, err))
	default:
		return &unreachable{address + ": " + plain(ctx, err)}
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	switch t.Check.Protocol {
	case trafficv1alpha1.CheckTCP:
		// The other side sees a reset rather than a connection that says nothing and ends.
		_ = conn.(*net.TCPConn).SetLinger(0)
		return nil
	case trafficv1alpha1.CheckHTTP:
		err = get(ctx, conn, "http", t, host)
	case trafficv1alpha1.CheckHTTPS:
		c := tls.Client(conn, tlsFor(t, host, roots))
		if err = c.HandshakeContext(ctx); err != nil {
			err = fmt.Errorf("TLS handshake: %s", plain(ctx, err))
			break
		}
		err = get(ctx, c, "https", t, host)
	case trafficv1alpha1.CheckGRPC:
		err = call(ctx, conn, t, host, insecure.NewCredentials())
	case trafficv1alpha1.CheckGRPCS:
		err = call(ctx, conn, t, host, credentials.NewTLS(tlsFor(t, host, roots)))
	default:
		err = fmt.Errorf("protocol %q is none of HTTP, HTTPS, TCP, GRPC, GRPCS", t.Check.Protocol)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

// ours reports whether a connection failed for want of something on this host, which says nothing
// about the other.
func ours(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func tlsFor(t *Target, host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		ServerName:         nameFor(t, host),
		RootCAs:            roots,
		InsecureSkipVerify: t.Check.InsecureSkipVerify, //nolint:gosec // the user asked for it
		MinVersion:         tls.VersionTLS12,
	}
}

// nameFor is the host name in the request.
func nameFor(t *Target, host string) string {
	if t.Check.Host != "" {
		return t.Check.Host
	}
	return host
}

// authority is the same as it stands in a URL.
func authority(t *Target, host string) string {
	name := nameFor(t, host)
	if ip, err := netip.ParseAddr(name); err == nil && ip.Is6() {
		return "[" + name + "]"
	}
	return name
}

// get sends a request over a connection. Redirects are not followed: whoever answers with one is
// well.
func get(ctx context.Context, conn net.Conn, scheme string, t *Target, host string) error {
	u, err := url.Parse(scheme + "://" + authority(t, host) + "/" + strings.TrimPrefix(t.Check.Path, "/"))
	if err != nil {
		return fmt.Errorf("path %q: %w", t.Check.Path, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "seaway-dns-probe")
	request.Close = true
	given := make(chan net.Conn, 1)
	given <- conn
	once := func(context.Context, string, string) (net.Conn, error) {
		select {
		case c := <-given:
			return c, nil
		default:
			return nil, errors.New("the connection was closed")
		}
	}
	transport := &http.Transport{
		DialContext: once, DialTLSContext: once, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return errors.New(plain(ctx, err))
	}
	defer response.Body.Close()
	// A little of the body shows that there is one, and no more is wanted.
	if _, err := io.CopyN(io.Discard, response.Body, 4<<10); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %s", plain(ctx, err))
	}
	if response.StatusCode < 200 || response.StatusCode > 399 {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

// plain is an error in the few words that matter.
func plain(ctx context.Context, err error) string {
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}
