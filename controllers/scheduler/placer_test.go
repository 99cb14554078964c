package scheduler

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// estimates has room for some pods in every cluster, less what is assumed.
func estimates(pods int64) func(context.Context, []string, *workv1alpha2.ResourceBindingSpec, map[string]corev1.ResourceList) map[string]int32 {
	return func(_ context.Context, clusters []string, _ *workv1alpha2.ResourceBindingSpec, assumed map[string]corev1.ResourceList) map[string]int32 {
		out := map[string]int32{}
		for _, c := range clusters {
			taken := assumed[c][corev1.ResourcePods]
			out[c] = int32(pods - taken.Value())
		}
		return out
	}
}

func TestWorkersNeverOvercommit(t *testing.T) {
	const clusters, pods = 4, 100 // 400 pods of room, 3 for each of 200 bindings wanted
	s := newStore(200, clusters, dynamic)
	r := s.reconciler()
	r.placer.Estimate = estimates(pods)
	s.all(t, r, 16)
	sum, placed := map[string]int32{}, 0
	for _, b := range s.bindings {
		if len(b.Spec.Clusters) > 0 {
			placed++
		} else if c := scheduled(b); c.Reason != workv1alpha2.ReasonUnschedulable {
			t.Errorf("%s: %+v", b.Name, c)
		}
		for _, target := range b.Spec.Clusters {
			sum[target.Name] += target.Replicas
		}
	}
	for name, n := range sum {
		if n > pods {
			t.Errorf("%d pods in %s, which has room for %d", n, name, pods)
		}
	}
	if placed != clusters*pods/3 {
		t.Errorf("%d bindings are placed, there is room for %d", placed, clusters*pods/3)
	}
}

func TestADecisionThatIsOvertakenIsMadeAgain(t *testing.T) {
	s := newStore(1, 1, dynamic)
	r := s.reconciler()
	room, calls := int64(5), 0
	r.placer.Estimate = func(ctx context.Context, clusters []string, spec *workv1alpha2.ResourceBindingSpec, assumed map[string]corev1.ResourceList) map[string]int32 {
		out := estimates(room)(ctx, clusters, spec, assumed)
		if calls++; calls == 1 { // somebody takes three meanwhile
			other := binding(func(b *workv1alpha2.ResourceBinding) { b.Name = "other" })
			other.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m000", Replicas: 3}}
			r.placer.ledger.Observe(other, nil, time.Now())
		}
		return out
	}
	s.all(t, r, 1)
	for _, b := range s.bindings {
		if c := scheduled(b); c.Reason != workv1alpha2.ReasonUnschedulable || len(b.Spec.Clusters) > 0 {
			t.Errorf("placed in %v with room for two: %+v", b.Spec.Clusters, c)
		}
	}
	if calls != 2 {
		t.Errorf("%d decisions, want 2", calls)
	}
}

func TestARefusedWriteIsNotAssumed(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(nil))
	w.refuse = errRefused
	w.reconcile(t)
	if got := w.placer.ledger.View().Assumed; len(got) > 0 {
		t.Errorf("assumed: %v", got)
	}
	w.refuse = nil
	w.reconcile(t)
	if got := w.placer.ledger.View().Assumed["m1"][corev1.ResourcePods]; got.Value() != 3 {
		t.Errorf("assumed: %v pods", got.Value())
	}
}

