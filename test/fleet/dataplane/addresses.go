//go:build linux

package dataplane

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/seaway-io/seaway/test/fleet/netplan"
)

// uplinkAddresses keeps the gateway addresses on the uplink.
type uplinkAddresses struct {
	link  netlink.Link
	there map[netip.Addr]bool
}

// newUplinkAddresses finds out which addresses of the range a former run has left there.
func newUplinkAddresses(name string, gateways netplan.Range) (*uplinkAddresses, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	u := &uplinkAddresses{link: link, there: map[netip.Addr]bool{}}
	for _, a := range addrs {
		if addr, ok := netip.AddrFromSlice(a.IP.To4()); ok && gateways.Contains(addr) {
			u.there[addr] = true
		}
	}
	return u, nil
}

// sync adds and removes addresses until exactly the wanted ones are there.
func (u *uplinkAddresses) sync(want []netip.Addr) error {
	var errs []error
	for _, addr := range want {
		if u.there[addr] {
			continue
		}
		if err := netlink.AddrReplace(u.link, single(addr)); err != nil {
			errs = append(errs, fmt.Errorf("add %s: %w", addr, err))
			continue
		}
		u.there[addr] = true
	}
	for _, addr := range slices.Collect(maps.Keys(u.there)) {
		if slices.Contains(want, addr) {
			continue
		}
		if err := netlink.AddrDel(u.link, single(addr)); err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", addr, err))
			continue
		}
		delete(u.there, addr)
	}
	return errors.Join(errs...)
}

func single(addr netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
}
