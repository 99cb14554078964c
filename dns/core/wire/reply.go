package wire

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// Header flags of answers, as in the third and fourth octet of a message.
const (
	flagQR = 0x8000
	flagAA = 0x0400
	flagTC = 0x0200
	flagRD = 0x0100
)

// maxReply is the largest message (RFC 1035 section 4.2.2).
const maxReply = 65535

// Reply puts an answer together behind whatever a buffer already holds. Begin it, append sets
// section by section in order, End it. A set is written whole or not at all.
type Reply struct {
	// Rcode of the answer; values above 15 need EDNS.
	Rcode int
	// Authoritative is the AA flag.
	Authoritative bool
	// Scope of the client subnet, if one came.
	Scope uint8
	// ExtendedError to send with EDNS (RFC 8914), or NoExtendedError. It is for answers without
	// records: no room is kept for it.
	ExtendedError int

	query     *Query
	options   *Options
	buf       []byte
	limit     int // for everything but OPT
	answers   uint16
	authority uint16
	extra     uint16
	truncated bool
}

// NoExtendedError is the absence of one: code 0 means "other".
const NoExtendedError = -1

// Options are what a server may say about itself in EDNS.
type Options struct {
	// NSID is sent to those who ask (RFC 5001), unless empty.
	NSID []byte
	// Keepalive in units of 100 milliseconds is sent over TCP to those who ask (RFC 7828), unless
	// zero.
	Keepalive uint16
	// Cookie of the server for this client is sent to those who sent theirs (RFC 7873), unless
	// HasCookie is false.
	Cookie    [ServerCookieSize]byte
	HasCookie bool
	// MaxSize of an answer over UDP, below what the client takes and UDPSize, unless zero.
	MaxSize int
	// Pad: the answer goes where only the client can read it, and is padded if that is wanted
	// (RFC 7830, RFC 8467).
	Pad bool
}

// ServerCookieSize is the size of a server cookie in the interoperable form (RFC 9018).
const ServerCookieSize = 16

// padTo is the block to whose multiple answers are padded (RFC 8467 section 4.1).
const padTo = 468

