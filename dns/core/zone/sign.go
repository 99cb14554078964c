package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Signed is what a node of a signed zone has for those who validate.
type Signed struct {
	sets []signedSet
	// proofs that the name has nothing but has, without an address type that is not there for everybody.
	proofs [lackings]dnssec.Proof
	has    []uint16
	host   bool
}

// signedSet is the signatures of a set, or of each window of it.
type signedSet struct {
	set *wire.Set
	by  []*wire.Set
}

// What a proof may have to leave out: of a host, either family of addresses.
const (
	lacksNothing = iota
	lacksA
	lacksAAAA
	lackings
)

// Of are the signatures of one of the node's sets, or of the window of it that begins with a record.
func (s *Signed) Of(set *wire.Set, start int) *wire.Set {
	for i := range s.sets {
		if s.sets[i].set == set {
			return s.sets[i].by[start]
		}
	}
	return nil
}

// lacks is which proof to give who asks for a type.
func (s *Signed) lacks(rrtype uint16) int {
	switch {
	case s.host && rrtype == dns.TypeA:
		return lacksA
	case s.host && rrtype == dns.TypeAAAA:
		return lacksAAAA
	}
	return lacksNothing
}

// Absence proves to who asks for a type that the name has none.
func (s *Signed) Absence(rrtype uint16) dnssec.Proof { return s.proofs[s.lacks(rrtype)] }

// Types are those that a proof names to who asks for a type, but for those of the proof itself. to is
// written over.
func (s *Signed) Types(rrtype uint16, to []uint16) []uint16 {
	to = to[:0]
	for _, t := range s.has {
		if l := s.lacks(rrtype); l == lacksNothing || t != rrtype {
			to = append(to, t)
		}
	}
	return to
}

// signatures holds those of a snapshot by what they are of, so that the next takes them over.
type signatures struct {
	made, before map[identity]made
	jobs         []job
	next         time.Time // when the first is to be made anew
}

// identity stands for everything that signatures depend on besides time.
type identity [sha256.Size]byte

type made struct {
	proof dnssec.Proof // or just its Signature
	until time.Time
}

// job makes signatures and puts them where they belong.
type job struct {
	id   identity
	make func() (dnssec.Proof, time.Time, error)
	put  []func(dnssec.Proof)
	made made
	err  error
}

func newSignatures(in Input) *signatures {
	s := &signatures{made: map[identity]made{}}
	if in.Previous != nil && in.Previous.signatures != nil {
		s.before = in.Previous.signatures.made
	}
	return s
}

// want has signatures put somewhere, from before if they are good at that moment.
func (s *signatures) want(id identity, at time.Time, make func() (dnssec.Proof, time.Time, error), put func(dnssec.Proof)) {
	if m, ok := s.before[id]; ok && at.Before(m.until) {
		s.keep(id, m)
		put(m.proof)
		return
	}
	s.jobs = append(s.jobs, job{id: id, make: make, put: []func(dnssec.Proof){put}})
}

func (s *signatures) keep(id identity, m made) {
	s.made[id] = m
	if s.next.IsZero() || m.until.Before(s.next) {
		s.next = m.until
	}
}

// run makes what is new. each calls a function for every number below n, in any order and perhaps
// several at a time.
func (s *signatures) run(each func(n int, do func(i int)), failed func(error)) {
	if each == nil {
		each = func(n int, do func(int)) {
			for i := range n {
				do(i)
			}
		}
	}
	each(len(s.jobs), func(i int) {
		j := &s.jobs[i]
		j.made.proof, j.made.until, j.err = j.make()
	})
	for i := range s.jobs {
		j := &s.jobs[i]
		if j.err != nil {
			failed(j.err)
			continue
		}
		s.keep(j.id, j.made)
		for _, put := range j.put {
			put(j.made.proof)
		}
	}
	s.jobs, s.before = nil, nil
}

// useKeys takes the keys of the zone, if there are any.
func (d *draft) useKeys(rings map[string]*dnssec.Ring) {
	if r := rings[d.zone.Domain]; r != nil && r.Domain == d.zone.Domain {
		d.ring = r
	}
}

// addKeys gives the apex the records of the zone's keys.
func (d *draft) addKeys(apex *Node) {
	if !d.ring.Signs() {
		return
	}
	keys, cds, cdnskey, err := d.ring.KeyRecords()
	if err != nil {
		d.report(spec.Child("dnssec"), "%v", err)
	}
	for _, r := range []struct {
		rrtype uint16
		data   []wire.Data
	}{{dns.TypeDNSKEY, keys}, {dns.TypeCDS, cds}, {dns.TypeCDNSKEY, cdnskey}} {
		if len(r.data) > 0 {
			apex.add(wire.NewSet(d.apex, r.rrtype, d.ttl, r.data))
		}
	}
}

