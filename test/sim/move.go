package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
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
	to, why := h.placed(&b.Spec, &b.Status, nil, false)
	if why != "" {
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

// placed makes a placement and takes it for made: what is placed after it in the same step sees it.
func (h *Hub) placed(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus, exclude sets.Set[string], fresh bool) ([]workv1alpha2.TargetCluster, string) {
	result, diagnosis := placement.Place(placement.Input{
		Clusters: h.world.Store.Clusters, Spec: spec, Status: status, Exclude: exclude, Fresh: fresh, Assumed: h.assume()})
	if !diagnosis.Fits() {
		return result.Clusters, diagnosis.Message
	}
	for _, t := range result.Clusters {
		h.assumed[t.Name] += t.Replicas
	}
	for _, t := range spec.Clusters {
		h.assumed[t.Name] -= t.Replicas
	}
	return result.Clusters, ""
}

// assume is what was placed and is not in the members' reports yet, as the scheduler's ledger has it.
func (h *Hub) assume() map[string]corev1.ResourceList {
	out := map[string]corev1.ResourceList{}
	for i, c := range h.world.Store.Clusters {
		counted := h.world.Store.Clusters[i].Status.ResourceSummary.Allocated[corev1.ResourcePods]
		if more := int64(placedIn(h.world, c.Name)+h.assumed[c.Name]) - counted.Value(); more > 0 {
			out[c.Name] = corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(more, resource.DecimalSI)}
		}
	}
	return out
}

// failover judges the binding of an application, as the failover controller does.
func (h *Hub) failover(a *App) func() {
	away := away(a.Binding)
	survey := failover.NewSurvey(h.world.Now, h.signals()).WatchedSince(h.watching)
	if len(away) == 0 && len(survey.Lost()) == 0 {
		return nil
	}
	p := a.Policy.Spec.Failover
	d := survey.Decide(failover.Binding{
		Placed: names(a.Binding.Spec.Clusters), Away: away, InTraffic: inTraffic(a.Plan),
		Terms: failover.Terms{MoveAfter: p.MoveWorkloadsAfter.Duration, StableFor: p.Failback.StableFor.Duration, MaxUnavailable: *p.MaxUnavailableClusters},
	})
	held := d.Held
	defer func() { h.tellHeld(a, held) }()
	if len(d.Evict) > 0 {
		act, why := h.evict(a, survey, d.Evict)
		if why != "" {
			held = append(held, failover.Hold{Cluster: d.Evict[0].Cluster, Reason: "NoClusterFits", Message: why})
		}
		return act
	}
	if len(d.Return) > 0 {
		return h.comeBack(a, survey, d.Return)
	}
	return nil
}

func (h *Hub) signals() []failover.Cluster {
	var out []failover.Cluster
	for _, c := range h.world.Store.Clusters {
		out = append(out, failover.Cluster{Name: c.Name,
			ControlPlane: signal(c, clusterv1alpha1.ClusterConditionReady), DataPath: signal(c, v1.ClusterConditionDataPath)})
	}
	return out
}

func signal(c *clusterv1alpha1.Cluster, kind string) failover.Signal {
	cond := meta.FindStatusCondition(c.Status.Conditions, kind)
	if cond == nil {
		return failover.Signal{Since: c.CreationTimestamp.Time}
	}
	states := map[metav1.ConditionStatus]failover.State{metav1.ConditionTrue: failover.Up, metav1.ConditionFalse: failover.Down}
	return failover.Signal{State: states[cond.Status], Since: cond.LastTransitionTime.Time}
}

func inTraffic(p *v1.TrafficPlan) map[string]bool {
	out := map[string]bool{}
	if p == nil {
		return out
	}
	for _, e := range p.Spec.Endpoints {
		if e.State != v1.EndpointExcluded {
			out[e.Cluster] = e.State == v1.EndpointServing && e.SharePercent == 100
		}
	}
	return out
}

