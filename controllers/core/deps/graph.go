package deps

import (
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Graph is who refers to what, as far as templates have been read: from parents to references, and
// from names and selectors back to parents. It is not safe for concurrent use.
type Graph struct {
	parents map[types.NamespacedName]node
	// named finds the parents that refer to an object by its name.
	named map[Key]sets.Set[types.NamespacedName]
	// selecting finds the parents that refer to objects of a kind in a namespace by labels.
	selecting map[place]sets.Set[types.NamespacedName]
}

// node is a parent.
type node struct {
	template   workv1alpha2.ObjectReference
	self       Key
	references []Reference
}

// place is where a selector looks.
type place struct {
	schema.GroupKind
	namespace string
}

// NewGraph returns a graph without parents.
func NewGraph() *Graph {
	return &Graph{
		parents:   map[types.NamespacedName]node{},
		named:     map[Key]sets.Set[types.NamespacedName]{},
		selecting: map[place]sets.Set[types.NamespacedName]{},
	}
}

// Set notes what the template of a parent refers to, instead of what was noted before.
func (g *Graph) Set(parent *workv1alpha2.ResourceBinding, references []Reference) {
	name := NameOf(parent)
	g.Drop(name)
	g.parents[name] = node{parent.Spec.Resource, KeyOf(parent), references}
	for _, ref := range references {
		if ref.Selector == nil {
			insert(g.named, key(name.Namespace, ref), name)
		} else {
			insert(g.selecting, place{ref.GroupKind, name.Namespace}, name)
		}
	}
}

// Drop forgets a parent.
func (g *Graph) Drop(parent types.NamespacedName) {
	for _, ref := range g.parents[parent].references {
		if ref.Selector == nil {
			remove(g.named, key(parent.Namespace, ref), parent)
		} else {
			remove(g.selecting, place{ref.GroupKind, parent.Namespace}, parent)
		}
	}
	delete(g.parents, parent)
}

// References returns what is noted of the parent; false when its template, as the binding names it
// now, has not been read. The version of the template that was read is part of that.
func (g *Graph) References(parent *workv1alpha2.ResourceBinding) ([]Reference, bool) {
	n, ok := g.parents[NameOf(parent)]
	return n.references, ok && n.template == parent.Spec.Resource
}

// Parents returns the parents that refer to an object with the given labels, in no order.
func (g *Graph) Parents(dependency Key, of labels.Set) []types.NamespacedName {
	out := g.named[dependency].UnsortedList()
	for parent := range g.selecting[place{dependency.GroupKind, dependency.Namespace}] {
		if !g.named[dependency].Has(parent) && g.needs(parent, dependency, of) {
			out = append(out, parent)
		}
	}
	return out
}

// Concerns says whether any parent refers to the object as it was or as it is. Labels that are nil
// are those of an object that was not there, or is gone.
func (g *Graph) Concerns(dependency Key, was, is labels.Set) bool {
	if g.named[dependency].Len() > 0 {
		return true
	}
	for parent := range g.selecting[place{dependency.GroupKind, dependency.Namespace}] {
		if g.needs(parent, dependency, was) || g.needs(parent, dependency, is) {
			return true
		}
	}
	return false
}

// needs says whether the parent refers to the object. No template needs itself.
func (g *Graph) needs(parent types.NamespacedName, dependency Key, of labels.Set) bool {
	n := g.parents[parent]
	if n.self == dependency || parent.Namespace != dependency.Namespace {
		return false
	}
	for _, ref := range n.references {
		if ref.GroupKind == dependency.GroupKind && (ref.Selector == nil && ref.Name == dependency.Name || ref.Selector != nil && ref.Selector.Matches(of)) {
			return true
		}
	}
	return false
}

// May says whether the parent may refer to an object whose labels are not known: it refers to it by
// name, or by labels to its kind, or its template has not been read yet.
func (g *Graph) May(parent types.NamespacedName, dependency Key) bool {
	if _, read := g.parents[parent]; !read {
		return true
	}
	return g.named[dependency].Has(parent) || g.selecting[place{dependency.GroupKind, dependency.Namespace}].Has(parent)
}

// Read says whether the template of the parent has been read, in whatever version.
func (g *Graph) Read(parent types.NamespacedName) bool {
	_, ok := g.parents[parent]
	return ok
}

// NameOf is the name of a binding.
func NameOf(b *workv1alpha2.ResourceBinding) types.NamespacedName {
	return types.NamespacedName{Namespace: b.Namespace, Name: b.Name}
}

func key(namespace string, ref Reference) Key {
	return Key{ref.GroupKind, types.NamespacedName{Namespace: namespace, Name: ref.Name}}
}

func insert[K comparable](index map[K]sets.Set[types.NamespacedName], at K, parent types.NamespacedName) {
	if index[at] == nil {
		index[at] = sets.New[types.NamespacedName]()
	}
	index[at].Insert(parent)
}

func remove[K comparable](index map[K]sets.Set[types.NamespacedName], at K, parent types.NamespacedName) {
	if index[at].Delete(parent).Len() == 0 {
		delete(index, at)
	}
}
