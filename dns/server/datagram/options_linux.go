package datagram

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shares reports whether several sockets can share an address.
const Shares = true

// reusePort lets several sockets share an address; the kernel spreads datagrams over them. Where it
// does not know how, the first has the address to itself.
func reusePort(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
}

// wantDestination asks for the destination address of every datagram and returns the size of that
// control message.
func wantDestination(c *net.UDPConn, v4 bool) (size int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	level, option := unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	size = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	if v4 {
		level, option = unix.IPPROTO_IP, unix.IP_PKTINFO
		size = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }); e != nil {
		return 0, e
	}
	return size, err
}

// source turns the control message with a datagram's destination, in place, into the one that gives
// an answer its source. The interface is left to routing, except where an address means nothing
// without it.
func source(control []byte) []byte {
	head := unix.CmsgLen(0)
	if len(control) < head {
		return nil
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(control) >= head+unix.SizeofInet4Pktinfo:
		binary.NativeEndian.PutUint32(control[head:], 0) // in_pktinfo: interface, source, destination
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(control) >= head+unix.SizeofInet6Pktinfo:
		ip := netip.AddrFrom16([16]byte(control[head : head+16])) // in6_pktinfo: address, interface
		if ip.IsMulticast() {
			return nil
		}
		if !ip.IsLinkLocalUnicast() {
			binary.NativeEndian.PutUint32(control[head+16:], 0)
		}
	default:
		return nil
	}
	return control
}
