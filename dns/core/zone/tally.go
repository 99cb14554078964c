package zone

import "slices"

// tally counts how many nodes have a TTL for their longest, by TTL: there are few of them.
type tally []ttlNodes

type ttlNodes struct {
	ttl   uint32
	nodes int
}

func (t *tally) change(ttl uint32, by int) {
	for i := range *t {
		if (*t)[i].ttl == ttl {
			(*t)[i].nodes += by
			return
		}
	}
	*t = append(*t, ttlNodes{ttl, by})
}

func (t *tally) add(ttl uint32)    { t.change(ttl, 1) }
func (t *tally) remove(ttl uint32) { t.change(ttl, -1) }

// most is the longest TTL of any node.
func (t tally) most() uint32 {
	longest := uint32(0)
	for _, c := range t {
		if c.nodes > 0 {
			longest = max(longest, c.ttl)
		}
	}
	return longest
}

// clone is a copy without what has no nodes.
func (t tally) clone() tally {
	return slices.DeleteFunc(slices.Clone(t), func(c ttlNodes) bool { return c.nodes == 0 })
}
