package binding

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// world is a hub of fakes with one controller for ResourceBindings on it.
type world struct {
	*reconciler
	t      *testing.T
	events *record.FakeRecorder
	writes []string
}

func parsed[T any](t *testing.T, text string) T {
	t.Helper()
	var out T
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{t: t, events: record.NewFakeRecorder(100)}
	count := func(verb string, obj client.Object) {
		w.writes = append(w.writes, verb+" "+obj.GetNamespace()+"/"+obj.GetName())
	}
	builder := fake.NewClientBuilder().WithScheme(scheme.New()).
		WithObjects(objects...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha1.Work{}).
		WithIndex(&workv1alpha1.Work{}, works.IndexByBinding, works.Keys).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				count("create", obj)
				return c.Create(ctx, obj, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
				count("patch", obj)
				return c.Patch(ctx, obj, p, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				count("delete", obj)
				return c.Delete(ctx, obj, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				count("patch "+sub, obj)
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		})
	if err := errors.Join(hub.SetupIndexes(t.Context(), builderIndexer{builder}), setupIndexes(builderIndexer{builder})); err != nil {
		t.Fatal(err)
	}
	c := builder.Build()
	w.reconciler = &reconciler{
		client: c, live: c, recorder: w.events, interpreter: interpret.New(),
		empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
	}
	return w
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

// IndexField implements client.FieldIndexer.
func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

var key = types.NamespacedName{Namespace: "shop", Name: "settings-configmap"}

// sync reconciles and returns what was written, sorted, with the events' reasons.
func (w *world) sync() (writes []string, reasons []string, result ctrl.Result) {
	w.t.Helper()
	w.writes = nil
	result, err := w.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		w.t.Fatal(err)
	}
	for len(w.events.Events) > 0 {
		fields := strings.Fields(<-w.events.Events)
		reasons = append(reasons, fields[1])
	}
	slices.Sort(w.writes)
	return w.writes, reasons, result
}

func (w *world) binding() *workv1alpha2.ResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	if err := w.client.Get(w.t.Context(), key, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) change(mutate func(*workv1alpha2.ResourceBinding)) {
	w.t.Helper()
	b := w.binding()
	mutate(b)
	if err := w.client.Update(w.t.Context(), b); err != nil {
		w.t.Fatal(err)
	}
}

// worksIn returns the clusters that have a Work, with "(deleting)" after those on their way out.
func (w *world) worksIn() (clusters []string) {
	w.t.Helper()
	var list workv1alpha1.WorkList
	if err := w.client.List(w.t.Context(), &list); err != nil {
		w.t.Fatal(err)
	}
	for _, work := range list.Items {
		cluster, _ := names.ClusterFromExecutionNamespace(work.Namespace)
		if work.DeletionTimestamp != nil {
			cluster += "(deleting)"
		}
		clusters = append(clusters, cluster)
	}
	slices.Sort(clusters)
	return clusters
}

func (w *world) work(cluster string) *workv1alpha1.Work {
	w.t.Helper()
	work := &workv1alpha1.Work{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Namespace: "karmada-es-" + cluster, Name: workName}, work); err != nil {
		w.t.Fatal(err)
	}
	return work
}

