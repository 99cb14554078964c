package evict

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestATaintedClusterIsLeftInOnePatchAndGivenUpLater(t *testing.T) {
	w := newWorld(t, nil, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 2, "iad", 4)))
	w.to = on("iad", 6)
	if again := w.reconcile(); again != 0 {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("patch")
	w.wantEvents("Warning EvictWorkloadFromClusterSucceed")
	if diff := cmp.Diff([][]string{{"fra"}}, w.asked); diff != "" {
		t.Errorf("asked the placer (-want +got):\n%s", diff)
	}
	b := w.binding()
	if diff := cmp.Diff([]string{"fra Gracefully TaintUntolerated TaintManager"}, brief(b)); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(w.to, b.Spec.Clusters); diff != "" {
		t.Errorf("placed (-want +got):\n%s", diff)
	}

	// Its replacements come up.
	if again := w.reconcile(); again != 10*time.Minute {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites()
	w.edit(func(b *workv1alpha2.ResourceBinding) {
		b.Status.SchedulerObservedGeneration = b.Generation
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{report("iad", workv1alpha2.ResourceHealthy, 6, 6)}
	})
	w.reconcile()
	w.wantWrites("patch")
	w.wantEvents("Normal EvictWorkloadFromClusterSucceed")
	if got := brief(w.binding()); len(got) != 0 {
		t.Errorf("tasks %v", got)
	}
	w.reconcile()
	w.wantWrites()
	w.wantEvents()
}

func TestWhatFitsNowhereStays(t *testing.T) {
	w := newWorld(t, nil, cluster("fra", noExecute("storm")), deployment(on("fra", 6)))
	w.why = "0/1 clusters fit"
	if again := w.reconcile(); again != heldRetry {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("status")
	w.wantEvents("Warning EvictWorkloadFromClusterFailed")
	if got := w.held(); got != "NoClusterFits" {
		t.Errorf("held: %q", got)
	}
	w.reconcile() // it is said once
	w.wantWrites()
	w.wantEvents()

	w.why, w.to = "", on("iad", 6)
	w.reconcile()
	w.wantWrites("patch", "status")
	if got := w.held(); got != "" {
		t.Errorf("held: %q", got)
	}
}

func TestTolerationSecondsDelay(t *testing.T) {
	w := newWorld(t, nil, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 6), func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterTolerations = []corev1.Toleration{{Key: "storm", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr.To[int64](90)}}
	}))
	w.to = on("iad", 6)
	if again := w.reconcile(); again != 90*time.Second {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites()
	w.clock.Step(90 * time.Second)
	w.reconcile()
	w.wantWrites("patch")
}

func TestHalfOfTheWorldIsNotEvictedAtOnce(t *testing.T) {
	policy := &policyv1alpha1.ClusterTaintPolicy{ObjectMeta: metav1.ObjectMeta{Name: "not-ready"}}
	policy.Spec.Taints = []policyv1alpha1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoExecute}}
	w := newWorld(t, nil, policy, cluster("fra", noExecute("storm")), cluster("iad", noExecute("storm")), cluster("sin"), cluster("gru"), deployment(on("fra", 6)))
	w.to = on("sin", 6)
	if again := w.reconcile(); again != heldRetry {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("status")
	if got := w.held(); got != "TooManyClustersLost" {
		t.Errorf("held: %q", got)
	}
}

func TestNothingLeavesWhileTheHubIsCutOff(t *testing.T) {
	policy := &policyv1alpha1.ClusterTaintPolicy{ObjectMeta: metav1.ObjectMeta{Name: "not-ready"}}
	policy.Spec.Taints = []policyv1alpha1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoExecute}}
	fra := cluster("fra", noExecute("storm"))
	fra.Status.Conditions[0].Status = metav1.ConditionFalse
	w := newWorld(t, nil, policy, fra, deployment(on("fra", 6)))
	w.reconcile()
	if got := w.held(); got != "HubIsolated" {
		t.Errorf("held: %q", got)
	}
}

