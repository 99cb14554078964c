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
}

type returning struct {
	since time.Time // zero when the earlier group cannot take it
	waits bool
}

func newReturns() *returns { return &returns{seen: map[types.NamespacedName]returning{}} }

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

func (x *returns) forget(key types.NamespacedName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.seen, key)
}
