package geo

import "math/bits"

// trie is a longest-prefix table after Asai and Ohara, "Poptrie: A Compressed Trie with Population
// Count for Fast and Scalable Software IP Routing Table Lookup" (SIGCOMM 2015). The first 16 bits of
// an address index an array; each further node takes 6 bits and says with two bitmaps which of its
// 64 slots lead to another node and where a new leaf begins. Leaves carry the class and the length
// of the widest block with that class, so a lookup ends with one number.
type trie struct {
	root   []uint32 // a leaf with leafFlag, or the index of a node
	nodes  []node
	leaves []uint32
}

// node describes 64 slots. Its children lie in one piece, in the order of their slots, and so do
// its leaves; a run of slots with the same leaf has it once.
type node struct {
	child, leaf         uint64
	childBase, leafBase uint32
}

const (
	rootBits = 16
	stride   = 6
	leafFlag = 1 << 31
)

// leafOf packs a class and a scope of at most 128.
func leafOf(class uint32, scope int) uint32 { return class<<8 | uint32(scope) }

// lookup finds the leaf of an address.
func (t *trie) lookup(k key) (class uint16, scope uint8) {
	e := t.root[k.hi>>(64-rootBits)]
	if e&leafFlag != 0 {
		return uint16(e >> 8), uint8(e)
	}
	hi, lo := k.hi<<rootBits|k.lo>>(64-rootBits), k.lo<<rootBits
	n := &t.nodes[e]
	for {
		slot := hi >> (64 - stride)
		if n.child>>slot&1 == 0 {
			e = t.leaves[n.leafBase+uint32(bits.OnesCount64(n.leaf&(2<<slot-1)))-1]
			return uint16(e >> 8), uint8(e)
		}
		n = &t.nodes[n.childBase+uint32(bits.OnesCount64(n.child&(1<<slot-1)))]
		hi, lo = hi<<stride|lo>>(64-stride), lo<<stride
	}
}

// newTrie flattens a division of the address space.
func newTrie(s *spans) trie {
	b := trieBuilder{spans: s, currentFirst: lastKey}
	b.root = make([]uint32, 1<<rootBits)
	at := 0
	for slot := range b.root {
		first := key{hi: uint64(slot) << (64 - rootBits)}
		if b.isLeaf(first, rootBits, &at) {
			b.root[slot] = leafFlag | b.current
			continue
		}
		n := len(b.nodes)
		b.nodes = append(b.nodes, node{})
		b.root[slot] = uint32(n)
		b.fill(n, first, rootBits, at)
	}
	return trie{root: b.root, nodes: append([]node(nil), b.nodes...), leaves: append([]uint32(nil), b.leaves...)}
}

type trieBuilder struct {
	spans *spans
	trie
	// current is the leaf found last, with the ends of its block: a wide block fills many slots.
	current                  uint32
	currentFirst, currentEnd key
}

// isLeaf moves at on to the run that holds first and reports whether the whole block of n bits lies
// in it; then current is its leaf. at is a run that does not lie after the block.
func (b *trieBuilder) isLeaf(first key, n int, at *int) bool {
	if !first.less(b.currentFirst) && !b.currentEnd.less(first) && n >= int(uint8(b.current)) {
		return true
	}
	for b.spans.last(*at).less(first) {
		*at++
	}
	from, to := b.spans.start(*at), b.spans.last(*at)
	if to.less(first.end(n)) {
		return false
	}
	for n > 0 && !first.masked(n-1).less(from) && !to.less(first.end(n-1)) {
		n--
	}
	b.current = leafOf(b.spans.value[*at], n)
	b.currentFirst, b.currentEnd = first.masked(n), first.end(n)
	return true
}

// fill describes the block of depth bits that begins at first in node n; at is a run not after it.
// A slot that is not a leaf at 128 bits cannot be, so the recursion ends.
func (b *trieBuilder) fill(n int, first key, depth, at int) {
	type child struct {
		first key
		at    int
	}
	var children [1 << stride]child
	count := 0
	d := node{leafBase: uint32(len(b.leaves))}
	previous := ^uint32(0)
	for slot := range uint64(1 << stride) {
		k := first.or(slot, depth+stride)
		if !b.isLeaf(k, min(depth+stride, 128), &at) {
			d.child |= 1 << slot
			children[count] = child{k, at}
			count++
			continue
		}
		if b.current != previous {
			d.leaf |= 1 << slot
			b.leaves = append(b.leaves, b.current)
			previous = b.current
		}
	}
	d.childBase = uint32(len(b.nodes))
	b.nodes[n] = d
	b.nodes = append(b.nodes, make([]node, count)...)
	for i, c := range children[:count] {
		b.fill(int(d.childBase)+i, c.first, depth+stride, c.at)
	}
}

// or sets the bits that end at position n to the slot; bits past the 128th are cut off.
func (k key) or(slot uint64, n int) key {
	switch {
	case n <= 64:
		k.hi |= slot << (64 - n)
	case n <= 128:
		k.hi |= slot >> (n - 64)
		k.lo |= slot << (128 - n)
	default:
		k.lo |= slot >> (n - 128)
	}
	return k
}
