package failover

import (
	"cmp"
	"slices"
	"time"
)

// Mover is a binding that has to leave a lost cluster.
type Mover struct {
	// Key names it.
	Key string
	// Priority is that of its application; the higher goes first.
	Priority int32
	// Created is when it was made; the older goes first.
	Created time.Time
	// Workload: it has replicas.
	Workload bool
	// RequiredBy are the keys of the bindings whose templates refer to its template, whether they
	// have to move or not.
	RequiredBy []string
}

// Order is the order in which bindings are placed, as indexes into in. First-fit in this order is the
// rule for the room of the survivors: who comes first may take what it needs, who does not fit waits,
// and who comes after it may take what is left.
//
//   - What workloads need goes by priority, then by age; what a workload of the list depends on goes
//     right before it.
//   - What no workload needs goes last: it takes no room, and nobody misses it for a moment.
func Order(in []Mover) []int {
	ranked := make([]int, len(in))
	for i := range in {
		ranked[i] = i
	}
	slices.SortFunc(ranked, func(i, j int) int { return compare(&in[i], &in[j]) })

	dependencies := map[string][]int{} // in their order
	for _, i := range ranked {
		for _, parent := range in[i].RequiredBy {
			dependencies[parent] = append(dependencies[parent], i)
		}
	}
	out, seen := make([]int, 0, len(in)), make([]bool, len(in))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true // before its dependencies: they may refer to each other
		for _, d := range dependencies[in[i].Key] {
			visit(d)
		}
		out = append(out, i)
	}
	for _, i := range ranked {
		visit(i)
	}
	return out
}

func compare(a, b *Mover) int {
	loose := func(m *Mover) int {
		if m.Workload || len(m.RequiredBy) > 0 {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(loose(a), loose(b)),
		cmp.Compare(b.Priority, a.Priority),
		a.Created.Compare(b.Created),
		cmp.Compare(a.Key, b.Key),
	)
}
