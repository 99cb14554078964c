package status

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
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
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/membertest"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
)

// world is a hub with a Deployment bound to the clusters fra and iad, of which fra has a member.
type world struct {
	t        *testing.T
	client   client.Client
	member   *membertest.Member
	members  *membertest.Members
	clock    *clocktesting.FakeClock
	events   *record.FakeRecorder
	works    *workReconciler
	bindings *bindingReconciler
	writes   []string
}

var (
	workInFra  = types.NamespacedName{Namespace: "karmada-es-fra", Name: "web"}
	bindingKey = types.NamespacedName{Namespace: "shop", Name: "web-deployment"}
)

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

func cluster(name string, ready metav1.ConditionStatus) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: ready, Reason: "Test"})
	return c
}

func workIn(cluster string) *workv1alpha1.Work {
	return &workv1alpha1.Work{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: names.ExecutionNamespace(cluster), Name: "web", UID: types.UID("w-" + cluster), Generation: 1,
			Labels:      map[string]string{names.ResourceBindingPermanentID: "b"},
			Annotations: map[string]string{names.ResourceBindingNamespaceAnnotation: bindingKey.Namespace, names.ResourceBindingNameAnnotation: bindingKey.Name},
		},
		Spec: workv1alpha1.WorkSpec{Workload: workv1alpha1.WorkloadTemplate{Manifests: []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{
			Raw: []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop","name":"web"}}`)}}}}},
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, member: membertest.NewMember("fra"), members: &membertest.Members{}, clock: clocktesting.NewFakeClock(time.Now()), events: record.NewFakeRecorder(100)}
	template := object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: web, uid: t, generation: 5}, spec: {replicas: 3}, status: {observedGeneration: 4}}`)
	binding := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: bindingKey.Namespace, Name: bindingKey.Name, UID: "b", Generation: 2, Labels: map[string]string{names.ResourceBindingPermanentID: "b"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
			Replicas: 3, Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "iad", Replicas: 1}},
		},
	}
	builder := fake.NewClientBuilder().WithScheme(scheme.New()).
		WithObjects(template, binding, workIn("fra"), workIn("iad"), cluster("fra", "True"), cluster("iad", "True")).
		WithStatusSubresource(&workv1alpha1.Work{}, &workv1alpha2.ResourceBinding{}, template).
		WithIndex(&workv1alpha1.Work{}, works.IndexByBinding, works.Keys).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes = append(w.writes, sub+" "+obj.GetNamespace()+"/"+obj.GetName())
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		})
	if err := hub.SetupIndexes(t.Context(), builderIndexer{builder}); err != nil {
		t.Fatal(err)
	}
	w.client = builder.Build()
	interpreter, watcher := interpret.New(), managed.New(w.members, w.clock)
	w.works = &workReconciler{client: w.client, reports: reports.New(w.client, w.client, w.events, nil), recorder: w.events, members: watcher, interpreter: interpreter, pace: newPacer(w.clock, time.Second)}
	w.bindings = &bindingReconciler{
		client: w.client, live: w.client, bindings: fresh.New(w.client, w.client), recorder: w.events, interpreter: interpreter, pace: newPacer(w.clock, time.Second),
		empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} }, settled: map[reconcile.Request]uint64{}, opened: map[reconcile.Request]time.Time{},
	}
	w.connect(w.member)
	return w
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

// IndexField implements client.FieldIndexer.
func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

// connect connects fra, or disconnects it, and follows its Deployments as execution would.
func (w *world) connect(m *membertest.Member) {
	w.t.Helper()
	w.members.Connect("fra", m)
	if m == nil {
		return
	}
	if _, err := w.works.members.Follow("fra", m, appsv1.SchemeGroupVersion.WithKind("Deployment")); err != nil {
		w.t.Fatal(err)
	}
}

// deployment puts the member's Deployment with a status.
func (w *world) deployment(status string) {
	w.t.Helper()
	err := w.member.Put(object(w.t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: web, generation: 1, labels: {karmada.io/managed: "true"}, annotations: {work.karmada.io/namespace: karmada-es-fra, work.karmada.io/name: web, resourcetemplate.karmada.io/generation: "5"}}, spec: {replicas: 2}, status: `+status+`}`))
	if err != nil {
		w.t.Fatal(err)
	}
}

// sync runs one reconciler, when the window of the last write is over, and returns what was written and
// the events' reasons.
func (w *world) sync(r reconcile.Reconciler, key types.NamespacedName) (writes, reasons []string) {
	w.t.Helper()
	w.writes = nil
	w.clock.Step(w.works.pace.window)
	if _, err := r.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.works.reports.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for len(w.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-w.events.Events)[1])
	}
	return w.writes, reasons
}

func (w *world) get(key types.NamespacedName, obj client.Object) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), key, obj); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) workStatus() workv1alpha1.WorkStatus {
	w.t.Helper()
	var work workv1alpha1.Work
	w.get(workInFra, &work)
	return work.Status
}

// applied sets what execution would have written on the Work of fra, had it no status to add.
func (w *world) applied() {
	w.t.Helper()
	var work workv1alpha1.Work
	w.get(workInFra, &work)
	work.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue, Reason: "AppliedSuccessful", LastTransitionTime: metav1.Now()}}
	if err := w.client.Status().Update(w.t.Context(), &work); err != nil {
		w.t.Fatal(err)
	}
}

// report sets what execution and status would have written on a Work.
func (w *world) report(cluster, status string, health workv1alpha1.ResourceHealth) {
	w.t.Helper()
	var work workv1alpha1.Work
	w.get(types.NamespacedName{Namespace: names.ExecutionNamespace(cluster), Name: "web"}, &work)
	work.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue, Reason: "AppliedSuccessful", LastTransitionTime: metav1.Now()}}
	data, err := yaml.YAMLToJSON([]byte(status))
	if err != nil {
		w.t.Fatal(err)
	}
	work.Status.ManifestStatuses = []workv1alpha1.ManifestStatus{{Status: &runtime.RawExtension{Raw: data}, Health: health}}
	if err := w.client.Status().Update(w.t.Context(), &work); err != nil {
		w.t.Fatal(err)
	}
}

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