// TestHooks shows who is asked what, and that only candidates are asked for.
func TestHooks(t *testing.T) {
	ready := func(status metav1.ConditionStatus) func(*clusterv1alpha1.Cluster) {
		return func(c *clusterv1alpha1.Cluster) {
			c.Labels = map[string]string{"env": "prod"}
			c.Status.ResourceSummary = room(10)
			c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: status}}
		}
	}
	type asked struct{ Advised, Estimated, Recorded []string }
	tests := map[string]struct {
		change func(*workv1alpha2.ResourceBinding)
		want   asked
	}{
		"static weights need no estimates": {nil, asked{Advised: []string{"m1", "m2"}, Recorded: []string{"ReconcileSchedule Success {m1:2, m2:1}"}}},
		"dynamic weights ask who can answer": {func(b *workv1alpha2.ResourceBinding) { dynamic(0, b) },
			asked{Advised: []string{"m1", "m2"}, Estimated: []string{"m1"}, Recorded: []string{"ReconcileSchedule Success {m1:1, m2:2}"}}},
		"spread constraints sort by room": {func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ReplicaScheduling = nil
			b.Spec.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{{SpreadByField: policyv1alpha1.SpreadByFieldCluster, MaxGroups: 1, MinGroups: 1}}
		}, asked{Advised: []string{"m1", "m2"}, Estimated: []string{"m1"}, Recorded: []string{"ReconcileSchedule Success {m2:3}"}}},
		"a decision that fails is recorded too": {func(b *workv1alpha2.ResourceBinding) { dynamic(0, b); b.Spec.Replicas = 50 },
			asked{Advised: []string{"m1", "m2"}, Estimated: []string{"m1"}, Recorded: []string{"ReconcileSchedule Unschedulable {}"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got asked
			b := binding(func(b *workv1alpha2.ResourceBinding) {
				b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}
				if tt.change != nil {
					tt.change(b)
				}
			})
			w := newWorld(t, cluster("m1", ready("True")), cluster("m2", ready("Unknown")), cluster("other", nil), b)
			w.placer.Advise = func(ctx context.Context, b workv1alpha2.Binding, clusters []*clusterv1alpha1.Cluster) []placement.Advice {
				for _, c := range clusters {
					got.Advised = append(got.Advised, c.Name)
				}
				if _, ok := ctx.Deadline(); !ok {
					t.Error("no deadline")
				}
				return nil
			}
			w.placer.Estimate = func(ctx context.Context, clusters []string, _ *workv1alpha2.ResourceBindingSpec, _ map[string]corev1.ResourceList) map[string]int32 {
				got.Estimated = clusters
				if _, ok := ctx.Deadline(); !ok {
					t.Error("no deadline")
				}
				return map[string]int32{"m1": 6}
			}
			w.record = func(b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis) {
				if len(in.Spec.Clusters) > 0 || len(d.Previous) > 0 {
					t.Error("the input is that of after the decision")
				}
				got.Recorded = append(got.Recorded, string(cause)+" "+d.Reason+" "+placement.Targets(result.Clusters))
			}
			w.reconcile(t)
			slices.Sort(got.Advised)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWakers(t *testing.T) {
	var w wakers
	var got []wake
	w.wake(wake{}) // nobody
	w.add(func(why wake) { got = append(got, why) })
	w.wake(wake{cluster: "m1"})
	if diff := cmp.Diff([]wake{{cluster: "m1"}}, got, cmp.AllowUnexported(wake{})); diff != "" {
		t.Error(diff)
	}
}

func TestAReportFreesWhatItCountsAndWakesWhoLacksRoom(t *testing.T) {
	p := newPlacer(nil)
	var woken []wake
	p.wakers.add(func(why wake) { woken = append(woken, why) })
	b := binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{ClusterName: "m1", Applied: true, Health: workv1alpha2.ResourceHealthy}}
	})
	p.ledger.Observe(b, nil, time.Unix(1, 0))
	before := cluster("m1", func(c *clusterv1alpha1.Cluster) { c.Status.ResourceSummary = room(10) })
	p.reported(before, before)
	after := cluster("m1", func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary = room(10)
		c.Status.ResourceSummary.Allocated = corev1.ResourceList{"pods": *resource.NewQuantity(3, resource.DecimalSI)}
	})
	if len(woken) > 0 || len(p.ledger.View().Assumed) != 1 {
		t.Error("the same report counts for a new one")
	}
	p.reported(before, after)
	p.reported(after, before)
	if len(woken) != 1 || woken[0].cluster != "m1" || len(p.ledger.View().Assumed) != 0 {
		t.Errorf("woken %v, assumed %v", woken, p.ledger.View().Assumed)
	}
}

