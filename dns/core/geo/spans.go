package geo

import (
	"cmp"
	"slices"
	"sort"
)

// spans divides the whole address space of one family into runs of addresses that have one value
// each. It is the form of a database and of everything up to the finished table: sorted, without gaps (a run of value
// 0 is what nobody said anything about), no two neighbours equal.
//
// Databases have hundreds of thousands of runs, so starts are packed: 4 bytes for IPv4, 8 for IPv6,
// and 16 only once a network longer than /64 was seen.
type spans struct {
	v4    bool
	short []uint32 // IPv4: the start's 32 bits
	hi    []uint64 // IPv6: the upper half
	lo    []uint64 // IPv6: the lower half; nil while every one is zero
	value []uint32
}

// newSpans is the whole space with value 0.
func newSpans(v4 bool) spans {
	s := spans{v4: v4}
	s.append(key{}, 0)
	return s
}

func (s *spans) len() int { return len(s.value) }

// start is the first key of run i.
func (s *spans) start(i int) key {
	if s.v4 {
		return key{hi: uint64(s.short[i]) << 32}
	}
	k := key{hi: s.hi[i]}
	if s.lo != nil {
		k.lo = s.lo[i]
	}
	return k
}

// last is the last key of run i.
func (s *spans) last(i int) key {
	if i+1 == len(s.value) {
		return lastKey
	}
	return s.start(i + 1).prev()
}

// find is the run that holds k.
func (s *spans) find(k key) int {
	return sort.Search(len(s.value), func(i int) bool { return k.less(s.start(i)) }) - 1
}

// append says that from start on the value is v. Starts never fall; a second value for the same
// start replaces the first.
func (s *spans) append(start key, v uint32) {
	n := len(s.value)
	if n > 0 && s.start(n-1) == start {
		n--
		s.truncate(n)
	}
	if n > 0 && s.value[n-1] == v {
		return
	}
	s.value = append(s.value, v)
	if s.v4 {
		s.short = append(s.short, uint32(start.hi>>32))
		return
	}
	if s.lo == nil && start.lo != 0 {
		s.lo = make([]uint64, len(s.hi), cap(s.hi))
	}
	s.hi = append(s.hi, start.hi)
	if s.lo != nil {
		s.lo = append(s.lo, start.lo)
	}
}

func (s *spans) truncate(n int) {
	s.value = s.value[:n]
	if s.v4 {
		s.short = s.short[:n]
		return
	}
	s.hi = s.hi[:n]
	if s.lo != nil {
		s.lo = s.lo[:n]
	}
}

// appendRange says that the keys from first to last have the value v and that nothing is known of
// what follows. Ranges come in order and do not overlap.
func (s *spans) appendRange(first, last key, v uint32) {
	s.append(first, v)
	if last != lastKey {
		s.append(last.next(), 0)
	}
}

// clip gives back what growing the slices took in excess.
func (s *spans) clip() {
	s.short, s.hi, s.lo, s.value = slices.Clip(s.short), slices.Clip(s.hi), slices.Clip(s.lo), slices.Clip(s.value)
}

// overlay walks two divisions of the same space at once and gives every piece the value f(a, b).
func overlay(a, b *spans, f func(a, b uint32) uint32) spans {
	out := spans{v4: a.v4, value: make([]uint32, 0, a.len()+b.len())}
	if a.v4 {
		out.short = make([]uint32, 0, a.len()+b.len())
	} else {
		out.hi = make([]uint64, 0, a.len()+b.len())
	}
	for i, j := 0, 0; ; {
		at := a.start(i)
		if bs := b.start(j); at.less(bs) {
			at = bs
		}
		out.append(at, f(a.value[i], b.value[j]))
		al, bl := a.last(i), b.last(j)
		if al == lastKey && bl == lastKey {
			return out
		}
		if c := al.compare(bl); c <= 0 {
			i++
			if c == 0 {
				j++
			}
		} else {
			j++
		}
	}
}

// block is a network and its value.
type block struct {
	first key
	bits  int
	value uint32
}

// flatten turns blocks that may lie inside one another, in any order, into spans: the longest
// prefix wins, and among equal ones the last in the list.
func flatten(v4 bool, blocks []block) spans {
	slices.SortStableFunc(blocks, func(a, b block) int {
		if c := a.first.compare(b.first); c != 0 {
			return c
		}
		return cmp.Compare(a.bits, b.bits)
	})
	out := newSpans(v4)
	type open struct {
		last  key
		value uint32
	}
	stack := []open{{last: lastKey}}
	closeTop := func() {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if top.last != lastKey {
			out.append(top.last.next(), stack[len(stack)-1].value)
		}
	}
	for _, b := range blocks {
		for len(stack) > 1 && stack[len(stack)-1].last.less(b.first) {
			closeTop()
		}
		out.append(b.first, b.value)
		stack = append(stack, open{b.first.end(b.bits), b.value})
	}
	for len(stack) > 1 {
		closeTop()
	}
	return out
}
