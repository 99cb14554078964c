// Package proxy reads the header in which a load balancer says for whom it forwards a connection or
// a datagram: version 2 of the PROXY protocol. Version 1, which is text, is not read; neither are the
// additions behind the addresses. Whom to believe is decided elsewhere.
package proxy

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// signature begins every header. No DNS query over UDP looks like it: read as one its opcode is
// IQUERY, and over TCP its length would be 3338 octets.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// HeaderSize is the size of the part of a header that says how long the rest is.
const HeaderSize = 16

// MaxSize is the largest header that is read. Addresses take 52 octets; the rest are additions such
// as the names in a certificate.
const MaxSize = 2048

// ErrHeader says that something begins like a header and is none that can be read.
var ErrHeader = errors.New("malformed PROXY protocol header")

// Is reports whether something begins like a header.
func Is(b []byte) bool { return len(b) >= len(signature) && string(b[:len(signature)]) == signature }

// Size is the size of the header of which b holds the first HeaderSize octets.
func Size(b []byte) (int, error) {
	if len(b) < HeaderSize || !Is(b) || b[12]>>4 != 2 {
		return 0, ErrHeader
	}
	size := HeaderSize + int(binary.BigEndian.Uint16(b[14:]))
	if size > MaxSize {
		return 0, ErrHeader
	}
	return size, nil
}

// Parse reads a header at the beginning of b and says for whom it speaks, and where what it precedes
// begins. The address is not valid where the proxy speaks for itself, as in its own health checks,
// or for a client without an address.
func Parse(b []byte) (client netip.AddrPort, size int, err error) {
	size, err = Size(b)
	if err != nil || size > len(b) {
		return netip.AddrPort{}, 0, ErrHeader
	}
	const local, forwarded = 0, 1
	switch b[12] & 0xF {
	case local:
		return netip.AddrPort{}, size, nil
	case forwarded:
	default:
		return netip.AddrPort{}, 0, ErrHeader
	}
	addresses := b[HeaderSize:size]
	const unspecified, inet, inet6, unix = 0, 1, 2, 3
	switch b[13] >> 4 {
	case unspecified, unix:
		return netip.AddrPort{}, size, nil
	case inet:
		if len(addresses) >= 12 {
			ip := netip.AddrFrom4([4]byte(addresses[:4]))
			return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(addresses[8:])), size, nil
		}
	case inet6:
		if len(addresses) >= 36 {
			ip := netip.AddrFrom16([16]byte(addresses[:16])).Unmap()
			return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(addresses[32:])), size, nil
		}
	}
	return netip.AddrPort{}, 0, ErrHeader
}

// Append writes a header for a client that has asked a server, both of one family.
func Append(b []byte, client, server netip.AddrPort) []byte {
	const dgram = 2
	family, size := byte(0x10), uint16(12)
	if client.Addr().Is6() {
		family, size = 0x20, 36
	}
	b = append(append(b, signature...), 0x21, family|dgram)
	b = binary.BigEndian.AppendUint16(b, size)
	b = append(b, client.Addr().AsSlice()...)
	b = append(b, server.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, client.Port())
	return binary.BigEndian.AppendUint16(b, server.Port())
}
