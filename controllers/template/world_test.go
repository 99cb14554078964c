package template

import (
	"context"
	"testing"
	"time"

	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	clientfake "sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	deployment  = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	configMap   = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	web         = Key{deployment, types.NamespacedName{Namespace: "shop", Name: "web"}}
)

// world runs the reconcilers against fake clients. Writes of policies and bindings are counted; the
// reads and patches of templates are those of the dynamic client.
type world struct {
	*reconciler
	t      *testing.T
	writes int
	events *record.FakeRecorder
	bodies *fake.FakeDynamicClient
}

func newWorld(t *testing.T, objs ...client.Object) *world {
	t.Helper()
	rules, err := claim.ParseRules(nil, claim.DefaultSkippedNamespaces)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, events: record.NewFakeRecorder(100), bodies: fake.NewSimpleDynamicClient(scheme.New())}
	c := clientfake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}).
		WithIndex(&policyv1alpha1.PropagationPolicy{}, indexSelects, selects).
		WithIndex(&policyv1alpha1.ClusterPropagationPolicy{}, indexSelects, selects).
		WithIndex(&policyv1alpha1.PropagationPolicy{}, indexAwaits, awaits).
		WithIndex(&policyv1alpha1.ClusterPropagationPolicy{}, indexAwaits, awaits).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				w.writes++
				return c.Patch(ctx, obj, patch, opts...)
			},
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				w.writes++
				return c.Create(ctx, obj, opts...)
			},
		}).Build()
	w.reconciler = &reconciler{
		client: c, dynamic: w.bodies, recorder: w.events, interpreter: interpret.New(), rules: &rules,
		clock: clocktesting.NewFakePassiveClock(time.Unix(1000, 0)),
	}
	w.watcher = &watcher{
		rules: &rules, changed: w.changed, forget: w.forget, news: make(chan struct{}, 1),
		served:  served{deployment: deployments, configMap: configMaps},
		watches: map[schema.GroupVersionKind]*watch{},
	}
	for gvk, gvr := range w.watcher.served {
		w.watcher.watches[gvk] = &watch{GroupVersionResource: gvr, informer: idleInformer(gvr)}
	}
	return w
}

// idleInformer is filled by hand.
func idleInformer(gvr schema.GroupVersionResource) cache.SharedIndexInformer {
	return metadatainformer.NewFilteredMetadataInformer(metadatafake.NewSimpleMetadataClient(metadatafake.NewTestScheme()), gvr, "", 0, indexers(), nil).Informer()
}

// put stores a template on the hub, as its user does, and shows its metadata to the watcher.
func (w *world) put(body *unstructured.Unstructured) {
	w.t.Helper()
	gvr := w.watcher.served[body.GroupVersionKind()]
	err := w.bodies.Tracker().Create(gvr, body, body.GetNamespace())
	if apierrors.IsAlreadyExists(err) {
		err = w.bodies.Tracker().Update(gvr, body, body.GetNamespace())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	key := keyOf(body.GroupVersionKind(), body)
	w.sync(key)
	w.changed(key, false)
}

// sync shows the watcher what the hub has.
func (w *world) sync(key Key) *unstructured.Unstructured {
	w.t.Helper()
	obj, err := w.bodies.Tracker().Get(w.watcher.served[key.GroupVersionKind], key.Namespace, key.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	body := obj.(*unstructured.Unstructured)
	meta := &metav1.PartialObjectMetadata{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(body.Object, meta); err != nil {
		w.t.Fatal(err)
	}
	if err := w.watcher.informer(key.GroupVersionKind).GetIndexer().Update(meta); err != nil {
		w.t.Fatal(err)
	}
	return body
}

// reconcile handles a template that is queued, and once more as after the event of its own patch.
func (w *world) reconcile(key Key) *unstructured.Unstructured {
	w.t.Helper()
	if _, err := w.Reconcile(context.Background(), key); err != nil {
		w.t.Fatal(err)
	}
	w.sync(key)
	w.changed(key, false)
	if _, err := w.Reconcile(context.Background(), key); err != nil {
		w.t.Fatal(err)
	}
	return w.sync(key)
}

// reconcilePolicy handles a policy and then the templates it wakes.
func (w *world) reconcilePolicy(p policyv1alpha1.Propagation) ctrl.Result {
	w.t.Helper()
	r := &policyReconciler{reconciler: w.reconciler, empty: func() policyv1alpha1.Propagation { return &policyv1alpha1.PropagationPolicy{} }}
	if p.GetNamespace() == "" {
		r.empty = func() policyv1alpha1.Propagation { return &policyv1alpha1.ClusterPropagationPolicy{} }
	}
	result, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(p.(client.Object))})
	if err != nil {
		w.t.Fatal(err)
	}
	var woken []Key
	for key := range w.causes.of {
		woken = append(woken, key)
	}
	for _, key := range woken {
		w.reconcile(key)
	}
	return result
}

func (w *world) said() (out []string) {
	for len(w.events.Events) > 0 {
		out = append(out, <-w.events.Events)
	}
	return out
}

func (w *world) binding(name string) *workv1alpha2.ResourceBinding {
	w.t.Helper()
	var b workv1alpha2.ResourceBinding
	if err := w.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: name}, &b); err != nil {
		w.t.Fatal(err)
	}
	return &b
}

func (w *world) hasBinding(name string) bool {
	var b workv1alpha2.ResourceBinding
	return w.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: name}, &b) == nil
}

// requests counts how often the hub was asked for templates, and patched.
func (w *world) requests(verb string) (n int) {
	for _, a := range w.bodies.Actions() {
		if a.GetVerb() == verb {
			n++
		}
	}
	return n
}

func webDeployment(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"replicas": int64(3)},
	}}
	u.SetNamespace("shop")
	u.SetName("web")
	u.SetUID("u1")
	u.SetGeneration(1)
	u.SetResourceVersion("1")
	if change != nil {
		change(u)
	}
	return u
}

func policy(name string, change func(*policyv1alpha1.PropagationPolicy)) *policyv1alpha1.PropagationPolicy {
	p := &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 1,
			Labels: map[string]string{names.PropagationPolicyPermanentID: name + "-id"}, Finalizers: []string{names.PropagationPolicyFinalizer}},
		Spec: policyv1alpha1.PropagationSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment"}},
			SchedulerName:     "default-scheduler",
		},
	}
	if change != nil {
		change(p)
	}
	return p
}

func priorityClass(name string, value int32) *schedulingv1.PriorityClass {
	return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
}

// sourceOf is what the Deployment web is bound from.
func sourceOf(w *world) claim.Source {
	w.t.Helper()
	p := policy("p", nil)
	body := w.sync(web)
	stamp, _ := claim.NewStamp(body, claim.Prepare(p))
	return claim.Source{Template: body, Policy: claim.Prepare(p), Stamp: stamp, NewID: "id", Demand: claim.Demand{Replicas: 3}}
}

// bindTo binds to a binding as the cache has it.
func (w *world) bindTo(cached *workv1alpha2.ResourceBinding, s claim.Source) (bool, error) {
	b := cached.DeepCopy()
	return w.change(context.Background(), web, b, func() { claim.Bind(b, s) })
}
