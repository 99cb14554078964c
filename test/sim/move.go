package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/render"
)

// WriteKind is what was written.
type WriteKind string

// Writes that the invariants look at.
const (
	WrotePlan   WriteKind = "plan"
	WroteEvict  WriteKind = "evict"
	WroteReturn WriteKind = "return"
	WrotePlace  WriteKind = "place"
	WroteLess   WriteKind = "less" // fewer pods in a site, or none
)

// Write is something that the hub wrote or told a site.
type Write struct {
	Kind WriteKind
	App  string
	By   *Hub
	// Sites that are left or returned to, or the one that gets less.
	Sites []string
	// Before and After are the placement, of the first three kinds of moves.
	Before, After []workv1alpha2.TargetCluster
	// Ready is how many ready pods were taken away.
	Ready int32
}

func (w *World) wrote(x Write) { w.Written = append(w.Written, x) }

// place is the scheduler: it places what was never placed or what a person has edited.
func (h *Hub) place(a *App) func() {
	b := a.Binding
	if len(b.Spec.Clusters) > 0 && placement.Due(&b.Spec, &b.Status, a.applied, sets.New[string](), nil) == placement.NotDue {
		return nil
	}
	if len(b.Spec.Clusters) > 0 && placement.StrategyOf(b.Spec.Placement) == placement.Duplicated && a.applied == applied(b.Spec.Placement) {
		return nil // every change of a cluster would be looked at; failover is what is tried here
	}
	to, d, _ := h.placed(&b.Spec, &b.Status, placement.Bounds{}, false)
	if !d.Fits() {
		return nil
	}
	return func() {
		next := b.DeepCopy()
		next.Spec.Clusters = to
		next.Generation++
		meta.SetStatusCondition(&next.Status.Conditions, metav1.Condition{Type: workv1alpha2.Scheduled, Status: metav1.ConditionTrue, Reason: workv1alpha2.ReasonScheduledSuccess, LastTransitionTime: metav1.NewTime(h.world.Now)})
		a.Binding, a.applied = next, applied(next.Spec.Placement)
		h.world.wrote(Write{Kind: WrotePlace, App: a.Name, By: h, Before: b.Spec.Clusters, After: to})
		h.world.note("%s is placed on %s", a.Name, placement.Targets(to))
	}
}

// placed makes a placement and takes it for made: what is placed after it in the same step sees it, unless
// it is undone.
func (h *Hub) placed(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus, within placement.Bounds, fresh bool) (to []workv1alpha2.TargetCluster, d placement.Diagnosis, undo func()) {
	result, diagnosis := placement.Place(placement.Input{
		Clusters: h.world.Store.Clusters, Spec: spec, Status: status, Assumed: h.assume(), Fresh: fresh,
		Exclude: within.Exclude, Only: within.Only, Frozen: within.Frozen})
	if !diagnosis.Fits() {
		return result.Clusters, diagnosis, func() {}
	}
	count := func(sign int32) {
		for _, t := range result.Clusters {
			h.assumed[t.Name] += sign * t.Replicas
		}
		for _, t := range spec.Clusters {
			h.assumed[t.Name] -= sign * t.Replicas
		}
	}
	count(1)
	return result.Clusters, diagnosis, func() { count(-1) }
}

// assume is what was placed and is not in the members' reports yet, as the scheduler's ledger has it.
func (h *Hub) assume() map[string]corev1.ResourceList {
	out := map[string]corev1.ResourceList{}
	for i, c := range h.world.Store.Clusters {
		counted := h.world.Store.Clusters[i].Status.ResourceSummary.Allocated[corev1.ResourcePods]
		if more := int64(placedIn(h.world, c.Name)+awaitedIn(h.world, c.Name)+h.assumed[c.Name]) - counted.Value(); more > 0 {
			out[c.Name] = corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(more, resource.DecimalSI)}
		}
	}
	return out
}

// awaitedIn is how many replicas wait in a site for it to be whole again.
func awaitedIn(w *World, site string) (n int32) {
	for _, a := range w.Store.Apps {
		for _, t := range render.Awaited(&a.Binding.Spec) {
			if t.Name == site {
				n += t.Replicas
			}
		}
	}
	return n
}

