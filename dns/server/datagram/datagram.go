// Package datagram receives and answers UDP datagrams, many with one system call where the kernel can
// do that: what a small answer costs is mostly the way into the kernel and back.
//
// A Socket belongs to one goroutine, which takes a batch, answers some of it, and sends the answers.
// It allocates nothing while it is used. Nothing is queued but what the kernel's own buffers hold: who
// is too slow loses datagrams there, where that costs least.
//
// The package knows nothing of DNS.
package datagram

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Socket is a UDP socket. The addresses that it answers from are those that were asked, also where it
// is bound to all addresses of the host.
type Socket interface {
	// Receive waits for datagrams and returns how many there are. What the previous batch holds is
	// gone then.
	Receive() (int, error)
	// Message is a datagram of the batch and where it came from.
	Message(i int) ([]byte, netip.Addr)
	// Buffer is empty and has room for the answer to a datagram of the batch.
	Buffer(i int) []byte
	// Reply takes the answer to a datagram of the batch, which is to be in its buffer.
	Reply(i int, b []byte)
	// Later gives the means to answer a datagram of the batch at any later time, from any goroutine.
	Later(i int) func(b []byte) error
	// Send sends the answers that were taken and returns how many could not be sent.
	Send() (failed int)
	// Waiting is about how many small datagrams wait in the kernel; 0 if that is not known.
	Waiting() int
	// Resize makes the kernel keep about so many small datagrams from now on, but never more than at
	// first.
	Resize(capacity int)
	// Discard throws away what waits in the kernel, without an answer, and returns how much that was.
	// It comes after Send.
	Discard() int
	// Address on which it listens.
	Address() netip.AddrPort
	// Close ends Receive with net.ErrClosed.
	Close() error
}

// Options of a Socket.
type Options struct {
	// Batch is how many datagrams are taken at once at most.
	Batch int
	// Size is how many octets of a datagram are read, and Reply how many an answer has at most.
	Size, Reply int
	// Buffer is how many octets the kernel keeps while the goroutine is not on a CPU. It gives as
	// much as its limits allow.
	Buffer int
	// Single: use only what every system has.
	Single bool
}

// Listen opens a socket on an address. Several may be open on the same one, as far as the system
// knows how to share an address; see Shares.
func Listen(at netip.AddrPort, o Options) (Socket, error) {
	network := "udp6"
	if at.Addr().Is4() {
		network = "udp4"
	}
	config := net.ListenConfig{Control: reusePort}
	pc, err := config.ListenPacket(context.Background(), network, at.String())
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn)
	_ = c.SetReadBuffer(o.Buffer)
	control := 0
	if at.Addr().IsUnspecified() {
		if control, err = wantDestination(c, at.Addr().Is4()); err != nil {
			c.Close()
			return nil, fmt.Errorf("asking for the destination of datagrams: %w", err)
		}
	}
	if !o.Single {
		if s, ok := newBatched(c, o, control); ok {
			return s, nil
		}
	}
	return newSingle(c, o, control), nil
}

// single is a Socket of one datagram at a time.
type single struct {
	*net.UDPConn
	in, out []byte
	control []byte // the datagram's own destination, which is the answer's source

	size, controlSize int
	from              netip.AddrPort
	reply             []byte
}

func newSingle(c *net.UDPConn, o Options, control int) *single {
	return &single{UDPConn: c, in: make([]byte, o.Size), out: make([]byte, 0, o.Reply), control: make([]byte, control)}
}

func (s *single) Receive() (int, error) {
	s.reply = nil
	var err error
	s.size, s.controlSize, _, s.from, err = s.ReadMsgUDPAddrPort(s.in, s.control)
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func (s *single) Message(int) ([]byte, netip.Addr) {
	return s.in[:s.size], s.from.Addr().Unmap().WithZone("")
}

func (s *single) Buffer(int) []byte { return s.out }

func (s *single) Reply(_ int, b []byte) { s.reply = b }

func (s *single) Later(int) func([]byte) error {
	return later(s.UDPConn, bytes.Clone(source(s.control[:s.controlSize])), s.from)
}

// later answers to an address, from the one that the control message names.
func later(c *net.UDPConn, control []byte, to netip.AddrPort) func([]byte) error {
	return func(b []byte) error {
		_, _, err := c.WriteMsgUDPAddrPort(b, control, to)
		return err
	}
}

func (s *single) Send() (failed int) {
	if s.reply == nil {
		return 0
	}
	if _, _, err := s.WriteMsgUDPAddrPort(s.reply, source(s.control[:s.controlSize]), s.from); err != nil {
		return 1
	}
	return 0
}

func (s *single) Waiting() int { return 0 }

func (s *single) Resize(int) {}

func (s *single) Discard() int { return 0 }

func (s *single) Address() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }
