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
	made   []made // all signatures, for the node that takes this one's place
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

// identity stands for everything that signatures depend on besides time.
type identity [16]byte

// made is a signature, or a proof with its own.
type made struct {
	id    identity
	until time.Time    // when it is to be made anew
	proof dnssec.Proof // or just its Signature
}

// job makes signatures: of a set or a window of it, or a proof of what a name has. It puts them where
// they belong, which is sig or proof, and into what is kept for the next snapshot.
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
	keep   *[]made

	made made
	err  error
}

func (j *job) run() {
	j.made.id = j.id
	if j.set == nil {
		j.made.proof, j.made.until, j.err = j.with.Absence(j.owner, true, j.types)
		return
	}
	j.made.proof.Signature, j.made.until, j.err = j.with.Signatures(j.owner, j.set, j.start, j.count, j.placed)
}

// done puts what a job has made where it belongs.
func (d *draft) done(j *job) {
	*j.keep = append(*j.keep, j.made)
	if until := j.made.until; d.renew.IsZero() || until.Before(d.renew) {
		d.renew = until
	}
	if j.proof != nil {
		*j.proof = j.made.proof
	} else {
		*j.sig = j.made.proof.Signature
	}
}

// runJobs makes the signatures of zones that are new.
func runJobs(in *Input, drafts []*draft) {
	var jobs []*job
	var of []*draft
	for _, d := range drafts {
		for i := range d.jobs {
			jobs, of = append(jobs, &d.jobs[i]), append(of, d)
		}
	}
	in.each(len(jobs), func(i int) { jobs[i].run() })
	for i, j := range jobs {
		if j.err != nil {
			of[i].unsigned = true
			of[i].report(spec.Child("dnssec"), "%v", j.err)
		} else {
			of[i].done(j)
		}
	}
	for _, d := range drafts {
		d.jobs = nil
	}
}

// useKeys takes the keys of the zone, if there are any.
func (d *draft) useKeys(rings map[string]*dnssec.Ring) {
	d.given.ring = rings[d.zone.Domain]
	if r := d.given.ring; r != nil && r.Domain == d.zone.Domain && d.spec.Secondary == nil {
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
func (d *draft) sign(in *Input) {
	if d.spec.DNSSEC != nil && !d.ring.Signs() {
		d.report(spec.Child("dnssec"), "the zone is served without signatures: its keys are not there yet")
	}
	s := d.signer(in)
	if s == nil {
		return
	}
	for _, n := range d.nodes {
		s.node(n)
	}
	s.rest()
}

// signer signs a zone.
type signer struct {
	of *draft
	*dnssec.Signing
	previous *Snapshot // that signatures are taken over from, or nil
	before   []made    // what may be taken over at present
	keep     *[]made   // where signatures are kept at present
	scratch  []byte
}

// signer begins to sign the zone as of now; it is nil for one that is not signed.
func (d *draft) signer(in *Input) *signer {
	if !d.ring.Signs() {
		return nil
	}
	online := in.Online
	if online == nil {
		online = &dnssec.Online{}
	}
	d.zone.Signing = &dnssec.Signing{Ring: d.ring, Apex: d.apex, Online: online, At: in.Now, NegativeTTL: d.zone.Negative.TTL}
	return &signer{of: d, Signing: d.zone.Signing, previous: in.Previous}
}

// want has a job done, or its result taken over from before if that is still good.
func (s *signer) want(j job) {
	j.keep = s.keep
	for _, m := range s.before {
		if m.id == j.id && s.At.Before(m.until) {
			j.made = m
			s.of.done(&j)
			return
		}
	}
	s.of.jobs = append(s.of.jobs, j)
}

// rest signs what is no node's.
func (s *signer) rest() {
	s.before = nil
	if s.previous != nil {
		if slot, ok := s.previous.slots[s.Apex]; ok {
			s.before = s.previous.drafts[slot].made
		}
	}
	z := s.of.zone
	s.of.made, z.NegativeSignature, z.GlueSignatures = nil, nil, make([]*wire.Set, len(z.Glue))
	s.keep = &s.of.made
	s.sign(job{owner: s.Apex, set: z.Negative, count: wire.All, placed: true, sig: &z.NegativeSignature})
	for i, g := range z.Glue {
		s.sign(job{owner: s.of.glueOwners[i], set: g, count: wire.All, placed: true, sig: &z.GlueSignatures[i]})
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

// node signs a node.
func (s *signer) node(n *Node) {
	s.before = nil
	if s.previous != nil {
		if o := s.previous.names.get(n.Name, hashOf(n.Name)); o != nil && o.Signed != nil {
			s.before = o.Signed.made
		}
	}
	name := n.Name
	n.Signed = &Signed{host: n.Host != nil}
	s.keep = &n.Signed.made
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
	sum := sha256.Sum256(b)
	j.id, j.with = identity(sum[:]), s.Signing
	s.scratch = b
	s.want(*j)
}