// moves are what the scheduler and failover write, by application: at most one write for each.
func (h *Hub) moves() map[string]func() {
	acts := map[string]func(){}
	for _, a := range h.world.Store.Apps {
		if act := h.place(a); act != nil {
			acts[a.Name] = act
		}
	}
	var signals []failover.Cluster
	for _, c := range h.world.Store.Clusters {
		signals = append(signals, failover.ClusterOf(c))
	}
	survey := failover.NewSurvey(h.world.Now, signals).WatchedSince(h.watching)
	h.evacuate(survey, acts)
	for _, a := range h.world.Store.Apps {
		if acts[a.Name] == nil && len(away(a.Binding)) > 0 {
			if act := h.comeBack(a, survey); act != nil {
				acts[a.Name] = act
			}
		}
	}
	return acts
}

// judge decides about an application, as one that may leave, or as one that may return as well.
func judge(survey failover.Survey, a *App, away []string) failover.Decision {
	b := failover.Binding{Placed: names(a.Binding.Spec.Clusters), Away: away, Terms: failover.TermsOf(a.Policy)}
	if a.Plan != nil {
		b.InTraffic = failover.InTraffic(a.Plan)
	}
	return survey.Decide(b)
}

// evacuate is a pass over all that is placed in lost clusters, the most important first.
func (h *Hub) evacuate(survey failover.Survey, acts map[string]func()) {
	lost := sets.New(survey.Lost()...)
	var movers []*App
	var order []failover.Mover
	for _, a := range h.world.Store.Apps {
		switch {
		case acts[a.Name] != nil: // it is being written
		case lost.HasAny(names(a.Binding.Spec.Clusters)...):
			movers, order = append(movers, a), append(order, failover.MoverOf(a.Binding))
		default:
			h.tellHeld(a, nil)
		}
	}
	for _, i := range failover.Order(order) {
		a := movers[i]
		d := judge(survey, a, nil)
		held := d.Held
		if len(d.Evict) > 0 {
			act, hold := h.evict(a, survey, d.Evict)
			if hold != nil {
				held = append(held, *hold)
			}
			if act != nil {
				acts[a.Name] = act
			}
		}
		h.tellHeld(a, held)
	}
}

// evict places the binding without the clusters that it leaves, and remembers these; or says what holds it.
// Neither when nothing is gained by leaving.
func (h *Hub) evict(a *App, survey failover.Survey, moves []failover.Move) (func(), *failover.Hold) {
	b := a.Binding
	to, d, undo := h.placed(&b.Spec, &b.Status, survey.Leave(b.Spec.Clusters, moves), false)
	short, _ := failover.ShortageOf(&b.Spec, &d)
	switch {
	case !d.Fits() && short != nil:
		return nil, &failover.Hold{Cluster: moves[0].Cluster, Reason: failover.ReasonNoRoom, Message: short.Message()}
	case !d.Fits():
		return nil, &failover.Hold{Cluster: moves[0].Cluster, Reason: failover.ReasonNoClusterFits, Message: d.Message}
	case !failover.Gains(b.Spec.Clusters, to):
		undo()
		return nil, nil
	}
	return func() {
		if a.Binding != b {
			return // a conflict: the next step decides anew
		}
		next := b.DeepCopy()
		failover.Rewrite(&next.Spec, to, moves, false, metav1.NewTime(h.world.Now.Truncate(time.Second)))
		next.Generation++
		a.Binding = next
		left := failover.Clusters(moves)
		h.world.wrote(Write{Kind: WroteEvict, App: a.Name, By: h, Sites: left, Before: b.Spec.Clusters, After: to})
		h.world.note("%s leaves %s, placed on %s", a.Name, strings.Join(left, ", "), placement.Targets(to))
	}, nil
}