func TestAFailingApplicationMoves(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.PreserveState = true }, cluster("fra"), cluster("iad"), deployment(on("fra", 6), func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Failover = &policyv1alpha1.FailoverBehavior{Application: &policyv1alpha1.ApplicationFailoverBehavior{
			DecisionConditions: policyv1alpha1.DecisionConditions{TolerationSeconds: ptr.To[int32](60)}, PurgeMode: policyv1alpha1.PurgeModeDirectly,
			StatePreservation: &policyv1alpha1.StatePreservation{Rules: []policyv1alpha1.StatePreservationRule{{AliasLabelName: "had", JSONPath: "{.replicas}"}}},
		}}
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{report("fra", workv1alpha2.ResourceUnhealthy, 6, 0)}
	}))
	w.to = on("iad", 6)
	if again := w.reconcile(); again != time.Minute {
		t.Errorf("asks again in %s", again)
	}
	w.clock.Step(30 * time.Second)
	w.edit(func(b *workv1alpha2.ResourceBinding) {
		b.Status.AggregatedStatus[0].Health = workv1alpha2.ResourceHealthy
	})
	w.reconcile() // it recovers, and fails again: its time begins anew
	w.edit(func(b *workv1alpha2.ResourceBinding) {
		b.Status.AggregatedStatus[0].Health = workv1alpha2.ResourceUnhealthy
	})
	w.clock.Step(20 * time.Second)
	if again := w.reconcile(); again != time.Minute {
		t.Errorf("asks again in %s", again)
	}
	w.clock.Step(time.Minute)
	w.reconcile()
	w.wantWrites("patch")
	b := w.binding()
	if diff := cmp.Diff([]string{"fra Directly ApplicationFailure resource-binding-application-failover-controller"}, brief(b)); diff != "" {
		t.Fatalf("tasks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"had": "6"}, b.Spec.GracefulEvictionTasks[0].PreservedLabelState); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if len(w.timers.since) != 1 {
		t.Errorf("remembers %v", w.timers.since)
	}
	if err := w.client.Delete(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	w.reconcile()
	if len(w.timers.since) != 0 {
		t.Errorf("remembers %v", w.timers.since)
	}
}

func TestTheGroupOfTheNewPlacementIsNoted(t *testing.T) {
	w := newWorld(t, nil, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 6), func(b *workv1alpha2.ResourceBinding) {
		b.Status.SchedulerObservedAffinityName = "home"
	}))
	w.to, w.group = on("iad", 6), "abroad"
	w.reconcile()
	w.wantWrites("status", "patch")
	if got := w.binding().Status.SchedulerObservedAffinityName; got != "abroad" {
		t.Errorf("group %q", got)
	}
}

// What another scheduler places, and what is suspended, only loses the cluster.
func TestWhatIsPlacedElsewhere(t *testing.T) {
	for name, change := range map[string]func(*workv1alpha2.ResourceBinding){
		"by another scheduler": func(b *workv1alpha2.ResourceBinding) { b.Spec.SchedulerName = "theirs" },
		"by nobody for now": func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 2, "iad", 4), change))
			w.reconcile()
			if diff := cmp.Diff(on("iad", 4), w.binding().Spec.Clusters); diff != "" || len(w.asked) > 0 {
				t.Errorf("asked %v, placed (-want +got):\n%s", w.asked, diff)
			}
		})
	}
}

func TestTheRateThatIsAskedForIsKept(t *testing.T) {
	other := deployment(on("fra", 6))
	other.Name = "api-deployment"
	w := newWorld(t, func(o *Options) { o.Rate = ptr.To[float32](0.5) }, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 6)), other)
	w.to = on("iad", 6)
	w.reconcile()
	w.wantWrites("patch")
	if again := w.reconcileOne(client.ObjectKeyFromObject(other)); again != 2*time.Second {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("status")
	w.clock.Step(2 * time.Second)
	w.reconcileOne(client.ObjectKeyFromObject(other))
	w.wantWrites("patch", "status")
}