// finish plays the execution controller: it lets a Work go.
func (w *world) finish(cluster string) {
	w.t.Helper()
	work := w.work(cluster)
	work.Finalizers = nil
	if err := w.client.Update(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
}

var workName = names.WorkName("ConfigMap", "settings", "shop")

func objects(t *testing.T) []client.Object {
	template := &unstructured.Unstructured{Object: parsed[map[string]any](t, `
apiVersion: v1
kind: ConfigMap
metadata: {namespace: shop, name: settings, uid: t1}
data: {region: none}
`)}
	binding := parsed[workv1alpha2.ResourceBinding](t, `
metadata: {namespace: shop, name: settings-configmap, uid: b1}
spec:
  resource: {apiVersion: v1, kind: ConfigMap, namespace: shop, name: settings}
  clusters: [{name: fra}, {name: iad}]
`)
	out := []client.Object{template, &binding}
	for _, name := range []string{"fra", "iad", "sin"} {
		out = append(out, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return out
}

func targets(names ...string) (out []workv1alpha2.TargetCluster) {
	for _, name := range names {
		out = append(out, workv1alpha2.TargetCluster{Name: name})
	}
	return out
}

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestLifeOfABinding(t *testing.T) {
	w := newWorld(t, objects(t)...)

	writes, reasons, _ := w.sync()
	expect(t, "first sync", []string{"create karmada-es-fra/" + workName, "create karmada-es-iad/" + workName, "patch shop/settings-configmap"}, writes)
	expect(t, "events", []string{"SyncWorkSucceed", "SyncWorkSucceed"}, reasons)
	b := w.binding()
	if b.Labels[names.ResourceBindingPermanentID] == "" || !slices.Contains(b.Finalizers, names.BindingFinalizer) {
		t.Errorf("the binding has no id or no finalizer: %v", b.ObjectMeta)
	}
	id := w.work("fra").Labels[names.WorkPermanentID]

	writes, reasons, _ = w.sync()
	expect(t, "nothing changed, nothing written", []string(nil), writes)
	expect(t, "nothing happened, nothing told", []string(nil), reasons)

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
	writes, _, _ = w.sync()
	expect(t, "a change reaches every cluster", []string{"patch karmada-es-fra/" + workName, "patch karmada-es-iad/" + workName}, writes)
	expect(t, "the Work keeps its id", id, w.work("fra").Labels[names.WorkPermanentID])

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = targets("iad", "sin") })
	writes, _, _ = w.sync()
	expect(t, "the binding moves", []string{"create karmada-es-sin/" + workName, "delete karmada-es-fra/" + workName}, writes)
	expect(t, "works", []string{"fra(deleting)", "iad", "sin"}, w.worksIn())

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = targets("fra", "iad", "sin") })
	writes, _, result := w.sync()
	expect(t, "back while the old Work is on its way out", []string(nil), writes)
	expect(t, "comes again", goneCheck, result.RequeueAfter)
	w.finish("fra")
	writes, _, _ = w.sync()
	expect(t, "back once it is gone", []string{"create karmada-es-fra/" + workName}, writes)

	if err := w.client.Delete(t.Context(), w.binding()); err != nil {
		t.Fatal(err)
	}
	w.sync()
	expect(t, "all Works go", []string{"fra(deleting)", "iad(deleting)", "sin(deleting)"}, w.worksIn())
	if err := w.client.Get(t.Context(), key, &workv1alpha2.ResourceBinding{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the binding is still there: %v", err)
	}
}

func TestEviction(t *testing.T) {
	w := newWorld(t, objects(t)...)
	w.sync()
	evict := func(mode policyv1alpha1.PurgeMode) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Clusters = targets("iad", "sin")
			b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "fra", PurgeMode: mode, Reason: "TaintUntolerated", Producer: "test"}}
		}
	}
	w.change(evict(policyv1alpha1.PurgeModeGracefully))
	writes, _, _ := w.sync()
	expect(t, "a cluster left gracefully keeps its Work", []string{"create karmada-es-sin/" + workName}, writes)

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
	writes, _, _ = w.sync()
	expect(t, "and is not rendered anew", []string{"patch karmada-es-iad/" + workName, "patch karmada-es-sin/" + workName}, writes)

	w.change(func(b *workv1alpha2.ResourceBinding) {
		evict(policyv1alpha1.PurgeModeDirectly)(b)
		b.Spec.Clusters = targets("iad")
		b.Spec.ConflictResolution = policyv1alpha1.ConflictAbort
	})
	writes, _, result := w.sync()
	expect(t, "left directly, the old goes before anything else", []string{"delete karmada-es-fra/" + workName, "delete karmada-es-sin/" + workName}, writes)
	expect(t, "and is waited for", goneCheck, result.RequeueAfter)
	w.finish("fra")
	writes, _, _ = w.sync()
	expect(t, "then the rest", []string{"patch karmada-es-iad/" + workName}, writes)
}

// TestAwaitedCluster: a cluster that failover has left keeps its Work, up to date.
func TestAwaitedCluster(t *testing.T) {
	w := newWorld(t, objects(t)...)
	w.sync()
	w.change(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = targets("iad")
		b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite
		b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{
			FromCluster: "fra", PurgeMode: policyv1alpha1.PurgeModeGracefully, Reason: "ClusterLost", Producer: workv1alpha2.EvictionProducerFailover}}
	})
	writes, _, _ := w.sync()
	expect(t, "writes", []string{"patch karmada-es-fra/" + workName, "patch karmada-es-iad/" + workName}, writes)
}

