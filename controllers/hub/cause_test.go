package hub

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"
)

func TestCause(t *testing.T) {
	from, to := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 54321}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 443}
	expired := x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time is whatever", Cert: &x509.Certificate{
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(3600, 0),
	}}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"nobody listens":             {&net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: syscall.ECONNREFUSED}, "dial: connection refused"},
		"it breaks off":              {&net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: syscall.ECONNRESET}, "read: connection reset by peer"},
		"no name":                    {&net.OpError{Op: "dial", Err: &net.DNSError{Name: "hooks.example.com", Err: "read udp 10.0.0.1:54321: i/o timeout"}}, "its host name hooks.example.com can not be resolved"},
		"a certificate that is over": {fmt.Errorf("tls: %w", expired), "its certificate is valid from 1970-01-01T00:00:00Z to 1970-01-01T01:00:00Z only"},
		"it hangs up":                {io.EOF, "the connection was closed without an answer"},
		"it hangs up in the middle":  {io.ErrUnexpectedEOF, "the answer broke off"},
		"something else":             {errors.New("unknown authority"), "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Cause(&url.Error{Op: "Post", URL: "https://hooks.example.com/secret", Err: tc.err})
			if got.Error() != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if network := net.Error(nil); errors.As(got, &network) {
				t.Errorf("%v may be taken for trouble with a member", got)
			}
		})
	}
}
