package geo

import "math/bits"

// trie is a longest-prefix table after Asai and Ohara, "Poptrie: A Compressed Trie with Population
// Count for Fast and Scalable Software IP Routing Table Lookup" (SIGCOMM 2015). The first bits of an
// address index an array; each further node takes 6 bits and says with two bitmaps which of its 64
// slots lead to another node and where a new leaf begins. A leaf carries a class and the length of
// the widest block with that class, so a lookup ends with one number.
type trie struct {
	rootBits int
	root     []uint32 // a leaf with leafFlag, or the index of a node
	nodes    []node
	leaves   []uint32
}

// node describes 64 slots. Its children lie in one piece, in the order of their slots, and so do
// its leaves; a run of slots with the same leaf has it once.
type node struct {
	child, leaf         uint64
	childBase, leafBase uint32
}

const (
	stride = 6
	slots  = 1 << stride
	// A root of 18 bits (1 MiB) makes the nodes below it end at /24, where most IPv4 networks do.
	// One of 14 bits (64 KiB) makes nodes end at /32 and the last at /128; a larger one would be
	// mostly empty, since IPv6 networks crowd in a small part of the space.
	rootBits4 = 18
	rootBits6 = 14
	leafFlag  = 1 << 31
)

// leafOf packs a class of 16 bits and a scope of at most 128.
func leafOf(class uint32, scope int) uint32 { return class<<8 | uint32(scope) }

// lookup is the class of a key and its scope.
func (t *trie) lookup(k key) (class uint16, scope int) {
	e := t.root[k.hi>>(64-t.rootBits)]
	if e&leafFlag != 0 {
		return uint16(e >> 8), int(uint8(e))
	}
	k = k.shifted(t.rootBits)
	n := &t.nodes[e]
	for {
		slot := k.hi >> (64 - stride)
		if n.child>>slot&1 == 0 {
			e = t.leaves[n.leafBase+uint32(bits.OnesCount64(n.leaf&(2<<slot-1)))-1]
			return uint16(e >> 8), int(uint8(e))
		}
		n = &t.nodes[n.childBase+uint32(bits.OnesCount64(n.child&(1<<slot-1)))]
		k = key{k.hi<<stride | k.lo>>(64-stride), k.lo << stride}
	}
}

// newTrie flattens a division of the address space by class.
func newTrie(s *spans) trie {
	b := trieBuilder{spans: s, trie: trie{rootBits: rootBits6}}
	if s.v4 {
		b.rootBits = rootBits4
	}
	b.root = make([]uint32, 1<<b.rootBits)
	run := 0
	for slot := uint64(0); slot < uint64(len(b.root)); {
		first := key{hi: slot << (64 - b.rootBits)}
		leaf, end, ok := b.leaf(first, b.rootBits, &run)
		if !ok {
			b.root[slot] = uint32(len(b.nodes))
			b.nodes = append(b.nodes, node{})
			b.fill(len(b.nodes)-1, first, b.rootBits, run)
			slot++
			continue
		}
		for ; slot <= end.hi>>(64-b.rootBits); slot++ {
			b.root[slot] = leafFlag | leaf
		}
	}
	b.nodes, b.leaves = append([]node(nil), b.nodes...), append([]uint32(nil), b.leaves...)
	return b.trie
}

type trieBuilder struct {
	spans *spans
	trie
}

// leaf reports whether all of the block of n bits lies in one run; if so, what its leaf is and where
// the widest block with that leaf ends. It moves run, which must not lie after the block, on to the
// run in which the block begins.
func (b *trieBuilder) leaf(first key, n int, run *int) (leaf uint32, end key, ok bool) {
	for b.spans.last(*run).less(first) {
		*run++
	}
	from, to := b.spans.start(*run), b.spans.last(*run)
	if to.less(first.end(n)) {
		return 0, key{}, false
	}
	// The widest block inside a run is the widest that holds neither the key before the run nor the
	// one after it.
	scope := 0
	if from != (key{}) {
		scope = first.commonBits(from.prev()) + 1
	}
	if to != lastKey {
		scope = max(scope, first.commonBits(to.next())+1)
	}
	return leafOf(b.spans.value[*run], scope), first.end(scope), true
}

// fill describes in node n the block of depth bits that begins at first. It recurses into slots
// that are not leaves; those of single addresses always are, so it ends. (The deepest node of IPv4
// takes in bits 30 to 36 of a key, of which the last four never differ.)
func (b *trieBuilder) fill(n int, first key, depth, run int) {
	type child struct {
		first key
		run   int
	}
	var children [slots]child
	count := 0
	d := node{leafBase: uint32(len(b.leaves))}
	previous := ^uint32(0)
	for slot := uint64(0); slot < slots; {
		k := first.with(slot, depth)
		leaf, end, ok := b.leaf(k, depth+stride, &run)
		if !ok {
			d.child |= 1 << slot
			children[count] = child{k, run}
			count++
			slot++
			continue
		}
		if leaf != previous {
			d.leaf |= 1 << slot
			b.leaves = append(b.leaves, leaf)
			previous = leaf
		}
		slot = end.shifted(depth).hi>>(64-stride) + 1
	}
	d.childBase = uint32(len(b.nodes))
	b.nodes[n] = d
	b.nodes = append(b.nodes, make([]node, count)...)
	for i, c := range children[:count] {
		b.fill(int(d.childBase)+i, c.first, depth+stride, c.run)
	}
}
