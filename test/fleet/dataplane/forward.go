package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seaway-io/seaway/test/fleet/forward"
)

// dialTimeout bounds one attempt to reach an endpoint; the next one in turn is tried after it.
const dialTimeout = time.Second

// forwarders keeps one forwarder for every Service address with endpoints.
type forwarders struct {
	running map[netip.AddrPort]*forwarder
}

// sync closes what is not wanted, opens what is missing and hands on the endpoints. It returns what
// could not be opened.
func (f *forwarders) sync(want map[netip.AddrPort][]netip.AddrPort) error {
	for at, running := range f.running {
		if want[at] == nil {
			running.listener.Close()
			delete(f.running, at)
		}
	}
	var errs []error
	for at, backends := range want {
		if running := f.running[at]; running != nil {
			running.setBackends(backends)
			continue
		}
		listener, err := net.Listen("tcp4", at.String())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.running[at] = newForwarder(listener, backends)
	}
	return errors.Join(errs...)
}

// forwarder hands connections to its backends in turn.
type forwarder struct {
	listener net.Listener
	backends atomic.Pointer[[]netip.AddrPort]
	turn     atomic.Uint64
}

func newForwarder(listener net.Listener, backends []netip.AddrPort) *forwarder {
	f := &forwarder{listener: listener}
	f.setBackends(backends)
	go f.accept()
	return f
}

func (f *forwarder) setBackends(backends []netip.AddrPort) {
	if old := f.backends.Load(); old == nil || !slices.Equal(*old, backends) {
		f.backends.Store(&backends)
	}
}

// accept runs until the listener is closed. Connections that are open then stay open: they end with
// the pod that serves them.
func (f *forwarder) accept() {
	for {
		conn, err := f.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of file descriptors: let some connections end
			continue
		}
		go f.serve(conn)
	}
}

func (f *forwarder) serve(client net.Conn) {
	if backend := f.dial(); backend != nil {
		forward.Join(client, backend)
		return
	}
	forward.Reset(client) // the nearest thing to a refusal once the kernel has accepted
}

// dial connects to the backend whose turn it is, or to the next that can be reached: an endpoint may
// be gone a moment before the API server says so.
func (f *forwarder) dial() net.Conn {
	backends := *f.backends.Load()
	turn := f.turn.Add(1)
	for i := range backends {
		at := backends[(turn+uint64(i))%uint64(len(backends))]
		if conn, err := net.DialTimeout("tcp4", at.String(), dialTimeout); err == nil {
			return conn
		}
	}
	return nil
}
