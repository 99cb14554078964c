package evict

import (
	"maps"
	"math"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// timers remember since when applications are seen to fail. A restart begins anew, as in Karmada: the report
// does not say since when, and an application that fails is given too much time rather than too little.
type timers struct {
	mu    sync.Mutex
	since map[types.NamespacedName]map[string]time.Time
}

func newTimers() *timers {
	return &timers{since: map[types.NamespacedName]map[string]time.Time{}}
}

// observe notes in which clusters a binding's application fails now, and returns since when. What does not
// fail any more is forgotten.
func (t *timers) observe(key types.NamespacedName, unhealthy []string, now time.Time) map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.since[key]
	if len(unhealthy) == 0 {
		delete(t.since, key)
		return nil
	}
	since := make(map[string]time.Time, len(unhealthy))
	for _, cluster := range unhealthy {
		since[cluster] = now
		if at, seen := before[cluster]; seen {
			since[cluster] = at
		}
	}
	t.since[key] = since
	return maps.Clone(since)
}

func (t *timers) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.since, key)
}

// stopped is how far apart evictions are at a rate of zero.
const stopped = 30 * time.Minute

// pace gives evictions their turn at a rate that somebody asked for, as Karmada does by default. nil has none.
type pace struct {
	every time.Duration

	mu    sync.Mutex
	next  time.Time
	turns map[types.NamespacedName]time.Time
}

func newPace(rate *float32) *pace {
	if rate == nil {
		return nil
	}
	every := stopped
	if seconds := 1 / float64(*rate); *rate > 0 && seconds < stopped.Seconds() {
		every = time.Duration(math.Ceil(seconds * float64(time.Second)))
	}
	return &pace{every: every, turns: map[types.NamespacedName]time.Time{}}
}

// turn says how long a binding has to wait for its turn; 0 when it has come. A binding that has one keeps it.
func (p *pace) turn(key types.NamespacedName, now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at, has := p.turns[key]
	if !has {
		at = now
		if p.next.After(at) {
			at = p.next
		}
		p.next = at.Add(p.every)
		p.turns[key] = at
	}
	return max(at.Sub(now), 0)
}

// giveBack ends the turn of a binding that was evicted, or does not need to be any more.
func (p *pace) giveBack(key types.NamespacedName) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.turns, key)
}
