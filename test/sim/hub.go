package sim

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/core/epoch"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// What the hub's controllers do in time, by default.
const (
	sampleEvery  = 2 * time.Second
	summaryEvery = 5 * time.Second
)

var thresholds = corecluster.Thresholds{Failure: 5 * time.Second, Success: 5 * time.Second, Hole: 3 * (sampleEvery + 2*time.Second)}

// Hub is the process that leads, in memory.
type Hub struct {
	// Epoch in which it leads.
	Epoch int64
	// Stands: what it knows of reports and members stands still; it still reads and writes plans.
	Stands bool

	world    *World
	reports  *health.Reports
	memory   []corecluster.Memory // by site, as all below
	found    []map[string]traffic.Discovered
	watching time.Time
	listed   time.Time
	dirty    map[string]bool      // applications to plan for
	wake     map[string]time.Time // when time alone changes a plan
	assumed  map[string]int32     // what was placed in this step, by site
}

func newHub(w *World, number int64) *Hub {
	h := &Hub{Epoch: number, world: w, reports: health.NewReports(), memory: make([]corecluster.Memory, len(w.Sites)),
		dirty: map[string]bool{}, wake: map[string]time.Time{}, watching: w.Now}
	for range w.Sites {
		h.found = append(h.found, map[string]traffic.Discovered{})
	}
	h.list()
	h.everything()
	return h
}

func planKey(app string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: app}
}

func (h *Hub) everything() {
	for _, a := range h.world.Store.Apps {
		h.dirty[a.Name] = true
	}
}

func (h *Hub) list() {
	h.listed = h.world.Now
	for name := range h.world.Store.Reports {
		h.reports.Observe(h.world.Store.Reports[name], h.world.Now)
	}
}

func (h *Hub) hearReport(report *v1.EndpointHealth) {
	if h.Stands || h.world.StoreDown {
		return
	}
	if h.reports.Observe(report, h.world.Now).Any() {
		h.everything()
	}
}

// samples are what the hub sees of the members now.
func (h *Hub) samples() []func() {
	if h.world.StoreDown || h.Stands {
		return nil
	}
	var acts []func()
	for i, s := range h.world.Sites {
		acts = append(acts, func() { h.discover(i, s) })
		if (h.world.Steps+i)%int(sampleEvery/Step) == 0 {
			acts = append(acts, func() { h.sample(i, s) })
		}
	}
	return acts
}

// sample probes a member's API server.
func (h *Hub) sample(i int, s *Site) {
	sample := corecluster.Sample{At: h.world.Now, Reachable: h.world.reaches(s), Ready: h.world.reaches(s), Message: "no answer"}
	c := h.world.Store.Clusters[i]
	current := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	next, memory := corecluster.Ready(current, h.memory[i], sample, thresholds)
	h.memory[i] = memory
	if h.setCondition(i, next) {
		h.world.Store.Clusters[i].Spec.Taints = corecluster.Taints(c.Spec.Taints, &next)
		h.world.note("hub finds %s's API %s", s.Name, word(next.Status))
	}
}

func word(s metav1.ConditionStatus) string {
	return map[metav1.ConditionStatus]string{metav1.ConditionTrue: "ready", metav1.ConditionFalse: "lost"}[s]
}

// setCondition writes a condition, with a time as the API keeps it, and says whether its status
// changed. Clusters are immutable once they are stored.
func (h *Hub) setCondition(i int, c metav1.Condition) (changed bool) {
	old := meta.FindStatusCondition(h.world.Store.Clusters[i].Status.Conditions, c.Type)
	if old != nil && old.Status == c.Status {
		return false
	}
	if c.LastTransitionTime.IsZero() {
		c.LastTransitionTime = metav1.NewTime(h.world.Now)
	}
	c.LastTransitionTime = metav1.NewTime(c.LastTransitionTime.Truncate(time.Second))
	next := h.world.Store.Clusters[i].DeepCopy()
	meta.SetStatusCondition(&next.Status.Conditions, c)
	h.world.Store.Clusters[i] = next
	h.everything()
	return true
}

// discover reads what a member has, as a watch on it does.
func (h *Hub) discover(i int, s *Site) {
	if !h.world.reaches(s) {
		return
	}
	for _, a := range h.world.Store.Apps {
		d := traffic.Discovered{Known: true}
		if _, told := s.Wanted(a.Name); told {
			d.Exists, d.Addresses, d.Port, d.ReadyReplicas = true, []string{s.Address}, 80, s.Ready(a.Name)
		}
		if old := h.found[i][a.Name]; old.Known != d.Known || old.Exists != d.Exists || old.ReadyReplicas != d.ReadyReplicas {
			h.found[i][a.Name] = d
			h.dirty[a.Name] = true
		}
		reportStatus(a, s)
	}
	if h.world.Steps%int(summaryEvery/Step) == 0 {
		h.summarize(i, s)
	}
}

