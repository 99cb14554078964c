// Package health follows the EndpointHealth objects that the vantage points write. Its View answers
// at any time what the quorum thinks of an endpoint and which plans and zones the name servers have
// taken over, and its controller writes the condition DataPathReachable of every Cluster.
//
// It steers nothing: the planner and the failover controller draw the conclusions.
package health

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
)

// View is what all vantage points say at present. It is safe for concurrent use. Reads take a lock
// that is held for no longer than it takes to look something up.
type View struct {
	clock clock.Clock

	mu          sync.RWMutex
	reports     *health.Reports
	subscribers []func(health.Changes)

	// renewed wakes the loop that waits for reports to expire.
	renewed chan struct{}
	// synced is closed once the reports that were there at the start have been read.
	synced chan struct{}
}

// NewView returns an empty view. Setup feeds it.
func NewView(c clock.Clock) *View {
	return &View{clock: c, reports: health.NewReports(), renewed: make(chan struct{}, 1), synced: make(chan struct{})}
}

// Verdict returns what the quorum thinks of the endpoint of a plan in a cluster.
func (v *View) Verdict(plan types.NamespacedName, cluster string) health.Opinion {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.Opinion(plan, cluster)
}

// DataPath returns the condition that says whether requests reach a cluster.
func (v *View) DataPath(cluster string) metav1.Condition {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.DataPath(cluster)
}

// VantagePoints is how many vantage points report at present.
func (v *View) VantagePoints() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.reports.Live())
}

// PlanGenerations returns the generation of a plan in force at each live vantage point, 0 where it is
// not known.
func (v *View) PlanGenerations(plan types.NamespacedName) map[string]int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.PlanGenerations(plan)
}

// ZoneGenerations returns the generation of a zone in force at each live vantage point, 0 where it is
// not known.
func (v *View) ZoneGenerations(domain string) map[string]int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.ZoneGenerations(domain)
}

// Problems returns what live vantage points do not serve as it stands in an object.
func (v *View) Problems(object trafficv1alpha1.ZoneObject) []trafficv1alpha1.ZoneProblem {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.Problems(object)
}

// Subscribe calls fn with every change, from now on. fn is called without any lock, one change after
// the other, and must not block: it enqueues.
func (v *View) Subscribe(fn func(health.Changes)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.subscribers = append(v.subscribers, fn)
}

// change applies a change to the reports and tells the subscribers.
func (v *View) change(apply func(*health.Reports) health.Changes) {
	v.mu.Lock()
	changes := apply(v.reports)
	subscribers := v.subscribers
	v.mu.Unlock()
	if !changes.Any() {
		return
	}
	for _, fn := range subscribers {
		fn(changes)
	}
}

// OnAdd, OnUpdate and OnDelete make a View the handler of an informer.
func (v *View) OnAdd(obj any, _ bool) { v.observe(obj) }

// OnUpdate takes over the newer version of a report.
func (v *View) OnUpdate(_, obj any) { v.observe(obj) }

// OnDelete forgets a report.
func (v *View) OnDelete(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if report, ok := obj.(*trafficv1alpha1.EndpointHealth); ok {
		v.change(func(r *health.Reports) health.Changes { return r.Remove(report.Name) })
	}
}

func (v *View) observe(obj any) {
	report, ok := obj.(*trafficv1alpha1.EndpointHealth)
	if !ok {
		return
	}
	now := v.clock.Now()
	v.change(func(r *health.Reports) health.Changes { return r.Observe(report, now) })
	select {
	case v.renewed <- struct{}{}:
	default:
	}
}

// run ends the freshness of reports that are not renewed, until ctx is done.
func (v *View) run(ctx context.Context) {
	for ctx.Err() == nil {
		v.wait(ctx)
		now := v.clock.Now()
		v.change(func(r *health.Reports) health.Changes { return r.Expire(now) })
	}
}

// wait returns when the next report may have expired, and at the latest when a report was renewed.
func (v *View) wait(ctx context.Context) {
	v.mu.RLock()
	next := v.reports.NextExpiry()
	v.mu.RUnlock()
	var due <-chan time.Time
	if !next.IsZero() {
		timer := v.clock.NewTimer(next.Sub(v.clock.Now()))
		defer timer.Stop()
		due = timer.C()
	}
	select {
	case <-due:
	case <-v.renewed:
	case <-ctx.Done():
	}
}
