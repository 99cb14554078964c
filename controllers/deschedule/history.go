package deschedule

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// longestRest bounds how long replicas that came back are left where they are. A place that has been at
// rest for as long again is forgotten.
const longestRest = time.Hour

// place is a binding in a cluster.
type place struct {
	binding types.UID
	cluster string
}

// attempt is for how long a place is left alone, and until when.
type attempt struct {
	rest  time.Duration
	until time.Time
}

// history remembers where replicas were taken from: who takes them again and again from a place that
// gets them back again and again only makes noise. It is kept in memory; after a restart it begins anew.
type history struct {
	interval time.Duration
	mu       sync.Mutex
	of       map[place]attempt
}

// note that replicas were taken from a place. The place then rests for two intervals, and twice as long
// each further time.
func (h *history) note(p place, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rest := min(2*max(h.interval, h.of[p].rest), longestRest)
	h.of[p] = attempt{rest: rest, until: now.Add(rest)}
}

// rests says whether nothing is to be taken from a place now.
func (h *history) rests(p place, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.of[p].until)
}

// forget drops what was long ago.
func (h *history) forget(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, a := range h.of {
		if now.Sub(a.until) > longestRest {
			delete(h.of, p)
		}
	}
}
