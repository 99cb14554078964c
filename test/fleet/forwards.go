//go:build linux

package fleet

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/seaway-io/seaway/test/fleet/forward"
)

// Forward describes a port outside the namespaces that leads inside.
type Forward struct {
	// Name is what people call it, for example "dns".
	Name string
	// Listen is the address outside, "127.0.0.1:0" if empty: a free port on loopback.
	Listen string
	// Networks are "tcp", "udp" or both on the same port; "tcp" if empty.
	Networks []string
	// From is the host that the connections come from inside; the switch if nil.
	From *Host
	// To is the address inside. If it is empty, the port is an HTTP proxy that connects from the host to
	// wherever a client wants, as `curl -x` does.
	To string
}

// Forwarded is a port that is open.
type Forwarded struct {
	Name     string   `json:"name"`
	Address  string   `json:"address"`
	Networks []string `json:"networks"`
	// From and To say where it leads; To is empty for an HTTP proxy.
	From string `json:"from"`
	To   string `json:"to"`
}

type openForward struct {
	Forwarded
	closers []func() error
}

func (o *openForward) close() {
	for _, c := range o.closers {
		_ = c() // a listener that is closed already is closed
	}
}

// portAttempts is how often a free port is looked for that is free for all networks.
const portAttempts = 20

// Forward opens a port outside that leads inside. It is open until Stop. It returns the address outside.
func (f *Fleet) Forward(spec Forward) (netip.AddrPort, error) {
	if spec.Listen == "" {
		spec.Listen = "127.0.0.1:0"
	}
	if len(spec.Networks) == 0 {
		spec.Networks = []string{"tcp"}
	}
	if spec.To == "" && !slices.Equal(spec.Networks, []string{"tcp"}) {
		return netip.AddrPort{}, fmt.Errorf("forward %s: an HTTP proxy (empty To) needs the network tcp alone", spec.Name)
	}
	var err error
	for range portAttempts {
		var open *openForward
		var at netip.AddrPort
		if open, at, err = f.open(spec); err == nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.forwards = append(f.forwards, open)
			return at, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("forward %s: %w", spec.Name, err)
}

// Forwards lists the open ports in the order they were opened.
func (f *Fleet) Forwards() []Forwarded {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Forwarded
	for _, open := range f.forwards {
		all = append(all, open.Forwarded)
	}
	return all
}

func (f *Fleet) open(spec Forward) (_ *openForward, at netip.AddrPort, err error) {
	open := &openForward{Forwarded: Forwarded{Name: spec.Name, Networks: spec.Networks, From: switchName, To: spec.To}}
	dial := forward.Dial(f.DialContext)
	if spec.From != nil {
		dial, open.From = spec.From.DialContext, spec.From.Name
	}
	defer func() {
		if err != nil {
			open.close()
		}
	}()
	listen := spec.Listen
	for _, network := range spec.Networks {
		switch network {
		case "tcp":
			at, err = open.listenStreams(listen, dial, spec.To)
		case "udp":
			at, err = open.listenPackets(listen, dial, spec.To)
		default:
			err = errors.New("network " + strconv.Quote(network) + " is neither tcp nor udp")
		}
		if err != nil {
			return nil, at, err
		}
		listen = at.String() // the second network takes the port the first one got
	}
	open.Address = at.String()
	return open, at, nil
}

func (o *openForward) listenStreams(listen string, dial forward.Dial, to string) (netip.AddrPort, error) {
	listener, err := net.Listen("tcp4", listen)
	if err != nil {
		return netip.AddrPort{}, err
	}
	o.closers = append(o.closers, listener.Close)
	if to != "" {
		go forward.Streams(listener, dial, to)
	} else {
		server := &http.Server{Handler: forward.HTTPProxy(dial), ReadHeaderTimeout: 10 * time.Second}
		o.closers = append(o.closers, server.Close)
		go server.Serve(listener)
	}
	return listener.Addr().(*net.TCPAddr).AddrPort(), nil
}

func (o *openForward) listenPackets(listen string, dial forward.Dial, to string) (netip.AddrPort, error) {
	conn, err := net.ListenPacket("udp4", listen)
	if err != nil {
		return netip.AddrPort{}, err
	}
	o.closers = append(o.closers, conn.Close)
	go forward.Packets(conn, dial, to)
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}