// summarize reports how much room a member has.
func (h *Hub) summarize(i int, s *Site) {
	var used int64
	for _, p := range s.apps {
		used += int64(p.want)
	}
	now := *resource.NewQuantity(used, resource.DecimalSI)
	if old := h.world.Store.Clusters[i].Status.ResourceSummary.Allocated[corev1.ResourcePods]; old.Cmp(now) == 0 {
		return
	}
	next := h.world.Store.Clusters[i].DeepCopy()
	next.Status.ResourceSummary.Allocated = corev1.ResourceList{corev1.ResourcePods: now}
	h.world.Store.Clusters[i] = next
}

// decisions are all that is to be carried out now. They are made from what there was when the step
// began, whatever is carried out first.
func (h *Hub) decisions() []func() {
	if !h.Stands {
		if h.world.Weather.Lost > 0 && h.world.Now.Sub(h.listed) >= relist {
			h.list()
			h.everything()
		}
		if h.reports.Expire(h.world.Now).Any() {
			h.everything()
		}
		for i, s := range h.world.Sites {
			c := h.reports.DataPath(s.Name)
			if h.setCondition(i, c) {
				h.world.note("hub finds %s's data path %s", s.Name, dataWord(c.Status))
			}
		}
	}
	h.assumed = map[string]int32{}
	var acts []func()
	var moves map[string]func()
	if !h.Stands {
		moves = h.moves()
	}
	for _, a := range h.world.Store.Apps {
		if act := h.plan(a); act != nil {
			acts = append(acts, act)
		}
		if h.Stands {
			continue
		}
		if act := moves[a.Name]; act != nil {
			acts = append(acts, act)
		}
		for _, s := range h.world.Sites {
			if act := h.execute(a, s); act != nil {
				acts = append(acts, act)
			}
		}
	}
	return acts
}

func dataWord(s metav1.ConditionStatus) string {
	switch s {
	case metav1.ConditionTrue:
		return "reached"
	case metav1.ConditionFalse:
		return "lost"
	}
	return "not known"
}

// plan makes a plan where something has changed, and writes it unless a later writer has.
func (h *Hub) plan(a *App) func() {
	wake := h.wake[a.Name]
	if !h.dirty[a.Name] && (wake.IsZero() || h.world.Now.Before(wake)) {
		return nil
	}
	delete(h.dirty, a.Name)
	delete(h.wake, a.Name)
	read := a.Plan
	out := traffic.Plan(h.input(a))
	if out.RequeueAfter > 0 {
		h.wake[a.Name] = h.world.Now.Add(out.RequeueAfter)
	}
	if out.Spec == nil {
		return nil
	}
	var stored *v1.TrafficPlanSpec
	if read != nil {
		stored = &read.Spec
	}
	if !epoch.Stamp(out.Spec, stored, h.Epoch) {
		return nil
	}
	return func() {
		if !h.world.Store.writePlan(a, read, out.Spec) {
			return
		}
		h.world.wrote(Write{Kind: WrotePlan, App: a.Name, By: h})
		for _, e := range out.Events {
			if e.Reason != v1.EventTrafficMoved { // the answers show it
				h.world.note("%s: %s", e.Reason, e.Message)
			}
		}
		for _, other := range []*Hub{h.world.Hub, h.world.Old} {
			if other != nil && other != h {
				other.dirty[a.Name] = true // somebody edited the plan
			}
		}
	}
}

func (h *Hub) input(a *App) traffic.Input {
	store := h.world.Store
	in := traffic.Input{
		Now: h.world.Now, Policy: a.Policy, Claims: traffic.HostnameResult{Hostnames: a.Policy.Spec.Hostnames}, VantagePoints: len(h.reports.Live()),
	}
	if a.Plan != nil {
		in.Previous = &a.Plan.Spec
	}
	in.Regions, _ = traffic.MergeRegionMaps([]*v1.RegionMap{store.Regions})
	for i, c := range store.Clusters {
		opinion := h.reports.Opinion(planKey(a.Name), c.Name)
		d := h.found[i][a.Name]
		d.Addresses = slices.Clone(d.Addresses)
		in.Clusters = append(in.Clusters, traffic.Member{Cluster: c, Discovered: d, Verdict: opinion.Verdict, VerdictMessage: opinion.Message})
	}
	return in
}
