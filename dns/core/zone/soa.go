package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// readSOA reads what the start of authority is made of besides the serial.
func (d *draft) readSOA() {
	soa := d.spec.SOA
	if soa == nil {
		soa = &trafficv1alpha1.SOA{}
	}
	d.timers = [4]uint32{
		seconds(soa.Refresh, time.Hour, leastTTL, 30*24*time.Hour),
		seconds(soa.Retry, 5*time.Minute, leastTTL, 30*24*time.Hour),
		seconds(soa.Expire, 7*24*time.Hour, leastTTL, 365*24*time.Hour),
		seconds(soa.NegativeTTL, 30*time.Second, leastTTL, 3*time.Hour), // RFC 2308 section 5
	}
	d.authority = append([]byte(d.primary()), d.contact(soa.Contact)...)
}

// number gives the zone the serial of its content, and makes its start of authority.
func (d *draft) number(in *Input) {
	d.given.global = in.Global[d.zone.Domain]
	d.zone.Serial = next(in.Serials[d.zone.Domain], d.digest(d.given.global), in.Now)
	data := binary.BigEndian.AppendUint32(slices.Clone(d.authority), d.zone.Serial.Serial)
	for _, n := range d.timers {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	record := []wire.Data{{Wire: data, Tail: -1}}
	d.zone.SOA = wire.NewSet(d.apex, dns.TypeSOA, d.ttl, record)
	d.zone.Negative = wire.NewSetOf(d.apex, d.apex, dns.TypeSOA, min(d.ttl, d.timers[3]), record)
}

// next is the serial for a content. It is the time in seconds, or one more than the last where that
// is already as large: it only grows, in the sense of RFC 1982, even where a server has forgotten
// what it served last, and servers that see a change together name it alike.
func next(last Serial, digest string, now time.Time) Serial {
	if last.Digest == digest {
		return last
	}
	serial := uint32(now.Unix())
	if last.Digest != "" && int32(serial-last.Serial) <= 0 {
		serial = last.Serial + 1
	}
	return Serial{serial, digest}
}

// primary is the name in the SOA of the server that has the zone first-hand.
func (d *draft) primary() wire.Name {
	if len(d.ns) == 0 {
		return d.apex
	}
	return d.ns[0].Name()
}

// contact is a mailbox as a name: what stands before the @ is its first label (RFC 1035 section 8).
func (d *draft) contact(mailbox string) wire.Name {
	local, domain, ok := strings.Cut(mailbox, "@")
	if mailbox == "" {
		local, domain, ok = "hostmaster", d.zone.Domain, true
	}
	at, err := wire.ParseName(domain)
	if !ok || err != nil || local == "" || len(local) > 63 || len(local)+1+len(at) > 255 {
		d.report(spec.Child("soa", "contact"), "%q is not a mailbox such as hostmaster@example.com", mailbox)
		return "\x0ahostmaster" + d.apex
	}
	return wire.Name(append([]byte{byte(len(local))}, local...)) + at
}

// digest stands for everything that the zone answers; of verdicts only for what copies of it hold.
func (d *draft) digest(global string) string {
	h := sha256.New()
	if global != "" {
		fmt.Fprintln(h, global)
	}
	h.Write(d.authority)
	fmt.Fprintln(h, d.ttl, d.timers, d.sum)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sum is the digests of nodes together, in whatever order they come: that of a zone is known after a
// change of some of its nodes without looking at the others.
type sum [2]uint64

func (s *sum) add(n *Node) {
	d := n.digest()
	var carry uint64
	s[0], carry = bits.Add64(s[0], d[0], 0)
	s[1], _ = bits.Add64(s[1], d[1], carry)
}

func (s *sum) remove(n *Node) {
	d := n.digest()
	var borrow uint64
	s[0], borrow = bits.Sub64(s[0], d[0], 0)
	s[1], _ = bits.Sub64(s[1], d[1], borrow)
}

// digest of a name and all that it is answered with, but for the SOA, which holds the serial.
func (n *Node) digest() sum {
	b := appendText(make([]byte, 0, 1024), string(n.Name))
	for _, s := range n.Sets {
		if s.Type != dns.TypeSOA {
			b = appendSet(b, s)
		}
	}
	if n.Alias != nil {
		b = appendSet(append(b, 'a'), n.Alias.Set)
	}
	if n.Cut != nil {
		b = appendSet(append(b, 'c'), n.Cut.NS)
		for _, g := range n.Cut.Glue {
			b = appendSet(b, g)
		}
	}
	if n.Host != nil {
		b = n.Host.appendDigest(append(b, 'h'))
	}
	d := sha256.Sum256(b)
	return sum{binary.BigEndian.Uint64(d[:]), binary.BigEndian.Uint64(d[8:])}
}

// appendSet appends what stands for a set in a digest, or for there being none.
func appendSet(b []byte, s *wire.Set) []byte {
	if s == nil {
		return append(b, 0)
	}
	b = binary.BigEndian.AppendUint16(append(b, 1), s.Type)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Bytes())))
	return append(b, s.Bytes()...)
}

func appendText(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}

// appendDigest appends what stands for what a host may be answered with and how that is chosen.
func (h *Host) appendDigest(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, h.Plan.TTL)
	b = append(b, byte(h.Plan.MaxAnswers))
	for i, e := range h.Steer.Endpoints() {
		b = appendText(appendText(b, e.Cluster), string(e.State))
		if e.Usable {
			b = append(b, 1)
		}
		b = appendSet(b, h.Plan.Answers[i].A)
		b = appendSet(b, h.Plan.Answers[i].AAAA)
		b = appendSet(b, h.Plan.Answers[i].CNAME)
	}
	for _, ranking := range h.Steer.Rankings() {
		b = append(b, 'r')
		for _, tier := range ranking {
			b = append(b, 't')
			for _, w := range tier {
				b = binary.BigEndian.AppendUint32(b, uint32(w.Endpoint))
				b = binary.BigEndian.AppendUint32(b, uint32(w.Weight))
			}
		}
	}
	return b
}
