package quota

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

const (
	// Patience is after which time a write that was allowed has been given up for certain: API servers
	// end requests after a minute, and clocks differ.
	Patience = 2 * time.Minute
	// MaxPending bounds the reservations of a ledger, and so its size in bytes.
	MaxPending = 1000
)

// Ledger is what one quota's admissions are decided by. Resources are named as pods request them.
type Ledger struct {
	// Used is what the bindings used when they were last counted.
	Used corev1.ResourceList `json:"used"`
	// Pending are the reservations by the binding's UID.
	Pending map[types.UID]Reservation `json:"pending,omitempty"`
}

// Reservation is a growth that was allowed and has not been counted yet.
type Reservation struct {
	// Generation of the binding that was to be changed; 0 for one that was to be created. The write has come
	// about, or never will, when the binding has a later one.
	Generation int64 `json:"generation,omitempty"`
	// Counted is what the ledger's Used holds for the binding.
	Counted corev1.ResourceList `json:"counted,omitempty"`
	// Usage is the most that the binding may use.
	Usage corev1.ResourceList `json:"usage"`
	// Until is when it lapses.
	Until metav1.Time `json:"until"`
}

// Read returns the ledger of a quota; false when it has none yet, or one that makes no sense. Then
// nothing may be admitted until the bindings have been counted.
func Read(q *policyv1alpha1.FederatedResourceQuota) (Ledger, bool) {
	text, ok := q.Annotations[names.QuotaLedgerAnnotation]
	if !ok {
		return Ledger{}, false
	}
	var l Ledger
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.Used == nil {
		return Ledger{}, false
	}
	return l, true
}

// Write puts the ledger on a quota.
func (l Ledger) Write(q *policyv1alpha1.FederatedResourceQuota) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode the ledger of quota %s/%s: %w", q.Namespace, q.Name, err)
	}
	metav1.SetMetaDataAnnotation(&q.ObjectMeta, names.QuotaLedgerAnnotation, string(text))
	return nil
}

// Total is what is used and what is reserved beyond.
func (l Ledger) Total() corev1.ResourceList {
	out := corev1.ResourceList{}
	add(out, l.Used)
	for _, r := range l.Pending {
		add(out, beyond(r.Usage, r.Counted))
	}
	return out
}

// Claim is a write of a binding that would use more.
type Claim struct {
	// UID and Generation are those of the binding before the write. One that is created has its UID
	// already; its generation is 0.
	UID        types.UID
	Generation int64
	// Had and Wants are its use before and after.
	Had, Wants corev1.ResourceList
}

// Account is a quota with the ledger that is decided by.
type Account struct {
	Quota  *policyv1alpha1.FederatedResourceQuota
	Ledger Ledger
}

// Admit lets a binding grow when every quota of its namespace has room, and reserves in all of them. When
// one has not, or has too many reservations to keep another, it returns why and changes nothing.
func Admit(accounts []*Account, c Claim, now time.Time) error {
	after := make([]Ledger, len(accounts))
	for i, a := range accounts {
		l, err := a.admit(c, now)
		if err != nil {
			return err
		}
		after[i] = l
	}
	for i, a := range accounts {
		a.Ledger = after[i]
	}
	return nil
}

func (a *Account) admit(c Claim, now time.Time) (Ledger, error) {
	overall := a.Quota.Spec.Overall
	c.Had, c.Wants = bounded(c.Had, overall), bounded(c.Wants, overall)
	growth := beyond(c.Wants, c.Had)
	if len(growth) == 0 {
		return a.Ledger, nil
	}
	after := a.Ledger.reserve(c, now)
	total := after.Total()
	var over []excess
	for _, key := range slices.Sorted(maps.Keys(overall)) {
		name, ok := Requested(key)
		more, grows := growth[name]
		limit, sum := overall[key], total[name]
		if !ok || !grows || sum.Cmp(limit) <= 0 {
			continue
		}
		used := sum.DeepCopy()
		used.Sub(more)
		over = append(over, excess{key, more, used, limit})
	}
	if len(over) > 0 {
		return Ledger{}, &Exceeded{Namespace: a.Quota.Namespace, Quota: a.Quota.Name, over: over}
	}
	if _, again := a.Ledger.Pending[c.UID]; !again && len(after.Pending) > MaxPending {
		return Ledger{}, &Crowded{Namespace: a.Quota.Namespace, Quota: a.Quota.Name}
	}
	return after, nil
}

// reserve adds a claim to the reservation that its binding has already.
func (l Ledger) reserve(c Claim, now time.Time) Ledger {
	next := Reservation{Generation: c.Generation, Counted: c.Had, Usage: larger(c.Had, c.Wants), Until: metav1.NewTime(now.Add(Patience))}
	if last, ok := l.Pending[c.UID]; ok {
		next.Counted = last.Counted
		if last.Generation >= c.Generation { // either write may be the one that comes about
			next.Generation, next.Usage = last.Generation, larger(last.Usage, next.Usage)
		}
	}
	next.Counted, next.Usage = canonical(next.Counted), canonical(next.Usage)
	out := Ledger{Used: l.Used, Pending: maps.Clone(l.Pending)}
	if out.Pending == nil {
		out.Pending = map[types.UID]Reservation{}
	}
	out.Pending[c.UID] = next
	return out
}

// Counted is a binding as it is seen now.
type Counted struct {
	UID        types.UID
	Generation int64
	Usage      corev1.ResourceList
}

// Recount makes the ledger of what the bindings of the namespace use now. It keeps the reservations
// whose writes are not among the bindings yet, and may still come. What was once seen of a
// binding must not be unseen: the bindings are those of one watch.
func Recount(l Ledger, overall corev1.ResourceList, bindings []Counted, now time.Time) Ledger {
	out := Ledger{Used: corev1.ResourceList{}}
	waiting := maps.Clone(l.Pending)
	for i := range bindings {
		b := &bindings[i]
		use := bounded(b.Usage, overall)
		add(out.Used, use)
		r, ok := waiting[b.UID]
		if ok && b.Generation <= r.Generation {
			out.keep(b.UID, r, use, now)
		}
		delete(waiting, b.UID)
	}
	for uid, r := range waiting { // bindings that are not seen yet, or are gone
		out.keep(uid, r, nil, now)
	}
	out.Used = canonical(out.Used)
	return out
}

// keep keeps a reservation that has not lapsed.
func (l *Ledger) keep(uid types.UID, r Reservation, counted corev1.ResourceList, now time.Time) {
	if !now.Before(r.Until.Time) {
		return
	}
	r.Counted = canonical(counted)
	if l.Pending == nil {
		l.Pending = map[types.UID]Reservation{}
	}
	l.Pending[uid] = r
}

// Lapses is when the first reservation does; zero when there is none.
func (l Ledger) Lapses() time.Time {
	var first time.Time
	for _, r := range l.Pending {
		if first.IsZero() || r.Until.Time.Before(first) {
			first = r.Until.Time
		}
	}
	return first
}
