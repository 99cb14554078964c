package transfer

import (
	"encoding/binary"
	"iter"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

const (
	// enough is when a message is sent: what lies behind cannot be pointed at any more.
	enough = 16 << 10
	// room is what a message may have before it is signed.
	room = 65535 - 1024
)

// Head is what all messages of a transfer have in common.
type Head struct {
	ID uint16
	// Question as it came, in wire form.
	Question []byte
	// EDNS: the client speaks it.
	EDNS bool
}

// Messages packs records into messages, as many into each as is of use. They are valid until the next
// is asked for, which may be changed and appended to.
func Messages(h Head, records iter.Seq[wire.Record]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		p := packer{head: h}
		p.begin()
		for r := range records {
			if p.answers > 0 && (len(p.buf) >= enough || len(p.buf)+len(r.Name)+10+len(r.Data) > room) {
				if !yield(p.end()) {
					return
				}
				p.begin()
			}
			p.add(r)
		}
		yield(p.end())
	}
}

type packer struct {
	head    Head
	buf     []byte
	answers uint16
	extra   uint16
	sent    bool
	names   map[wire.Name]uint16 // where a name stands
}

func (p *packer) begin() {
	p.buf = append(p.buf[:0], make([]byte, wire.HeaderSize)...)
	p.buf = append(p.buf, p.head.Question...)
	p.answers, p.extra, p.names = 0, 0, map[wire.Name]uint16{}
}

func (p *packer) add(r wire.Record) {
	p.name(r.Name)
	p.buf = binary.BigEndian.AppendUint16(p.buf, r.Type)
	p.buf = binary.BigEndian.AppendUint16(p.buf, dns.ClassINET)
	p.buf = binary.BigEndian.AppendUint32(p.buf, r.TTL)
	p.buf = binary.BigEndian.AppendUint16(p.buf, uint16(len(r.Data)))
	p.buf = append(p.buf, r.Data...)
	p.answers++
}

// mostPointed is the highest offset that a pointer can name.
const mostPointed = 0x3FFF

// name writes an owner, its end as a pointer to where it stands already. Names in data are left as they
// are: they are few, and not all may be compressed.
func (p *packer) name(n wire.Name) {
	for ; n != wire.Root; n = n.Parent() {
		if at, ok := p.names[n]; ok {
			p.buf = binary.BigEndian.AppendUint16(p.buf, 0xC000|at)
			return
		}
		if len(p.buf) <= mostPointed {
			p.names[n] = uint16(len(p.buf))
		}
		p.buf = append(p.buf, n[:1+n[0]]...)
	}
	p.buf = append(p.buf, 0)
}

func (p *packer) end() []byte {
	if p.head.EDNS && !p.sent {
		p.buf = append(p.buf, 0, 0, byte(dns.TypeOPT), wire.UDPSize>>8, wire.UDPSize&0xFF, 0, 0, 0, 0, 0, 0)
		p.extra = 1
	}
	p.sent = true
	b := p.buf
	binary.BigEndian.PutUint16(b, p.head.ID)
	binary.BigEndian.PutUint16(b[2:], 0x8400) // an authoritative answer
	binary.BigEndian.PutUint16(b[4:], 1)
	binary.BigEndian.PutUint16(b[6:], p.answers)
	binary.BigEndian.PutUint16(b[8:], 0)
	binary.BigEndian.PutUint16(b[10:], p.extra)
	return b
}
