package feed

import (
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// confirmAfter is how far apart two reads must be that agree on going back.
const confirmAfter = 30 * time.Second

// held is the objects of one kind, by the rules of the package's documentation. It knows no clock
// and is not safe for concurrent use.
type held[T metav1.Object] struct {
	objects map[types.NamespacedName]*entry[T]
	// gone are objects that a watch has said were deleted, until a list agrees. Their UIDs do not come
	// back, whatever arrives late.
	gone    map[types.NamespacedName]*entry[T]
	refused uint64 // how often something was not believed at once

	// list is the objects in order as they were asked for last, and touched what has changed since.
	list    []T
	touched map[types.NamespacedName]bool
}

// mostGone bounds how many deletions are remembered between two lists.
const mostGone = 10_000

type entry[T metav1.Object] struct {
	object T
	// doubted is when a list first said that the object is older or gone, and doubt what it said.
	doubted time.Time
	doubt   doubt
}

// doubt is what a list said: nothing there, or an older object.
type doubt struct {
	uid        types.UID
	generation int64
}

func newHeld[T metav1.Object]() *held[T] {
	return &held[T]{objects: map[types.NamespacedName]*entry[T]{}, gone: map[types.NamespacedName]*entry[T]{}, touched: map[types.NamespacedName]bool{}}
}

func keyOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// older reports whether o goes back behind what is held.
func older(o, held metav1.Object) bool {
	if o.GetUID() == held.GetUID() {
		return o.GetGeneration() < held.GetGeneration()
	}
	created := o.GetCreationTimestamp()
	holding := held.GetCreationTimestamp()
	return created.Time.Before(holding.Time)
}

// put takes an object from a watch and reports whether that changed anything. suspicious says that
// the object goes back: it is time to read the list.
func (h *held[T]) put(o T) (changed, suspicious bool) {
	e := h.objects[keyOf(o)]
	switch {
	case e == nil && h.deleted(o) != nil:
		h.refused++
		return false, true
	case e == nil:
		h.take(o)
		return true, false
	case older(o, e.object):
		h.refused++
		return false, true
	}
	changed = e.object.GetUID() != o.GetUID() || e.object.GetResourceVersion() != o.GetResourceVersion()
	if !changed {
		*e = entry[T]{object: e.object} // what was made of it stays good
		return false, false
	}
	*e = entry[T]{object: o}
	h.touched[keyOf(o)] = true
	return true, false
}

// remove takes a deletion from a watch and reports whether that changed anything.
func (h *held[T]) remove(o T) bool {
	e := h.objects[keyOf(o)]
	if e == nil || e.object.GetUID() != o.GetUID() {
		return false
	}
	delete(h.objects, keyOf(o))
	h.touched[keyOf(o)] = true
	if len(h.gone) >= mostGone {
		clear(h.gone)
	}
	h.gone[keyOf(o)] = &entry[T]{object: e.object}
	return true
}

// deleted is what is remembered of an object that was deleted, or of one after it that was; nil if
// there is nothing.
func (h *held[T]) deleted(o T) *entry[T] {
	e := h.gone[keyOf(o)]
	if e == nil || e.object.GetUID() != o.GetUID() && !older(o, e.object) {
		return nil
	}
	return e
}

func (h *held[T]) take(o T) {
	delete(h.gone, keyOf(o))
	h.objects[keyOf(o)] = &entry[T]{object: o}
	h.touched[keyOf(o)] = true
}

// replace takes a consistent list and reports whether that changed anything. doubts says that the
// list should be read again after confirmAfter.
func (h *held[T]) replace(list []T, now time.Time) (changed, doubts bool) {
	listed := make(map[types.NamespacedName]bool, len(list))
	for _, o := range list {
		listed[keyOf(o)] = true
		e := h.objects[keyOf(o)]
		if e == nil {
			e = h.deleted(o)
		}
		if e == nil || h.gone[keyOf(o)] != e && !older(o, e.object) {
			put, _ := h.put(o)
			changed = changed || put
			continue
		}
		if h.confirmed(e, doubt{o.GetUID(), o.GetGeneration()}, now) {
			h.take(o)
			changed = true
		} else {
			doubts = true
		}
	}
	for key := range h.gone {
		if !listed[key] {
			delete(h.gone, key)
		}
	}
	for key, e := range h.objects {
		if listed[key] {
			continue
		}
		if h.confirmed(e, doubt{}, now) {
			delete(h.objects, key)
			h.touched[key] = true
			changed = true
		} else {
			doubts = true
		}
	}
	return changed, doubts
}

// confirmed reports whether a list has said before, long enough ago, what one says now.
func (h *held[T]) confirmed(e *entry[T], d doubt, now time.Time) bool {
	if e.doubted.IsZero() || e.doubt != d {
		e.doubted, e.doubt = now, d
		h.refused++
		return false
	}
	return now.Sub(e.doubted) >= confirmAfter
}

// all are the objects, by namespace and name. The list must not be changed. Objects that have not changed
// stand in it as they did before, and what has is worked into it, so that little is done for a few.
func (h *held[T]) all() []T {
	if len(h.touched) == 0 {
		return h.list
	}
	keys := slices.SortedFunc(maps.Keys(h.touched), compareKeys)
	out := make([]T, 0, len(h.objects))
	rest := h.list
	for _, key := range keys {
		at, there := slices.BinarySearchFunc(rest, key, func(o T, k types.NamespacedName) int { return compareKeys(keyOf(o), k) })
		out = append(out, rest[:at]...)
		rest = rest[at:]
		if there {
			rest = rest[1:]
		}
		if e := h.objects[key]; e != nil {
			out = append(out, e.object)
		}
	}
	h.list = append(out, rest...)
	clear(h.touched)
	return h.list
}

func compareKeys(a, b types.NamespacedName) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}
