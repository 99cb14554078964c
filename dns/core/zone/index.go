package zone

import (
	"hash/maphash"
	"slices"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// index finds nodes by name. It is immutable, and what is changed in one shares all the rest with it:
// a change costs what it touches, whatever the number of names.
//
// It is a hash table of small buckets, kept in pages. A change copies a bucket and its page, and the
// list of pages.
type index struct {
	pages []*page // a power of two
	count int     // of names
}

type page [pageSize][]slot

// slot is a name in a bucket. Where the hash is another, the node need not be looked at.
type slot struct {
	hash uint64
	node *Node
}

const (
	pageBits = 6
	pageSize = 1 << pageBits
	// fill is how many names there are to a bucket when the buckets are made, mostFill when they are made
	// anew.
	fill     = 3
	mostFill = 8
)

// seed of the hashes. Like those of Go's maps it is another in every process, so that nobody can choose
// names that share a bucket.
var seed = maphash.MakeSeed()

func hashOf(name wire.Name) uint64 { return maphash.String(seed, string(name)) }

func (x *index) bucket(hash uint64) *[]slot {
	return &x.pages[hash>>pageBits&uint64(len(x.pages)-1)][hash&(pageSize-1)]
}

// find finds a node by its name, which may be a part of a message.
func (x *index) find(name []byte) *Node {
	if len(x.pages) == 0 {
		return nil
	}
	hash := maphash.Bytes(seed, name)
	for _, s := range *x.bucket(hash) {
		if s.hash == hash && string(s.node.Name) == string(name) {
			return s.node
		}
	}
	return nil
}

// get finds a node by its name and the hash of that.
func (x *index) get(name wire.Name, hash uint64) *Node {
	if len(x.pages) == 0 {
		return nil
	}
	for _, s := range *x.bucket(hash) {
		if s.hash == hash && s.node.Name == name {
			return s.node
		}
	}
	return nil
}

// all calls a function for every node.
func (x *index) all(do func(*Node)) {
	for _, p := range x.pages {
		for _, b := range p {
			for _, s := range b {
				do(s.node)
			}
		}
	}
}

// newIndex is the index of nodes that all have another name.
func newIndex(nodes []*Node) index {
	n := 1
	for n*pageSize*fill < len(nodes) {
		n *= 2
	}
	x := index{pages: make([]*page, n), count: len(nodes)}
	hashes := make([]uint64, len(nodes))
	sizes := make([]uint32, n*pageSize)
	at := func(hash uint64) uint64 { return hash>>pageBits&uint64(n-1)*pageSize | hash&(pageSize-1) }
	for i, node := range nodes {
		hashes[i] = hashOf(node.Name)
		sizes[at(hashes[i])]++
	}
	for i := range x.pages {
		x.pages[i] = new(page)
		total := uint32(0)
		for _, size := range sizes[i*pageSize : (i+1)*pageSize] {
			total += size
		}
		room := make([]slot, total) // of all buckets of the page
		for j, size := range sizes[i*pageSize : (i+1)*pageSize] {
			x.pages[i][j], room = room[:0:size], room[size:]
		}
	}
	for i, node := range nodes {
		b := x.bucket(hashes[i])
		*b = append(*b, slot{hashes[i], node})
	}
	return x
}

// indexer makes an index out of another, which stays as it is.
type indexer struct {
	index
	own map[*page]bool // pages that are not the other's
}

// change begins a change of so many names.
func (x index) change(names int) *indexer {
	if most := len(x.pages) * pageSize * mostFill; x.count+names > most {
		nodes := make([]*Node, 0, x.count)
		x.all(func(n *Node) { nodes = append(nodes, n) })
		x = newIndex(nodes)
	}
	return &indexer{index: index{slices.Clone(x.pages), x.count}, own: make(map[*page]bool, names)}
}

// owned is the bucket of a hash in a page that may be written to. The bucket's slots are still shared.
func (x *indexer) owned(hash uint64) *[]slot {
	at := &x.pages[hash>>pageBits&uint64(len(x.pages)-1)]
	if !x.own[*at] {
		p := **at
		*at = &p
		x.own[*at] = true
	}
	return &(*at)[hash&(pageSize-1)]
}

// set puts a node in the place of the one with its name.
func (x *indexer) set(n *Node) {
	hash := hashOf(n.Name)
	b := x.owned(hash)
	out := make([]slot, len(*b), len(*b)+1)
	copy(out, *b)
	for i := range out {
		if out[i].hash == hash && out[i].node.Name == n.Name {
			out[i].node = n
			*b = out
			return
		}
	}
	*b = append(out, slot{hash, n})
	x.count++
}

// remove takes out the node of a name.
func (x *indexer) remove(name wire.Name) {
	hash := hashOf(name)
	b := x.owned(hash)
	for i, s := range *b {
		if s.hash == hash && s.node.Name == name {
			out := make([]slot, 0, len(*b)-1)
			*b = append(append(out, (*b)[:i]...), (*b)[i+1:]...)
			x.count--
			return
		}
	}
}
