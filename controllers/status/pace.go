package status

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// settle is how long even a first change waits: what belongs together often comes in one burst.
const settle = 50 * time.Millisecond

// A write that takes long says that the hub has more to do than it can. Status, which will change again
// anyway, then makes room for the rest: the next write of that object waits slack times as long as this
// one took, up to longest windows.
const (
	slack   = 20
	longest = 10
)

// pacer spaces the writes of each object. The first change after a quiet time is handled at once,
// the following ones together when the window since the last write is over.
type pacer struct {
	clock  clock.PassiveClock
	window time.Duration

	mu sync.Mutex
	// next is when the window of each object is over.
	next map[reconcile.Request]time.Time
}

func newPacer(clock clock.PassiveClock, window time.Duration) *pacer {
	return &pacer{clock: clock, window: window, next: map[reconcile.Request]time.Time{}}
}

// delay is how long a change that is seen now waits. Queued with it, all changes until then become
// one.
func (p *pacer) delay(req reconcile.Request) time.Duration { return max(settle, p.left(req)) }

// left is what is left of the window. A change that comes while an object is written is queued with
// the delay of before: whoever is about to write asks again.
func (p *pacer) left(req reconcile.Request) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, ok := p.next[req]
	if !ok {
		return 0
	}
	left := next.Sub(p.clock.Now())
	if left <= 0 {
		delete(p.next, req)
	}
	return max(0, left)
}

// wrote begins the window after a write that began at the given time.
func (p *pacer) wrote(req reconcile.Request, began time.Time) {
	now := p.clock.Now()
	wait := min(max(p.window, slack*now.Sub(began)), longest*p.window)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[req] = now.Add(wait)
}

// forget is for objects that are gone.
func (p *pacer) forget(req reconcile.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.next, req)
}