// Begin starts the answer to a query. It is written over dst, which should have the capacity for a
// whole answer: UDPSize, or 65535 octets over TCP. Over UDP (tcp false) the answer is limited to
// what the client takes and to UDPSize.
func (r *Reply) Begin(dst []byte, q *Query, o *Options, tcp bool) {
	*r = Reply{ExtendedError: NoExtendedError, query: q, options: o, limit: maxReply}
	if !tcp {
		r.limit = min(int(q.UDPSize), UDPSize)
		if o.MaxSize > 0 {
			r.limit = min(r.limit, o.MaxSize)
		}
	}
	if q.EDNS {
		r.limit -= sizeOPT(q, o)
	}
	r.buf = append(dst[:0], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	r.buf = append(r.buf, q.Question...)
}

// sizeOPT is the size of the OPT record of an answer with records in it.
func sizeOPT(q *Query, o *Options) int {
	size := 11
	if q.NSID && len(o.NSID) > 0 {
		size += 4 + len(o.NSID)
	}
	if q.HasSubnet {
		size += 4 + 4 + len(q.Subnet.address)
	}
	if q.Keepalive && o.Keepalive > 0 {
		size += 4 + 2
	}
	if q.Cookie != nil && o.HasCookie {
		size += 4 + ClientCookieSize + ServerCookieSize
	}
	return size
}

// Answer appends a set to the answer section. owner is the offset of the set's owner in the
// message, apex that of the zone's apex. A set that does not fit sets TC and nothing more is taken.
func (r *Reply) Answer(s *Set, owner, apex uint16) {
	if r.fits(s.Size()) {
		r.buf = s.append(r.buf, owner, apex)
		r.answers += uint16(s.Count)
	}
}

// AnswerWindow appends count of a set's addresses to the answer section, beginning with the given
// one and going round.
func (r *Reply) AnswerWindow(s *Set, owner uint16, start, count int) {
	if r.fits(s.Size() / s.Count * count) {
		r.buf = s.appendWindow(r.buf, owner, start, count)
		r.answers += uint16(count)
	}
}

// Alias appends a CNAME to the answer section and returns the offset of its target in the message,
// which owns the records that follow.
func (r *Reply) Alias(s *Set, owner, apex uint16) (target uint16) {
	target = uint16(len(r.buf) + s.target)
	r.Answer(s, owner, apex)
	return target
}

// Authority appends a set to the authority section.
func (r *Reply) Authority(s *Set, apex uint16) {
	if r.fits(s.Size()) {
		r.buf = s.append(r.buf, HeaderSize, apex)
		r.authority += uint16(s.Count)
	}
}

// Glue appends a set without which a referral cannot be followed to the additional section: where
// it does not fit the answer is truncated (RFC 9471).
func (r *Reply) Glue(s *Set, apex uint16) {
	if r.fits(s.Size()) {
		r.buf = s.append(r.buf, HeaderSize, apex)
		r.extra += uint16(s.Count)
	}
}

// Additional appends a set that is merely useful, where it fits.
func (r *Reply) Additional(s *Set, apex uint16) {
	if !r.truncated && len(r.buf)+s.Size() <= r.limit {
		r.buf = s.append(r.buf, HeaderSize, apex)
		r.extra += uint16(s.Count)
	}
}

// Answered reports whether the answer section holds anything.
func (r *Reply) Answered() bool { return r.answers > 0 }

// Truncate sets TC: there is more to be had over TCP.
func (r *Reply) Truncate() { r.truncated = true }

// Truncated reports whether something did not fit.
func (r *Reply) Truncated() bool { return r.truncated }

func (r *Reply) fits(size int) bool {
	if !r.truncated && len(r.buf)+size <= r.limit {
		return true
	}
	r.truncated = true
	return false
}

// End writes OPT and the header and returns the message.
func (r *Reply) End() []byte {
	if r.query.EDNS {
		r.appendOPT()
	}
	q := r.query
	flags := uint16(flagQR) | uint16(q.Opcode)<<11 | uint16(r.Rcode&0xF)
	if r.Authoritative {
		flags |= flagAA
	}
	if r.truncated {
		flags |= flagTC
	}
	if q.RD {
		flags |= flagRD
	}
	var questions uint16
	if len(q.Question) > 0 {
		questions = 1
	}
	h := r.buf
	binary.BigEndian.PutUint16(h, q.ID)
	binary.BigEndian.PutUint16(h[2:], flags)
	binary.BigEndian.PutUint16(h[4:], questions)
	binary.BigEndian.PutUint16(h[6:], r.answers)
	binary.BigEndian.PutUint16(h[8:], r.authority)
	binary.BigEndian.PutUint16(h[10:], r.extra)
	return r.buf
}

// appendOPT answers EDNS with EDNS (RFC 6891 section 6.1.1): version 0, the DO flag as it came
// (RFC 3225), and those options that the client used or asked for.
func (r *Reply) appendOPT() {
	q, b := r.query, r.buf
	var do byte
	if q.DO {
		do = 0x80
	}
	b = append(b, 0, 0, byte(dns.TypeOPT), UDPSize>>8, UDPSize&0xFF, byte(r.Rcode>>4), 0, do, 0, 0, 0)
	size := len(b)
	if q.HasSubnet {
		s := &q.Subnet
		b = appendOption(b, dns.EDNS0SUBNET, 4+len(s.address))
		b = binary.BigEndian.AppendUint16(b, s.Family)
		b = append(b, s.Prefix, r.Scope)
		b = append(b, s.address...)
	}
	if q.NSID && len(r.options.NSID) > 0 {
		b = appendOption(b, dns.EDNS0NSID, len(r.options.NSID))
		b = append(b, r.options.NSID...)
	}
	if r.ExtendedError != NoExtendedError {
		b = appendOption(b, dns.EDNS0EDE, 2)
		b = binary.BigEndian.AppendUint16(b, uint16(r.ExtendedError))
	}
	if q.Keepalive && r.options.Keepalive > 0 {
		b = appendOption(b, dns.EDNS0TCPKEEPALIVE, 2)
		b = binary.BigEndian.AppendUint16(b, r.options.Keepalive)
	}
	if q.Cookie != nil && r.options.HasCookie {
		b = appendOption(b, dns.EDNS0COOKIE, ClientCookieSize+ServerCookieSize)
		b = append(b, q.Cookie[:ClientCookieSize]...)
		b = append(b, r.options.Cookie[:]...)
	}
	if q.Padding && r.options.Pad {
		b = appendPadding(b)
	}
	binary.BigEndian.PutUint16(b[size-2:], uint16(len(b)-size))
	r.buf = b
	r.extra++
}

// appendPadding is the last option.
func appendPadding(b []byte) []byte {
	end := min((len(b)+4+padTo-1)/padTo*padTo, maxReply)
	if len(b)+4 > end {
		return b
	}
	b = appendOption(b, dns.EDNS0PADDING, end-len(b)-4)
	for len(b) < end {
		b = append(b, 0)
	}
	return b
}

func appendOption(b []byte, code uint16, size int) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	return binary.BigEndian.AppendUint16(b, uint16(size))
}

// Lifetime is for how many seconds an answer holds: the lowest TTL of the records in it, that of the
// SOA with which a negative answer comes among them (RFC 8484 section 5.1); 0 without records. The
// answer is one of Reply's.
func Lifetime(msg []byte) (seconds uint32) {
	at := HeaderSize
	ok := true
	for range binary.BigEndian.Uint16(msg[4:]) {
		if at, ok = skipName(msg, at); !ok {
			return 0
		}
		at += 4
	}
	found := false
	for range int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:])) {
		var r record
		if r, at, ok = nextRecord(msg, at); !ok {
			return 0
		}
		if !found || r.ttl < seconds {
			seconds, found = r.ttl, true
		}
	}
	return seconds
}
