package dependency

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	bindings "github.com/seaway-io/seaway/controllers/binding"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/deps"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// followed implements Objects with an informer for each of two kinds.
type followed map[schema.GroupKind]cache.SharedIndexInformer

func follow(ctx context.Context, t *testing.T, home *hubtest.ControlPlane) followed {
	c, err := metadata.NewForConfig(home.Config)
	if err != nil {
		t.Fatal(err)
	}
	f := followed{}
	for kind, resource := range map[schema.GroupKind]string{configMap: "configmaps", secret: "secrets"} {
		f[kind] = metadatainformer.NewFilteredMetadataInformer(c, schema.GroupVersionResource{Version: "v1", Resource: resource}, "", 0,
			cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}, nil).Informer()
		go f[kind].RunWithContext(ctx)
	}
	return f
}

func (f followed) Get(key deps.Key) (schema.GroupVersionKind, metav1.Object, bool) {
	if f[key.GroupKind] == nil {
		return schema.GroupVersionKind{}, nil, false
	}
	obj, found, _ := f[key.GroupKind].GetIndexer().GetByKey(key.NamespacedName.String())
	if !found {
		return schema.GroupVersionKind{}, nil, false
	}
	return key.WithVersion("v1"), obj.(metav1.Object), true
}

func (f followed) List(kind schema.GroupKind, namespace string) (out []metav1.Object) {
	found, _ := f[kind].GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
	for _, obj := range found {
		out = append(out, obj.(metav1.Object))
	}
	return out
}

func (f followed) Notify(tell func(schema.GroupKind, metav1.Object, metav1.Object)) {
	for kind, informer := range f {
		_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { tell(kind, nil, obj.(metav1.Object)) },
			UpdateFunc: func(was, is any) { tell(kind, was.(metav1.Object), is.(metav1.Object)) },
			DeleteFunc: func(obj any) {
				if gone, ok := obj.(metav1.Object); ok {
					tell(kind, gone, nil)
				}
			},
		})
	}
}

// live is a hub on which dependencies and bindings are at work. The test speaks for the members.
type live struct {
	*testing.T
	*hubtest.ControlPlane
}

// TestLive has a workload and what it depends on placed, moved and removed on a real hub.
func TestLive(t *testing.T) {
	ctrl.SetLogger(klog.Background())
	l := &live{t, hubtest.Start(t, hubtest.Options{Hub: true})}
	l.install()
	l.run()
	l.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "settings"}})
	web := &appsv1.Deployment{}
	l.parse(web, `{metadata: {namespace: shop, name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}},
		spec: {containers: [{name: web, image: web, envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: password}}]}]}}}}`)
	l.create(web)
	b := &binding{}
	l.parse(b, `{metadata: {namespace: shop, name: web-deployment, labels: {resourcebinding.karmada.io/permanent-id: id}}, spec: {propagateDeps: true,
		resource: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}, replicas: 2, clusters: [{name: fra, replicas: 1}, {name: iad, replicas: 1}]}}`)
	l.create(b)

	l.until("only what it depends on is there", "settings in fra", "settings in iad")
	l.applied("fra", "ConfigMap", "settings")
	l.until("it follows, where it can", "settings in fra", "settings in iad", "web in fra")
	l.applied("iad", "ConfigMap", "settings")
	l.until("and then everywhere", "settings in fra", "settings in iad", "web in fra", "web in iad")

	l.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "password"}})
	l.until("what appears later is brought", "password in fra", "password in iad", "settings in fra", "settings in iad", "web in fra", "web in iad")

	l.change(b, func() { b.Spec.Clusters = placed("iad", "sin") })
	l.until("it moves, behind what it needs", "password in iad", "password in sin", "settings in iad", "settings in sin", "web in iad")
	l.applied("sin", "ConfigMap", "settings")
	l.applied("sin", "Secret", "password")
	l.until("and it is there", "password in iad", "password in sin", "settings in iad", "settings in sin", "web in iad", "web in sin")

	l.must(l.Client.Delete(t.Context(), b))
	l.until("nothing is left")
	l.Eventually("the binding is gone", func(ctx context.Context) error {
		if err := l.Client.Get(ctx, client.ObjectKeyFromObject(b), b); !apierrors.IsNotFound(err) {
			return fmt.Errorf("%v, finalizers %v", err, b.Finalizers)
		}
		return nil
	})
	left := &binding{}
	l.must(l.Client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: "settings-configmap"}, left))
	expect(t, "the attached binding stays", 0, len(left.Spec.RequiredBy))
	expect(t, "until its object goes", "ConfigMap", metav1.GetControllerOf(left).Kind)
}

