package scheduler

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// following is a follower with a queue to look into.
type following struct {
	*follower
	q workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func newFollowing(t *testing.T) *following {
	f := &following{
		follower: &follower{waiting: newInterests(), own: newOwn(), returns: newReturns(), placer: newPlacer(nil),
			clock: clocktesting.NewFakePassiveClock(time.Unix(1000, 0))},
		q: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()),
	}
	t.Cleanup(f.q.ShutDown)
	return f
}

func (f *following) queued() (out []string) {
	for f.q.Len() > 0 {
		r, _ := f.q.Get()
		f.q.Done(r)
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out
}

func named(name, version string, generation int64, change func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
	return binding(func(b *workv1alpha2.ResourceBinding) {
		b.Name, b.ResourceVersion, b.Generation = name, version, generation
		if change != nil {
			change(b)
		}
	})
}

func TestWhichEventsQueueABinding(t *testing.T) {
	reported := func(b *workv1alpha2.ResourceBinding) {
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{ClusterName: "m1", Applied: true}}
	}
	unclaimed := func(b *workv1alpha2.ResourceBinding) { b.Labels = nil }
	tests := map[string]struct {
		do            func(f *following)
		before, after *workv1alpha2.ResourceBinding
		want          []string
	}{
		"an edit":                     {nil, named("web", "1", 1, nil), named("web", "2", 2, nil), []string{"web"}},
		"a report":                    {nil, named("web", "1", 1, nil), named("web", "2", 1, reported), nil},
		"a report that is waited for": {func(f *following) { f.returns.await(keyOf(named("web", "", 0, nil)), true) }, named("web", "1", 1, nil), named("web", "2", 1, reported), []string{"web"}},
		"a claim":                     {nil, named("web", "1", 1, unclaimed), named("web", "2", 1, nil), []string{"web"}},
		"our own write":               {func(f *following) { f.own.wrote(keyOf(named("web", "", 0, nil)), "2") }, named("web", "1", 1, nil), named("web", "2", 2, nil), nil},
		"what came before our write":  {func(f *following) { f.own.wrote(keyOf(named("web", "", 0, nil)), "3") }, named("web", "1", 1, nil), named("web", "2", 2, nil), nil},
		"what came after our write":   {func(f *following) { f.own.wrote(keyOf(named("web", "", 0, nil)), "2") }, named("web", "2", 2, nil), named("web", "3", 3, nil), []string{"web"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFollowing(t)
			if tt.do != nil {
				tt.do(f)
			}
			f.bindings().Update(t.Context(), event.UpdateEvent{ObjectOld: tt.before, ObjectNew: tt.after}, f.q)
			if diff := cmp.Diff(tt.want, f.queued()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheLedgerFollowsTheWatch(t *testing.T) {
	f := newFollowing(t)
	in := func(version string, generation int64, replicas int32) *workv1alpha2.ResourceBinding {
		return named("web", version, generation, func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: replicas}}
			b.Status.LastScheduledTime = &metav1.Time{Time: time.Unix(900, 0)}
		})
	}
	assumed := func(when string, want int64) {
		t.Helper()
		pods := f.placer.ledger.View().Assumed["m1"][corev1.ResourcePods]
		if pods.Value() != want {
			t.Errorf("%s: %d pods, want %d", when, pods.Value(), want)
		}
	}
	f.bindings().Create(t.Context(), event.CreateEvent{Object: in("1", 1, 3), IsInInitialList: true}, f.q)
	assumed("after a restart", 3)
	f.bindings().Update(t.Context(), event.UpdateEvent{ObjectOld: in("1", 1, 3), ObjectNew: in("2", 2, 5)}, f.q)
	assumed("placed by somebody else", 5)
	f.bindings().Delete(t.Context(), event.DeleteEvent{Object: in("2", 2, 5)}, f.q)
	assumed("deleted", 0)
	f.bindings().Create(t.Context(), event.CreateEvent{Object: in("3", 1, 2)}, f.q)
	assumed("created with its clusters", 2)
}

func TestPeersAreWoken(t *testing.T) {
	f := newFollowing(t)
	apart := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=shop"}
	}
	placed := func(b *workv1alpha2.ResourceBinding) {
		apart(b)
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
	}
	stuck := func(b *workv1alpha2.ResourceBinding) {
		apart(b)
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: workv1alpha2.ReasonNoClusterFit}}
	}
	f.bindings().Create(t.Context(), event.CreateEvent{Object: named("stuck", "1", 1, stuck)}, f.q)
	f.queued()
	f.bindings().Create(t.Context(), event.CreateEvent{Object: named("web", "2", 1, placed)}, f.q)
	if diff := cmp.Diff([]string{"stuck", "web"}, f.queued()); diff != "" {
		t.Errorf("a peer that comes: %s", diff)
	}
	f.bindings().Delete(t.Context(), event.DeleteEvent{Object: named("web", "2", 1, placed)}, f.q)
	if diff := cmp.Diff([]string{"stuck"}, f.queued()); diff != "" {
		t.Errorf("a peer that goes: %s", diff)
	}
}

