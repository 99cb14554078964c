// Package ledger keeps book of assumed placements: replicas that were placed in a cluster and that
// the report which the cluster's room is judged by does not count yet. Without it, all decisions
// between two reports would spend the same room again.
//
// Decisions run in parallel and without a lock. Each notes how the book stood when it began (View)
// and enters its claim before the placement is written (Commit). A claim is refused when others have
// meanwhile taken what it counts on: then the decision is made again. It is not kept on disk: after
// a restart it is made up from the bindings (Restore).
package ledger

import (
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Patience is how long a placement is assumed at the most. Karmada waits as long.
const Patience = 5 * time.Minute

// Settled is how long after a binding's status shows replicas the cluster's report counts them for
// certain, whether it has changed since or counted them before: members are looked at every few seconds.
const Settled = 15 * time.Second

// Ledger is the book. It is safe for concurrent use; nothing in it waits.
type Ledger struct {
	mu       sync.Mutex
	accounts map[string]*account
	holds    map[types.NamespacedName]*hold
	view     *View // of this moment; nil when something has changed since it was made
}

// account is what is assumed in one cluster.
type account struct {
	sum     Amounts
	grown   Amounts // all that was added in this age
	age     int     // ends when grown becomes too large to be counted on
	list    corev1.ResourceList
	entries map[types.NamespacedName]*entry
}

// hold is what is assumed of one binding.
type hold struct {
	unit       Amounts
	entries    map[string]*entry
	pending    bool  // a write is under way
	generation int64 // that the last write made
}

// entry is what is assumed of one binding in one cluster.
type entry struct {
	unit     Amounts
	base     int64 // replicas that the reports count
	to       int64 // replicas that are placed
	claimed  int64 // replicas that a write under way places; 0 without one
	until    time.Time
	reported time.Time // since when the binding's status shows the replicas; zero while it does not
}

func (e *entry) units() int64 { return max(e.to, e.claimed) - e.base }

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{accounts: map[string]*account{}, holds: map[types.NamespacedName]*hold{}}
}

// View is how the book stood at one moment. It does not change.
type View struct {
	// Assumed is what is assumed in each cluster: requests, and pods.
	Assumed map[string]corev1.ResourceList
	grown   map[string]Amounts
	age     map[string]int
}

// View returns how the book stands. Read it before the clusters' reports: then what a report counts
// may be counted twice for a moment, but never not at all.
func (l *Ledger) View() *View {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.view != nil {
		return l.view
	}
	v := &View{Assumed: make(map[string]corev1.ResourceList, len(l.accounts)), grown: make(map[string]Amounts, len(l.accounts)), age: map[string]int{}}
	for name, a := range l.accounts {
		if v.grown[name] = a.grown; a.age > 0 {
			v.age[name] = a.age
		}
		if len(a.entries) == 0 {
			continue
		}
		if a.list == nil {
			a.list = a.sum.list()
		}
		v.Assumed[name] = a.list
	}
	l.view = v
	return v
}

// Claim is a placement that is about to be written.
type Claim struct {
	Key types.NamespacedName
	// Unit is what one replica takes.
	Unit Amounts
	// Growth are the clusters that get more replicas than they have.
	Growth []Growth
}

// Growth is what one cluster gets.
type Growth struct {
	Cluster string
	// From and To are the replicas before and after.
	From, To int64
	// Room is how many more replicas the decision found room for; Unchecked when it did not matter
	// to it.
	Room int64
}

// Unchecked is the room of a decision that does not go by room.
const Unchecked = -1

// Commit enters a claim, or refuses it: since the view others have claimed so much of a cluster that
// what is left of the room may be too small. After a claim comes Written or TakeBack.
func (l *Ledger) Commit(v *View, c Claim, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range c.Growth {
		if g.Room == Unchecked || v == nil {
			continue
		}
		a := l.accounts[g.Cluster]
		if a == nil {
			continue
		}
		lost := c.Unit.units(a.grown.plus(v.grown[g.Cluster], -1))
		if a.age != v.age[g.Cluster] || lost > 0 && g.To-g.From+lost > g.Room {
			return false
		}
	}
	h := l.hold(c.Key, c.Unit)
	h.pending = true
	for _, g := range c.Growth {
		l.change(c.Key, h, g.Cluster, g.From, func(e *entry) {
			e.claimed, e.until, e.reported = g.To, now.Add(Patience), time.Time{}
		})
	}
	return true
}

