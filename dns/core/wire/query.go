package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// HeaderSize is the size of a message's header; the question follows it.
const HeaderSize = 12

// Outcome is what is to be done with a message that was parsed.
type Outcome int

const (
	// Drop: the message must not be answered: it is shorter than a header, or is itself an answer.
	Drop Outcome = iota
	// Refuse: answer with Query.Rcode and nothing else.
	Refuse
	// Serve: the query is well formed and of opcode QUERY.
	Serve
)

// Query is a parsed query. It is meant to be reused: Parse overwrites all of it.
type Query struct {
	ID     uint16
	Opcode uint8
	// RD is the recursion-desired flag, which answers repeat.
	RD bool
	// Rcode says what is wrong with the query, with outcome Refuse.
	Rcode int

	// Question is the question section as it came, so that answers keep the case of its letters;
	// empty when it could not be read. It aliases the message.
	Question []byte
	Type     uint16
	Class    uint16

	// EDNS (RFC 6891); UDPSize is what the client can take, at least 512.
	EDNS    bool
	Version uint8
	DO      bool
	UDPSize uint16
	// CO: an answer that says with NXNAME that a name does not exist may have the rcode NXDOMAIN
	// (RFC 9824 section 5).
	CO bool
	// NSID: the server's identifier is wanted (RFC 5001).
	NSID bool
	// Keepalive: the client understands edns-tcp-keepalive (RFC 7828).
	Keepalive bool
	// Padding: the client wants its answer padded where nobody may read it (RFC 7830).
	Padding bool
	// Cookie that came: 8 octets of the client's, and what it holds for the server's; nil if none
	// did (RFC 7873). It aliases the message.
	Cookie []byte
	// HasSubnet: a client subnet came (RFC 7871).
	HasSubnet bool
	Subnet    Subnet

	name    [maxName]byte // in lower case
	nameLen int
	labels  [128]uint8 // where each label begins in name, the root's included
	count   int        // of labels, without the root
}

// Subnet is an EDNS client subnet option. The bits of Addr beyond Prefix are zero.
type Subnet struct {
	// Family is 1 for IPv4, 2 for IPv6, and 0 for a client that names none (then Prefix is 0).
	Family uint16
	Prefix uint8
	Addr   netip.Addr
	// address is the option's own octets; it aliases the message.
	address []byte
}

// Name is the question's name in lower case. It is valid until the next Parse.
func (q *Query) Name() []byte { return q.name[:q.nameLen] }

// Labels is how many labels the question's name has, without the root.
func (q *Query) Labels() int { return q.count }

// Suffix is the question's name without its first skip labels.
func (q *Query) Suffix(skip int) []byte { return q.name[q.labels[skip]:q.nameLen] }

// Offset is where in an answer the suffix of the question's name without its first skip labels
// stands.
func (q *Query) Offset(skip int) uint16 { return HeaderSize + uint16(q.labels[skip]) }

// Parse reads a message. It looks at the header before anything else, on every transport alike, and
// is strict: what is not a well-formed query is refused with FORMERR, never guessed at.
func (q *Query) Parse(msg []byte) Outcome {
	if len(msg) < HeaderSize {
		return Drop
	}
	flags := binary.BigEndian.Uint16(msg[2:])
	if flags&0x8000 != 0 { // QR: answering an answer would make two servers talk for ever
		return Drop
	}
	q.reset(binary.BigEndian.Uint16(msg), flags)
	if q.Opcode != dns.OpcodeQuery {
		// What follows is shaped by an opcode that is not known here, and so are the flags.
		q.RD = false
		return q.refuse(dns.RcodeNotImplemented)
	}
	questions := binary.BigEndian.Uint16(msg[4:])
	answers := binary.BigEndian.Uint16(msg[6:])
	authority := binary.BigEndian.Uint16(msg[8:])
	additional := binary.BigEndian.Uint16(msg[10:])
	// One question (RFC 9619), or none in a query that is only after a cookie (RFC 7873 section 5.4);
	// an IXFR query has an SOA in its authority section; the additional
	// section may hold OPT, TSIG and SIG(0). More is refused before it costs anything.
	if questions > 1 || answers != 0 || authority > 1 || additional > 4 {
		return q.refuse(dns.RcodeFormatError)
	}
	at, ok := HeaderSize, true
	if questions == 1 {
		if at, ok = q.parseQuestion(msg); !ok {
			return q.refuse(dns.RcodeFormatError)
		}
	}
	for range authority {
		if _, at, ok = nextRecord(msg, at); !ok {
			return q.refuse(dns.RcodeFormatError)
		}
	}
	outcome := q.parseAdditional(msg, at, int(additional))
	if questions == 0 && outcome == Serve {
		if q.Cookie == nil {
			return q.refuse(dns.RcodeFormatError)
		}
		return q.refuse(dns.RcodeSuccess)
	}
	return outcome
}