func TestOverrides(t *testing.T) {
	op := parsed[policyv1alpha1.OverridePolicy](t, `
metadata: {namespace: shop, name: regions}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: settings}]
  overrideRules:
  - targetCluster: {clusterNames: [fra]}
    overriders: {plaintext: [{path: /data/region, operator: replace, value: eu}]}
`)
	w := newWorld(t, append(objects(t), &op)...)
	_, reasons, _ := w.sync()
	expect(t, "events", []string{"SyncWorkSucceed", "SyncWorkSucceed", "ApplyOverridePolicySucceed"}, reasons)
	if raw := string(w.work("fra").Spec.Workload.Manifests[0].Raw); !strings.Contains(raw, `"region":"eu"`) {
		t.Errorf("fra: %s", raw)
	}
	if raw := string(w.work("iad").Spec.Workload.Manifests[0].Raw); !strings.Contains(raw, `"region":"none"`) {
		t.Errorf("iad: %s", raw)
	}
	expect(t, "the policy wakes the binding", []ctrl.Request{{NamespacedName: key}}, w.overridden(t.Context(), &op))

	// a mistake in the policy holds up fra and nothing else
	op.Spec.OverrideRules[0].Overriders.Plaintext[0].Path = "/spec/region"
	if err := w.client.Update(t.Context(), &op); err != nil {
		t.Fatal(err)
	}
	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
	writes, reasons, _ := w.sync()
	expect(t, "writes", []string{"patch karmada-es-iad/" + workName, "patch status shop/settings-configmap"}, writes)
	expect(t, "events", []string{"SyncWorkFailed", "SyncWorkFailed", "ApplyOverridePolicyFailed"}, reasons)
	condition := meta.FindStatusCondition(w.binding().Status.Conditions, ConditionRendered)
	if condition == nil || condition.Status != metav1.ConditionFalse || !strings.Contains(condition.Message, `OverridePolicy shop/regions: spec.overrideRules[0].overriders.plaintext[0].path`) {
		t.Errorf("condition = %+v", condition)
	}
	writes, _, result := w.sync()
	expect(t, "the same trouble again is not written again", []string(nil), writes)
	expect(t, "nor tried again by itself", ctrl.Result{}, result)

	if err := w.client.Delete(t.Context(), &op); err != nil {
		t.Fatal(err)
	}
	w.sync()
	if !meta.IsStatusConditionTrue(w.binding().Status.Conditions, ConditionRendered) {
		t.Error("the condition is not True after the mistake is gone")
	}
	if annotations := w.work("fra").Annotations; annotations[names.AppliedOverridesAnnotation] != "" {
		t.Errorf("the Work still says that overrides are applied: %v", annotations)
	}
}

// TestStrangersWork: a Work of the name that belongs to an earlier binding is taken over, with its id.
func TestStrangersWork(t *testing.T) {
	old := parsed[workv1alpha1.Work](t, `
metadata: {namespace: karmada-es-fra, name: `+workName+`, uid: w1, labels: {work.karmada.io/permanent-id: old, resourcebinding.karmada.io/permanent-id: earlier}}
spec: {}
`)
	w := newWorld(t, append(objects(t), &old)...)
	_, _, result := w.sync()
	expect(t, "comes again soon", outdatedCheck, result.RequeueAfter)
	writes, _, _ := w.sync()
	expect(t, "then takes it over", []string{"patch karmada-es-fra/" + workName}, writes)
	taken := w.work("fra")
	if taken.Labels[names.WorkPermanentID] != "old" || taken.Labels[names.ResourceBindingPermanentID] != w.binding().Labels[names.ResourceBindingPermanentID] {
		t.Errorf("labels = %v", taken.Labels)
	}
	if !strings.Contains(string(taken.Spec.Workload.Manifests[0].Raw), `"work.karmada.io/permanent-id":"old"`) {
		t.Errorf("manifest = %s", taken.Spec.Workload.Manifests[0].Raw)
	}
}

