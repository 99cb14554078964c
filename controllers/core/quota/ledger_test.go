package quota

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// model is an API server with bindings, writes on their way to it, and a watch that lags behind.
type model struct {
	bindings map[string]Counted
	flights  []flight
	log      []map[string]Counted // every state there was
	seen     int                  // what the watch shows of the log
	account  *Account
	now      time.Time
	uids     int
}

// flight is a write that was allowed, and may come about or not.
type flight struct {
	name       string
	uid        types.UID
	generation int64 // 0: a creation
	usage      int64
}

const limit = 10

func cpu(n int64) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(n, resource.DecimalSI)}
}

func (m *model) used() int64 {
	var n int64
	for _, b := range m.bindings {
		q := b.Usage[corev1.ResourceCPU]
		n += q.Value()
	}
	return n
}

func (m *model) note() {
	state := map[string]Counted{}
	for name, b := range m.bindings {
		state[name] = b
	}
	m.log = append(m.log, state)
}

func (m *model) ask(name string, usage int64) {
	b, exists := m.bindings[name]
	if !exists { // every attempt to create it has a UID of its own
		m.uids++
		b = Counted{UID: types.UID(fmt.Sprint(m.uids))}
	}
	if Grows(b.Usage, cpu(usage)) { // only growth is asked about
		c := Claim{UID: b.UID, Generation: b.Generation, Had: b.Usage, Wants: cpu(usage)}
		if Admit([]*Account{m.account}, c, m.now) != nil {
			return
		}
	}
	m.flights = append(m.flights, flight{name: name, uid: b.UID, generation: b.Generation, usage: usage})
}

// arrive lets a write come about, unless another was quicker.
func (m *model) arrive(i int) {
	f := m.flights[i]
	m.flights = slices.Delete(m.flights, i, i+1)
	b, exists := m.bindings[f.name]
	create := f.generation == 0 && !exists
	update := f.generation > 0 && exists && f.uid == b.UID && f.generation == b.Generation
	if create || update {
		m.bindings[f.name] = Counted{UID: f.uid, Generation: f.generation + 1, Usage: cpu(f.usage)}
		m.note()
	}
}

func (m *model) recount() {
	var view []Counted
	for _, b := range m.log[m.seen] {
		view = append(view, b)
	}
	m.account.Ledger = Recount(m.account.Ledger, m.account.Quota.Spec.Overall, view, m.now)
}

// TestWhateverHappensTheLimitHolds lets writes race, fail, come late, and be seen late: never is more used than
// the quota has; and when all is quiet, the ledger tells what is used.
func TestWhateverHappensTheLimitHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{bindings: map[string]Counted{}, account: account(fmt.Sprintf("cpu=%d", limit), "cpu=0"), now: start}
		m.note()
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		which := func(t *rapid.T) int {
			if len(m.flights) == 0 {
				t.Skip("nothing on its way")
			}
			return rapid.IntRange(0, len(m.flights)-1).Draw(t, "write")
		}
		t.Repeat(map[string]func(*rapid.T){
			"ask":    func(t *rapid.T) { m.ask(name.Draw(t, "binding"), rapid.Int64Range(0, limit).Draw(t, "usage")) },
			"arrive": func(t *rapid.T) { m.arrive(which(t)) },
			"fail": func(t *rapid.T) {
				i := which(t)
				m.flights = slices.Delete(m.flights, i, i+1)
			},
			"delete": func(t *rapid.T) {
				delete(m.bindings, name.Draw(t, "binding"))
				m.note()
			},
			"watch":   func(t *rapid.T) { m.seen = rapid.IntRange(m.seen, len(m.log)-1).Draw(t, "seen") },
			"recount": func(*rapid.T) { m.recount() },
			"": func(t *rapid.T) {
				if used := m.used(); used > limit {
					t.Fatalf("%d used of %d; ledger %+v, bindings %+v", used, limit, m.account.Ledger, m.bindings)
				}
			},
		})
		m.flights, m.seen, m.now = nil, len(m.log)-1, m.now.Add(Patience)
		m.recount()
		if total := m.account.Ledger.Total(); !Equal(total, cpu(m.used())) || len(m.account.Ledger.Pending) > 0 {
			t.Errorf("when all is quiet: ledger %+v, used %d", m.account.Ledger, m.used())
		}
	})
}
