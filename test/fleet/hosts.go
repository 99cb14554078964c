//go:build linux

package fleet

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/seaway-io/seaway/test/fleet/netplan"
	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// HostSpec describes a host that is no cluster: a DNS server, a resolver, a client.
type HostSpec struct {
	// Name is a DNS label that no other host or cluster has.
	Name string
	// Addresses are IPv4 addresses. If there is none, the host gets the next free one of the segment.
	// Addresses outside the segment, for example public ones, are reachable from every host, so that
	// geography by source address can be tried.
	Addresses []string
	// Nameserver is the address of a DNS server for names that are dialled from the host, and for
	// /etc/resolv.conf as its processes see it. It may be empty, and given later by Host.SetNameserver.
	Nameserver string
}

// AddHost adds a host to the segment. It lives until Stop.
func (f *Fleet) AddHost(spec HostSpec) (*Host, error) {
	if problems := validation.IsDNS1123Label(spec.Name); len(problems) > 0 {
		return nil, fmt.Errorf("host: Name %q: %s", spec.Name, strings.Join(problems, "; "))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hosts[spec.Name] != nil || spec.Name == switchName {
		return nil, fmt.Errorf("host: Name %q: is taken", spec.Name)
	}
	addrs, err := f.takeAddresses(spec.Addresses)
	if err != nil {
		return nil, fmt.Errorf("host %s: Addresses: %w", spec.Name, err)
	}
	host, err := f.attach(spec.Name, filepath.Join(f.Dir, "hosts", spec.Name), addrs)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(host.dir, 0o755); err != nil {
		return nil, err
	}
	if err := host.namespace.CoverResolvConf(host.ResolvConf()); err != nil {
		return nil, err
	}
	if spec.Nameserver != "" {
		server, err := netip.ParseAddr(spec.Nameserver)
		if err != nil {
			return nil, fmt.Errorf("host %s: Nameserver: %w", spec.Name, err)
		}
		if err := host.SetNameserver(server); err != nil {
			return nil, err
		}
	}
	return host, f.announce(host, addrs)
}

// ResolvConf is the path of the file that the host's processes see as /etc/resolv.conf. Clusters have
// none.
func (h *Host) ResolvConf() string { return filepath.Join(h.dir, "resolv.conf") }

// Hosts lists the clusters in their order and then the other hosts in the order they were added.
func (f *Fleet) Hosts() []*Host {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.hosts), func(a, b *Host) int { return a.number - b.number })
}

// Host returns a host by name; clusters are hosts too.
func (f *Fleet) Host(name string) (*Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if host := f.hosts[name]; host != nil {
		return host, nil
	}
	return nil, fmt.Errorf("no host %q in fleet %s", name, f.Name)
}

func (f *Fleet) takeAddresses(wanted []string) ([]netip.Addr, error) {
	if len(wanted) == 0 {
		addr, err := f.plan.Next()
		return []netip.Addr{addr}, err
	}
	var addrs []netip.Addr
	for _, s := range wanted {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return nil, err
		}
		if err := f.plan.Take(addr); err != nil {
			return nil, err
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

// attach makes a namespace and joins it to the switch. The caller holds the lock, or is Start.
func (f *Fleet) attach(name, dir string, addrs []netip.Addr) (*Host, error) {
	namespace, err := netspace.Create(f.namespaceName(name))
	if err != nil {
		return nil, err
	}
	host := &Host{
		Name: name, namespace: namespace, cable: f.cable,
		// Interface names have at most 15 characters; host names may have more.
		number: len(f.hosts), port: fmt.Sprintf("port%d", len(f.hosts)),
		addrs: addrs, dir: dir,
	}
	f.hosts[name] = host
	var prefixes []netip.Prefix
	for _, addr := range addrs {
		prefixes = append(prefixes, netip.PrefixFrom(addr, segmentBits(addr)))
	}
	if err := f.cable.Attach(namespace, host.port, prefixes...); err != nil {
		return nil, err
	}
	if !netplan.Network.Contains(addrs[0]) {
		if err := namespace.AddRoute(netplan.Network, netip.Addr{}); err != nil {
			return nil, err
		}
	}
	for _, addr := range f.foreign {
		if err := namespace.AddRoute(netip.PrefixFrom(addr, addr.BitLen()), netip.Addr{}); err != nil {
			return nil, err
		}
	}
	return host, nil
}

// announce tells everyone that the host's foreign addresses are on the segment.
func (f *Fleet) announce(host *Host, addrs []netip.Addr) error {
	for _, addr := range addrs {
		if netplan.Network.Contains(addr) {
			continue
		}
		prefix := netip.PrefixFrom(addr, addr.BitLen())
		if err := f.cable.AddSegment(prefix); err != nil {
			return err
		}
		for _, other := range f.hosts {
			if other == host {
				continue
			}
			if err := other.namespace.AddRoute(prefix, netip.Addr{}); err != nil {
				return err
			}
		}
		f.foreign = append(f.foreign, addr)
	}
	return nil
}

func segmentBits(addr netip.Addr) int {
	if netplan.Network.Contains(addr) {
		return netplan.Network.Bits()
	}
	return addr.BitLen()
}

func unixClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
}
