package zone

import (
	"hash/maphash"
	"slices"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// index finds nodes by name. It is immutable, and what is changed in one shares all the rest with it:
// a change costs what it touches, whatever the number of names.
//
// It is a hash table in pages. A change copies the pages that it touches, and the list of pages.
type index struct {
	pages []*page // a power of two; none in the zero value
	count int     // of names
}

// page is a small table with linear probing. A tag is a part of the hash; where it is another, the node
// need not be looked at. 0 is the tag of a place that is free.
type page struct {
	tags  [places]uint32
	nodes [places]*Node
	count int
}

const (
	places   = 128
	mostFill = 112 // of a page: probing must come to an end
	fill     = 80  // of all pages, on average and at most
	taken    = 1 << 31
)

// seed of the hashes. Like those of Go's maps it is another in every process, so that nobody can choose
// names that are in each other's way.
var seed = maphash.MakeSeed()

func hashOf(name wire.Name) uint64 { return maphash.String(seed, string(name)) }

func tagOf(hash uint64) uint32 { return uint32(hash>>32) | taken }

// find finds a node by its name, which may be a part of a message.
func (x *index) find(name []byte) *Node {
	if len(x.pages) == 0 {
		return nil
	}
	hash := maphash.Bytes(seed, name)
	p, tag := x.pages[hash&uint64(len(x.pages)-1)], tagOf(hash)
	for i := tag % places; p.tags[i] != 0; i = (i + 1) % places {
		if n := p.nodes[i]; p.tags[i] == tag && string(n.Name) == string(name) {
			return n
		}
	}
	return nil
}

// get finds a node by its name and the hash of that.
func (x *index) get(name wire.Name, hash uint64) *Node {
	if len(x.pages) == 0 {
		return nil
	}
	p := x.pages[hash&uint64(len(x.pages)-1)]
	if i := p.place(name, tagOf(hash)); p.tags[i] != 0 {
		return p.nodes[i]
	}
	return nil
}

// place is where a name is in a page, or is to be.
func (p *page) place(name wire.Name, tag uint32) uint32 {
	i := tag % places
	for p.tags[i] != 0 && (p.tags[i] != tag || p.nodes[i].Name != name) {
		i = (i + 1) % places
	}
	return i
}

// set puts a node in the place of the one with its name. It is false where there is no room.
func (p *page) set(n *Node, tag uint32) bool {
	i := p.place(n.Name, tag)
	if p.tags[i] == 0 {
		if p.count == mostFill {
			return false
		}
		p.count++
	}
	p.tags[i], p.nodes[i] = tag, n
	return true
}

// all calls a function for every node.
func (x *index) all(do func(*Node)) {
	for _, p := range x.pages {
		for _, n := range p.nodes {
			if n != nil {
				do(n)
			}
		}
	}
}

// newIndex is the index of nodes that all have another name.
func newIndex(nodes []*Node) index {
	n := 1
	for n*fill < len(nodes) {
		n *= 2
	}
	for {
		if x, ok := newIndexOf(nodes, n); ok {
			return x
		}
		n *= 2
	}
}

func newIndexOf(nodes []*Node, pages int) (index, bool) {
	x := index{pages: make([]*page, pages), count: len(nodes)}
	for i := range x.pages {
		x.pages[i] = new(page)
	}
	for _, n := range nodes {
		hash := hashOf(n.Name)
		if !x.pages[hash&uint64(pages-1)].set(n, tagOf(hash)) {
			return x, false
		}
	}
	return x, true
}

// indexer makes an index out of another, which stays as it is.
type indexer struct {
	index
	own map[*page]bool // pages that are not the other's
}

// change begins a change of so many names.
func (x index) change(names int) *indexer {
	return &indexer{index: index{slices.Clone(x.pages), x.count}, own: make(map[*page]bool, min(names, len(x.pages)))}
}

// owned is the page of a hash, to be written to.
func (x *indexer) owned(hash uint64) *page {
	at := &x.pages[hash&uint64(len(x.pages)-1)]
	if !x.own[*at] {
		p := **at
		*at = &p
		x.own[&p] = true
	}
	return *at
}

// set puts a node in the place of the one with its name.
func (x *indexer) set(n *Node) {
	if len(x.pages) == 0 || x.count >= len(x.pages)*fill {
		x.grow()
	}
	hash := hashOf(n.Name)
	for {
		p := x.owned(hash)
		before := p.count
		if p.set(n, tagOf(hash)) {
			x.count += p.count - before
			return
		}
		x.grow()
	}
}

// grow makes the index anew, with twice the room.
func (x *indexer) grow() {
	nodes := make([]*Node, 0, x.count)
	x.all(func(n *Node) { nodes = append(nodes, n) })
	for pages, ok := max(1, 2*len(x.pages)), false; !ok; pages *= 2 {
		x.index, ok = newIndexOf(nodes, pages)
	}
	clear(x.own)
	for _, p := range x.pages {
		x.own[p] = true
	}
}

// remove takes out the node of a name.
func (x *indexer) remove(name wire.Name) {
	if len(x.pages) == 0 {
		return
	}
	hash := hashOf(name)
	p := x.owned(hash)
	gone := p.place(name, tagOf(hash))
	if p.tags[gone] == 0 {
		return
	}
	old := *p
	*p = page{} // the others move up
	for i, n := range old.nodes {
		if n != nil && uint32(i) != gone {
			p.set(n, old.tags[i])
		}
	}
	x.count--
}
