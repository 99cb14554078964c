package binding

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/render"
)

// patience is how long a template waits for what it depends on, in each cluster that is new to it.
// Then it goes without: what is missing may be missing for good, and the pods' own events say what
// they lack.
const patience = 30 * time.Second

// EventReasonDependenciesNotApplied is the reason of the event on a binding and its template that goes
// to a cluster although what it depends on is not there.
const EventReasonDependenciesNotApplied = "DependenciesNotApplied"

// BeforeFunc returns the Works, by cluster, that have to be applied before a template is sent to any of
// the given clusters, and are not.
type BeforeFunc func(ctx context.Context, b workv1alpha2.Binding, template *unstructured.Unstructured, clusters []string) (map[string][]types.NamespacedName, error)

// hold takes the Works out of those rendered that have to wait for others. Only the first Work in a
// cluster waits: what runs somewhere is never kept from an update. held is when the first of them stops
// waiting; 0 when none waits.
func (r *reconciler) hold(ctx context.Context, req ctrl.Request, in render.Input, rendered []render.Rendered, present map[string]*workv1alpha1.Work) (due []render.Rendered, held time.Duration, err error) {
	var fresh []string
	for _, want := range rendered {
		if want.Err == nil && present[want.Cluster] == nil {
			fresh = append(fresh, want.Cluster)
		}
	}
	if r.holds == nil || r.holds.before == nil || len(fresh) == 0 {
		r.holds.forget(req)
		return rendered, 0, nil
	}
	var missing map[string][]types.NamespacedName
	var waiting sets.Set[string]
	var over []string
	// Twice, for what is applied between a look and the note that somebody waits for it wakes nobody.
	for range 2 {
		if missing, err = r.holds.before(ctx, in.Binding, in.Template, fresh); err != nil {
			return nil, 0, fmt.Errorf("find what goes first: %w", err)
		}
		if waiting, over, held = r.holds.judge(req, missing); len(waiting) == 0 {
			break
		}
	}
	for _, cluster := range over {
		for _, obj := range []client.Object{in.Binding.(client.Object), in.Template} {
			r.recorder.Eventf(obj, "Warning", EventReasonDependenciesNotApplied, "Cluster %s gets this although what it depends on is not applied there after %s: %s",
				cluster, patience, list(missing[cluster]))
		}
	}
	return slices.DeleteFunc(rendered, func(w render.Rendered) bool { return w.Err == nil && waiting.Has(w.Cluster) }), held, nil
}

func list(works []types.NamespacedName) string {
	text := make([]string, 0, len(works))
	for _, work := range works {
		text = append(text, "Work "+work.String())
	}
	slices.Sort(text)
	if more := len(text) - shown; more > 0 {
		text = append(text[:shown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(text, ", ")
}

// holds remembers which bindings wait, since when, and for what. A restart begins to wait anew.
type holds struct {
	before BeforeFunc
	clock  clock.PassiveClock

	mu    sync.Mutex
	waits map[reconcile.Request]wait
	// works are what is waited for, and by whom.
	works map[types.NamespacedName]sets.Set[reconcile.Request]
}

// wait is that of one binding: since when, by cluster, and for which Works.
type wait struct {
	since map[string]time.Time
	works []types.NamespacedName
}

func newHolds(before BeforeFunc, clk clock.PassiveClock) *holds {
	return &holds{before: before, clock: clk, waits: map[reconcile.Request]wait{}, works: map[types.NamespacedName]sets.Set[reconcile.Request]{}}
}

// judge notes what a binding waits for now. It returns the clusters that wait, those that have waited
// long enough, and how long the next of the former has left.
func (h *holds) judge(req reconcile.Request, missing map[string][]types.NamespacedName) (waiting sets.Set[string], over []string, left time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.waits[req].since
	h.drop(req)
	waiting = sets.New[string]()
	now := wait{since: map[string]time.Time{}}
	for cluster, works := range missing {
		began, ok := before[cluster]
		if !ok {
			began = h.clock.Now()
		}
		now.since[cluster] = began
		rest := patience - h.clock.Since(began)
		if rest <= 0 {
			over = append(over, cluster)
			continue
		}
		waiting.Insert(cluster)
		now.works = append(now.works, works...)
		if left == 0 || rest < left {
			left = rest
		}
	}
	h.add(req, now)
	slices.Sort(over)
	return waiting, over, left
}

func (h *holds) add(req reconcile.Request, w wait) {
	if len(w.since) > 0 {
		h.waits[req] = w
	}
	for _, work := range w.works {
		if h.works[work] == nil {
			h.works[work] = sets.New[reconcile.Request]()
		}
		h.works[work].Insert(req)
	}
}

func (h *holds) drop(req reconcile.Request) {
	for _, work := range h.waits[req].works {
		if h.works[work].Delete(req).Len() == 0 {
			delete(h.works, work)
		}
	}
	delete(h.waits, req)
}

// forget ends all waiting of a binding.
func (h *holds) forget(req reconcile.Request) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(req)
}

// awaiting maps a Work to the bindings that wait for it.
func (h *holds) awaiting(_ context.Context, work client.Object) []reconcile.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.works[client.ObjectKeyFromObject(work)].UnsortedList()
}

// becameApplied passes Works on which others may wait no longer.
var becameApplied = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !applied(e.ObjectOld) && applied(e.ObjectNew)
	},
	DeleteFunc:  func(event.DeleteEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

func applied(obj client.Object) bool {
	work, ok := obj.(*workv1alpha1.Work)
	return ok && meta.IsStatusConditionTrue(work.Status.Conditions, workv1alpha1.WorkApplied)
}