func TestAThousandTurns(t *testing.T) {
	for name, tc := range map[string]struct {
		rate float32
		want time.Duration // of the last
	}{
		"one in two seconds": {0.5, 999 * 2 * time.Second},
		"hundreds a second":  {500, 999 * 2 * time.Millisecond},
		"stopped":            {0, 999 * stopped},
		"hardly any":         {1e-30, 999 * stopped},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPace(&tc.rate)
			var wait time.Duration
			for i := range 1000 {
				wait = p.turn(client.ObjectKey{Name: string(rune('a' + i))}, t0)
			}
			if wait != tc.want {
				t.Errorf("the last waits %s, want %s", wait, tc.want)
			}
		})
	}
}

func TestTheFleetIsListedOnlyForWhatIsTainted(t *testing.T) {
	for name, tc := range map[string]struct {
		b     *workv1alpha2.ResourceBinding
		lists bool
	}{
		"its clusters have no taint": {deployment(on("iad", 6)), false},
		"it is nowhere":              {deployment(nil), false},
		"its cluster is tainted":     {deployment(on("fra", 6)), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, cluster("fra", noExecute("storm")), cluster("iad"), tc.b)
			w.to = on("iad", 6)
			if w.reconcile(); (w.lists > 0) != tc.lists {
				t.Errorf("%d lists", w.lists)
			}
		})
	}
}

func TestWhichChangesWake(t *testing.T) {
	calm, stormy := cluster("fra"), cluster("fra", noExecute("storm"))
	later := cluster("fra", noExecute("storm"), noExecute("flood"))
	cordoned := cluster("fra", corev1.Taint{Key: "unschedulable", Effect: corev1.TaintEffectNoSchedule})
	going := cluster("fra")
	going.DeletionTimestamp = &metav1.Time{Time: t0}
	busy := stormy.DeepCopy()
	busy.Status.NodeSummary = &clusterv1alpha1.NodeSummary{TotalNum: 4}
	for name, tc := range map[string]struct {
		before, after *clusterv1alpha1.Cluster
		want          bool
	}{
		"a taint that evicts":         {calm, stormy, true},
		"another one":                 {stormy, later, true},
		"its end":                     {stormy, calm, true},
		"a taint that does not evict": {calm, cordoned, false},
		"the cluster begins to leave": {calm, going, true},
		"a report":                    {stormy, busy, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := concerns(tc.before, tc.after); got != tc.want {
				t.Errorf("wakes: %v", got)
			}
		})
	}
	quiet := deployment(on("fra", 6))
	said := quiet.DeepCopy()
	said.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{report("fra", workv1alpha2.ResourceUnhealthy, 6, 0)}
	if bindingMoved.Update(event.UpdateEvent{ObjectOld: quiet, ObjectNew: said}) {
		t.Error("a report about a binding that leaves nothing wakes")
	}
	leaving := func(b *workv1alpha2.ResourceBinding) *workv1alpha2.ResourceBinding {
		b = b.DeepCopy()
		b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "iad"}}
		return b
	}
	if !bindingMoved.Update(event.UpdateEvent{ObjectOld: leaving(quiet), ObjectNew: leaving(said)}) {
		t.Error("a report about a binding that is leaving a cluster does not wake")
	}
}

func TestTheImportantAreWokenFirst(t *testing.T) {
	important := deployment(on("fra", 6), func(b *workv1alpha2.ResourceBinding) {
		b.Name, b.Spec.SchedulePriority = "till-deployment", &workv1alpha2.SchedulePriority{Priority: 100}
	})
	w := newWorld(t, nil, cluster("fra"), deployment(on("fra", 6)), important)
	q := priorityqueue.New[ctrl.Request]("evict")
	defer q.ShutDown()
	w.clusters().Update(t.Context(), event.UpdateEvent{ObjectOld: cluster("fra"), ObjectNew: cluster("fra", noExecute("storm"))}, q)
	for _, want := range []string{"till-deployment", web.Name} {
		if got, _ := q.Get(); got.Name != want {
			t.Errorf("%s comes before %s", got.Name, want)
		}
	}
}

