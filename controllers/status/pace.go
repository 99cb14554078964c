package status

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// settle is how long even a first change waits: what belongs together often comes in one burst.
const settle = 50 * time.Millisecond

// pacer spaces the writes of each object. The first change after a quiet time is handled at once,
// the following ones together when the window since the last write is over.
type pacer struct {
	clock  clock.PassiveClock
	window time.Duration

	mu   sync.Mutex
	last map[reconcile.Request]time.Time
}

func newPacer(clock clock.PassiveClock, window time.Duration) *pacer {
	return &pacer{clock: clock, window: window, last: map[reconcile.Request]time.Time{}}
}

// delay is how long a change that is seen now waits. Queued with it, all changes until then become
// one.
func (p *pacer) delay(req reconcile.Request) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[req]
	if !ok {
		return settle
	}
	left := p.window - p.clock.Since(last)
	if left <= 0 {
		delete(p.last, req)
	}
	return max(settle, left)
}

// left is what is left of the window. A change that comes while an object is written is queued with
// the delay of before: whoever is about to write asks again.
func (p *pacer) left(req reconcile.Request) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[req]
	if !ok {
		return 0
	}
	return max(0, p.window-p.clock.Since(last))
}

// wrote begins the window.
func (p *pacer) wrote(req reconcile.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[req] = p.clock.Now()
}

// forget is for objects that are gone.
func (p *pacer) forget(req reconcile.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, req)
}