func TestWake(t *testing.T) {
	f := newFollowing(t)
	failing := func(reason string) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) {
			b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: reason}}
		}
	}
	for _, b := range []*workv1alpha2.ResourceBinding{named("placed", "1", 1, nil), named("short", "1", 1, failing(workv1alpha2.ReasonUnschedulable)), named("misfit", "1", 1, failing(workv1alpha2.ReasonNoClusterFit))} {
		f.waiting.set(b)
	}
	hub := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(cluster("m1", nil)).Build()
	if err := f.wakes(hub)(t.Context(), f.q); err != nil {
		t.Fatal(err)
	}
	f.placer.Wake()
	if diff := cmp.Diff([]string{"misfit", "short"}, f.queued()); diff != "" {
		t.Errorf("something has changed: %s", diff)
	}
	f.placer.wakers.wake(wake{cluster: "m1"})
	if diff := cmp.Diff([]string{"short"}, f.queued()); diff != "" {
		t.Errorf("m1 has room: %s", diff)
	}
	f.placer.wakers.wake(wake{cluster: "gone"})
	if got := f.queued(); len(got) > 0 {
		t.Errorf("a cluster that is gone wakes %v", got)
	}
}

func TestInterestsInRecoveredClustersAndEarlierGroups(t *testing.T) {
	ready := func(name string, status metav1.ConditionStatus) *clusterv1alpha1.Cluster {
		return cluster(name, func(c *clusterv1alpha1.Cluster) {
			c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: status}}
		})
	}
	x := newInterests()
	x.set(named("stuck", "1", 1, func(b *workv1alpha2.ResourceBinding) {
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: workv1alpha2.ReasonNoClusterFit}}
	}))
	x.set(named("far", "1", 1, func(b *workv1alpha2.ResourceBinding) { twoGroups(b); b.Status.SchedulerObservedAffinityName = "far" }))
	x.set(named("near", "1", 1, func(b *workv1alpha2.ResourceBinding) { twoGroups(b); b.Status.SchedulerObservedAffinityName = "near" }))
	tests := map[string]struct {
		before, after *clusterv1alpha1.Cluster
		want          []string
	}{
		"a cluster recovers":                 {ready("m1", "False"), ready("m1", "True"), []string{"stuck"}},
		"one of the earlier group":           {ready("e1", "Unknown"), ready("e1", "True"), []string{"far", "stuck"}},
		"one of the earlier group is lost":   {ready("e1", "True"), ready("e1", "False"), []string{"far"}},
		"one of the later group":             {ready("l1", "False"), ready("l1", "True"), []string{"stuck"}},
		"room in the earlier group":          {cluster("e1", nil), cluster("e1", func(c *clusterv1alpha1.Cluster) { c.Status.ResourceSummary = room(5) }), nil},
		"a new cluster of the earlier group": {nil, cluster("e2", nil), []string{"far", "near", "stuck"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, key := range x.concerned(tt.before, tt.after) {
				got = append(got, key.Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// lagging is a cache that has not seen the last writes.
type lagging struct {
	client.Client
	old *workv1alpha2.ResourceBinding
}

func (l *lagging) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if b, ok := obj.(*workv1alpha2.ResourceBinding); ok && l.old != nil {
		*b = *l.old
		return nil
	}
	return l.Client.Get(ctx, key, obj, opts...)
}

func TestACacheThatLagsBehindDecidesNothing(t *testing.T) {
	s := newStore(1, 2, nil)
	r := s.reconciler()
	cache := &lagging{Client: s}
	r.client = cache
	var req ctrl.Request
	for key, b := range s.bindings {
		req.NamespacedName, cache.old = key, b
	}
	for range 2 {
		if _, err := r.Reconcile(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if writes := s.specs.Load() + s.statuses.Load(); writes != 2 || s.lost.Load() != 0 {
		t.Errorf("%d writes, %d conflicts; want 2 and none", writes, s.lost.Load())
	}
	result, _ := r.Reconcile(t.Context(), req)
	if result.RequeueAfter != catchUp {
		t.Errorf("looks again in %v", result.RequeueAfter)
	}
	cache.old = nil
	if result, err := r.Reconcile(t.Context(), req); err != nil || result.RequeueAfter != 0 || s.specs.Load()+s.statuses.Load() != 2 {
		t.Errorf("the cache is there, and: %v, %v", result, err)
	}
	if len(r.own.written) > 0 {
		t.Error("the write is still remembered")
	}
}

func TestSomebodyWritesIntoTheStatusAtTheSameMoment(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile        func(*workv1alpha2.ResourceBinding)
		specs, statuses  int64
		soon, isReported bool
	}{
		"a report: the status is written again, and nothing is decided anew": {func(b *workv1alpha2.ResourceBinding) {
			b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{ClusterName: "m1"}}
		}, 1, 2, false, true},
		"an edit: all of it is decided anew": {func(b *workv1alpha2.ResourceBinding) { b.Generation++; b.Spec.Replicas++ }, 1, 1, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(1, 2, nil)
			s.between = func(n int) {
				if n != 2 { // the first write of the status
					return
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				for key, b := range s.bindings {
					changed := b.DeepCopy()
					changed.ResourceVersion = "1000000"
					tt.meanwhile(changed)
					s.bindings[key] = changed
				}
			}
			r := s.reconciler()
			for key := range s.bindings {
				result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
				if err != nil || tt.soon == (result.RequeueAfter == 0) {
					t.Errorf("%v, %v", result, err)
				}
				b := s.bindings[key]
				if tt.isReported && (len(b.Status.AggregatedStatus) != 1 || !metaTrue(b)) {
					t.Errorf("status %+v", b.Status)
				}
			}
			if s.specs.Load() != tt.specs || s.statuses.Load() != tt.statuses {
				t.Errorf("%d patches, %d of the status", s.specs.Load(), s.statuses.Load())
			}
		})
	}
}

// The placer has a handler of its own on the watch of clusters, which may run later: a worker that is
// woken by a change must not decide by the clusters before it, for nothing wakes it again.
func TestWhoIsWokenByAClusterSeesItsChange(t *testing.T) {
	f := newFollowing(t)
	b := named("web", "1", 1, nil)
	f.bindings().Create(t.Context(), event.CreateEvent{Object: b}, f.q)
	f.queued()
	before := f.placer.clusters.version.Load()
	tainted := cluster("m1", func(c *clusterv1alpha1.Cluster) {
		c.Spec.Taints = []corev1.Taint{{Key: "storm", Effect: corev1.TaintEffectNoSchedule}}
	})
	elsewhere := func(context.Context, string) []types.NamespacedName { return nil }
	f.clusters(elsewhere).Update(t.Context(), event.UpdateEvent{ObjectOld: tainted, ObjectNew: cluster("m1", nil)}, f.q)
	if got := f.queued(); !slices.Equal(got, []string{"web"}) || f.placer.clusters.version.Load() == before {
		t.Errorf("queued %v, by the clusters of before: %v", got, f.placer.clusters.version.Load() == before)
	}
}

// A source of events that only waits for some kinds of them is not troubled by the others.
func TestEventsThatNobodyWaitsForDoNothing(t *testing.T) {
	f := newFollowing(t)
	for name, h := range map[string]handler.EventHandler{
		"nothing":    plainFuncs{},
		"namespaces": f.walls(nil),
		"clusters":   f.clusters(nil),
	} {
		obj := client.Object(namespace(""))
		h.Delete(t.Context(), event.DeleteEvent{Object: obj}, f.q)
		h.Generic(t.Context(), event.GenericEvent{Object: obj}, f.q)
		if name != "clusters" {
			h.Create(t.Context(), event.CreateEvent{Object: obj}, f.q)
		}
		if name == "nothing" {
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: obj, ObjectNew: obj}, f.q)
		}
		if got := f.queued(); got != nil {
			t.Errorf("%s: queued %v", name, got)
		}
	}
}
