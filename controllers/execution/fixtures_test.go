package execution

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/membertest"
	"github.com/seaway-io/seaway/controllers/execution/reports"
)

// world is a hub with one cluster, fra, and its member.
type world struct {
	*reconciler
	t       *testing.T
	member  *membertest.Member
	members *membertest.Members
	clock   *clocktesting.FakeClock
	events  *record.FakeRecorder
	writes  []string
}

var workKey = types.NamespacedName{Namespace: "karmada-es-fra", Name: "settings"}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{t: t, member: membertest.NewMember("fra"), members: &membertest.Members{}, events: record.NewFakeRecorder(100), clock: clocktesting.NewFakeClock(metav1.Now().Time)}
	count := func(verb string, obj client.Object) { w.writes = append(w.writes, verb+" "+obj.GetName()) }
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra", Finalizers: []string{"test"}}}
	meta.SetStatusCondition(&cluster.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady"})
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(append(objects, cluster)...).
		WithStatusSubresource(&workv1alpha1.Work{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
				count("patch", obj)
				return c.Patch(ctx, obj, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				count("patch "+sub, obj)
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		}).Build()
	w.reconciler = &reconciler{
		client: c, recorder: w.events, reports: reports.New(c, c, w.events, nil),
		members: managed.New(w.members, w.clock), interpreter: interpret.New(),
	}
	w.works = w.reports.Works()
	w.members.Connect("fra", w.member)
	return w
}

// workWith returns a Work as it is rendered, with the manifest in YAML.
func workWith(t *testing.T, text string, change ...func(*workv1alpha1.Work)) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workKey.Namespace, Name: workKey.Name, UID: "w1", Generation: 1,
		Labels: map[string]string{names.WorkPermanentID: "id"}, Finalizers: []string{names.ExecutionFinalizer},
	}}
	setManifest(t, work, text)
	for _, c := range change {
		c(work)
	}
	return work
}

func setManifest(t *testing.T, work *workv1alpha1.Work, text string) {
	t.Helper()
	obj := object(t, text)
	manifest.Mark(obj, work)
	data, err := utiljson.Marshal(obj.Object)
	if err != nil {
		t.Fatal(err)
	}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: data}}}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

const configMap = `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings}, data: {a: "1"}}`

// sync reconciles and returns what was written in the member and on the hub, and the events' reasons.
func (w *world) sync() (inMember, onHub, reasons []string, result ctrl.Result, err error) {
	w.t.Helper()
	w.writes, _ = nil, w.member.Writes()
	result, err = w.reconcile(w.t.Context(), workKey)
	if err := w.reports.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for len(w.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-w.events.Events)[1])
	}
	return w.member.Writes(), w.writes, reasons, result, err
}

// settle reconciles until nothing is written, and fails if that takes long.
func (w *world) settle() {
	w.t.Helper()
	for range 3 {
		inMember, onHub, _, _, err := w.sync()
		if err != nil {
			w.t.Fatal(err)
		}
		if len(inMember)+len(onHub) == 0 {
			return
		}
	}
	w.t.Fatal("it never comes to rest")
}

func (w *world) work() *workv1alpha1.Work {
	w.t.Helper()
	work := &workv1alpha1.Work{}
	if err := w.client.Get(w.t.Context(), workKey, work); err != nil {
		w.t.Fatal(err)
	}
	return work
}

func (w *world) change(mutate func(*workv1alpha1.Work)) {
	w.t.Helper()
	work := w.work()
	mutate(work)
	work.Generation++
	if err := w.client.Update(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) cluster(mutate func(*clusterv1alpha1.Cluster)) {
	w.t.Helper()
	cluster := &clusterv1alpha1.Cluster{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Name: "fra"}, cluster); err != nil {
		w.t.Fatal(err)
	}
	mutate(cluster)
	if err := w.client.Update(w.t.Context(), cluster); err != nil {
		w.t.Fatal(err)
	}
}

func notReady(c *clusterv1alpha1.Cluster) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterNotReachable"})
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	if c := meta.FindStatusCondition(w.work().Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
