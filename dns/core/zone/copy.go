package zone

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Copy is the content of a zone that another server is the primary of.
type Copy struct {
	SOA     wire.Record
	Records []wire.Record
	// Expired: the primary was not heard for longer than the SOA allows (RFC 1035 section 3.3.13).
	Expired bool
}

// copyOf takes what is known of a zone that another server is the primary of. Without anything the
// zone is as good as expired.
func (d *draft) copyOf(all map[string]*Copy) {
	if d.given.copied = all[d.zone.Domain]; d.spec.Secondary == nil {
		return
	}
	d.sources[0].records = nil
	if d.copied = d.given.copied; d.copied == nil || d.copied.Expired {
		d.copied, d.zone.Expired = nil, true
	}
}

// readCopy reads the records of a copy. The primary has made sure of what may stand beside what.
func (d *draft) readCopy() {
	if d.copied == nil {
		return
	}
	at := spec.Child("secondary")
	for _, r := range d.copied.Records {
		data := wire.Data{Wire: []byte(r.Data), Tail: rdata.Compressible(r.Type)}
		if r.Name == d.apex && r.Type == dns.TypeNS {
			d.ttl, d.ns = r.TTL, append(d.ns, data)
			continue
		}
		if d.records[r.Name] == nil {
			d.records[r.Name] = recordSets{}
		}
		set := d.records[r.Name][r.Type]
		if set == nil {
			set = &recordSet{rrtype: r.Type, ttl: r.TTL, by: d.sources[0], at: at}
			d.records[r.Name][r.Type] = set
		}
		set.data = append(set.data, data)
	}
	for name, types := range d.records {
		if c := types[dns.TypeCNAME]; c != nil {
			d.records[name] = recordSets{dns.TypeCNAME: c} // whatever else is there is hidden behind it
			c.data = c.data[:1]
		}
	}
}

// takeSOA takes the start of authority over as it is.
func (d *draft) takeSOA() {
	if d.copied == nil {
		return
	}
	soa := d.copied.SOA
	numbers := []byte(soa.Data[len(soa.Data)-20:])
	d.zone.Serial = Serial{Serial: binary.BigEndian.Uint32(numbers), Digest: "copy"}
	record := []wire.Data{{Wire: []byte(soa.Data), Tail: -1}}
	d.zone.SOA = wire.NewSet(d.apex, dns.TypeSOA, soa.TTL, record)
	d.zone.Negative = wire.NewSetOf(d.apex, d.apex, dns.TypeSOA, min(soa.TTL, binary.BigEndian.Uint32(numbers[16:])), record)
}