func away(b *workv1alpha2.ResourceBinding) []string {
	var out []string
	for _, t := range b.Spec.GracefulEvictionTasks {
		if t.Producer == workv1alpha2.EvictionProducerFailover {
			out = append(out, t.FromCluster)
		}
	}
	return out
}

// evict places the binding without the clusters that it leaves, and remembers these; or says why not.
func (h *Hub) evict(a *App, survey failover.Survey, moves []failover.Move) (act func(), why string) {
	b := a.Binding
	exclude := sets.New(survey.Lost()...).Delete(names(b.Spec.Clusters)...)
	var left []string
	for _, m := range moves {
		exclude.Insert(m.Cluster)
		left = append(left, m.Cluster)
	}
	to, why := h.placed(&b.Spec, &b.Status, exclude, false)
	if why != "" || !gains(b.Spec.Clusters, to) {
		return nil, why
	}
	return func() {
		if a.Binding != b {
			return // a conflict: the next step decides anew
		}
		now := metav1.NewTime(h.world.Now.Truncate(time.Second))
		next := b.DeepCopy()
		for _, name := range left {
			next.Spec.GracefulEvictionTasks = append(next.Spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{
				FromCluster: name, PurgeMode: policyv1alpha1.PurgeModeGracefully, Replicas: replicasIn(b.Spec.Clusters, name),
				Reason: workv1alpha2.EvictionReasonClusterLost, Producer: workv1alpha2.EvictionProducerFailover, CreationTimestamp: &now,
				ClustersBeforeFailover: names(b.Spec.Clusters)})
		}
		next.Spec.Clusters = to
		next.Generation++
		a.Binding = next
		h.world.wrote(Write{Kind: WroteEvict, App: a.Name, By: h, Sites: left, Before: b.Spec.Clusters, After: to})
		h.world.note("%s leaves %s, placed on %s", a.Name, strings.Join(left, ", "), placement.Targets(to))
	}, ""
}

// comeBack places the binding with the clusters that are whole again. Nothing is given up before its
// replacement is healthy.
func (h *Hub) comeBack(a *App, survey failover.Survey, moves []failover.Move) func() {
	b, back := a.Binding, sets.New[string]()
	for _, m := range moves {
		back.Insert(m.Cluster)
	}
	next := b.DeepCopy()
	next.Spec.GracefulEvictionTasks = slices.DeleteFunc(next.Spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
		return t.Producer == workv1alpha2.EvictionProducerFailover && back.Has(t.FromCluster)
	})
	exclude := sets.New(survey.Lost()...).Delete(names(next.Spec.Clusters)...)
	to, why := h.placed(&next.Spec, &next.Status, exclude, true)
	if why != "" {
		return nil
	}
	healthy := back.Intersection(sets.New(names(to)...))
	if len(healthy) < len(back) {
		healthy = sets.New(names(to)...)
	}
	if !healthyIn(b, healthy) {
		return nil
	}
	return func() {
		if a.Binding != b {
			return
		}
		next.Spec.Clusters = to
		next.Generation++
		a.Binding = next
		h.world.wrote(Write{Kind: WroteReturn, App: a.Name, By: h, Sites: sets.List(back), Before: b.Spec.Clusters, After: to})
		h.world.note("%s returns to %s, placed on %s", a.Name, strings.Join(sets.List(back), ", "), placement.Targets(to))
	}
}

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

func gains(before, after []workv1alpha2.TargetCluster) bool {
	had := map[string]int32{}
	for _, t := range before {
		had[t.Name] = t.Replicas + 1
	}
	return slices.ContainsFunc(after, func(t workv1alpha2.TargetCluster) bool { return t.Replicas+1 > had[t.Name] })
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

func healthyIn(b *workv1alpha2.ResourceBinding, clusters sets.Set[string]) bool {
	healthy := sets.New[string]()
	for _, item := range b.Status.AggregatedStatus {
		if item.Health == workv1alpha2.ResourceHealthy {
			healthy.Insert(item.ClusterName)
		}
	}
	return healthy.IsSuperset(clusters)
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
