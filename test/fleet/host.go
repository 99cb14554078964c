//go:build linux

package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/seaway-io/seaway/test/fleet/netspace"
	"github.com/seaway-io/seaway/test/fleet/process"
)

// Process is a program that runs on a host.
type Process = process.Process

// Link describes a slow or lossy cable.
type Link = netspace.Link

// Host is a machine on the segment: a network namespace with addresses, a cable and processes. Every
// cluster is one; AddHost makes others. It is safe for use by several goroutines.
type Host struct {
	// Name is unique in the fleet.
	Name string

	namespace *netspace.Namespace
	cable     *netspace.Switch
	number    int    // in the order hosts were made
	port      string // where the cable ends on the switch
	addrs     []netip.Addr
	dir       string

	mu        sync.Mutex
	processes []*Process // in the order they were started
	killed    []*Process // what Revive starts again
	faults    Faults
	filter    func(Faults) []netspace.Drop // nil for hosts that are no cluster
}

// Addr is the host's first address.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// Addrs are all addresses the host was given.
func (h *Host) Addrs() []netip.Addr { return slices.Clone(h.addrs) }

// Namespace is the name of the host's network namespace, as `ip netns exec` takes it.
func (h *Host) Namespace() string { return h.namespace.Name() }

// Dir is the folder with the host's files and logs.
func (h *Host) Dir() string { return h.dir }

// SetNameserver changes the DNS server by which names are resolved: in DialContext at once, and in
// processes as soon as they read /etc/resolv.conf again. Clusters have none.
func (h *Host) SetNameserver(server netip.Addr) error { return h.namespace.SetNameserver(server) }

// HasNameserver reports whether names can be resolved from the host.
func (h *Host) HasNameserver() bool { return h.namespace.HasNameserver() }

// DialContext connects from the host. Names are resolved by the host's nameserver, if it has one.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.namespace.DialContext(ctx, network, address)
}

// DialFrom is DialContext from one of the host's addresses.
func (h *Host) DialFrom(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error) {
	return h.namespace.DialFrom(ctx, source, network, address)
}

// Listen listens for streams on the host.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return h.namespace.Listen(ctx, network, address)
}

// ListenPacket listens for packets on the host.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	return h.namespace.ListenPacket(ctx, network, address)
}

// Transport returns a new HTTP transport that connects from the host and knows no proxy.
func (h *Host) Transport() *http.Transport { return &http.Transport{DialContext: h.DialContext} }

// Exec returns a command that runs on the host. It is not under the fleet's care: the caller waits for
// it, and Kill does not reach it.
func (h *Host) Exec(ctx context.Context, argv ...string) *netspace.Command {
	command := h.namespace.Command(ctx, argv...)
	command.Env = process.Environment()
	return command
}

// Run starts a process on the host. It has its log in NAME.log in the host's folder, dies with Kill and
// Stop, and is started again by Revive if Kill ended it. The name of a process that has ended may be
// used again. Variables in env, as NAME=VALUE, are added to the environment.
func (h *Host) Run(name string, argv []string, env ...string) (*Process, error) {
	return h.start(process.Spec{Name: name, Argv: argv, Env: env})
}

// Keep is Run for a process that is started again when it ends by itself, as the kubelet does.
func (h *Host) Keep(name string, argv []string, env ...string) (*Process, error) {
	return h.start(process.Spec{Name: name, Argv: argv, Env: env, KeepAfter: time.Second})
}

func (h *Host) start(spec process.Spec) (*Process, error) {
	name := spec.Name
	if len(spec.Argv) == 0 {
		return nil, fmt.Errorf("%s on %s: no program", name, h.Name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := h.index(name); i >= 0 {
		if h.processes[i].Running() {
			return nil, fmt.Errorf("%s runs on %s already", name, h.Name)
		}
		h.processes = slices.Delete(h.processes, i, i+1)
	}
	spec.On, spec.Log, spec.Starter = h.Name, filepath.Join(h.dir, name+".log"), h.namespace
	p, err := process.Start(spec)
	if err != nil {
		return nil, err
	}
	h.processes = append(h.processes, p)
	return p, nil
}

// Processes lists what Run and the fleet have started on the host, in that order, whether it still runs
// or not.
func (h *Host) Processes() []*Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.processes)
}

// Process returns a process by the name it was started with, nil if there is none.
func (h *Host) Process(name string) *Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := h.index(name); i >= 0 {
		return h.processes[i]
	}
	return nil
}

func (h *Host) index(name string) int {
	return slices.IndexFunc(h.processes, func(p *Process) bool { return p.Name() == name })
}

// chosen returns the named processes, or all if no name is given.
func (h *Host) chosen(names []string) ([]*Process, error) {
	if len(names) == 0 {
		return h.Processes(), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []*Process
	var errs []error
	for _, name := range names {
		if i := h.index(name); i >= 0 {
			found = append(found, h.processes[i])
		} else {
			errs = append(errs, fmt.Errorf("no process %q on %s", name, h.Name))
		}
	}
	return found, errors.Join(errs...)
}
