package dnssec

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/miekg/dns"
)

// Validity of signatures: they are made anew every Renewal and count for Lifetime, so that what is
// served counts for another Lifetime - Renewal at least, which is how long servers may be without new
// ones. Skew is how far clocks of resolvers may be behind.
const (
	Lifetime = 14 * 24 * time.Hour
	Renewal  = Lifetime / 4
	Skew     = time.Hour
	// Batch is how far apart the moments are at which signatures are made anew, so that it is done for
	// many names at once.
	Batch = 10 * time.Minute
)

// Period is when a signature counts.
type Period struct{ Inception, Expiration time.Time }

// PeriodOf is the period of the signatures over a name's sets at a moment, and when the next begins. It
// is the same on all servers. Names change over at different moments, so that a zone is not signed anew
// at once.
func PeriodOf(owner string, now time.Time) (p Period, next time.Time) {
	h := fnv.New64a()
	h.Write([]byte(dns.CanonicalName(owner)))
	const every, batch = int64(Renewal / time.Second), int64(Batch / time.Second)
	offset := int64(h.Sum64()%uint64(every/batch)) * batch
	start := now.Unix() - offset
	start -= ((start % every) + every) % every
	begin := time.Unix(start+offset, 0).UTC()
	return Period{begin.Add(-Skew), begin.Add(Lifetime)}, begin.Add(Renewal)
}

// Sign signs a set: records of one owner, class, type and TTL. A wildcard's records have the wildcard
// for their owner. The set may be reordered and its names lowered, as its canonical form has it.
func (k *Key) Sign(set []dns.RR, p Period) (*dns.RRSIG, error) {
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Name: set[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: set[0].Header().Class, Ttl: set[0].Header().Ttl},
		Algorithm: k.DNSKEY.Algorithm, KeyTag: k.Tag, SignerName: k.DNSKEY.Hdr.Name,
		Inception: uint32(p.Inception.Unix()), Expiration: uint32(p.Expiration.Unix()),
	}
	if err := sig.Sign(k.signer, set); err != nil {
		return nil, fmt.Errorf("sign %s %s: %w", set[0].Header().Name, dns.Type(set[0].Header().Rrtype), err)
	}
	return sig, nil
}
