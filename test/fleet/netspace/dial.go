//go:build linux

package netspace

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// CoverResolvConf makes a file and lets processes that Start starts see it as /etc/resolv.conf. To be
// called before the first of them is started; the file must stay where it is.
func (n *Namespace) CoverResolvConf(file string) error {
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return fmt.Errorf("network namespace %s: %w", n.name, err)
	}
	n.resolvConf = file
	return nil
}

// SetNameserver makes names resolvable inside the namespace: for DialContext and, in the file of
// CoverResolvConf, for processes.
func (n *Namespace) SetNameserver(server netip.Addr) error {
	if n.resolvConf != "" {
		// In place: processes have the file mounted.
		content := fmt.Appendf(nil, "nameserver %s\noptions timeout:1 attempts:3\n", server)
		if err := os.WriteFile(n.resolvConf, content, 0o644); err != nil {
			return fmt.Errorf("network namespace %s: %w", n.name, err)
		}
	}
	n.nameserver.Store(&server)
	return nil
}

// HasNameserver reports whether a nameserver was set.
func (n *Namespace) HasNameserver() bool { return n.nameserver.Load() != nil }

// DialContext connects from inside the namespace. It fits http.Transport and rest.Config.
func (n *Namespace) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.DialFrom(ctx, netip.Addr{}, network, address)
}

// DialFrom is DialContext with a source address of the caller's choice, one of the namespace's own.
// The zero address leaves the choice to the kernel.
func (n *Namespace) DialFrom(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return n.dial(ctx, source, network, address)
	}
	addrs, err := n.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		var conn net.Conn
		if conn, err = n.dial(ctx, source, network, net.JoinHostPort(addr.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// dial wants an IP address: the resolver of package net would look names up on threads of its own,
// outside the namespace.
func (n *Namespace) dial(ctx context.Context, source netip.Addr, network, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{LocalAddr: localAddr(network, source)}
	err = n.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

func (n *Namespace) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	server := n.nameserver.Load()
	if server == nil {
		return nil, fmt.Errorf("cannot resolve %q: network namespace %s has no nameserver; use an IP address or give it one", host, n.name)
	}
	resolver := net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return n.dial(ctx, netip.Addr{}, network, netip.AddrPortFrom(*server, 53).String())
		},
	}
	// The last dot: the machine's search list means nothing here.
	return resolver.LookupNetIP(ctx, "ip4", strings.TrimSuffix(host, ".")+".")
}

// Listen listens for streams inside the namespace.
func (n *Namespace) Listen(ctx context.Context, network, address string) (listener net.Listener, err error) {
	err = n.Do(func() (err error) {
		listener, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// ListenPacket listens for packets inside the namespace.
func (n *Namespace) ListenPacket(ctx context.Context, network, address string) (conn net.PacketConn, err error) {
	err = n.Do(func() (err error) {
		conn, err = new(net.ListenConfig).ListenPacket(ctx, network, address)
		return err
	})
	return conn, err
}

func localAddr(network string, source netip.Addr) net.Addr {
	if !source.IsValid() {
		return nil
	}
	anyPort := netip.AddrPortFrom(source, 0)
	if strings.HasPrefix(network, "udp") {
		return net.UDPAddrFromAddrPort(anyPort)
	}
	return net.TCPAddrFromAddrPort(anyPort)
}