// TestTakenWork: the Work of a binding that is there is never taken over, whatever permanent id the other
// bears, nor one that holds another object; that of a binding that is gone is.
func TestTakenWork(t *testing.T) {
	for name, tt := range map[string]struct {
		work, other string
		taken       string
	}{
		"of a binding elsewhere": {
			`{annotations: {resourcebinding.karmada.io/namespace: bank, resourcebinding.karmada.io/name: accounts-configmap}}`,
			`{namespace: bank, name: accounts-configmap, labels: {resourcebinding.karmada.io/permanent-id: id}}`, "that of binding bank/accounts-configmap"},
		"of a quota":                   {`{labels: {federatedresourcequota.karmada.io/name: team}}`, `{namespace: shop, name: other}`, "that of FederatedResourceQuota team"},
		"of a binding that is gone":    {`{annotations: {resourcebinding.karmada.io/namespace: bank, resourcebinding.karmada.io/name: gone}}`, `{namespace: shop, name: other}`, ""},
		"of a cluster's, that is gone": {`{annotations: {clusterresourcebinding.karmada.io/name: gone}}`, `{namespace: shop, name: other}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			old := &workv1alpha1.Work{ObjectMeta: parsed[metav1.ObjectMeta](t, tt.work)}
			old.Namespace, old.Name, old.UID = "karmada-es-fra", workName, "w1"
			other := &workv1alpha2.ResourceBinding{ObjectMeta: parsed[metav1.ObjectMeta](t, tt.other)}
			other.Spec.Resource.Namespace = other.Namespace
			w := newWorld(t, append(objects(t), old, other)...)
			w.change(func(b *workv1alpha2.ResourceBinding) {
				b.Labels = map[string]string{names.ResourceBindingPermanentID: "id"}
			})
			before := w.work("fra")
			_, _, result := w.sync()
			w.sync()
			condition := meta.FindStatusCondition(w.binding().Status.Conditions, ConditionRendered)
			if tt.taken == "" {
				if !works.Names(w.work("fra"), w.binding()) || len(w.work("fra").Spec.Workload.Manifests) != 1 || condition != nil {
					t.Errorf("the Work is %+v, the condition %+v", w.work("fra"), condition)
				}
				return
			}
			expect(t, "the Work stays as it is", before.ResourceVersion, w.work("fra").ResourceVersion)
			expect(t, "it is looked at again", takenCheck, result.RequeueAfter)
			if condition == nil || condition.Status != metav1.ConditionFalse || !strings.Contains(condition.Message, tt.taken) {
				t.Errorf("condition = %+v", condition)
			}
			expect(t, "the other clusters are served", []string{"fra", "iad"}, w.worksIn())
			if err := w.client.Delete(t.Context(), w.binding()); err != nil {
				t.Fatal(err)
			}
			w.sync()
			expect(t, "and it stays when the binding goes", []string{"fra", "iad(deleting)"}, w.worksIn())
		})
	}
}

// TestOutOfReach: nothing is done for a binding that speaks of what lies outside its namespace, and what
// it brought before stays.
func TestOutOfReach(t *testing.T) {
	for name, tt := range map[string]struct{ resource, refused string }{
		"elsewhere": {`{apiVersion: v1, kind: ConfigMap, namespace: bank, name: accounts}`, `spec.resource.namespace: Invalid value: "bank"`},
		"nowhere":   {`{apiVersion: v1, kind: Namespace, name: bank}`, `spec.resource.namespace: Invalid value: ""`},
		"a kind without namespaces, in one": {`{apiVersion: v1, kind: Namespace, namespace: shop, name: bank}`,
			`spec.resource: the manifest is another object than its template: metadata.namespace is "" and must be "shop"`},
	} {
		t.Run(name, func(t *testing.T) {
			bank := &unstructured.Unstructured{Object: parsed[map[string]any](t, `{apiVersion: v1, kind: Namespace, metadata: {name: bank}}`)}
			accounts := &unstructured.Unstructured{Object: parsed[map[string]any](t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: bank, name: accounts}}`)}
			w := newWorld(t, append(objects(t), bank, accounts)...)
			// the fake client wants the name under which a kind without namespaces is kept
			w.live = anyNamespace{w.client}
			w.sync()
			before := w.work("fra").ResourceVersion
			w.change(func(b *workv1alpha2.ResourceBinding) {
				b.Spec.Resource = parsed[workv1alpha2.ObjectReference](t, tt.resource)
			})
			writes, reasons, _ := w.sync()
			expect(t, "writes", []string{"patch status shop/settings-configmap"}, writes)
			expect(t, "events", []string{"SyncWorkFailed"}, reasons)
			condition := meta.FindStatusCondition(w.binding().Status.Conditions, ConditionRendered)
			if condition == nil || condition.Status != metav1.ConditionFalse || condition.Reason != ReasonRefused || !strings.Contains(condition.Message, tt.refused) {
				t.Errorf("condition = %+v", condition)
			}
			expect(t, "the Work stays as it is", before, w.work("fra").ResourceVersion)
			writes, reasons, _ = w.sync()
			expect(t, "the same again is not written", 0, len(writes)+len(reasons))
		})
	}
}

