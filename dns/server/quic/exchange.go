package quic

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Code is what a stream or a connection is ended with (RFC 9250 section 4.3).
type Code uint64

// The codes.
const (
	NoError          Code = 0x0
	InternalError    Code = 0x1
	ProtocolError    Code = 0x2
	RequestCancelled Code = 0x3
	ExcessiveLoad    Code = 0x4
	UnspecifiedError Code = 0x5
)

// Violation is what a client does that no client may: it costs the connection, with ProtocolError
// (RFC 9250 section 4.3.3).
type Violation string

// Error implements error.
func (v Violation) Error() string { return string(v) }

// NotAQuery is what a message is that must not be answered: too short, or an answer itself.
const NotAQuery Violation = "the message is not a query"

// errSilence is what becomes of a query that nobody answers.
var errSilence = errors.New("there is no answer")

// Stream is what is needed of a stream that a client has opened. Reading ends with io.EOF where the
// client has ended it.
type Stream interface {
	io.Reader
	io.Writer
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// chunk is how much memory a message is given ahead of its octets.
const chunk = 1 << 10

// buffers hold a query while it is answered, and an answer with its length before it.
type buffers struct {
	head    [2]byte
	in, out []byte
}

var spare = sync.Pool{New: func() any { return &buffers{in: make([]byte, 0, chunk), out: make([]byte, 0, 2*chunk)} }}

// Exchange reads the one query of a stream and sends the answers that answer gives, each with its
// length before it. The query, as well as each answer, may take so long. What it returns ends the
// stream: nil if it was answered, and a Violation ends the connection too.
func Exchange(ctx context.Context, s Stream, within time.Duration, answer func(ctx context.Context, msg []byte, send func([]byte) error) error) error {
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	b := spare.Get().(*buffers)
	defer spare.Put(b)
	if err := b.read(s); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return Violation("the stream was not ended in time")
		}
		return err
	}
	if err := check(b.in); err != nil {
		return err
	}
	answered := false
	err := answer(ctx, b.in, func(msg []byte) error {
		answered = true
		if err := s.SetWriteDeadline(time.Now().Add(within)); err != nil {
			return err
		}
		b.out = append(binary.BigEndian.AppendUint16(b.out[:0], uint16(len(msg))), msg...)
		_, err := s.Write(b.out)
		return err
	})
	if err == nil && !answered {
		err = errSilence
	}
	return err
}

// check looks at what holds for a message over QUIC only: streams take the place of message ids
// (section 4.2.1), and QUIC has an idle timeout of its own (section 5.5.2).
func check(msg []byte) error {
	switch {
	case len(msg) < wire.HeaderSize:
		return NotAQuery
	case msg[0] != 0 || msg[1] != 0:
		return Violation("the message id is not 0")
	case wire.HasOption(msg, dns.EDNS0TCPKEEPALIVE):
		return Violation("the message has the option edns-tcp-keepalive")
	}
	return nil
}

// read reads a message with its length before it, and the end of the stream.
func (b *buffers) read(s io.Reader) error {
	if _, err := io.ReadFull(s, b.head[:]); err != nil {
		return cut(err)
	}
	size := int(binary.BigEndian.Uint16(b.head[:]))
	b.in = b.in[:0]
	for len(b.in) < size {
		// One who announces 64 KiB and sends nothing gets no more than a chunk.
		n, at := min(size-len(b.in), max(chunk, cap(b.in)-len(b.in))), len(b.in)
		b.in = append(b.in, make([]byte, n)...)
		if _, err := io.ReadFull(s, b.in[at:]); err != nil {
			return cut(err)
		}
	}
	switch _, err := io.ReadFull(s, b.head[:1]); {
	case err == nil:
		return Violation("the stream has more than one query")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// cut is the error of a stream that has ended within a message.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Violation("the stream ended before its message")
	}
	return err
}