func TestGroups(t *testing.T) {
	in := func(name, together, apart string, clusters ...string) *workv1alpha2.ResourceBinding {
		return binding(func(b *workv1alpha2.ResourceBinding) {
			b.Name = name
			b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AffinityGroup: together, AntiAffinityGroup: apart}
			for _, c := range clusters {
				b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: c})
			}
		})
	}
	pending := func(b *workv1alpha2.ResourceBinding) *workv1alpha2.ResourceBinding {
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: workv1alpha2.ReasonNoClusterFit}}
		return b
	}
	elsewhere := in("far", "app=shop", "app=shop", "m9")
	elsewhere.Namespace = "other"
	x := newGroups()
	woken := func(b *workv1alpha2.ResourceBinding) []string {
		out := sets.New[string]()
		for _, key := range x.observe(b) {
			out.Insert(key.Name)
		}
		return sets.List(out)
	}
	for _, b := range []*workv1alpha2.ResourceBinding{in("b", "app=shop", "", "m2", "m1"), in("a", "app=shop", "app=shop", "m1"), in("new", "app=shop", ""), in("apart", "", "app=shop", "m3"), elsewhere} {
		if got := woken(b); len(got) > 0 {
			t.Errorf("%s wakes %v, and nobody waits", b.Name, got)
		}
	}
	self := in("self", "app=shop", "app=shop")
	want := placement.Groups{
		Affinity:     []placement.Peer{{Name: "a", Clusters: []string{"m1"}}, {Name: "b", Clusters: []string{"m1", "m2"}}},
		AntiAffinity: []placement.Peer{{Name: "a", Clusters: []string{"m1"}}, {Name: "apart", Clusters: []string{"m3"}}},
	}
	if diff := cmp.Diff(want, x.of(self).Groups); diff != "" {
		t.Error(diff)
	}
	if got := x.of(binding(nil)); len(got.version) > 0 || !x.commit(binding(nil), got, nil) {
		t.Error("a binding without groups has to do with groups")
	}

	woken(pending(in("waits", "", "app=shop")))
	if diff := cmp.Diff([]string{"waits"}, woken(in("apart", "", "app=shop", "m4"))); diff != "" {
		t.Errorf("a peer that moves: %s", diff)
	}
	if got := woken(in("b", "app=shop", "", "m5")); len(got) > 0 {
		t.Errorf("a peer of another group wakes %v", got)
	}
	if diff := cmp.Diff([]string{"waits"}, woken(in("apart", "app=shop", "", "m4"))); diff != "" {
		t.Errorf("a peer that leaves the group: %s", diff)
	}
	if got := x.drop(keyOf(in("a", "", ""))); len(got) != 1 || got[0].Name != "waits" {
		t.Errorf("a peer that is gone wakes %v", got)
	}
	for _, name := range []string{"b", "new", "apart", "waits"} {
		x.drop(keyOf(in(name, "", "")))
	}
	x.drop(keyOf(elsewhere))
	if len(x.members)+len(x.peers)+len(x.version) > 0 {
		t.Errorf("left over: %v %v %v", x.members, x.peers, x.version)
	}
}

func TestPeersThatAreBeingPlacedCount(t *testing.T) {
	member := func(name string, generation int64, clusters ...string) *workv1alpha2.ResourceBinding {
		b := binding(func(b *workv1alpha2.ResourceBinding) {
			b.Name, b.Generation = name, generation
			b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=shop"}
			for _, c := range clusters {
				b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: c})
			}
		})
		return b
	}
	x := newGroups()
	a, b := member("a", 1), member("b", 1)
	x.observe(a)
	x.observe(b)
	seenByA, seenByB := x.of(a), x.of(b)
	to := []workv1alpha2.TargetCluster{{Name: "m1"}}
	if !x.commit(a, seenByA, to) {
		t.Fatal("refused")
	}
	if x.commit(b, seenByB, to) {
		t.Error("two of a group are placed beside each other at the same moment")
	}
	where := func() string {
		var out []string
		for _, p := range x.of(b).AntiAffinity {
			out = append(out, p.Name+" in "+strings.Join(p.Clusters, ","))
		}
		return strings.Join(out, "; ")
	}
	if got := where(); got != "a in m1" {
		t.Errorf("while it is written: %s", got)
	}
	x.observe(a) // as it was before
	if got := where(); got != "a in m1" {
		t.Errorf("after a stale event: %s", got)
	}
	x.settle(keyOf(a), 2)
	x.observe(a)
	if got := where(); got != "a in m1" {
		t.Errorf("written, after a stale event: %s", got)
	}
	x.observe(member("a", 2, "m1"))
	x.observe(member("a", 3, "m2"))
	if got := where(); got != "a in m2" {
		t.Errorf("moved by somebody else: %s", got)
	}
	x.commit(a, x.of(a), to)
	x.settle(keyOf(a), 0)
	if got := where(); got != "a in m2" {
		t.Errorf("a write that failed: %s", got)
	}
}

// Two decisions of a group that were made from the same state would share a cluster.
func TestAntiAffinityHoldsAmongWorkers(t *testing.T) {
	const many = 64
	s := newStore(many, many, func(i int, b *workv1alpha2.ResourceBinding) {
		dynamic(i, b)
		b.Spec.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{{SpreadByField: policyv1alpha1.SpreadByFieldCluster, MinGroups: 1, MaxGroups: 1}}
		b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=shop"}
	})
	r := s.reconciler()
	for _, b := range s.bindings {
		r.placer.groups.observe(b)
	}
	s.all(t, r, 8)
	in := map[string]string{}
	for _, b := range s.bindings {
		if len(b.Spec.Clusters) != 1 {
			t.Fatalf("%s is placed %s: %+v", b.Name, placement.Targets(b.Spec.Clusters), b.Status.Conditions)
		}
		cluster := b.Spec.Clusters[0].Name
		if other := in[cluster]; other != "" {
			t.Errorf("%s and %s are both in %s", other, b.Name, cluster)
		}
		in[cluster] = b.Name
	}
}
