package scheduler

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// returns remembers of bindings that use a later affinity group since when an earlier one could have
// taken them, and which of them wait for reports in the middle of their way back. After a restart it
// is empty: stability is then waited for anew.
type returns struct {
	mu   sync.Mutex
	seen map[types.NamespacedName]returning
	// failed outlives the way back: it is how often an application was evicted from an earlier group
	// since it fails there.
	failed map[types.NamespacedName]failure
}

type failure struct {
	times int
	last  time.Time
}

const (
	// longestWindow bounds the time for which an earlier group must be stable after failures.
	longestWindow = time.Hour
	// forgiven is after how long without a failure they are forgotten.
	forgiven = 24 * time.Hour
)

type returning struct {
	since time.Time // zero when the earlier group cannot take it
	waits bool
}

func newReturns() *returns {
	return &returns{seen: map[types.NamespacedName]returning{}, failed: map[types.NamespacedName]failure{}}
}

// failedAt notes that the application was evicted from an earlier group at a time, since it failed there.
func (x *returns) failedAt(key types.NamespacedName, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.failed[key]
	if !at.After(f.last) {
		return // it is the same eviction
	}
	if at.Sub(f.last) > forgiven {
		f.times = 0
	}
	x.failed[key] = failure{f.times + 1, at}
}

// window is how long an earlier group must be stable before the binding goes back: twice as long for each
// time that the application failed there, so that it does not go to and fro.
func (x *returns) window(key types.NamespacedName, stableFor time.Duration, now time.Time) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	f, failed := x.failed[key]
	if !failed {
		return stableFor
	}
	if now.Sub(f.last) > forgiven {
		delete(x.failed, key)
		return stableFor
	}
	window := stableFor
	for i := 0; i < f.times && window < longestWindow; i++ {
		window *= 2
	}
	return max(stableFor, min(window, longestWindow))
}

// fits notes whether the earlier group can take the binding now, and says since when it has been so.
func (x *returns) fits(key types.NamespacedName, fits bool, now time.Time) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.seen[key]
	switch {
	case !fits:
		r.since = time.Time{}
	case r.since.IsZero():
		r.since = now
	}
	x.seen[key] = r
	return r.since
}

// await says whether the binding waits for reports.
func (x *returns) await(key types.NamespacedName, waits bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.seen[key]
	r.waits = waits
	x.seen[key] = r
}

func (x *returns) awaits(key types.NamespacedName) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen[key].waits
}

// drop forgets a binding that is gone.
func (x *returns) drop(key types.NamespacedName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.seen, key)
	delete(x.failed, key)
}

// forget ends the way back.
func (x *returns) forget(key types.NamespacedName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.seen, key)
}
