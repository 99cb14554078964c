package hub

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// Cause says in words why something that was called did not answer, without what differs each time or is
// nobody's business: the URL, the ports, the time. A condition that says it is not written again at each
// try. What comes back is text and nothing else: nobody takes it for trouble on the way to a member.
func Cause(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("its certificate is valid from %s to %s only", invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return fmt.Errorf("its host name %s can not be resolved", name.Name)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return fmt.Errorf("%s: %v", op.Op, op.Err)
	}
	if stream := (brokenStream{}); errors.As(err, &stream) || errors.Is(err, io.EOF) {
		return errors.New("the connection was closed without an answer")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer broke off")
	}
	return errors.New(err.Error())
}

// brokenStream has the shape of what net/http returns when a server gives up a request of HTTP/2, whose text
// counts the requests. By it errors.As finds that error, of which only the shape is public.
type brokenStream struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (brokenStream) Error() string { return "the stream is broken" }
