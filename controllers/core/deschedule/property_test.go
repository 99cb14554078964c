package deschedule

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// member is a cluster that claims more room than its nodes have.
type member struct {
	name          string
	claims, nodes int32
	ready         int32 // how many of those that run are ready, at the most
	pods          int32 // what it has been told to run
}

func (m *member) running() int32 { return min(m.pods, m.nodes) }
func (m *member) hanging() int32 { return m.pods - m.running() }

// world is a binding, its members, a scheduler and a descheduler, all taking turns.
type world struct {
	b       *workv1alpha2.ResourceBinding
	members []*member
}

// schedule is the scheduler: it asks the members' nodes, if honest, and places what has no place.
func (w *world) schedule(t *rapid.T, honest bool) {
	in := placement.Input{Spec: &w.b.Spec, Status: &w.b.Status, Estimates: map[string]int32{}}
	for _, m := range w.members {
		c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: m.name}}
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}}
		c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{
			corev1.ResourcePods: *resource.NewQuantity(int64(max(m.claims-m.pods, 0)), resource.DecimalSI)}}
		in.Clusters = append(in.Clusters, c)
		if honest {
			in.Estimates[m.name] = m.nodes - m.running()
		}
	}
	var sum int32
	for _, target := range w.b.Spec.Clusters {
		sum += target.Replicas
	}
	if sum == w.b.Spec.Replicas {
		w.b.Status.SchedulerObservedGeneration = w.b.Generation
		return
	}
	result, d := placement.Place(in)
	if d.Fits() {
		w.b.Generation++
		w.b.Spec.Clusters = result.Clusters
		w.b.Status.SchedulerObservedGeneration = w.b.Generation
		return
	}
	if placement.Targets(result.Clusters) != placement.Targets(w.b.Spec.Clusters) {
		t.Fatalf("the scheduler found no place and moved from %v to %v", w.b.Spec.Clusters, result.Clusters)
	}
}

// follow is the members doing as they are told, and saying so.
func (w *world) follow() {
	w.b.Status.AggregatedStatus = nil
	for _, m := range w.members {
		m.pods = 0
		for _, target := range w.b.Spec.Clusters {
			if target.Name == m.name {
				m.pods = target.Replicas
			}
		}
		report(w.b, m.name, fmt.Sprintf(`{"replicas":%d,"readyReplicas":%d}`, m.pods, min(m.running(), m.ready)))
	}
}

// deschedule is what the descheduler does in a pass. It says whether anything was taken.
func (w *world) deschedule(t *rapid.T) bool {
	hanging := map[string]int32{}
	for _, m := range w.members {
		hanging[m.name] = m.hanging()
	}
	to, taken := Lower(w.b.Spec.Clusters, Shortages(w.b, deployments), hanging)
	if taken == nil {
		return false
	}
	for i, target := range to {
		var m *member
		for _, m = range w.members {
			if m.name == target.Name {
				break
			}
		}
		if target.Replicas < 0 || target.Replicas > w.b.Spec.Clusters[i].Replicas {
			t.Fatalf("%s has %d, it had %d", target.Name, target.Replicas, w.b.Spec.Clusters[i].Replicas)
		}
		if target.Replicas < m.running() {
			t.Fatalf("%s keeps %d replicas of %d that run", target.Name, target.Replicas, m.running())
		}
	}
	w.b.Generation++
	w.b.Spec.Clusters = to
	return true
}

func drawWorld(t *rapid.T) *world {
	policy := dynamic()
	if rapid.Bool().Draw(t, "aggregated") {
		policy = aggregated()
	}
	w := &world{b: deployment(policy)}
	w.b.Spec.Replicas = rapid.Int32Range(0, 30).Draw(t, "replicas")
	for i := range rapid.IntRange(1, 6).Draw(t, "clusters") {
		nodes := rapid.Int32Range(0, 15).Draw(t, "nodes")
		w.members = append(w.members, &member{name: fmt.Sprintf("m%d", i), nodes: nodes,
			claims: nodes + rapid.Int32Range(0, 15).Draw(t, "boast"), ready: rapid.Int32Range(0, 15).Draw(t, "ready")})
	}
	return w
}

// With a scheduler that asks the nodes, what was placed by a boast finds its place after one pass, or
// stays short and at rest when there is no room. No pod that runs is ever removed, by either.
func TestDeschedulingConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.schedule(t, false)
		w.follow()
		running := w.running()
		for pass := range 4 {
			took := w.deschedule(t)
			if took && pass > 0 {
				t.Fatalf("pass %d takes replicas again: %v", pass, w.b.Spec.Clusters)
			}
			w.follow()
			w.schedule(t, true)
			w.follow()
			for name, now := range w.running() {
				if now < running[name] {
					t.Fatalf("%s ran %d, and runs %d", name, running[name], now)
				}
			}
			running = w.running()
		}
		var room, placed, runs int32
		for _, m := range w.members {
			room += m.nodes
			placed += m.pods
			runs += m.running()
		}
		if placed == w.b.Spec.Replicas && runs != placed {
			t.Fatalf("%d of %d replicas run, and the rest is left to hang", runs, placed)
		}
		if room >= w.b.Spec.Replicas && placed > 0 && runs != w.b.Spec.Replicas {
			t.Fatalf("%d of %d replicas run, with room for %d", runs, w.b.Spec.Replicas, room)
		}
	})
}

func (w *world) running() map[string]int32 {
	out := map[string]int32{}
	for _, m := range w.members {
		out[m.name] = m.running()
	}
	return out
}

// What is taken never comes from what is ready or leaving, whatever the members say.
func TestLowerIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := deployment(dynamic())
		hanging := map[string]int32{}
		for i := range rapid.IntRange(0, 5).Draw(t, "clusters") {
			name := fmt.Sprintf("m%d", i)
			target := workv1alpha2.TargetCluster{Name: name, Replicas: rapid.Int32Range(0, 20).Draw(t, "assigned")}
			b.Spec.Clusters = append(b.Spec.Clusters, target)
			b.Spec.Replicas += target.Replicas
			report(b, name, fmt.Sprintf(`{"replicas":%d,"readyReplicas":%d}`, rapid.Int64Range(-2, 30).Draw(t, "pods"), rapid.Int64Range(-2, 30).Draw(t, "ready")))
			hanging[name] = rapid.Int32().Draw(t, "hanging")
		}
		short := Shortages(b, deployments)
		to, taken := Lower(b.Spec.Clusters, short, hanging)
		if (to == nil) != (taken == nil) {
			t.Fatalf("%v and %v", to, taken)
		}
		var lost int32
		for i := range to {
			lost += b.Spec.Clusters[i].Replicas - to[i].Replicas
			if to[i].Replicas < 0 || to[i].Replicas > b.Spec.Clusters[i].Replicas {
				t.Fatalf("%v becomes %v", b.Spec.Clusters[i], to[i])
			}
		}
		for _, x := range taken {
			for _, s := range short {
				if s.Cluster == x.Cluster && (x.Replicas <= 0 || s.Assigned-x.Replicas < s.Ready || x.Replicas > hanging[x.Cluster]-s.Surplus) {
					t.Fatalf("%+v of %+v, with %d hanging", x, s, hanging[x.Cluster])
				}
			}
			lost -= x.Replicas
		}
		if lost != 0 {
			t.Fatalf("%d replicas unaccounted for", lost)
		}
	})
}