// comeBack places the binding with the clusters that are whole again, if any are.
func (h *Hub) comeBack(a *App, survey failover.Survey) func() {
	b := a.Binding
	d := judge(survey, a, away(b))
	if len(d.Return) == 0 {
		return nil
	}
	home := failover.Homecoming{Return: d.Return, Evict: d.Evict, Spec: &b.Spec, Status: &b.Status}
	spec, within := survey.Ask(home)
	anew, diagnosis, undo := h.placed(spec, &b.Status, within, true)
	if !diagnosis.Fits() {
		return nil
	}
	to, ok := survey.Settle(home, anew)
	if !ok || !equality.Semantic.DeepEqual(to, anew) {
		undo()
	}
	if !ok {
		return nil
	}
	return func() {
		if a.Binding != b {
			return
		}
		next := b.DeepCopy()
		home.Rewrite(&next.Spec, to, metav1.NewTime(h.world.Now.Truncate(time.Second)))
		next.Generation++
		a.Binding = next
		back, left := failover.Clusters(d.Return), failover.Clusters(d.Evict)
		h.world.wrote(Write{Kind: WroteReturn, App: a.Name, By: h, Sites: back, Before: b.Spec.Clusters, After: to})
		h.world.note("%s returns to %s, placed on %s", a.Name, strings.Join(back, ", "), placement.Targets(to))
		if len(left) > 0 {
			h.world.wrote(Write{Kind: WroteEvict, App: a.Name, By: h, Sites: left, Before: b.Spec.Clusters, After: to})
			h.world.note("%s leaves %s, placed on %s", a.Name, strings.Join(left, ", "), placement.Targets(to))
		}
	}
}

func away(b *workv1alpha2.ResourceBinding) []string { return failover.Away(&b.Spec) }

func (h *Hub) tellHeld(a *App, held []failover.Hold) {
	var text string
	if len(held) > 0 {
		text = fmt.Sprintf("%s stays in %s: %s", a.Name, held[0].Cluster, held[0].Reason)
	}
	if a.held != text {
		a.held = text
		if text == "" {
			text = a.Name + " is not held any more"
		}
		h.world.note("%s", text)
	}
}

func replicasIn(targets []workv1alpha2.TargetCluster, name string) *int32 {
	for _, t := range targets {
		if t.Name == name && t.Replicas > 0 {
			return &t.Replicas
		}
	}
	return nil
}

func names(targets []workv1alpha2.TargetCluster) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}

// execute tells a site what it is to run, if that has changed and the site is in reach.
func (h *Hub) execute(a *App, s *Site) func() {
	if !h.world.reaches(s) {
		return nil
	}
	spec := &a.Binding.Spec
	present, told := s.Wanted(a.Name)
	for _, t := range slices.Concat(render.Targets(spec), render.Awaited(spec)) {
		if t.Name != s.Name {
			continue
		}
		want := t.Replicas
		if placement.StrategyOf(spec.Placement) == placement.Duplicated {
			want = spec.Replicas
		}
		if told && want == present {
			return nil
		}
		return func() {
			ready := s.Ready(a.Name)
			s.told(a.Name, want, h.world.Now.Add(h.world.options.PodStart))
			if lost := ready - s.Ready(a.Name); lost > 0 {
				h.world.wrote(Write{Kind: WroteLess, App: a.Name, By: h, Sites: []string{s.Name}, Ready: lost})
			}
		}
	}
	if !told || render.Kept(spec).Has(s.Name) {
		return nil
	}
	return func() {
		ready := s.Ready(a.Name)
		s.remove(a.Name)
		h.world.wrote(Write{Kind: WroteLess, App: a.Name, By: h, Sites: []string{s.Name}, Ready: ready})
	}
}

// reportStatus brings what a site runs into the binding's status, if that has changed.
func reportStatus(a *App, s *Site) {
	want, told := s.Wanted(a.Name)
	health := workv1alpha2.ResourceUnhealthy
	if s.Ready(a.Name) >= want {
		health = workv1alpha2.ResourceHealthy
	}
	items := a.Binding.Status.AggregatedStatus
	i := slices.IndexFunc(items, func(i workv1alpha2.AggregatedStatusItem) bool { return i.ClusterName == s.Name })
	if i < 0 && !told || i >= 0 && told && items[i].Health == health {
		return
	}
	next := a.Binding.DeepCopy()
	items = slices.DeleteFunc(next.Status.AggregatedStatus, func(i workv1alpha2.AggregatedStatusItem) bool { return i.ClusterName == s.Name })
	if told {
		items = append(items, workv1alpha2.AggregatedStatusItem{ClusterName: s.Name, Applied: true, Health: health})
	}
	slices.SortFunc(items, func(x, y workv1alpha2.AggregatedStatusItem) int { return strings.Compare(x.ClusterName, y.ClusterName) })
	next.Status.AggregatedStatus = items
	a.Binding = next
}

func applied(p *policyv1alpha1.Placement) string {
	text, err := placement.AppliedPlacement(p)
	if err != nil {
		panic(err) // a placement of this package's own making
	}
	return text
}