// Written says that the placement of the last claim was written, and which generation it made.
func (l *Ledger) Written(key types.NamespacedName, generation int64) {
	l.settle(key, generation, func(e *entry) { e.to, e.claimed = max(e.to, e.claimed), 0 })
}

// TakeBack says that the placement of the last claim was not written.
func (l *Ledger) TakeBack(key types.NamespacedName) {
	l.settle(key, 0, func(e *entry) { e.claimed = 0 })
}

func (l *Ledger) settle(key types.NamespacedName, generation int64, how func(*entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[key]
	if h == nil {
		return
	}
	h.pending, h.generation = false, max(h.generation, generation)
	for cluster, e := range h.entries {
		if e.claimed > 0 {
			l.change(key, h, cluster, e.base, how)
		}
	}
	l.tidy(key, h)
}

// Forget drops all that is assumed of a binding, and names the clusters in which there was such.
func (l *Ledger) Forget(key types.NamespacedName) (freed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[key]
	if h == nil {
		return nil
	}
	for cluster := range h.entries {
		l.drop(key, h, cluster)
		freed = append(freed, cluster)
	}
	delete(l.holds, key)
	return freed
}

// Refreshed says that a cluster has reported anew. What its bindings had reported before that is
// counted by it. It says whether anything is assumed no longer.
func (l *Ledger) Refreshed(cluster string) (freed bool) {
	return l.release(cluster, func(e *entry) bool { return !e.reported.IsZero() && e.claimed == 0 })
}

// Expire drops what has been assumed for too long, and what was reported long enough ago; it names the
// clusters in which there was such.
func (l *Ledger) Expire(now time.Time) (freed []string) {
	l.mu.Lock()
	names := make([]string, 0, len(l.accounts))
	for name, a := range l.accounts {
		if len(a.entries) > 0 {
			names = append(names, name)
		}
	}
	l.mu.Unlock()
	for _, name := range names {
		if l.release(name, func(e *entry) bool {
			return e.claimed == 0 && (!now.Before(e.until) || !e.reported.IsZero() && !now.Before(e.reported.Add(Settled)))
		}) {
			freed = append(freed, name)
		}
	}
	return freed
}

func (l *Ledger) release(cluster string, which func(*entry) bool) (any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[cluster]
	if a == nil {
		return false
	}
	for key, e := range a.entries {
		if which(e) {
			h := l.holds[key]
			l.drop(key, h, cluster)
			l.tidy(key, h)
			any = true
		}
	}
	return any
}

// hold returns what is assumed of a binding; the entries it has already are counted by the unit.
func (l *Ledger) hold(key types.NamespacedName, unit Amounts) *hold {
	h := l.holds[key]
	if h == nil {
		h = &hold{entries: map[string]*entry{}}
		l.holds[key] = h
	}
	h.unit = unit
	return h
}

// change changes an entry, made with the given base when there is none, and the account with it.
func (l *Ledger) change(key types.NamespacedName, h *hold, cluster string, base int64, how func(*entry)) {
	l.view = nil
	a := l.accounts[cluster]
	if a == nil {
		a = &account{entries: map[types.NamespacedName]*entry{}}
		l.accounts[cluster] = a
	}
	e := h.entries[cluster]
	if e == nil {
		e = &entry{unit: h.unit, base: base, to: base}
		h.entries[cluster], a.entries[key] = e, e
	}
	unit, units := e.unit, e.units()
	how(e)
	a.list = nil
	switch {
	case e.units() <= 0:
		a.sum = a.sum.plus(unit, -units)
		delete(h.entries, cluster)
		if delete(a.entries, key); len(a.entries) == 0 {
			a.sum = nil
		}
		return
	case e.units() > units:
		a.grow(h.unit, e.units()-units)
	}
	a.sum = a.sum.plus(unit, -units).plus(h.unit, e.units())
	e.unit = h.unit
}

func (a *account) grow(unit Amounts, units int64) {
	if a.grown = a.grown.plus(unit, units); slices.ContainsFunc(a.grown, func(x amount) bool { return x.n > most/2 }) {
		a.grown, a.age = nil, a.age+1
	}
}

func (l *Ledger) drop(key types.NamespacedName, h *hold, cluster string) {
	l.change(key, h, cluster, 0, func(e *entry) { e.to, e.claimed = e.base, 0 })
}

func (l *Ledger) tidy(key types.NamespacedName, h *hold) {
	if len(h.entries) == 0 && !h.pending {
		delete(l.holds, key)
	}
}
