package dnssec

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Online signs what can only be signed once it is asked for: that a name does not exist, and the records
// of a wildcard under the name that it stands for (RFC 9824 section 3.3). What it costs is bounded: a
// table of fixed size remembers signatures, and so many more are made as there is a budget for. All
// workers share it; it takes no lock.
type Online struct {
	slots [slots]atomic.Pointer[entry]
	// A budget for those whose addresses may be forged, so that they cannot use up that of the others.
	budget [2]atomic.Int64

	made, denied atomic.Uint64
}

// Counts are how many times something was signed, and how many times there was no budget for it.
func (o *Online) Counts() (made, denied uint64) { return o.made.Load(), o.denied.Load() }

// slots is how many signatures are remembered, maxKey how long the key of one may be.
const (
	slots  = 1 << 12
	maxKey = 1024
)

// entry is what was signed, and when that is to be done anew.
type entry struct {
	key     []byte
	until   time.Time
	absence Proof
	sig     *wire.Set
}

// Proof is an NSEC record and its signatures.
type Proof struct{ NSEC, Signature *wire.Set }

// Refill sets how many signatures may be made until the next time, for clients whose addresses may be
// forged and as many for the others. Without it there are none.
func (o *Online) Refill(n int64) {
	for i := range o.budget {
		o.budget[i].Store(n)
	}
}

// take takes one from a budget.
func (o *Online) take(proven bool) bool {
	b := &o.budget[0]
	if proven {
		b = &o.budget[1]
	}
	if b.Load() > 0 && b.Add(-1) >= 0 {
		o.made.Add(1)
		return true
	}
	o.denied.Add(1)
	return false
}

// Asker is one who asks, with room for what he needs to do so. The zero value is ready. It is not safe
// for concurrent use.
type Asker struct{ key []byte }

// Signing is with what, and as of when, a zone is signed.
type Signing struct {
	Ring   *Ring
	Apex   wire.Name
	Online *Online
	// At is the moment that says which period signatures belong to.
	At time.Time
	// NegativeTTL is that of NSEC records.
	NegativeTTL uint32
}

// Absence is the proof of what a name of a zone has, or that there is no such name; see the function of
// that name. It is false when there is no budget for it.
func (a *Asker) Absence(s *Signing, owner []byte, exists bool, types []uint16, proven bool) (Proof, bool) {
	kind := byte('x')
	if exists {
		kind = 'e'
	}
	a.key = append(append(append(append(a.key[:0], s.Ring.print[:]...), kind, byte(s.NegativeTTL>>8), byte(s.NegativeTTL)), owner...), 0)
	for _, t := range types {
		a.key = append(a.key, byte(t>>8), byte(t))
	}
	e := s.Online.find(a.key, s.At)
	if e == nil {
		if !s.Online.take(proven) {
			return Proof{}, false
		}
		var err error
		e = &entry{}
		if e.absence, e.until, err = s.Absence(wire.Name(owner), exists, types); err != nil {
			return Proof{}, false
		}
		s.Online.keep(a.key, e)
	}
	return e.absence, true
}

// Expansion is the signatures over a wildcard's set, or a window of it, under the name that it stands
// for. It is nil when there is no budget for it.
func (a *Asker) Expansion(s *Signing, owner []byte, set *wire.Set, start, count int, proven bool) *wire.Set {
	a.key = append(append(append(a.key[:0], s.Ring.print[:]...), 'w', byte(start>>8), byte(start), byte(count>>8), byte(count)), owner...)
	if set.Size() < maxKey {
		a.key = append(append(a.key, 0), set.Bytes()...)
	} else {
		a.key = a.key[:0] // too large to be remembered
	}
	e := s.Online.find(a.key, s.At)
	if e == nil {
		if !s.Online.take(proven) {
			return nil
		}
		var err error
		e = &entry{}
		if e.sig, e.until, err = s.Signatures(wire.Name(owner), set, start, count, false); err != nil {
			return nil
		}
		s.Online.keep(a.key, e)
	}
	return e.sig
}

// Absence is the signed NSEC record of a name, and when it is to be made anew.
func (s *Signing) Absence(owner wire.Name, exists bool, types []uint16) (Proof, time.Time, error) {
	rr := Absence(owner, s.Apex, exists, types, s.NegativeTTL)
	data, err := wire.DataOf(rr)
	if err != nil {
		return Proof{}, time.Time{}, err
	}
	period, until := PeriodOf(rr.Hdr.Name, s.At)
	sig, err := s.Ring.Sign([]dns.RR{rr}, s.Apex, true, period)
	if err != nil {
		return Proof{}, time.Time{}, err
	}
	return Proof{NSEC: wire.NewSetOf(s.Apex, owner, dns.TypeNSEC, s.NegativeTTL, []wire.Data{data}), Signature: sig}, until, nil
}

// Signatures are those over a set with an owner, or a window of it, and when they are to be made anew.
// They have the question's name for their owner, or, if placed, their own.
func (s *Signing) Signatures(owner wire.Name, set *wire.Set, start, count int, placed bool) (*wire.Set, time.Time, error) {
	records, err := set.Window(owner, s.Apex, start, count)
	if err != nil {
		return nil, time.Time{}, err
	}
	period, until := PeriodOf(records[0].Header().Name, s.At)
	sig, err := s.Ring.Sign(records, s.Apex, placed, period)
	return sig, until, err
}

// find is what is remembered for a key and still good, or nil.
func (o *Online) find(key []byte, at time.Time) *entry {
	if len(key) == 0 {
		return nil
	}
	if e := o.slots[hash(key)%slots].Load(); e != nil && at.Before(e.until) && bytes.Equal(e.key, key) {
		return e
	}
	return nil
}

func (o *Online) keep(key []byte, e *entry) {
	if len(key) == 0 || len(key) > maxKey+512 {
		return
	}
	e.key = bytes.Clone(key)
	o.slots[hash(key)%slots].Store(e)
}

// hash is FNV-1a.
func hash(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range key {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