// anyNamespace reads as an API server does: a kind without namespaces is found whatever namespace is asked
// for.
type anyNamespace struct{ client.Reader }

func (r anyNamespace) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if obj.GetObjectKind().GroupVersionKind().Kind == "Namespace" {
		key.Namespace = ""
	}
	return r.Reader.Get(ctx, key, obj, opts...)
}

func TestTemplateGone(t *testing.T) {
	w := newWorld(t, objects(t)[1:]...)
	writes, _, _ := w.sync()
	expect(t, "writes", []string{"patch shop/settings-configmap"}, writes)
}

func TestUnknownCluster(t *testing.T) {
	w := newWorld(t, objects(t)...)
	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = targets("fra", "gone") })
	writes, _, _ := w.sync()
	expect(t, "writes", []string{"create karmada-es-fra/" + workName, "patch shop/settings-configmap", "patch status shop/settings-configmap"}, writes)
}

func TestWokenBy(t *testing.T) {
	w := newWorld(t, objects(t)...)
	w.sync()
	expect(t, "a Work", []ctrl.Request{{NamespacedName: key}}, w.bindingOf(t.Context(), w.work("fra")))
	expect(t, "a cluster", []ctrl.Request{{NamespacedName: key}}, w.placedIn(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}}))
	expect(t, "another cluster", []ctrl.Request(nil), w.placedIn(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "sin"}}))
	for text, wakes := range map[string]bool{
		`{metadata: {namespace: shop, name: p}, spec: {}}`:                                                                       true,
		`{metadata: {namespace: bank, name: p}, spec: {}}`:                                                                       false,
		`{metadata: {namespace: shop, name: p}, spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap}]}}`:                 true,
		`{metadata: {namespace: shop, name: p}, spec: {resourceSelectors: [{apiVersion: v1, kind: Secret}]}}`:                    false,
		`{metadata: {namespace: shop, name: p}, spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: settings}]}}`: true,
		`{metadata: {namespace: shop, name: p}, spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: other}]}}`:    false,
	} {
		policy := parsed[policyv1alpha1.OverridePolicy](t, text)
		if got := len(w.overridden(t.Context(), &policy)) > 0; got != wakes {
			t.Errorf("%s: wakes = %v, want %v", text, got, wakes)
		}
	}
	cop := parsed[policyv1alpha1.ClusterOverridePolicy](t, `{metadata: {name: p}, spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, namespace: bank}]}}`)
	expect(t, "a cluster policy for another namespace", []ctrl.Request(nil), w.overridden(t.Context(), &cop))
}

// TestVerify: the last look at a Work before it is written.
func TestVerify(t *testing.T) {
	ref := workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
	for name, tt := range map[string]struct{ manifest, err string }{
		"the template":      {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"settings"}}`, ""},
		"another name":      {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"x"}}`, "metadata.name"},
		"another namespace": {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"bank","name":"settings"}}`, "metadata.namespace"},
		"another kind":      {`{"apiVersion":"v1","kind":"Secret","metadata":{"namespace":"shop","name":"settings"}}`, "kind"},
		"no object":         {`[1]`, "manifest 0"},
	} {
		t.Run(name, func(t *testing.T) {
			work := &workv1alpha1.Work{}
			work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: []byte(tt.manifest)}}}
			err := verify(work, ref)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}