func (l *live) must(err error) {
	l.T.Helper()
	if err != nil {
		l.T.Fatal(err)
	}
}

func (l *live) create(obj client.Object) {
	l.T.Helper()
	l.must(l.Client.Create(l.T.Context(), obj))
}

func (l *live) parse(into any, text string) {
	l.T.Helper()
	l.must(yaml.UnmarshalStrict([]byte(text), into))
}

func (l *live) change(b *binding, mutate func()) {
	l.T.Helper()
	l.Eventually("the change is accepted", func(ctx context.Context) error {
		if err := l.Client.Get(ctx, client.ObjectKeyFromObject(b), b); err != nil {
			return err
		}
		mutate()
		return l.Client.Update(ctx, b)
	})
}

// applied speaks for a member.
func (l *live) applied(cluster, kind, name string) {
	l.T.Helper()
	work := &workv1alpha1.Work{}
	l.must(l.Client.Get(l.T.Context(), types.NamespacedName{Namespace: names.ExecutionNamespace(cluster), Name: names.WorkName(kind, name, "shop")}, work))
	meta.SetStatusCondition(&work.Status.Conditions, metav1.Condition{Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue, Reason: "AppliedSuccessful"})
	l.must(l.Client.Status().Update(l.T.Context(), work))
}

// until waits for exactly these Works, and lets the members give up those that are being deleted.
func (l *live) until(what string, want ...string) {
	l.T.Helper()
	begin := time.Now()
	defer func() { l.T.Logf("%s: after %s", what, time.Since(begin).Round(time.Millisecond)) }()
	l.Eventually(what, func(ctx context.Context) error {
		var list workv1alpha1.WorkList
		if err := l.Client.List(ctx, &list); err != nil {
			return err
		}
		var got []string
		for i := range list.Items {
			w := &list.Items[i]
			if w.DeletionTimestamp != nil {
				w.Finalizers = nil
				if err := l.Client.Update(ctx, w); err != nil {
					return err
				}
			}
			cluster, _ := names.ClusterFromExecutionNamespace(w.Namespace)
			got = append(got, w.Name[:strings.LastIndex(w.Name, "-")]+" in "+cluster)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("Works: %v", got)
		}
		return nil
	})
}

func (l *live) install() {
	l.T.Helper()
	l.must(fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil || !bytes.Contains(text, []byte("group: work.karmada.io")) && !bytes.Contains(text, []byte("group: policy.karmada.io")) {
			return err
		}
		crd := &unstructured.Unstructured{}
		return errors.Join(yaml.Unmarshal(text, &crd.Object), l.Client.Create(l.T.Context(), crd))
	}))
	l.Eventually("the API is served", func(ctx context.Context) error { return l.Client.List(ctx, &workv1alpha1.WorkList{}) })
	l.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	for _, name := range []string{"fra", "iad", "sin"} {
		l.create(&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{ID: name, SyncMode: clusterv1alpha1.Push}})
		l.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.ExecutionNamespace(name)}})
	}
}

func (l *live) run() {
	l.T.Helper()
	mgr, err := ctrl.NewManager(l.Config, ctrl.Options{Scheme: scheme.New(), Metrics: server.Options{BindAddress: "0"}})
	l.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	l.must(hub.SetupIndexes(ctx, mgr.GetFieldIndexer()))
	l.must(works.SetupIndex(ctx, mgr.GetFieldIndexer()))
	objects, interpreter := follow(ctx, l.T, l.ControlPlane), interpret.New()
	l.must(Setup(mgr, Options{Interpreter: interpreter, Objects: objects}))
	order := Order{Client: mgr.GetClient(), Interpreter: interpreter, Objects: objects}
	l.must(bindings.Setup(mgr, bindings.Options{Interpreter: interpreter, Before: order.Before}))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	l.T.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.T.Errorf("manager: %v", err)
		}
	})
}
