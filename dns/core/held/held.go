// Package held holds the newest objects that a server has heard of, and does not go back: what it
// holds is replaced by something newer at once, and by something older or by nothing only after a
// second look. Precisely:
//
//   - An object that is newer than the one held is taken at once. Newer means: of the same UID and of
//     a generation that is not lower; or of another UID and of a writer in a later epoch, or, where no
//     epoch tells, not created earlier.
//   - An object is dropped at once when a watch says that it, by its UID, was deleted. It does not come
//     back at once, whatever arrives late.
//   - Everything else goes back: an object that is older than the one held, wherever it comes from,
//     and an object that is held and missing in a list. It is believed when two consistent reads of
//     the hub (lists that are not served from a cache of unknown age) at least [ConfirmAfter] apart
//     say the same of that object, and no list or watch in between said otherwise.
//
// It reads nothing itself and knows no clock.
package held

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ConfirmAfter is how far apart two reads must be that agree on going back.
const ConfirmAfter = 30 * time.Second

// Objects are those of one kind, by the rules of the package's documentation. They are not safe for
// concurrent use.
type Objects[T metav1.Object] struct {
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

// New holds nothing.
func New[T metav1.Object]() *Objects[T] {
	return &Objects[T]{objects: map[types.NamespacedName]*entry[T]{}, gone: map[types.NamespacedName]*entry[T]{}, touched: map[types.NamespacedName]bool{}}
}

// Key is the namespace and name of an object.
func Key(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// epoched is an object that says in which epoch of its writer it was written; 0 when it does not.
type epoched interface{ GetEpoch() int64 }

func epochOf(o metav1.Object) int64 {
	if e, ok := o.(epoched); ok {
		return e.GetEpoch()
	}
	return 0
}

// older reports whether o goes back behind what is held. Of one object the generations tell. Of an
// object that was made anew the epoch of the writer does, before any clock: one that is late may well
// create after another that is not.
func older(o, held metav1.Object) bool {
	if o.GetUID() == held.GetUID() {
		return o.GetGeneration() < held.GetGeneration()
	}
	if is, was := epochOf(o), epochOf(held); is != was && is != 0 && was != 0 {
		return is < was
	}
	created := o.GetCreationTimestamp()
	holding := held.GetCreationTimestamp()
	return created.Time.Before(holding.Time)
}

// Put takes an object from a watch and reports whether that changed anything. suspicious says that
// the object goes back: it is time to read the list.
func (h *Objects[T]) Put(o T) (changed, suspicious bool) {
	e := h.objects[Key(o)]
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
	h.touched[Key(o)] = true
	return true, false
}

// Remove takes a deletion from a watch and reports whether that changed anything.
func (h *Objects[T]) Remove(o T) bool {
	e := h.objects[Key(o)]
	if e == nil || e.object.GetUID() != o.GetUID() {
		return false
	}
	delete(h.objects, Key(o))
	h.touched[Key(o)] = true
	if len(h.gone) >= mostGone {
		clear(h.gone)
	}
	h.gone[Key(o)] = &entry[T]{object: e.object}
	return true
}

// deleted is what is remembered of an object that was deleted, or of one after it that was; nil if
// there is nothing.
func (h *Objects[T]) deleted(o T) *entry[T] {
	e := h.gone[Key(o)]
	if e == nil || e.object.GetUID() != o.GetUID() && !older(o, e.object) {
		return nil
	}
	return e
}

func (h *Objects[T]) take(o T) {
	delete(h.gone, Key(o))
	h.objects[Key(o)] = &entry[T]{object: o}
	h.touched[Key(o)] = true
}

// Replace takes a consistent list and reports whether that changed anything. doubts says that the
// list should be read again after ConfirmAfter.
func (h *Objects[T]) Replace(list []T, now time.Time) (changed, doubts bool) {
	listed := make(map[types.NamespacedName]bool, len(list))
	for _, o := range list {
		listed[Key(o)] = true
		e := h.objects[Key(o)]
		if e == nil {
			e = h.deleted(o)
		}
		if e == nil || h.gone[Key(o)] != e && !older(o, e.object) {
			put, _ := h.Put(o)
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
func (h *Objects[T]) confirmed(e *entry[T], d doubt, now time.Time) bool {
	if e.doubted.IsZero() || e.doubt != d {
		e.doubted, e.doubt = now, d
		h.refused++
		return false
	}
	return now.Sub(e.doubted) >= ConfirmAfter
}

// Get is the object of a namespace and name, and whether there is one.
func (h *Objects[T]) Get(key types.NamespacedName) (o T, ok bool) {
	if e := h.objects[key]; e != nil {
		return e.object, true
	}
	return o, false
}

// Each goes through the objects, in no order.
func (h *Objects[T]) Each() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, e := range h.objects {
			if !yield(e.object) {
				return
			}
		}
	}
}

// Refused is how often something was not believed at once.
func (h *Objects[T]) Refused() uint64 { return h.refused }

// All are the objects, by namespace and name. The list must not be changed. Objects that have not changed
// stand in it as they did before, and what has is worked into it, so that little is done for a few.
func (h *Objects[T]) All() []T {
	if len(h.touched) == 0 {
		return h.list
	}
	keys := slices.SortedFunc(maps.Keys(h.touched), compareKeys)
	out := make([]T, 0, len(h.objects))
	rest := h.list
	for _, key := range keys {
		at, there := slices.BinarySearchFunc(rest, key, func(o T, k types.NamespacedName) int { return compareKeys(Key(o), k) })
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
