//go:build linux

package netspace

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Uplink is the name of the interface by which an attached namespace reaches the switch.
const Uplink = "eth0"

const bridge = "br0"

// Switch is a namespace with a bridge in it. Attached namespaces see each other on one layer-2
// segment.
type Switch struct {
	*Namespace

	mu    sync.Mutex
	ports map[string]*Namespace
	wires map[string]*wire
}

// NewSwitch makes a namespace with a bridge that carries the address.
func NewSwitch(name string, addr netip.Prefix) (*Switch, error) {
	n, err := Create(name)
	if err != nil {
		return nil, err
	}
	s := &Switch{Namespace: n, ports: map[string]*Namespace{}, wires: map[string]*wire{}}
	err = n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = bridge
		br := &netlink.Bridge{LinkAttrs: attrs}
		if err := netlink.LinkAdd(br); err != nil {
			return fmt.Errorf("make the bridge: %w", err)
		}
		if err := netlink.AddrAdd(br, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
			return fmt.Errorf("address %s: %w", addr, err)
		}
		return netlink.LinkSetUp(br)
	})
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return s, nil
}

// Attach joins a namespace to the switch by a virtual cable: the named port here, Uplink there. Port
// names have at most 15 characters.
func (s *Switch) Attach(n *Namespace, port string, addrs ...netip.Prefix) error {
	err := s.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = port
		cable := &netlink.Veth{LinkAttrs: attrs, PeerName: Uplink, PeerNamespace: netlink.NsFd(int(n.handle))}
		if err := netlink.LinkAdd(cable); err != nil {
			return fmt.Errorf("make port %s: %w", port, err)
		}
		// A port never speaks for itself: away from the bridge it must not answer for the switch's address.
		if err := netlink.LinkSetARPOff(cable); err != nil {
			return fmt.Errorf("port %s: %w", port, err)
		}
		return plug(cable)
	})
	if err != nil {
		return fmt.Errorf("switch %s: %w", s.name, err)
	}
	for _, addr := range addrs {
		if err := n.AddAddress(addr); err != nil {
			return err
		}
	}
	if err := n.uplink(netlink.LinkSetUp); err != nil {
		return err
	}
	s.mu.Lock()
	s.ports[port] = n
	s.mu.Unlock()
	return s.awaitCarrier(port)
}

// SetPort connects or disconnects a port. A disconnected namespace keeps its addresses and routes.
func (s *Switch) SetPort(port string, up bool) error {
	err := s.Do(func() error {
		link, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		if up {
			return netlink.LinkSetUp(link)
		}
		return netlink.LinkSetDown(link)
	})
	if err != nil {
		return fmt.Errorf("switch %s, port %s: %w", s.name, port, err)
	}
	if !up {
		return nil
	}
	return s.awaitCarrier(port)
}

// awaitCarrier waits until packets pass. The kernel takes note of a new link a moment after it is up;
// what is sent in that moment is lost, and who asked for an address asks again only a second later.
func (s *Switch) awaitCarrier(port string) error {
	s.mu.Lock()
	n := s.ports[port]
	s.mu.Unlock()
	if err := n.Do(func() error { return awaitUp(Uplink) }); err != nil {
		return fmt.Errorf("network namespace %s: %w", n.name, err)
	}
	if err := s.Do(func() error { return errors.Join(awaitUp(port), awaitUp(bridge)) }); err != nil {
		return fmt.Errorf("switch %s: %w", s.name, err)
	}
	return nil
}

// awaitUp runs on a thread of the link's namespace.
func awaitUp(name string) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("link %s is %s after 5 s", name, link.Attrs().OperState)
		}
		time.Sleep(time.Millisecond)
	}
}

// plug puts a link into the bridge of the current thread's namespace and sets it up.
func plug(link netlink.Link) error {
	br, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(link, br); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// AddAddress gives the namespace's uplink one more address.
func (n *Namespace) AddAddress(addr netip.Prefix) error {
	err := n.uplink(func(link netlink.Link) error {
		return netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(addr)})
	})
	if err != nil {
		return fmt.Errorf("address %s: %w", addr, err)
	}
	return nil
}

// AddLocal makes every address of the range the namespace's own, without listing them: any can be
// bound and reached from inside. Nobody outside learns of it.
func (n *Namespace) AddLocal(prefix netip.Prefix) error {
	return n.Do(func() error {
		loopback, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		route := &netlink.Route{
			LinkIndex: loopback.Attrs().Index, Dst: ipNet(prefix),
			Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST,
		}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("network namespace %s: local range %s: %w", n.name, prefix, err)
		}
		return nil
	})
}

// AddRoute sends a range through the uplink: to a neighbour, or with the zero address straight onto
// the segment.
func (n *Namespace) AddRoute(prefix netip.Prefix, via netip.Addr) error {
	err := n.uplink(func(link netlink.Link) error { return addRoute(link, prefix, via) })
	if err != nil {
		return fmt.Errorf("route to %s: %w", prefix, err)
	}
	return nil
}

// AddSegment says that a range lies on the segment itself, for the switch's own dialling.
func (s *Switch) AddSegment(prefix netip.Prefix) error {
	return s.Do(func() error {
		br, err := netlink.LinkByName(bridge)
		if err != nil {
			return err
		}
		if err := addRoute(br, prefix, netip.Addr{}); err != nil {
			return fmt.Errorf("switch %s: route to %s: %w", s.name, prefix, err)
		}
		return nil
	})
}

func addRoute(link netlink.Link, prefix netip.Prefix, via netip.Addr) error {
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(prefix), Scope: netlink.SCOPE_LINK}
	if via.IsValid() {
		route.Gw, route.Scope = via.AsSlice(), netlink.SCOPE_UNIVERSE
	}
	return netlink.RouteReplace(route)
}

func (n *Namespace) uplink(fn func(netlink.Link) error) error {
	return n.Do(func() error {
		link, err := netlink.LinkByName(Uplink)
		if err == nil {
			err = fn(link)
		}
		if err != nil {
			return fmt.Errorf("network namespace %s: %w", n.name, err)
		}
		return nil
	})
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}
