package zone

import (
	"slices"

	"github.com/seaway-io/seaway/dns/core/objects"
)

// Changes are the plans that a snapshot has and the one before it, which may be nil, has not, and the
// other way round. Those that are in both keep their verdicts.
func Changes(before, after *Snapshot) (came, went []*Plan) {
	var old []*Plan
	if before != nil {
		old = before.Plans
	}
	gone, come := objects.Difference(old, after.Plans, comparePlans)
	return pick(after.Plans, come), pick(old, gone)
}

func pick[T any](from []*T, at []int) []*T {
	out := make([]*T, len(at))
	for i, n := range at {
		out[i] = from[n]
	}
	return out
}

// replaceSorted is a list in an order with other elements at some places, or false if the list that
// comes of it has two elements of one name or is in no order.
func replaceSorted[T any](list []*T, gone []int, come []*T, order func(a, b *T) int) ([]*T, bool) {
	come = slices.SortedFunc(slices.Values(come), order)
	out := make([]*T, 0, len(list)-len(gone)+len(come))
	from := 0
	put := func(to int) { // what stays, up to a place
		for from < to {
			next := to
			if len(gone) > 0 && gone[0] < to {
				next = gone[0]
			}
			out = append(out, list[from:next]...)
			from = next
			if len(gone) > 0 && gone[0] == from && from < to {
				from++
				gone = gone[1:]
			}
		}
	}
	for _, t := range come {
		at, _ := slices.BinarySearchFunc(list[from:], t, order)
		put(from + at)
		if from < len(list) && len(gone) > 0 && gone[0] == from {
			put(from + 1) // the one that it takes the place of
		}
		if len(out) > 0 && order(out[len(out)-1], t) >= 0 || from < len(list) && order(list[from], t) == 0 {
			return nil, false
		}
		out = append(out, t)
	}
	put(len(list))
	return out, true
}