// sign has everything signed that the zone answers.
func (d *draft) sign(c *compiler) {
	if d.spec.DNSSEC != nil && !d.ring.Signs() {
		d.report(spec.Child("dnssec"), "the zone is served without signatures: its keys are not there yet")
	}
	for _, n := range d.nodes {
		d.zone.MaxTTL = max(d.zone.MaxTTL, n.longest())
	}
	if !d.ring.Signs() {
		return
	}
	online := c.in.Online
	if online == nil {
		online = &dnssec.Online{}
	}
	d.zone.Signing = &dnssec.Signing{Ring: d.ring, Apex: d.apex, Online: online, At: c.in.Now, NegativeTTL: d.zone.Negative.TTL}
	s := &signer{signatures: c.signatures, Signing: d.zone.Signing}
	for _, name := range sortedNames(d.nodes) {
		s.node(name, d.nodes[name])
	}
	s.set(d.apex, d.zone.Negative, wire.All, true, func(p dnssec.Proof) { d.zone.NegativeSignature = p.Signature })
	d.zone.GlueSignatures = make([]*wire.Set, len(d.zone.Glue))
	for i, g := range d.zone.Glue {
		s.set(d.glueOwners[i], g, wire.All, true, func(p dnssec.Proof) { d.zone.GlueSignatures[i] = p.Signature })
	}
}

// longest is the longest TTL of a node's records.
func (n *Node) longest() uint32 {
	longest := uint32(0)
	for _, s := range n.Sets {
		longest = max(longest, s.TTL)
	}
	if n.Alias != nil {
		longest = max(longest, n.Alias.Set.TTL)
	}
	if n.Cut != nil {
		longest = max(longest, n.Cut.NS.TTL)
	}
	if n.Host != nil {
		longest = max(longest, n.Host.Plan.TTL)
	}
	return longest
}

// signer signs a zone.
type signer struct {
	*signatures
	*dnssec.Signing
}

func (s *signer) node(name wire.Name, n *Node) {
	n.Signed = &Signed{host: n.Host != nil}
	for _, set := range n.Sets {
		s.add(name, n, set, 0)
	}
	types := n.types()
	if n.Alias != nil {
		s.add(name, n, n.Alias.Set, 0)
	}
	if n.Host != nil {
		for i := range n.Host.Plan.Answers {
			a := &n.Host.Plan.Answers[i]
			for _, set := range []*wire.Set{a.A, a.AAAA, a.CNAME} {
				s.add(name, n, set, n.Host.Plan.MaxAnswers)
			}
		}
	}
	n.Signed.has = types
	for lack, without := range []uint16{lacksNothing: 0, lacksA: dns.TypeA, lacksAAAA: dns.TypeAAAA} {
		if lack != lacksNothing && n.Host == nil {
			break
		}
		has := slices.DeleteFunc(slices.Clone(types), func(t uint16) bool { return t == without })
		s.absence(name, has, func(p dnssec.Proof) { n.Signed.proofs[lack] = p })
	}
}

// types are those that a name has. Those of a host that has them for some clients only are among them:
// a resolver that makes its own answers out of proofs (RFC 8198) must not deny to one client what there
// is for another. An alias that some endpoints are answered with shows as the addresses that it leads
// to, since no proof can have CNAME among its types.
func (n *Node) types() []uint16 {
	var out []uint16
	for _, set := range n.Sets {
		out = append(out, set.Type)
	}
	switch {
	case n.Alias != nil:
		out = append(out, dns.TypeCNAME)
	case n.Cut != nil:
		out = append(out, dns.TypeNS)
	case n.Host != nil:
		for _, a := range n.Host.Plan.Answers {
			if a.A != nil || a.CNAME != nil {
				out = append(out, dns.TypeA)
			}
			if a.AAAA != nil || a.CNAME != nil {
				out = append(out, dns.TypeAAAA)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// add signs a set of a node, and where not all of its records go into an answer, each window of it.
func (s *signer) add(name wire.Name, n *Node, set *wire.Set, most int) {
	if set == nil || n.Signed.knows(set) {
		return
	}
	windows, count := 1, wire.All
	if most > 0 && set.Count > most {
		windows, count = set.Count, most
	}
	signed := signedSet{set, make([]*wire.Set, windows)}
	n.Signed.sets = append(n.Signed.sets, signed)
	for start := range windows {
		s.window(name, set, start, count, false, func(p dnssec.Proof) { signed.by[start] = p.Signature })
	}
}

func (s *Signed) knows(set *wire.Set) bool {
	return slices.ContainsFunc(s.sets, func(o signedSet) bool { return o.set == set })
}

func (s *signer) set(owner wire.Name, set *wire.Set, count int, placed bool, put func(dnssec.Proof)) {
	s.window(owner, set, 0, count, placed, put)
}

func (s *signer) window(owner wire.Name, set *wire.Set, start, count int, placed bool, put func(dnssec.Proof)) {
	id := s.identify('s', owner, placed, start, count, set.Bytes())
	s.want(id, s.At, func() (dnssec.Proof, time.Time, error) {
		sig, until, err := s.Signatures(owner, set, start, count, placed)
		return dnssec.Proof{Signature: sig}, until, err
	}, put)
}

func (s *signer) absence(owner wire.Name, has []uint16, put func(dnssec.Proof)) {
	var b []byte
	for _, t := range has {
		b = binary.BigEndian.AppendUint16(b, t)
	}
	id := s.identify('n', owner, true, int(s.NegativeTTL), 0, b)
	s.want(id, s.At, func() (dnssec.Proof, time.Time, error) { return s.Absence(owner, true, has) }, put)
}

func (s *signer) identify(kind byte, owner wire.Name, placed bool, start, count int, content []byte) identity {
	b := make([]byte, 0, 512)
	b = append(b, s.Ring.Print()...)
	b = append(b, kind)
	if placed {
		b = append(b, 1)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(start))
	b = binary.BigEndian.AppendUint32(b, uint32(int32(count)))
	b = append(append(b, s.Apex...), owner...)
	return sha256.Sum256(append(b, content...))
}
