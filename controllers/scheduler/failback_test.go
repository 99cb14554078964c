package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// whole is a cluster that has been ready for long.
func whole(name string) *clusterv1alpha1.Cluster {
	return cluster(name, func(c *clusterv1alpha1.Cluster) {
		c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, LastTransitionTime: metav1.Unix(1, 0)}}
		c.Status.ResourceSummary = room(1000)
		c.Status.APIEnablements = append(c.Status.APIEnablements, clusterv1alpha1.APIEnablement{GroupVersion: "batch/v1", Resources: []clusterv1alpha1.APIResource{{Name: "jobs", Kind: "Job"}}})
	})
}

// twoGroups prefers e1 and e2 to l1 and l2.
func twoGroups(b *workv1alpha2.ResourceBinding) {
	term := func(name string, clusters ...string) policyv1alpha1.ClusterAffinityTerm {
		return policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: clusters}}
	}
	b.Spec.Placement.ClusterAffinities = []policyv1alpha1.ClusterAffinityTerm{term("near", "e1", "e2"), term("far", "l1", "l2")}
}

// tick lets time pass.
func (w *world) tick(d time.Duration) {
	c := w.clock.(*clocktesting.FakePassiveClock)
	c.SetTime(c.Now().Add(d))
}

// report writes that all replicas are ready where they are placed.
func (w *world) report(t *testing.T) {
	t.Helper()
	b := w.get(t)
	b.Status.AggregatedStatus = nil
	for _, target := range b.Spec.Clusters {
		b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
			ClusterName: target.Name, Applied: true, Health: workv1alpha2.ResourceHealthy,
			Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"replicas":%d,"readyReplicas":%d}`, target.Replicas, target.Replicas)},
		})
	}
	if err := w.client.Status().Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func (w *world) get(t *testing.T) *workv1alpha2.ResourceBinding {
	t.Helper()
	var b workv1alpha2.ResourceBinding
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web-deployment"}, &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

// restart forgets what is only remembered.
func (w *world) restart() {
	w.placer, w.own, w.returns = newPlacer(w.client), newOwn(), newReturns()
}

// away is a world whose only binding was placed in the later group, and the earlier one is back.
func away(t *testing.T, change func(*workv1alpha2.ResourceBinding), objs ...client.Object) *world {
	t.Helper()
	w := newWorld(t, append(objs, whole("l1"), binding(func(b *workv1alpha2.ResourceBinding) {
		twoGroups(b)
		b.Spec.Replicas = 8
		if change != nil {
			change(b)
		}
	}))...)
	w.reconcile(t)
	w.report(t)
	if b := w.get(t); b.Status.SchedulerObservedAffinityName != "far" {
		t.Fatalf("placed by %q in %v", b.Status.SchedulerObservedAffinityName, b.Spec.Clusters)
	}
	if err := w.client.Create(t.Context(), whole("e1")); err != nil {
		t.Fatal(err)
	}
	return w
}

// follow reconciles every ten seconds and reports after each, and tells how the placement changes.
func (w *world) follow(t *testing.T, rounds int) (story []string) {
	t.Helper()
	before := placement.Targets(w.get(t).Spec.Clusters)
	start := w.clock.Now()
	for range rounds {
		b := w.reconcile(t)
		if now := placement.Targets(b.Spec.Clusters); now != before {
			story = append(story, fmt.Sprintf("%v %s %s", w.clock.Now().Sub(start), b.Status.SchedulerObservedAffinityName, now))
			before = now
		}
		w.report(t)
		w.tick(10 * time.Second)
	}
	return story
}

func TestGoesBackToAnEarlierGroup(t *testing.T) {
	w := away(t, nil)
	want := []string{
		"5m0s far {e1:2, l1:8}", "5m10s far {e1:2, l1:6}",
		"5m40s far {e1:4, l1:6}", "5m50s far {e1:4, l1:4}",
		"6m20s far {e1:6, l1:4}", "6m30s far {e1:6, l1:2}",
		"7m0s far {e1:8, l1:2}", "7m10s near {e1:8}",
	}
	if diff := cmp.Diff(want, w.follow(t, 50)); diff != "" {
		t.Error(diff)
	}
	writes := w.writes
	if w.reconcile(t); w.writes != writes {
		t.Error("it goes on writing")
	}
}

func TestARestartOnTheWayBackGoesOn(t *testing.T) {
	w := away(t, nil)
	w.follow(t, 31) // up to the first step
	if got := placement.Targets(w.get(t).Spec.Clusters); got != "{e1:2, l1:8}" {
		t.Fatal(got)
	}
	w.restart()
	want := []string{"0s far {e1:2, l1:6}", "5m0s far {e1:4, l1:6}", "5m10s far {e1:4, l1:4}"} // stable anew
	if diff := cmp.Diff(want, w.follow(t, 33)); diff != "" {
		t.Error(diff)
	}
}

func TestASurgeIsNotRepaired(t *testing.T) {
	w := away(t, nil)
	w.follow(t, 30)
	w.reconcile(t)
	writes := w.writes
	for range 5 {
		w.tick(30 * time.Second)
		if got := placement.Targets(w.reconcile(t).Spec.Clusters); got != "{e1:2, l1:8}" {
			t.Fatal(got)
		}
	}
	if w.writes > writes {
		t.Errorf("%d writes while it waits", w.writes-writes)
	}
}

func TestABreakStartsTheTimeAnew(t *testing.T) {
	w := away(t, nil)
	w.follow(t, 20)
	c := whole("e1")
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		t.Fatal(err)
	}
	flip := func(status metav1.ConditionStatus) {
		c.Status.Conditions[0].Status = status
		c.Status.Conditions[0].LastTransitionTime = metav1.NewTime(w.clock.Now())
		if err := w.client.Status().Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	flip(metav1.ConditionFalse)
	w.follow(t, 1)
	flip(metav1.ConditionTrue)
	if diff := cmp.Diff([]string{"5m0s far {e1:2, l1:8}"}, w.follow(t, 31)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatGoesBackWhole(t *testing.T) {
	tests := map[string]struct {
		change func(*workv1alpha2.ResourceBinding)
		want   []string
	}{
		"a duplicated workload": {func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement.ReplicaScheduling = nil },
			[]string{"5m0s far {e1:8, l1:8}", "5m10s near {e1:8}"}},
		"what has no replicas": {func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas = 0 },
			[]string{"5m0s far {e1:0, l1:0}", "5m10s near {e1:0}"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := away(t, tt.change)
			if diff := cmp.Diff(tt.want, w.follow(t, 40)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatDoesNotGoBack(t *testing.T) {
	never := func(w *world) { w.failback = 0 }
	held := policy("web", trafficv1alpha1.Failback{})
	held.Annotations = map[string]string{names.HoldUntilAnnotation: "2126-05-01T12:00:00Z"}
	singleton := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{names.SingletonAnnotation: "true"}}}
	tests := map[string]struct {
		change func(*workv1alpha2.ResourceBinding)
		world  func(*world)
		objs   []client.Object
	}{
		"it is turned off":     {world: never},
		"a policy says manual": {objs: []client.Object{policy("web", trafficv1alpha1.Failback{Workloads: trafficv1alpha1.FailbackManual})}},
		"a person holds it":    {objs: []client.Object{held}},
		"a singleton":          {objs: []client.Object{singleton}},
		"a Job": {change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Resource.APIVersion, b.Spec.Resource.Kind = "batch/v1", "Job"
		},
			world: func(w *world) {}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := away(t, func(b *workv1alpha2.ResourceBinding) {
				if tt.change != nil {
					tt.change(b)
				}
			}, tt.objs...)
			if tt.world != nil {
				tt.world(w)
			}
			if diff := cmp.Diff([]string(nil), w.follow(t, 40)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func policy(target string, f trafficv1alpha1.Failback) *trafficv1alpha1.TrafficPolicy {
	p := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: target}}
	p.Spec.TargetRefs = []trafficv1alpha1.TargetRef{{Kind: "Deployment", Group: "apps", Name: target}}
	p.Spec.Failover.Failback = f
	return p
}

func TestThePolicyOfTheWorkloadSetsTheTerms(t *testing.T) {
	w := away(t, nil, policy("web", trafficv1alpha1.Failback{StableFor: &metav1.Duration{Duration: time.Minute}, StepPercent: new(int32(100))}))
	if diff := cmp.Diff([]string{"1m0s far {e1:8, l1:8}", "1m10s near {e1:8}"}, w.follow(t, 40)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEditOnTheWayBackIsFollowedAtOnce(t *testing.T) {
	scale := func(n int32) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			b := w.get(t)
			b.Spec.Replicas = n
			if err := w.client.Update(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	loseNear := func(t *testing.T, w *world) {
		c := whole("e1")
		if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
			t.Fatal(err)
		}
		c.Spec.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoExecute}}
		if err := w.client.Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		c.Status.Conditions[0].Status = metav1.ConditionFalse
		if err := w.client.Status().Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		do   []func(*testing.T, *world)
		want []string
	}{
		"more": {[]func(*testing.T, *world){scale(12)}, []string{"0s far {e1:6, l1:6}"}},
		"less": {[]func(*testing.T, *world){scale(4)}, []string{"0s far {e1:2, l1:2}"}},
		"more while the earlier group is broken": {[]func(*testing.T, *world){loseNear, scale(12)},
			[]string{"0s far {e1:2, l1:10}"}},
		"a policy that knows one group only": {[]func(*testing.T, *world){func(t *testing.T, w *world) {
			b := w.get(t)
			b.Spec.Placement.ClusterAffinities = b.Spec.Placement.ClusterAffinities[1:]
			b.Spec.Placement.ReplicaScheduling = nil
			if err := w.client.Update(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}}, []string{"0s far {l1:8}"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := away(t, nil)
			w.follow(t, 32) // one step is made
			if got := placement.Targets(w.get(t).Spec.Clusters); got != "{e1:2, l1:6}" {
				t.Fatal(got)
			}
			for _, do := range tt.do {
				do(t, w)
			}
			if diff := cmp.Diff(tt.want, w.follow(t, 3)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// fail evicts the application from e1, since it fails there, and completes that.
func (w *world) fail(t *testing.T) {
	t.Helper()
	b := w.get(t)
	b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{
		FromCluster: "e1", Reason: workv1alpha2.EvictionReasonApplicationFailure, CreationTimestamp: &metav1.Time{Time: w.clock.Now()},
	}}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "l1", Replicas: 8}}
	if err := w.client.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b.Status.SchedulerObservedAffinityName = "far"
	if err := w.client.Status().Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.follow(t, 3)
	b = w.get(t)
	b.Spec.GracefulEvictionTasks = nil
	if err := w.client.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func TestWhatFailsWhereItWentBackWaitsLongerEachTime(t *testing.T) {
	w := away(t, func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement.ReplicaScheduling = nil })
	for i, want := range [][]string{
		{"5m0s far {e1:8, l1:8}", "5m10s near {e1:8}"},
		{"10m0s far {e1:8, l1:8}", "10m10s near {e1:8}"},
		{"20m0s far {e1:8, l1:8}", "20m10s near {e1:8}"},
	} {
		if i > 0 {
			w.fail(t)
		}
		if diff := cmp.Diff(want, w.follow(t, 125)); diff != "" {
			t.Errorf("after %d failures (-want +got):\n%s", i, diff)
		}
	}
}

func TestTheWindowAfterFailures(t *testing.T) {
	key := types.NamespacedName{Namespace: "shop", Name: "web-deployment"}
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		failures  []time.Duration // after the start
		now       time.Duration
		stableFor time.Duration
		want      time.Duration
	}{
		"none":                             {nil, 0, 5 * time.Minute, 5 * time.Minute},
		"one":                              {[]time.Duration{0}, 0, 5 * time.Minute, 10 * time.Minute},
		"one, seen again and again":        {[]time.Duration{0, 0, 0}, time.Minute, 5 * time.Minute, 10 * time.Minute},
		"three":                            {[]time.Duration{0, time.Hour, 2 * time.Hour}, 2 * time.Hour, 5 * time.Minute, 40 * time.Minute},
		"many":                             {[]time.Duration{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, time.Hour, 5 * time.Minute, time.Hour},
		"a policy that waits longer still": {[]time.Duration{0}, 0, 2 * time.Hour, 2 * time.Hour},
		"a day ago":                        {[]time.Duration{0, time.Hour}, 26 * time.Hour, 5 * time.Minute, 5 * time.Minute},
		"a day after the last":             {[]time.Duration{0, time.Hour, 26 * time.Hour}, 26 * time.Hour, 5 * time.Minute, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			x := newReturns()
			for _, at := range tt.failures {
				x.failedAt(key, start.Add(at))
			}
			x.forget(key) // it went back in between
			if got := x.window(key, tt.stableFor, start.Add(tt.now)); got != tt.want {
				t.Errorf("%s", got)
			}
			x.drop(key)
			if got := x.window(key, tt.stableFor, start); got != tt.stableFor || len(x.failed) > 0 {
				t.Errorf("remembered: %s", got)
			}
		})
	}
}