func (q *Query) reset(id, flags uint16) {
	q.ID, q.Opcode, q.RD, q.Rcode = id, uint8(flags>>11&0xF), flags&0x0100 != 0, dns.RcodeSuccess
	q.Question, q.Type, q.Class = nil, 0, 0
	q.EDNS, q.Version, q.DO, q.UDPSize = false, 0, false, dns.MinMsgSize
	q.CO = false
	q.NSID, q.Keepalive, q.HasSubnet, q.Subnet = false, false, false, Subnet{}
	q.Padding, q.Cookie = false, nil
	q.nameLen, q.count = 0, 0
}

func (q *Query) refuse(rcode int) Outcome {
	q.Rcode = rcode
	return Refuse
}

// parseQuestion reads the one question. Its name must not be compressed: nothing stands before it
// that a pointer could mean.
func (q *Query) parseQuestion(msg []byte) (end int, ok bool) {
	at := HeaderSize
	for {
		if at >= len(msg) {
			return 0, false
		}
		size := int(msg[at])
		start := at - HeaderSize
		if size > 63 || start+1+size > maxName || at+1+size > len(msg) {
			return 0, false
		}
		q.labels[q.count] = uint8(start)
		q.name[start] = byte(size)
		for i := 1; i <= size; i++ {
			q.name[start+i] = lower(msg[at+i])
		}
		at += 1 + size
		if size == 0 {
			break
		}
		if q.count++; q.count == len(q.labels) {
			return 0, false
		}
	}
	if at+4 > len(msg) {
		return 0, false
	}
	q.nameLen = at - HeaderSize
	q.Type = binary.BigEndian.Uint16(msg[at:])
	q.Class = binary.BigEndian.Uint16(msg[at+2:])
	q.Question = msg[HeaderSize : at+4]
	return at + 4, true
}

// parseAdditional looks for the OPT record, of which there may be one.
func (q *Query) parseAdditional(msg []byte, at, count int) Outcome {
	signed := false
	for range count {
		r, next, ok := nextRecord(msg, at)
		if !ok || signed { // a signature is the last record (RFC 8945 section 5.1)
			return q.refuse(dns.RcodeFormatError)
		}
		switch r.rrtype {
		case dns.TypeOPT:
			if q.EDNS || msg[at] != 0 {
				return q.refuse(dns.RcodeFormatError)
			}
			if rcode := q.parseOPT(r); rcode != dns.RcodeSuccess {
				return q.refuse(rcode)
			}
		case dns.TypeTSIG:
			signed = true
		}
		at = next
	}
	if at != len(msg) {
		return q.refuse(dns.RcodeFormatError)
	}
	if signed {
		// No key is known here, so none can be the right one (RFC 8945 section 5.2.1).
		return q.refuse(dns.RcodeNotAuth)
	}
	return Serve
}

// record is a resource record of a query.
type record struct {
	rrtype, class uint16
	ttl           uint32
	data          []byte
}

// nextRecord reads the record at an offset and says where the next begins.
func nextRecord(msg []byte, at int) (r record, next int, ok bool) {
	at, ok = skipName(msg, at)
	if !ok || at+10 > len(msg) {
		return record{}, 0, false
	}
	r.rrtype = binary.BigEndian.Uint16(msg[at:])
	r.class = binary.BigEndian.Uint16(msg[at+2:])
	r.ttl = binary.BigEndian.Uint32(msg[at+4:])
	size := int(binary.BigEndian.Uint16(msg[at+8:]))
	at += 10
	if at+size > len(msg) {
		return record{}, 0, false
	}
	r.data = msg[at : at+size]
	return r, at + size, true
}

// skipName passes over a name. A pointer ends it; where it leads is nobody's concern here.
func skipName(msg []byte, at int) (next int, ok bool) {
	for length := 0; at < len(msg); {
		size := int(msg[at])
		switch {
		case size == 0:
			return at + 1, true
		case size >= 0xC0:
			return at + 2, at+2 <= len(msg)
		case size > 63:
			return 0, false
		}
		length += 1 + size
		if length >= maxName {
			return 0, false
		}
		at += 1 + size
	}
	return 0, false
}
