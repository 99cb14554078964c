package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
)

var shop = types.NamespacedName{Namespace: "shop", Name: "shop"}

func says(vantage string, renewed time.Time, verdict v1.Verdict) *v1.EndpointHealth {
	return &v1.EndpointHealth{
		ObjectMeta: metav1.ObjectMeta{Name: vantage},
		Spec: v1.EndpointHealthSpec{VantagePoint: vantage, RenewTime: metav1.NewMicroTime(renewed), LeaseDurationSeconds: 30,
			Plans: []v1.PlanHealth{{Namespace: "shop", Name: "shop", Generation: 7, Endpoints: []v1.EndpointVerdict{{Cluster: "fra", Verdict: verdict}}}},
			Zones: []v1.ZoneServed{{Domain: "a.org", Generation: 2}}},
	}
}

// A vantage point that falls silent stops counting when its lease ends, and everybody who asked to
// be told is told, though no object changed.
func TestSilenceIsNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewView(clock.RealClock{})
		var told []health.Changes
		v.Subscribe(func(c health.Changes) { told = append(told, c) })
		ctx, cancel := context.WithCancel(t.Context())
		go v.run(ctx)

		v.OnAdd(says("ns1", time.Now(), v1.VerdictUnhealthy), true)
		v.OnAdd(says("ns2", time.Now(), v1.VerdictHealthy), true)
		if got := v.Verdict(shop, "fra").Verdict; got != v1.VerdictHealthy {
			t.Errorf("one of two is no majority: %s", got)
		}
		time.Sleep(20 * time.Second)
		v.OnUpdate(nil, says("ns1", time.Now(), v1.VerdictUnhealthy)) // ns2 is silent
		synctest.Wait()
		told = nil
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("told too early: %v", told)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(told) != 1 || !told[0].VantagePoints || !told[0].Clusters.Has("fra") || !told[0].Plans.Has(shop) || !told[0].Zones.Has("a.org") {
			t.Errorf("told %v", told)
		}
		if got := v.Verdict(shop, "fra").Verdict; got != v1.VerdictUnhealthy {
			t.Errorf("the living say Unhealthy, the view %s", got)
		}
		if v.VantagePoints() != 1 || v.PlanGenerations(shop)["ns1"] != 7 || v.ZoneGenerations("a.org")["ns1"] != 2 {
			t.Error("wrong generations")
		}
		v.OnDelete(cache.DeletedFinalStateUnknown{Key: "ns1", Obj: says("ns1", time.Now(), v1.VerdictUnhealthy)})
		if v.VantagePoints() != 0 {
			t.Error("deleted, and still counted")
		}
		cancel()
		synctest.Wait()
	})
}

func TestSourceWaitsForTheFirstReports(t *testing.T) {
	v := NewView(clock.RealClock{})
	s := v.Source(clusterRequests)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	if err := s.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitForSync(done); err == nil {
		t.Error("did not wait")
	}
	v.OnAdd(says("ns1", time.Now(), v1.VerdictHealthy), true)
	close(v.synced)
	if err := s.WaitForSync(t.Context()); err != nil {
		t.Error(err)
	}
	if got, _ := queue.Get(); got.Name != "fra" {
		t.Errorf("woken for %v", got)
	}
}

func TestReconcileWritesOneConditionOnce(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clusterv1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra", Generation: 4}}
	cluster.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady"}}
	writes := 0
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(cluster).WithStatusSubresource(cluster).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, obj, p, o...)
		},
	}).Build()
	v := NewView(clock.RealClock{})
	r := &reconciler{client: c, view: v}
	expect := func(want string, wantWrites int) {
		t.Helper()
		for range 2 {
			if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "fra"}}); err != nil {
				t.Fatal(err)
			}
		}
		got := &clusterv1alpha1.Cluster{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: "fra"}, got); err != nil {
			t.Fatal(err)
		}
		cond := meta.FindStatusCondition(got.Status.Conditions, v1.ClusterConditionDataPath)
		if cond == nil || cond.ObservedGeneration != 4 {
			t.Fatalf("%+v", cond)
		}
		if diff := cmp.Diff(want, string(cond.Status)+" "+cond.Reason); diff != "" {
			t.Error(diff)
		}
		if len(got.Status.Conditions) != 2 || writes != wantWrites {
			t.Errorf("%d conditions, %d writes, want 2 and %d", len(got.Status.Conditions), writes, wantWrites)
		}
	}
	expect("Unknown NotProbed", 1)
	v.OnAdd(says("ns1", time.Now(), v1.VerdictHealthy), true)
	expect("True RequestsGetThrough", 2)
	v.OnUpdate(nil, says("ns1", time.Now().Add(time.Second), v1.VerdictUnhealthy))
	expect("False NoRequestGetsThrough", 3)

	if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: "gone"}}); err != nil {
		t.Errorf("a cluster that is gone: %v", err)
	}
}
