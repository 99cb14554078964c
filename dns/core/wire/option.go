package wire

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// HasOption reports whether a message of any opcode has an EDNS option. What cannot be read has none:
// it is refused for that where it is answered.
func HasOption(msg []byte, code uint16) bool {
	if len(msg) < HeaderSize {
		return false
	}
	at, ok := HeaderSize, true
	for range binary.BigEndian.Uint16(msg[4:]) {
		if at, ok = skipName(msg, at); !ok {
			return false
		}
		at += 4
	}
	records := 0
	for section := 6; section < HeaderSize; section += 2 {
		records += int(binary.BigEndian.Uint16(msg[section:]))
	}
	for range records {
		r, next, ok := nextRecord(msg, at)
		if !ok {
			return false
		}
		if r.rrtype == dns.TypeOPT && r.hasOption(code) {
			return true
		}
		at = next
	}
	return false
}

// hasOption looks through the data of an OPT record.
func (r record) hasOption(code uint16) bool {
	for data := r.data; len(data) >= 4; {
		if binary.BigEndian.Uint16(data) == code {
			return true
		}
		size := 4 + int(binary.BigEndian.Uint16(data[2:]))
		if size > len(data) {
			return false
		}
		data = data[size:]
	}
	return false
}
