package evict

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

var web = client.ObjectKey{Namespace: "shop", Name: "web-deployment"}

// world is a reconciler over a fake hub. Place answers with to and why.
type world struct {
	*reconciler
	t      *testing.T
	clock  *clocktesting.FakeClock
	events *record.FakeRecorder
	writes []string // "patch" and "status", in order
	asked  [][]string
	to     []workv1alpha2.TargetCluster
	group  string
	why    string
	lists  int // of all clusters
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

func newWorld(t *testing.T, change func(*Options), objs ...client.Object) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakeClock(t0), events: record.NewFakeRecorder(50)}
	builder := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}).
		WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if _, ok := list.(*clusterv1alpha1.ClusterList); ok {
					w.lists++
				}
				return c.List(ctx, list, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				w.writes = append(w.writes, "patch")
				return c.Patch(ctx, obj, patch, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes = append(w.writes, sub)
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		})
	if err := hub.SetupIndexes(context.Background(), builderIndexer{builder}); err != nil {
		t.Fatal(err)
	}
	c := builder.Build()
	o := Options{Clock: w.clock, Place: w.placed, Taints: true}
	if change != nil {
		change(&o)
	}
	w.reconciler = newReconciler(c, c, o, func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} })
	w.recorder = w.events
	return w
}

func (w *world) placed(_ context.Context, b workv1alpha2.Binding, exclude sets.Set[string]) (placement.Result, string, error) {
	w.asked = append(w.asked, sets.List(exclude))
	if w.why != "" {
		return placement.Result{Clusters: b.GetBindingSpec().Clusters}, w.why, nil
	}
	return placement.Result{Clusters: w.to, AffinityName: w.group}, "", nil
}

// reconcile judges the binding and returns when it wants to be asked again.
func (w *world) reconcile() time.Duration { return w.reconcileOne(web) }

func (w *world) reconcileOne(key client.ObjectKey) time.Duration {
	w.t.Helper()
	w.writes, w.asked = nil, nil
	result, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: key})
	if err != nil {
		w.t.Fatal(err)
	}
	return result.RequeueAfter
}

func (w *world) binding() *workv1alpha2.ResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	if err := w.client.Get(context.Background(), web, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) edit(change func(*workv1alpha2.ResourceBinding)) {
	w.t.Helper()
	b := w.binding()
	change(b)
	status := b.Status
	if err := w.client.Update(context.Background(), b); err != nil {
		w.t.Fatal(err)
	}
	b.Status = status
	if err := w.client.Status().Update(context.Background(), b); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wantWrites(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.writes); diff != "" {
		w.t.Errorf("writes (-want +got):\n%s", diff)
	}
}

// wantEvents takes the events and compares how they begin. Each is on the binding and on its template.
func (w *world) wantEvents(want ...string) {
	w.t.Helper()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, strings.Join(strings.SplitN(<-w.events.Events, " ", 3)[:2], " "))
	}
	var twice []string
	for _, e := range want {
		twice = append(twice, e, e)
	}
	if diff := cmp.Diff(twice, got); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// held is the reason of the condition EvictionHeld, or nothing.
func (w *world) held() string {
	if c := meta.FindStatusCondition(w.binding().Status.Conditions, workv1alpha2.ConditionEvictionHeld); c != nil {
		return c.Reason
	}
	return ""
}

func cluster(name string, taints ...corev1.Taint) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(t0.Add(-24 * time.Hour))}}
	c.Spec.Taints = taints
	c.Status.Conditions = []metav1.Condition{{
		Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "R", LastTransitionTime: metav1.NewTime(t0.Add(-time.Hour)),
	}}
	return c
}

func noExecute(key string) corev1.Taint {
	return corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute, TimeAdded: &metav1.Time{Time: t0}}
}

// on is a placement: on("fra", 2, "iad", 4).
func on(text ...any) []workv1alpha2.TargetCluster {
	var out []workv1alpha2.TargetCluster
	for i := 0; i < len(text); i += 2 {
		out = append(out, workv1alpha2.TargetCluster{Name: text[i].(string), Replicas: int32(text[i+1].(int))})
	}
	return out
}

// deployment is the binding of a Deployment that is placed so.
func deployment(to []workv1alpha2.TargetCluster, change ...func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	b.Spec.Replicas, b.Spec.ReplicaRequirements, b.Spec.PropagateDeps = 6, &workv1alpha2.ReplicaRequirements{}, true
	b.Spec.Placement = &policyv1alpha1.Placement{}
	b.Spec.Clusters = to
	for _, f := range change {
		f(b)
	}
	return b
}

// report is what a cluster says of its copy.
func report(name string, health workv1alpha2.ResourceHealth, replicas, ready int) workv1alpha2.AggregatedStatusItem {
	raw, _ := json.Marshal(map[string]any{"replicas": replicas, "readyReplicas": ready})
	return workv1alpha2.AggregatedStatusItem{ClusterName: name, Health: health, Applied: true, Status: &runtime.RawExtension{Raw: raw}}
}

// brief says what the tasks of a binding are.
func brief(b *workv1alpha2.ResourceBinding) (out []string) {
	for _, t := range b.Spec.GracefulEvictionTasks {
		out = append(out, strings.Join([]string{t.FromCluster, string(t.PurgeMode), t.Reason, t.Producer}, " "))
	}
	return out
}
