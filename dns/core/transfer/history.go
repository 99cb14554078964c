package transfer

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Change leads from one version of a zone to the next. From and To are their SOA records.
type Change struct {
	From, To       wire.Record
	Removed, Added []wire.Record
}

func (c *Change) size() int { return len(c.Removed) + len(c.Added) + 2 }

// Compare is the change from one version to another.
func Compare(from, to *Version) Change {
	c := Change{From: from.SOA, To: to.SOA}
	a, b := from.Records, to.Records
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = a[0].Compare(b[0])
		}
		switch {
		case order < 0:
			c.Removed, a = append(c.Removed, a[0]), a[1:]
		case order > 0:
			c.Added, b = append(c.Added, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return c
}

// mostChanges is how many changes of a zone are kept.
const mostChanges = 100

// History is the newest version of a zone and the way there. Its changes are at most as large as the
// version itself, since a copy from afar is better made whole then (RFC 1995 section 5). It is
// immutable; nil is the history of a zone of which nothing was seen.
type History struct {
	current *Version
	changes []Change
}

// Current is the newest version.
func (h *History) Current() *Version { return h.current }

// Then is the history with one more version.
func (h *History) Then(v *Version) *History {
	if h == nil || !newer(v.Serial(), h.current.Serial()) {
		// A serial that went back is followed by nobody; what led there leads nowhere.
		return &History{current: v}
	}
	next := &History{current: v, changes: append(slices.Clone(h.changes), Compare(h.current, v))}
	total := 0
	for i := len(next.changes) - 1; i >= 0; i-- {
		total += next.changes[i].size()
		if total > len(v.Records)+2 || len(next.changes)-i > mostChanges {
			next.changes = slices.Clone(next.changes[i+1:])
			break
		}
	}
	return next
}

// newer compares serials (RFC 1982).
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// serialOf is the serial in the data of an SOA record: the first of five numbers at its end.
func serialOf(soa wire.Record) uint32 {
	return binary.BigEndian.Uint32([]byte(soa.Data[len(soa.Data)-20:]))
}

// Full is the whole zone as a transfer has it, between two SOA records (RFC 5936 section 2.2).
func (h *History) Full() iter.Seq[wire.Record] {
	v := h.current
	return func(yield func(wire.Record) bool) {
		if !yield(v.SOA) {
			return
		}
		for _, r := range v.Records {
			if !yield(r) {
				return
			}
		}
		yield(v.SOA)
	}
}

// Since is what one lacks who has a serial: the SOA alone where that is nothing, the changes where
// they are known, else the whole zone (RFC 1995 section 4).
func (h *History) Since(serial uint32) iter.Seq[wire.Record] {
	if !newer(h.current.Serial(), serial) {
		return h.Latest()
	}
	first := slices.IndexFunc(h.changes, func(c Change) bool { return serialOf(c.From) == serial })
	if first < 0 {
		return h.Full()
	}
	return func(yield func(wire.Record) bool) {
		all := func(records ...wire.Record) bool {
			for _, r := range records {
				if !yield(r) {
					return false
				}
			}
			return true
		}
		if !yield(h.current.SOA) {
			return
		}
		for _, c := range h.changes[first:] {
			if !all(c.From) || !all(c.Removed...) || !all(c.To) || !all(c.Added...) {
				return
			}
		}
		yield(h.current.SOA)
	}
}

// Latest is the SOA alone: there is nothing newer, or it is to be had over TCP.
func (h *History) Latest() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) { yield(h.current.SOA) }
}
