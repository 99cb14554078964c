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

// job makes signatures: of a set or a window of it, or a proof of what a name has. It puts them where
// they belong, which is one of the last two.
type job struct {
	id     identity
	with   *dnssec.Signing
	owner  wire.Name
	set    *wire.Set // nil for a proof
	start  int
	count  int
	placed bool
	types  []uint16
	sig    **wire.Set
	proof  *dnssec.Proof

	made made
	err  error
}

func newSignatures(in Input) *signatures {
	s := &signatures{}
	if in.Previous != nil && in.Previous.signatures != nil {
		s.before = in.Previous.signatures.made
	}
	s.made = make(map[identity]made, len(s.before))
	return s
}

// want has a job done, or its result taken over from before if that is still good.
func (s *signatures) want(j job) {
	if m, ok := s.before[j.id]; ok && j.with.At.Before(m.until) {
		j.made = m
		s.keep(&j)
		return
	}
	s.jobs = append(s.jobs, j)
}

func (s *signatures) keep(j *job) {
	s.made[j.id] = j.made
	if until := j.made.until; s.next.IsZero() || until.Before(s.next) {
		s.next = until
	}
	if j.proof != nil {
		*j.proof = j.made.proof
	} else {
		*j.sig = j.made.proof.Signature
	}
}

func (j *job) run() {
	if j.set == nil {
		j.made.proof, j.made.until, j.err = j.with.Absence(j.owner, true, j.types)
		return
	}
	j.made.proof.Signature, j.made.until, j.err = j.with.Signatures(j.owner, j.set, j.start, j.count, j.placed)
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
	each(len(s.jobs), func(i int) { s.jobs[i].run() })
	for i := range s.jobs {
		if j := &s.jobs[i]; j.err != nil {
			failed(j.err)
		} else {
			s.keep(j)
		}
	}
	s.jobs, s.before = nil, nil
}

// useKeys takes the keys of the zone, if there are any.
func (d *draft) useKeys(rings map[string]*dnssec.Ring) {
	if r := rings[d.zone.Domain]; r != nil && r.Domain == d.zone.Domain && d.spec.Secondary == nil {
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
	for name, n := range d.nodes {
		s.node(name, n)
	}
	s.sign(job{owner: d.apex, set: d.zone.Negative, count: wire.All, placed: true, sig: &d.zone.NegativeSignature})
	d.zone.GlueSignatures = make([]*wire.Set, len(d.zone.Glue))
	for i, g := range d.zone.Glue {
		s.sign(job{owner: d.glueOwners[i], set: g, count: wire.All, placed: true, sig: &d.zone.GlueSignatures[i]})
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
	scratch []byte
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
	for i := range n.Services {
		for _, set := range n.Services[i].Sets {
			s.add(name, n, set, 0)
		}
	}
	if n.Cut != nil {
		s.cut(n)
	}
	n.Signed.has = types
	for lack, without := range []uint16{lacksNothing: 0, lacksA: dns.TypeA, lacksAAAA: dns.TypeAAAA} {
		if lack != lacksNothing && n.Host == nil {
			break
		}
		has := slices.DeleteFunc(slices.Clone(types), func(t uint16) bool { return t == without })
		s.prove(name, has, &n.Signed.proofs[lack])
	}
}

// cut has the DS records of a delegation signed in the form in which a referral has them.
func (s *signer) cut(n *Node) {
	c := n.Cut
	c.Signed = n.Signed
	ds := n.Set(dns.TypeDS)
	if ds == nil {
		return
	}
	records, err := ds.Window(c.Name, s.Apex, 0, wire.All)
	if err != nil {
		return
	}
	var data []wire.Data
	for _, rr := range records {
		if d, err := wire.DataOf(rr); err == nil {
			data = append(data, d)
		}
	}
	c.DS = wire.NewSetOf(s.Apex, c.Name, dns.TypeDS, ds.TTL, data)
	s.sign(job{owner: c.Name, set: c.DS, count: wire.All, placed: true, sig: &c.DSSignature})
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
		s.sign(job{owner: name, set: set, start: start, count: count, sig: &signed.by[start]})
	}
}

func (s *Signed) knows(set *wire.Set) bool {
	return slices.ContainsFunc(s.sets, func(o signedSet) bool { return o.set == set })
}

// sign has the signatures of a set made.
func (s *signer) sign(j job) {
	kind := byte('s')
	if j.placed {
		kind = 'p'
	}
	s.identify(&j, kind, j.set.Bytes())
}

// prove has the proof made of what a name has.
func (s *signer) prove(owner wire.Name, has []uint16, to *dnssec.Proof) {
	var types []byte
	for _, t := range has {
		types = binary.BigEndian.AppendUint16(types, t)
	}
	s.identify(&job{owner: owner, types: has, count: int(s.NegativeTTL), proof: to}, 'n', types)
}

// identify gives a job its identity, and asks for it.
func (s *signer) identify(j *job, kind byte, content []byte) {
	b := append(append(s.scratch[:0], s.Ring.Print()...), kind)
	b = binary.BigEndian.AppendUint32(b, uint32(j.start))
	b = binary.BigEndian.AppendUint32(b, uint32(int32(j.count)))
	b = append(append(append(b, s.Apex...), j.owner...), content...)
	j.id, j.with = sha256.Sum256(b), s.Signing
	s.scratch = b
	s.want(*j)
}
