package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// udpWorker is one socket and the loop that serves it. How messages get in and out of the kernel is
// its business alone.
type udpWorker struct {
	server *Server
	conn   *net.UDPConn
	worker *answer.Worker
	count  *counters

	in      [maxQuery]byte
	out     []byte
	control []byte // the datagram's own destination, which is the answer's source
}

// maxQuery is the largest query over UDP that is read whole. What is longer is cut and then
// malformed.
const maxQuery = 4096

// receiveBuffer holds what arrives while the worker is not on a CPU.
const receiveBuffer = 4 << 20

func newUDPWorker(s *Server, c *net.UDPConn, ip netip.Addr) (*udpWorker, error) {
	w := &udpWorker{
		server: s,
		conn:   c,
		worker: answer.NewWorker(s.options.Identity),
		count:  s.metrics.add("udp"),
		out:    make([]byte, 0, wire.UDPSize),
	}
	// The kernel gives as much as its limits allow.
	_ = c.SetReadBuffer(receiveBuffer)
	if ip.IsUnspecified() {
		// On a host with several addresses the answer must come from the one that was asked.
		size, err := wantDestination(c, ip.Is4())
		if err != nil {
			return nil, err
		}
		w.control = make([]byte, size)
	}
	return w, nil
}

// latencySample is how many queries there are for each one whose time is taken.
const latencySample = 64

func (w *udpWorker) run(ctx context.Context) {
	for n := uint(0); ; n++ {
		size, control, _, from, err := w.conn.ReadMsgUDPAddrPort(w.in[:], w.control)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Errors of single datagrams, such as an ICMP message that came back, end nothing.
			w.count.drop(dropReceive)
			continue
		}
		var began time.Time
		if n%latencySample == 0 {
			began = time.Now()
		}
		out := w.server.answer(w.worker, w.out, w.in[:size], from.Addr().Unmap().WithZone(""), false)
		if out == nil {
			w.count.drop(dropMessage)
			continue
		}
		w.count.answered(out)
		if _, _, err := w.conn.WriteMsgUDPAddrPort(out, source(w.control[:control]), from); err != nil {
			w.count.drop(dropSend)
		}
		if n%latencySample == 0 {
			w.count.took(time.Since(began))
		}
	}
}
