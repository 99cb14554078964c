package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// UDPSize is the largest answer over UDP, whatever the client offers: it passes every path
// unfragmented (RFC 9715).
const UDPSize = 1232

// Address families of client subnets (RFC 7871 section 6).
const (
	FamilyNone = 0
	FamilyIPv4 = 1
	FamilyIPv6 = 2
)

// parseOPT reads an OPT record; the result is the rcode of what is wrong with it.
func (q *Query) parseOPT(r record) int {
	q.EDNS = true
	q.UDPSize = max(r.class, dns.MinMsgSize)
	q.Version = uint8(r.ttl >> 16)
	q.DO = r.ttl&0x8000 != 0
	q.CO = r.ttl&0x4000 != 0
	if q.Version != 0 {
		// Options of another version may mean anything.
		return dns.RcodeBadVers
	}
	for data := r.data; len(data) > 0; {
		if len(data) < 4 {
			return dns.RcodeFormatError
		}
		code := binary.BigEndian.Uint16(data)
		size := int(binary.BigEndian.Uint16(data[2:]))
		data = data[4:]
		if size > len(data) || !q.parseOption(code, data[:size]) {
			return dns.RcodeFormatError
		}
		data = data[size:]
	}
	return dns.RcodeSuccess
}

// parseOption reads the options that are understood here; any other is passed over (RFC 6891
// section 6.1.2).
func (q *Query) parseOption(code uint16, data []byte) bool {
	switch code {
	case dns.EDNS0NSID:
		q.NSID = true
	case dns.EDNS0TCPKEEPALIVE:
		// A query's option is empty (RFC 7828 section 3.2.1).
		q.Keepalive = true
		return len(data) == 0
	case dns.EDNS0SUBNET:
		return q.parseSubnet(data)
	case dns.EDNS0COOKIE:
		return q.parseCookie(data)
	case dns.EDNS0PADDING:
		q.Padding = true
	}
	return true
}

// ClientCookieSize is the size of the client's part of a cookie.
const ClientCookieSize = 8

// parseCookie reads a client cookie and, behind it, the server cookie if the client has one already
// (RFC 7873 section 4). Of several the first counts (section 5.2).
func (q *Query) parseCookie(data []byte) bool {
	if len(data) != ClientCookieSize && (len(data) < 16 || len(data) > 40) {
		return false
	}
	if q.Cookie == nil {
		q.Cookie = data
	}
	return true
}

// parseSubnet reads a client subnet: family, source prefix, scope (zero in queries), and as many
// octets of the address as the prefix needs, with no bit set beyond it (RFC 7871 section 6).
func (q *Query) parseSubnet(data []byte) bool {
	if q.HasSubnet || len(data) < 4 || data[3] != 0 {
		return false
	}
	s := Subnet{Family: binary.BigEndian.Uint16(data), Prefix: data[2], address: data[4:]}
	if len(s.address) != (int(s.Prefix)+7)/8 {
		return false
	}
	switch s.Family {
	case FamilyNone:
		// Seen from resolvers that want to say "no client" without naming a family.
		if s.Prefix != 0 {
			return false
		}
	case FamilyIPv4:
		if s.Prefix > 32 {
			return false
		}
		var b [4]byte
		copy(b[:], s.address)
		s.Addr = netip.AddrFrom4(b)
	case FamilyIPv6:
		if s.Prefix > 128 {
			return false
		}
		var b [16]byte
		copy(b[:], s.address)
		s.Addr = netip.AddrFrom16(b)
	default:
		return false
	}
	if rest := s.Prefix % 8; rest != 0 && s.address[len(s.address)-1]<<rest != 0 {
		return false
	}
	q.HasSubnet, q.Subnet = true, s
	return true
}
