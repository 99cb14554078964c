package ledger

import (
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/types"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Observe takes note of a binding as a watch shows it; before are its targets in the event before, none for
// a binding that is new. What others than the scheduler have placed is assumed as well, and
// what the status shows to be there waits only for the cluster's next report.
func (l *Ledger) Observe(b workv1alpha2.Binding, before []workv1alpha2.TargetCluster, now time.Time) {
	key, spec := keyOf(b), b.GetBindingSpec()
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[key]
	if h == nil && !grows(spec, before) {
		return // the usual case
	}
	had, has := Units(spec, before), Units(spec, spec.Clusters)
	if h == nil {
		h = l.hold(key, UnitOf(spec))
	}
	if !h.pending && b.GetGeneration() >= h.generation { // not older than what we have written ourselves
		l.follow(key, h, had, has, now)
	}
	l.report(h, b.GetBindingStatus().AggregatedStatus, now)
	l.tidy(key, h)
}

// follow makes the entries what the binding says. Entries that say it already keep their time.
func (l *Ledger) follow(key types.NamespacedName, h *hold, had, has map[string]int64, now time.Time) {
	for cluster, n := range has {
		e := h.entries[cluster]
		if e == nil && n > had[cluster] || e != nil && n > e.to {
			l.change(key, h, cluster, had[cluster], func(e *entry) { e.to, e.until, e.reported = n, now.Add(Patience), time.Time{} })
		} else if e != nil && n < e.to {
			l.change(key, h, cluster, e.base, func(e *entry) { e.to = n })
		}
	}
	for cluster := range h.entries {
		if _, in := has[cluster]; !in {
			l.drop(key, h, cluster)
		}
	}
}

func (l *Ledger) report(h *hold, items []workv1alpha2.AggregatedStatusItem, now time.Time) {
	for cluster, e := range h.entries {
		if e.claimed == 0 && e.reported.IsZero() && shows(items, cluster, e.to, e.base == 0) {
			e.reported = now
		}
	}
}

// Restore assumes again, after a restart, what was placed a short time ago and is not reported yet.
func (l *Ledger) Restore(b workv1alpha2.Binding, now time.Time) {
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	placed := lastPlaced(b)
	if placed.IsZero() {
		return
	}
	until := placed.Add(Patience)
	if !now.Before(until) {
		return
	}
	key := keyOf(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hold(key, UnitOf(spec))
	for cluster, n := range Units(spec, spec.Clusters) {
		counted := min(reportedReplicas(status.AggregatedStatus, cluster), n)
		if n > counted && !shows(status.AggregatedStatus, cluster, n, true) {
			l.change(key, h, cluster, counted, func(e *entry) { e.to, e.until = n, until })
		}
	}
	l.tidy(key, h)
}

// lastPlaced is when the scheduler placed a binding last, or failover moved it.
func lastPlaced(b workv1alpha2.Binding) (at time.Time) {
	if t := b.GetBindingStatus().LastScheduledTime; t != nil {
		at = t.Time
	}
	for _, task := range b.GetBindingSpec().GracefulEvictionTasks {
		if t := task.CreationTimestamp; task.Producer == workv1alpha2.EvictionProducerFailover && t != nil && t.After(at) {
			at = t.Time
		}
	}
	return at
}

func keyOf(b workv1alpha2.Binding) types.NamespacedName {
	return types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}
}

// Units is how many units each target holds: replicas, or sets of components, of which a cluster has
// one.
func Units(spec *workv1alpha2.ResourceBindingSpec, targets []workv1alpha2.TargetCluster) map[string]int64 {
	out := make(map[string]int64, len(targets))
	for i := range targets {
		out[targets[i].Name] = units(spec, &targets[i])
	}
	return out
}

func units(spec *workv1alpha2.ResourceBindingSpec, t *workv1alpha2.TargetCluster) int64 {
	switch {
	case len(spec.Components) > 1:
		return 1
	case len(spec.Components) == 1 && t.Replicas == 0:
		return int64(max(spec.Components[0].Replicas, 0))
	}
	return int64(max(t.Replicas, 0))
}

// grows says whether a target holds more than before. Most events leave the targets as they are, in
// the same order.
func grows(spec *workv1alpha2.ResourceBindingSpec, before []workv1alpha2.TargetCluster) bool {
	for i := range spec.Clusters {
		t := &spec.Clusters[i]
		if i < len(before) && before[i].Name == t.Name {
			if units(spec, t) > units(spec, &before[i]) {
				return true
			}
			continue
		}
		if units(spec, t) > Units(spec, before)[t.Name] {
			return true
		}
	}
	return false
}

// shows says whether the status shows n replicas in the cluster. Where it does not count replicas,
// health tells, but only of a cluster that had none before: else it may be the health of those.
func shows(items []workv1alpha2.AggregatedStatusItem, cluster string, n int64, anew bool) bool {
	item := find(items, cluster)
	if item == nil || !item.Applied {
		return false
	}
	if count, ok := count(item); ok {
		return count >= n
	}
	return anew && item.Health == workv1alpha2.ResourceHealthy
}

func reportedReplicas(items []workv1alpha2.AggregatedStatusItem, cluster string) int64 {
	if item := find(items, cluster); item != nil && item.Applied {
		n, _ := count(item)
		return max(n, 0)
	}
	return 0
}

func find(items []workv1alpha2.AggregatedStatusItem, cluster string) *workv1alpha2.AggregatedStatusItem {
	for i := range items {
		if items[i].ClusterName == cluster {
			return &items[i]
		}
	}
	return nil
}

// count reads how many replicas a status counts, if it does.
func count(item *workv1alpha2.AggregatedStatusItem) (int64, bool) {
	if item.Status == nil {
		return 0, false
	}
	var status struct {
		Replicas *int64 `json:"replicas"`
	}
	if json.Unmarshal(item.Status.Raw, &status) != nil || status.Replicas == nil {
		return 0, false
	}
	return *status.Replicas, true
}
