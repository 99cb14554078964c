package wire

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/api/traffic/rdata"
)

// pointer is the first byte of a compressed name's pointer (RFC 1035 section 4.1.4).
const pointer = 0xC0

// Set is a resource record set in the form in which it is copied into answers. It is immutable.
//
// Two kinds of names in it depend on the question: its owner, where that is the question's name,
// and names that end in the zone's apex, which is always a suffix of the question's name. Both are
// compression pointers whose places are known, so that a copy and a few patched bytes make an
// answer.
type Set struct {
	Type uint16
	TTL  uint32
	// Count of records.
	Count int

	wire   []byte
	starts []uint16 // where each record begins, if its owner is the question's name
	apex   []uint16 // where pointers to the apex are
	target int      // where the name in the data of a CNAME begins
}

// Data is the data of one record. For types whose data may be compressed (RFC 3597 section 4) and
// ends in a name, Tail says where that name begins; -1 elsewhere.
type Data struct {
	Wire []byte
	Tail int
}

// NewSet builds a set whose owner is the question's name. Records that are there twice are kept
// once (RFC 2181 section 5).
func NewSet(apex Name, rrtype uint16, ttl uint32, data []Data) *Set {
	return newSet(apex, "", dns.ClassINET, rrtype, ttl, data)
}

// NewSetOf builds a set for the authority or additional section, with an owner at or below the
// apex.
func NewSetOf(apex, owner Name, rrtype uint16, ttl uint32, data []Data) *Set {
	return newSet(apex, owner, dns.ClassINET, rrtype, ttl, data)
}

// NewChaosSet builds a set of the class CHAOS whose owner is the question's name, with a TTL of 0:
// what a server says about itself is not to be remembered.
func NewChaosSet(rrtype uint16, data []Data) *Set {
	return newSet(Root, "", dns.ClassCHAOS, rrtype, 0, data)
}

func newSet(apex, owner Name, class, rrtype uint16, ttl uint32, data []Data) *Set {
	s := &Set{Type: rrtype, TTL: ttl}
	size := 0
	for _, d := range data {
		size += max(len(owner), 2) + 10 + len(d.Wire)
	}
	s.wire = make([]byte, 0, size)
	if owner == "" {
		s.starts = make([]uint16, 0, len(data))
	}
	for i, d := range data {
		if contains(data[:i], d) {
			continue
		}
		if owner == "" {
			s.starts = append(s.starts, uint16(len(s.wire)))
			s.wire = append(s.wire, pointer, HeaderSize)
		} else {
			s.appendName(owner, apex)
		}
		s.wire = binary.BigEndian.AppendUint16(s.wire, rrtype)
		s.wire = binary.BigEndian.AppendUint16(s.wire, class)
		s.wire = binary.BigEndian.AppendUint32(s.wire, ttl)
		size := len(s.wire)
		s.wire = append(s.wire, 0, 0)
		s.target = len(s.wire)
		s.appendData(d, apex)
		binary.BigEndian.PutUint16(s.wire[size:], uint16(len(s.wire)-size-2))
		s.Count++
	}
	return s
}

func contains(all []Data, d Data) bool {
	for _, o := range all {
		if bytes.Equal(o.Wire, d.Wire) {
			return true
		}
	}
	return false
}

func (s *Set) appendData(d Data, apex Name) {
	if d.Tail < 0 {
		s.wire = append(s.wire, d.Wire...)
		return
	}
	s.wire = append(s.wire, d.Wire[:d.Tail]...)
	s.appendName(Name(d.Wire[d.Tail:]), apex)
}

// appendName writes a name, its end as a pointer to the apex where it lies in the zone.
func (s *Set) appendName(n, apex Name) {
	head := len(n) - len(apex)
	if head < 0 || !strings.EqualFold(string(n[head:]), string(apex)) || !onBoundary(n, head) {
		s.wire = append(s.wire, n...)
		return
	}
	s.wire = append(s.wire, n[:head]...)
	s.apex = append(s.apex, uint16(len(s.wire)))
	s.wire = append(s.wire, pointer, 0)
}

// onBoundary reports whether a label begins at an offset.
func onBoundary(n Name, at int) bool {
	i := 0
	for i < at {
		i += 1 + int(n[i])
	}
	return i == at
}

// Size of the set in a message.
func (s *Set) Size() int { return len(s.wire) }

// Bytes are the set's records with their pointers unset. They must not be changed.
func (s *Set) Bytes() []byte { return s.wire }

// append copies the set. owner and apex are offsets in the message.
func (s *Set) append(dst []byte, owner, apex uint16) []byte {
	at := len(dst)
	dst = append(dst, s.wire...)
	if owner != HeaderSize {
		for _, i := range s.starts {
			binary.BigEndian.PutUint16(dst[at+int(i):], pointer<<8|owner)
		}
	}
	for _, i := range s.apex {
		binary.BigEndian.PutUint16(dst[at+int(i):], pointer<<8|apex)
	}
	return dst
}

// appendWindow copies count records of equal size, beginning with record start and going round. It
// is meant for addresses, which hold no names.
func (s *Set) appendWindow(dst []byte, owner uint16, start, count int) []byte {
	size := len(s.wire) / s.Count
	for range count {
		at := len(dst)
		dst = append(dst, s.wire[start*size:(start+1)*size]...)
		binary.BigEndian.PutUint16(dst[at:], pointer<<8|owner)
		if start++; start == s.Count {
			start = 0
		}
	}
	return dst
}

// NameData is the data of a record that is a name alone: CNAME, NS.
func NameData(n Name) Data { return Data{Wire: []byte(n), Tail: 0} }

// ParseData reads the data of one record in presentation format; see package rdata. Equal records are
// equal bytes, but for the case of names.
func ParseData(rrtype uint16, value string) (Data, error) {
	data, err := rdata.Parse(rrtype, value)
	return Data{Wire: data, Tail: rdata.Compressible(rrtype)}, err
}

// Name is the name that the data ends in, in lower case. The data must end in one.
func (d Data) Name() Name {
	name := bytes.Clone(d.Wire[d.Tail:])
	for i := range name {
		name[i] = lower(name[i])
	}
	return Name(name)
}
