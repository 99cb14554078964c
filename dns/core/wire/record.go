package wire

import (
	"cmp"
	"encoding/binary"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// Record is a resource record of class IN outside of a message: no name in it is compressed. Records
// are compared with ==.
type Record struct {
	Name Name
	Type uint16
	TTL  uint32
	Data string
}

// Compare orders records by name, type, data and TTL. The order has no meaning of its own.
func (r Record) Compare(o Record) int {
	return cmp.Or(strings.Compare(string(r.Name), string(o.Name)), cmp.Compare(r.Type, o.Type),
		strings.Compare(r.Data, o.Data), cmp.Compare(r.TTL, o.TTL))
}

// Records are those of a set in a zone. The owner counts only where the set has none of its own.
func (s *Set) Records(owner, apex Name) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		pointers := s.apex
		// expand is the wire from one offset to another, with the pointers to the apex followed.
		expand := func(from, to int) string {
			var b strings.Builder
			for len(pointers) > 0 && int(pointers[0]) < to {
				b.Write(s.wire[from:pointers[0]])
				b.WriteString(string(apex))
				from, pointers = int(pointers[0])+2, pointers[1:]
			}
			b.Write(s.wire[from:to])
			return b.String()
		}
		for at := 0; at < len(s.wire); {
			end, _ := skipName(s.wire, at) // it is well formed
			name := owner
			if len(s.starts) == 0 {
				name = Name(expand(at, end))
			}
			size := int(binary.BigEndian.Uint16(s.wire[end+8:]))
			r := Record{Name: name, Type: s.Type, TTL: s.TTL, Data: expand(end+10, end+10+size)}
			if !yield(r) {
				return
			}
			at = end + 10 + size
		}
	}
}

// Unsigned is a query without the TSIG record at its end. It is false for a message that does not end
// in one.
func Unsigned(msg []byte) (plain []byte, ok bool) {
	if len(msg) < HeaderSize {
		return nil, false
	}
	extra := binary.BigEndian.Uint16(msg[10:])
	if extra == 0 {
		return nil, false
	}
	at := HeaderSize
	for range binary.BigEndian.Uint16(msg[4:]) {
		if at, ok = skipName(msg, at); !ok {
			return nil, false
		}
		at += 4
	}
	records := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:])) + int(extra)
	var last record
	begin := at
	for range records {
		begin = at
		if last, at, ok = nextRecord(msg, at); !ok {
			return nil, false
		}
	}
	if last.rrtype != dns.TypeTSIG || at != len(msg) {
		return nil, false
	}
	plain = append([]byte(nil), msg[:begin]...)
	binary.BigEndian.PutUint16(plain[10:], extra-1)
	return plain, true
}
