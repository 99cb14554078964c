// Package netplan is the address plan of a fleet: which address, gateway range, pod range and
// service range every cluster gets, and where extra hosts live. It is pure arithmetic; nothing here
// touches a network.
//
// Everything that can be reached from another namespace lies in Network, one layer-2 segment:
//
//	10.77.0.1          the switch (where tests dial from)
//	10.77.0.2          the hub
//	10.77.0.10 - .250  extra hosts: DNS servers, resolvers, clients
//	10.77.N.1          member N (its Kubernetes API on port 6443)
//	10.77.N.100 - .250 member N's LoadBalancer addresses
//
// Pod and service ranges are inside a cluster and are not routed, so members may share them.
package netplan

import (
	"fmt"
	"net/netip"
	"strings"
)

// MaxMembers is the number of members a plan has room for.
const MaxMembers = 49

// nodeBits is the size of one node's share of the pod range. It is kube-controller-manager's
// default for IPv4.
const nodeBits = 24

var (
	// Network is the segment that joins every namespace of a fleet.
	Network = netip.MustParsePrefix("10.77.0.0/16")
	// Switch is the address of the namespace that holds the bridge.
	Switch = netip.MustParseAddr("10.77.0.1")

	firstHost, lastHost = netip.MustParseAddr("10.77.0.10"), netip.MustParseAddr("10.77.0.250")
)

// Range is a closed range of addresses.
type Range struct{ First, Last netip.Addr }

// Contains reports whether the address lies in the range.
func (r Range) Contains(addr netip.Addr) bool {
	return r.First.Compare(addr) <= 0 && addr.Compare(r.Last) <= 0
}

// String writes the range as FIRST-LAST, the form ParseRange reads.
func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// Cluster is one cluster's part of the plan.
type Cluster struct {
	// Address is the cluster's own address on the segment. Its API server listens there.
	Address netip.Addr
	// Gateways holds the addresses LoadBalancer Services get. The hub has none.
	Gateways Range
	// Pods and Services are the ranges inside the cluster.
	Pods, Services netip.Prefix
}

// APIService is the address of the Service "kubernetes": the first of the service range.
func (c Cluster) APIService() netip.Addr { return c.Services.Masked().Addr().Next() }

// DataRanges are the addresses of the cluster's data path: all it has but its own.
func (c Cluster) DataRanges() []Range {
	ranges := []Range{whole(c.Pods), whole(c.Services)}
	if c.Gateways.First.IsValid() {
		ranges = append(ranges, c.Gateways)
	}
	return ranges
}

func whole(prefix netip.Prefix) Range {
	last := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	return Range{First: prefix.Masked().Addr(), Last: netip.AddrFrom4(last)}
}

// Hub returns the hub's part of the plan.
func Hub() Cluster {
	return Cluster{
		Address:  netip.MustParseAddr("10.77.0.2"),
		Pods:     netip.MustParsePrefix("10.100.0.0/16"),
		Services: netip.MustParsePrefix("10.150.0.0/16"),
	}
}

// Member returns the part of member number n, counted from 1 to MaxMembers. Ranges that are not
// valid (the zero prefix) are replaced by the plan's own, which overlap with no other member's.
func Member(n int, pods, services netip.Prefix) Cluster {
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(n), last}) }
	if !pods.IsValid() {
		pods = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(100 + n), 0, 0}), 16)
	}
	if !services.IsValid() {
		services = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(150 + n), 0, 0}), 16)
	}
	return Cluster{
		Address:  at(1),
		Gateways: Range{First: at(100), Last: at(250)},
		Pods:     pods.Masked(),
		Services: services.Masked(),
	}
}

// Hosts gives out the addresses of extra hosts, lowest first. The zero value is ready for use.
type Hosts struct{ taken map[netip.Addr]bool }

// Next returns the lowest free address and marks it as taken.
func (h *Hosts) Next() (netip.Addr, error) {
	for addr := firstHost; addr.Compare(lastHost) <= 0; addr = addr.Next() {
		if h.Take(addr) == nil {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no host address left in %s-%s", firstHost, lastHost)
}

// Take marks one address as taken. Addresses outside Network are allowed: a resolver or a client
// may carry a public address so that geography by source address can be tried.
func (h *Hosts) Take(addr netip.Addr) error {
	if !addr.Is4() {
		return fmt.Errorf("%s is not an IPv4 address", addr)
	}
	if Network.Contains(addr) && (addr.Compare(firstHost) < 0 || addr.Compare(lastHost) > 0) {
		return fmt.Errorf("%s belongs to a cluster; hosts have %s to %s, or addresses outside %s", addr, firstHost, lastHost, Network)
	}
	if h.taken[addr] {
		return fmt.Errorf("%s is taken by another host", addr)
	}
	if h.taken == nil {
		h.taken = map[netip.Addr]bool{}
	}
	h.taken[addr] = true
	return nil
}

// NodePods returns the share of the pod range that belongs to node number i, counted from 0.
func NodePods(pods netip.Prefix, i int) (netip.Prefix, error) {
	if !pods.Addr().Is4() || pods.Bits() > nodeBits {
		return netip.Prefix{}, fmt.Errorf("pod range %s must be IPv4 and at least a /%d", pods, nodeBits)
	}
	if i >= 1<<(nodeBits-pods.Bits()) {
		return netip.Prefix{}, fmt.Errorf("pod range %s has no room for node %d: each node takes a /%d", pods, i, nodeBits)
	}
	b := pods.Masked().Addr().As4()
	b[1] += byte(i >> 8)
	b[2] += byte(i)
	return netip.PrefixFrom(netip.AddrFrom4(b), nodeBits), nil
}

// ParseRange reads FIRST-LAST.
func ParseRange(s string) (Range, error) {
	head, tail, found := strings.Cut(s, "-")
	if !found {
		return Range{}, fmt.Errorf("address range %q: want FIRST-LAST, for example 10.77.1.100-10.77.1.250", s)
	}
	first, err := netip.ParseAddr(head)
	if err != nil {
		return Range{}, fmt.Errorf("address range %q: %w", s, err)
	}
	last, err := netip.ParseAddr(tail)
	if err != nil {
		return Range{}, fmt.Errorf("address range %q: %w", s, err)
	}
	if first.BitLen() != last.BitLen() || last.Less(first) {
		return Range{}, fmt.Errorf("address range %q: the first address must not be after the last", s)
	}
	return Range{First: first, Last: last}, nil
}
