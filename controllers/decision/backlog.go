package decision

import (
	"slices"
	"sync"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// subject is the template of a decision, whatever the version of its API.
type subject struct{ group, kind, namespace, name string }

// note is a decision that waits to be written.
type note struct {
	subject
	decision.Made
	// ready is the whole of a decision that is none of a placement; Made is empty then. finish, where
	// there is one, adds what has to be asked for.
	ready  *trafficv1alpha1.DecisionSpec
	finish Finish
}

// weight is the memory that a note holds, in verdicts about clusters.
func (n *note) weight() int {
	w := 1 + len(n.Signals)
	if n.ready != nil {
		w += len(n.ready.Clusters) + len(n.ready.Changes) + len(n.ready.Inputs)
	}
	for i := range n.Diagnosis.Terms {
		w += len(n.Diagnosis.Terms[i].Clusters)
	}
	return w
}

// backlog holds the newest decision of each template, the one that waits longest first. It is
// bounded in number and in memory.
type backlog struct {
	mu      sync.Mutex
	notes   map[subject]*note
	order   []subject // of notes, each once
	weight  int
	most    int
	heavy   int
	arrived chan struct{}
}

// maxWeight bounds the verdicts that wait: some 200 MiB of them.
const maxWeight = 1 << 20

func newBacklog(most int) *backlog {
	return &backlog{notes: map[subject]*note{}, most: most, heavy: maxWeight, arrived: make(chan struct{}, 1)}
}

// add queues a decision and says what became of it, or of the one it replaced; empty when it just
// waits. A decision that leaves everything where it is does not replace one that explains how it
// came there.
func (b *backlog) add(n *note) (result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.notes[n.subject]
	room := b.heavy - b.weight
	if old != nil {
		room += old.weight()
	}
	switch {
	case old != nil && holds(old, n):
		return resultMerged
	case n.weight() > room, old == nil && len(b.notes) >= b.most:
		return resultDropped
	case old != nil:
		b.weight -= old.weight()
		result = resultMerged
	default:
		b.order = append(b.order, n.subject)
	}
	b.put(n)
	return result
}

// giveBack queues a decision that could not be written, unless there is a newer one by now.
func (b *backlog) giveBack(n *note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.notes[n.subject] == nil {
		b.order = slices.Insert(b.order, 0, n.subject)
		b.put(n)
	}
}

func (b *backlog) put(n *note) {
	b.notes[n.subject] = n
	b.weight += n.weight()
	waiting.Set(float64(len(b.notes)))
	select {
	case b.arrived <- struct{}{}:
	default: // told already
	}
}

// take returns the decision that waits longest; nil when there is none.
func (b *backlog) take() *note {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.order) == 0 {
		b.order = nil // and with it the memory of a crowd
		return nil
	}
	n := b.notes[b.order[0]]
	b.order = b.order[1:]
	delete(b.notes, n.subject)
	b.weight -= n.weight()
	waiting.Set(float64(len(b.notes)))
	return n
}

// holds says whether everything is where the older decision put it, and stays there.
func holds(older, newer *note) bool {
	return older.ready == nil && newer.ready == nil && older.Controller == newer.Controller && older.Policy == newer.Policy &&
		older.Diagnosis.Reason == newer.Diagnosis.Reason && older.Diagnosis.Message == newer.Diagnosis.Message &&
		samePlaces(older.Result.Clusters, newer.Result.Clusters) && samePlaces(newer.Input.Spec.Clusters, newer.Result.Clusters)
}

// samePlaces compares placements that are sorted, as those of placements are; others are taken for
// different.
func samePlaces(a, b []workv1alpha2.TargetCluster) bool {
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.TargetCluster) bool { return x.Name == y.Name && x.Replicas == y.Replicas })
}