func TestABindingOfAnotherKindIsNotWoken(t *testing.T) {
	global := &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: "viewer-clusterrole"}}
	global.Spec.Clusters = on("fra", 0)
	w := newWorld(t, nil, cluster("fra"), deployment(on("fra", 6)), global)
	got, err := w.placedIn(context.Background(), "fra")
	if err != nil || len(got) != 1 || got[0].GetName() != web.Name {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "shop", Name: "gone"}}); err != nil {
		t.Error(err)
	}
}

// What is written is kept as a Decision, and nothing else is.
func TestEvictionsAreKept(t *testing.T) {
	var kept []trafficv1alpha1.DecisionSpec
	keep := func(o *Options) {
		o.Keep = func(spec trafficv1alpha1.DecisionSpec, _ func(context.Context, *trafficv1alpha1.DecisionSpec)) {
			kept = append(kept, spec)
		}
	}
	w := newWorld(t, keep, cluster("fra", noExecute("storm")), cluster("iad"), deployment(on("fra", 2, "iad", 4)))
	w.why = "0/1 clusters fit"
	w.reconcile()
	if len(kept) > 0 {
		t.Fatalf("a hold is kept: %+v", kept)
	}
	w.why, w.to = "", on("iad", 6)
	w.reconcile()
	w.reconcile()
	why := "the taint storm:NoExecute is not tolerated"
	want := []trafficv1alpha1.DecisionSpec{{
		Time: metav1.NewMicroTime(t0), Controller: "evict", Cause: workv1alpha2.EvictionReasonTaintUntolerated, Outcome: trafficv1alpha1.DecisionPlaced,
		Subject: trafficv1alpha1.DecisionSubject{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		Message: "placed on {iad:6}", Steps: []string{why},
		Clusters: []trafficv1alpha1.DecisionCluster{
			{Cluster: "fra", Before: ptr.To[int32](2), Detail: why},
			{Cluster: "iad", Before: ptr.To[int32](4), After: ptr.To[int32](6)},
		},
	}}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// held is a TrafficPolicy of the application that holds all moves for an hour.
func held() []client.Object {
	p := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	p.Spec.TargetRefs = []trafficv1alpha1.TargetRef{{Group: "apps", Kind: "Deployment", Name: "web"}}
	p.Spec.Hold = &trafficv1alpha1.Hold{Until: metav1.NewTime(t0.Add(time.Hour)), Reason: "the sale"}
	return []client.Object{p}
}

func TestAPersonHoldsEvictions(t *testing.T) {
	follows := &policyv1alpha1.ClusterTaintPolicy{ObjectMeta: metav1.ObjectMeta{Name: "weather"}}
	follows.Spec.Taints = []policyv1alpha1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoExecute}}
	failing := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Failover = &policyv1alpha1.FailoverBehavior{Application: &policyv1alpha1.ApplicationFailoverBehavior{
			DecisionConditions: policyv1alpha1.DecisionConditions{TolerationSeconds: ptr.To[int32](0)},
		}}
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{report("fra", workv1alpha2.ResourceUnhealthy, 6, 0)}
	}
	for name, tc := range map[string]struct {
		taint  []corev1.Taint
		change []func(*workv1alpha2.ResourceBinding)
		leaves bool
	}{
		"for a taint that follows from conditions":  {taint: []corev1.Taint{noExecute("storm")}},
		"of an application that fails":              {change: []func(*workv1alpha2.ResourceBinding){failing}},
		"but not for a taint that a person has put": {taint: []corev1.Taint{noExecute("by-hand")}, leaves: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, append(held(), follows, cluster("fra", tc.taint...), cluster("iad"), cluster("sin"), deployment(on("fra", 6), tc.change...))...)
			w.to = on("iad", 6)
			w.reconcile()
			if left := len(w.binding().Spec.GracefulEvictionTasks) > 0; left != tc.leaves || (w.held() == "HeldByPerson") == tc.leaves {
				t.Fatalf("left: %v, held: %q", left, w.held())
			}
			w.clock.Step(time.Hour)
			w.reconcile()
			if len(w.binding().Spec.GracefulEvictionTasks) == 0 || w.held() == "HeldByPerson" {
				t.Errorf("held when the hold is over: %q", w.held())
			}
		})
	}
}
