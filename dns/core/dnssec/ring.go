package dnssec

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Ring is the keys of a zone, by what they are for now. It is immutable.
type Ring struct {
	Domain string
	// Version of the State that it was made of.
	Version string
	// Published are in the DNSKEY set, Entry sign that, Data everything else. Asked are those whose DS
	// the parent is asked for; with Delete it is asked to have none.
	Published, Entry, Data, Asked []*Key
	Delete                        bool

	print [8]byte // stands for the keys
}

// ParseRing reads the data of a Secret with a zone's keys. A zone that is not signed has a ring without
// keys. Errors say nothing of the keys themselves.
func ParseRing(data map[string][]byte) (*Ring, error) {
	s, err := ParseState(data)
	if err != nil {
		return nil, err
	}
	r := &Ring{Domain: s.Domain, Version: s.Version(), Delete: s.Delete}
	print := sha256.New()
	for i := range s.Keys {
		l := &s.Keys[i]
		if !l.InKeySet() && !l.SignsData() {
			continue
		}
		k, err := ParseKey(string(data[l.ID+trafficv1alpha1.ZoneKeysPublicSuffix]), string(data[l.ID+trafficv1alpha1.ZoneKeysPrivateSuffix]))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", l.ID, err)
		}
		if k.DNSKEY.Hdr.Name != dns.CanonicalName(s.Domain) || k.DNSKEY.Algorithm != l.Algorithm || k.Entry() != l.Role.entry() {
			return nil, fmt.Errorf("key %s is not a %s of %s", l.ID, l.Role, s.Domain)
		}
		fmt.Fprintln(print, k.DNSKEY.String(), l.SignsKeySet(), l.SignsData())
		for _, use := range []struct {
			of   bool
			list *[]*Key
		}{{l.InKeySet(), &r.Published}, {l.SignsKeySet(), &r.Entry}, {l.SignsData(), &r.Data}, {!l.Submitted.IsZero(), &r.Asked}} {
			if use.of {
				*use.list = append(*use.list, k)
			}
		}
	}
	copy(r.print[:], print.Sum(nil))
	return r, nil
}

// ParseState reads the state in the data of a Secret with a zone's keys.
func ParseState(data map[string][]byte) (*State, error) {
	s := &State{}
	if err := json.Unmarshal(data[trafficv1alpha1.ZoneKeysState], s); err != nil {
		return nil, fmt.Errorf("%s: %w", trafficv1alpha1.ZoneKeysState, err)
	}
	if s.Domain == "" {
		return nil, fmt.Errorf("%s names no domain", trafficv1alpha1.ZoneKeysState)
	}
	return s, nil
}

// Print stands for the keys and what they sign.
func (r *Ring) Print() []byte { return r.print[:] }

// Signs says whether anything is signed with the ring.
func (r *Ring) Signs() bool { return r != nil && len(r.Data) > 0 }

// KeyRecords are the DNSKEY, CDS and CDNSKEY records of the zone, each as the data of a set; the last
// two are empty unless the parent is asked for something (RFC 7344 section 4, RFC 8078 section 4).
func (r *Ring) KeyRecords() (keys, cds, cdnskey []wire.Data, err error) {
	add := func(to *[]wire.Data, rr dns.RR) {
		d, e := wire.DataOf(rr)
		if e != nil {
			err = e
			return
		}
		*to = append(*to, d)
	}
	for _, k := range r.Published {
		add(&keys, k.DNSKEY)
	}
	for _, k := range r.Asked {
		add(&cds, k.DS().ToCDS())
		add(&cdnskey, k.DNSKEY.ToCDNSKEY())
	}
	if r.Delete {
		header := dns.RR_Header{Name: dns.Fqdn(r.Domain), Class: dns.ClassINET}
		cds, cdnskey = nil, nil
		header.Rrtype = dns.TypeCDS
		add(&cds, &dns.CDS{DS: dns.DS{Hdr: header, Digest: "00"}})
		header.Rrtype = dns.TypeCDNSKEY
		add(&cdnskey, &dns.CDNSKEY{DNSKEY: dns.DNSKEY{Hdr: header, Protocol: 3, PublicKey: "AA=="}})
	}
	return keys, cds, cdnskey, err
}

// For are the keys that sign a type of record.
func (r *Ring) For(rrtype uint16) []*Key {
	switch rrtype {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		// The parent believes what the keys that it knows have signed (RFC 7344 section 4.1).
		return r.Entry
	}
	return r.Data
}

// Sign signs records of one set with all keys that have to. The set of signatures has the question's
// name for its owner, or, if placed, the records' own.
func (r *Ring) Sign(records []dns.RR, apex wire.Name, placed bool, p Period) (*wire.Set, error) {
	head := records[0].Header()
	owner, ttl, rrtype := head.Name, head.Ttl, head.Rrtype
	var data []wire.Data
	for _, k := range r.For(rrtype) {
		sig, err := k.Sign(slices.Clone(records), p)
		if err != nil {
			return nil, err
		}
		d, err := wire.DataOf(sig)
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("no key signs %s %s", owner, dns.Type(rrtype))
	}
	if !placed {
		return wire.NewSet(wire.Root, dns.TypeRRSIG, ttl, data), nil
	}
	name, err := wire.ParseName(owner)
	if err != nil {
		return nil, err
	}
	return wire.NewSetOf(apex, name, dns.TypeRRSIG, ttl, data), nil
}
