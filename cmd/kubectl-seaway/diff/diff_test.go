package diff

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
)

// world is the hub of testdata/hub.yaml and the cluster fra.
type world struct {
	t *testing.T
	client.Client
	fra *cluster
	// refuse, when set, is the answer to whoever reads interpreters.
	refuse error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	f, err := os.Open("testdata/hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := fake.NewClientBuilder().WithScheme(scheme.New())
	for docs := utilyaml.NewYAMLReader(bufio.NewReader(f)); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var what metav1.TypeMeta
		if err := yaml.Unmarshal(doc, &what); err != nil {
			t.Fatal(err)
		}
		typed, err := scheme.New().New(what.GroupVersionKind())
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(doc, typed); err != nil {
			t.Fatal(err)
		}
		b.WithObjects(typed.(client.Object))
	}
	return &world{t: t, Client: b.Build(), fra: newCluster(t)}
}

// differ reads the world, and fails the test when it writes.
func (w *world) differ(out, notes io.Writer) *differ {
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"ConfigMap", "Secret"} {
		mapper.Add(schema.GroupVersionKind{Version: "v1", Kind: kind}, meta.RESTScopeNamespace)
	}
	mapper.Add(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, meta.RESTScopeRoot)
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	readOnly := interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			w.t.Error("something was written to the hub")
			return nil
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			switch list.(type) {
			case *configv1alpha1.ResourceInterpreterCustomizationList, *configv1alpha1.ResourceInterpreterWebhookConfigurationList:
				if w.refuse != nil {
					return w.refuse
				}
			}
			return c.List(ctx, list, opts...)
		},
	})
	return &differ{
		Hub:  hubclient.Hub{Reader: readOnly, Mapper: mapper, Namespace: "shop"},
		dial: func(context.Context, *effective, hubclient.Hub) (api, func(), error) { return w.fra, func() {}, nil },
		out:  out, notes: notes,
	}
}

// cluster answers dry runs as an API server does, and refuses everything else that writes.
type cluster struct {
	*dynamicfake.FakeDynamicClient
	// refuse, when set, is the answer to dry runs.
	refuse error
	// moving is how many more updates find that the object has changed.
	moving int
}

var resources = map[string]schema.GroupVersionResource{
	"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"},
	"Secret":     {Version: "v1", Resource: "secrets"},
	"Namespace":  {Version: "v1", Resource: "namespaces"},
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{FakeDynamicClient: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme())}
	c.PrependReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		var dryRun []string
		var obj runtime.Object
		switch a := action.(type) {
		case clienttesting.CreateActionImpl:
			dryRun, obj = a.CreateOptions.DryRun, a.Object
		case clienttesting.UpdateActionImpl:
			dryRun, obj = a.UpdateOptions.DryRun, a.Object
		default:
			return false, nil, nil
		}
		if len(dryRun) != 1 || dryRun[0] != metav1.DryRunAll {
			t.Errorf("%s %s was no dry run", action.GetVerb(), action.GetResource().Resource)
		}
		if c.refuse != nil {
			return true, nil, c.refuse
		}
		if c.moving > 0 {
			c.moving--
			return true, nil, apierrors.NewConflict(action.GetResource().GroupResource(), "web", errors.New("changed"))
		}
		return true, withDefaults(obj.(*unstructured.Unstructured)), nil
	})
	return c
}

func (c *cluster) Dynamic() dynamic.Interface { return c }

func (c *cluster) Mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	gvr, ok := resources[gvk.Kind]
	if !ok {
		return nil, &meta.NoKindMatchError{GroupKind: gvk.GroupKind()}
	}
	scope := meta.RESTScopeNamespace
	if gvk.Kind == "Namespace" {
		scope = meta.RESTScopeRoot
	}
	return &meta.RESTMapping{Resource: gvr, GroupVersionKind: gvk, Scope: scope}, nil
}

// withDefaults is what an API server makes of an object.
func withDefaults(obj *unstructured.Unstructured) *unstructured.Unstructured {
	obj = obj.DeepCopy()
	obj.SetUID("theirs")
	obj.SetResourceVersion("7")
	if obj.GetKind() == "Deployment" {
		_ = unstructured.SetNestedField(obj.Object, int64(600), "spec", "progressDeadlineSeconds")
		obj.Object["status"] = map[string]any{"replicas": int64(1)}
	}
	return obj
}

// put makes an object be in the cluster.
func (w *world) put(obj *unstructured.Unstructured) {
	w.t.Helper()
	if err := w.fra.Tracker().Create(resources[obj.GetKind()], withDefaults(obj), obj.GetNamespace()); err != nil {
		w.t.Fatal(err)
	}
}

// applied carries out what the hub wants now, as its controllers do: a Work, and the object of it.
func (w *world) applied(kind, name string, change ...func(*unstructured.Unstructured)) {
	w.t.Helper()
	e, err := w.differ(io.Discard, io.Discard).effective(w.t.Context(), kind, name, "fra", &contents{})
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := utiljson.Marshal(e.desired.Object)
	if err != nil {
		w.t.Fatal(err)
	}
	work := &workv1alpha1.Work{}
	work.Namespace, work.Name = e.work.Namespace, e.work.Name
	work.Labels = map[string]string{"work.karmada.io/permanent-id": unmade}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: raw}}}
	if err := w.Create(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
	for _, c := range change {
		c(e.desired)
	}
	w.put(e.desired)
}

func (w *world) edit(obj client.Object, key client.ObjectKey, change func()) {
	w.t.Helper()
	if err := w.Get(w.t.Context(), key, obj); err != nil {
		w.t.Fatal(err)
	}
	change()
	if err := w.Update(w.t.Context(), obj); err != nil {
		w.t.Fatal(err)
	}
}

const tryOverride = `
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: regions}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  overrideRules:
  - targetCluster: {clusterNames: [fra]}
    overriders: {plaintext: [{path: /spec/replicas, operator: replace, value: 9}], labelsOverrider: [{operator: add, value: {region: europe}}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {name: for-others}
spec: {overrideRules: [{targetCluster: {clusterNames: [iad]}, overriders: {labelsOverrider: [{operator: add, value: {x: y}}]}}]}
`

// script is what a hub knows of Deployments: no more than two replicas in a cluster, which may pause them.
func script() *configv1alpha1.ResourceInterpreterCustomization {
	c := &configv1alpha1.ResourceInterpreterCustomization{}
	c.Name, c.Spec.Target = "web", configv1alpha1.CustomizationTarget{APIVersion: "apps/v1", Kind: "Deployment"}
	c.Spec.Customizations.ReplicaRevision = &configv1alpha1.ReplicaRevision{LuaScript: `
function ReviseReplica(obj, replicas)
  obj.spec.replicas = math.min(replicas, 2)
  return obj
end`}
	c.Spec.Customizations.Retention = &configv1alpha1.LocalValueRetention{LuaScript: `
function Retain(desired, observed)
  desired.spec.paused = observed.spec.paused
  return desired
end`}
	return c
}

// webhook is asked by a hub about everything.
func webhook() *configv1alpha1.ResourceInterpreterWebhookConfiguration {
	c := &configv1alpha1.ResourceInterpreterWebhookConfiguration{}
	c.Name = "webhooks"
	c.Webhooks = []configv1alpha1.ResourceInterpreterWebhook{{Name: "kinds.example.com", Rules: []configv1alpha1.RuleWithOperations{{
		Operations: []configv1alpha1.InterpreterOperation{"*"},
		Rule:       configv1alpha1.Rule{APIGroups: []string{"*"}, APIVersions: []string{"v1"}, Kinds: []string{"Deployment"}},
	}}}}
	return c
}

func (w *world) add(objs ...client.Object) {
	w.t.Helper()
	for _, obj := range objs {
		if err := w.Create(w.t.Context(), obj); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestDiff(t *testing.T) {
	web := client.ObjectKey{Namespace: "shop", Name: "web-deployment"}
	for name, tt := range map[string]struct {
		kind, name, cluster, file string
		hubOnly, whole            bool
		before                    func(w *world)
		same                      bool
	}{
		"same": {same: true, before: func(w *world) { w.applied("deployment", "web"); w.fra.moving = 3 }},
		"same-hub-only": {same: true, hubOnly: true, before: func(w *world) {
			w.applied("deployment", "web", func(obj *unstructured.Unstructured) { obj.Object["spec"] = map[string]any{"drifted": true} })
		}},
		"new":           {},
		"new-hub-only":  {hubOnly: true},
		"pull-hub-only": {hubOnly: true, cluster: "iad"},
		"drift": {before: func(w *world) {
			w.applied("deployment", "web", func(obj *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(obj.Object, int64(1), "spec", "replicas")
				obj.SetAnnotations(map[string]string{"theirs": "stays"})
			})
		}},
		"override-tried":          {file: tryOverride, before: func(w *world) { w.applied("deployment", "web") }},
		"override-tried-hub-only": {hubOnly: true, file: tryOverride, before: func(w *world) { w.applied("deployment", "web") }},
		"template-tried": {
			file: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {replicas: 6, paused: true}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}`,
			before: func(w *world) { w.applied("deployment", "web") },
		},
		"not-managed": {before: func(w *world) {
			w.put(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
				"metadata": map[string]any{"namespace": "shop", "name": "web"}, "spec": map[string]any{"replicas": int64(1)}}})
		}},
		"suspended": {before: func(w *world) {
			w.applied("deployment", "web")
			b := &workv1alpha2.ResourceBinding{}
			w.edit(b, web, func() {
				b.Spec.Suspension, b.Spec.Clusters[0].Replicas = &workv1alpha2.Suspension{}, 5
				on := true
				b.Spec.Suspension.Dispatching = &on
			})
		}},
		"no-longer-placed": {before: func(w *world) {
			w.applied("deployment", "web")
			b := &workv1alpha2.ResourceBinding{}
			w.edit(b, web, func() { b.Spec.Clusters = b.Spec.Clusters[1:] })
		}},
		"leaving": {same: true, before: func(w *world) {
			w.applied("deployment", "web")
			b := &workv1alpha2.ResourceBinding{}
			w.edit(b, web, func() {
				b.Spec.Clusters = b.Spec.Clusters[1:]
				b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "fra", Producer: "TaintManager", Reason: "TaintUntolerated"}}
			})
		}},
		"namespace-missing": {before: func(w *world) {
			w.fra.refuse = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
		}},
		"secret": {kind: "secret", name: "keys", before: func(w *world) {
			w.applied("secret", "keys", func(obj *unstructured.Unstructured) {
				obj.Object["data"] = map[string]any{"token": "b3RoZXI=", "same": "c2FtZQ==", "extra": "ZXh0cmE="}
				annotations := obj.GetAnnotations()
				annotations["kubectl.kubernetes.io/last-applied-configuration"] = `{"data":{"token":"b3RoZXI="}}`
				obj.SetAnnotations(annotations)
			})
		}},
		"cluster-scoped": {kind: "namespace", name: "shop"},
		"whole":          {same: true, whole: true, file: tryOverride, before: func(w *world) { w.applied("deployment", "web") }},
		"whole-secret":   {same: true, whole: true, hubOnly: true, kind: "secret", name: "keys"},
		"interpreted": {before: func(w *world) {
			w.applied("deployment", "web", func(obj *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(obj.Object, true, "spec", "paused")
			})
			w.add(script(), webhook())
		}},
		"interpreted-elsewhere": {before: func(w *world) { w.add(webhook()) }},
		"interpreters-not-readable": {before: func(w *world) {
			w.refuse = apierrors.NewForbidden(schema.GroupResource{Group: "config.karmada.io", Resource: "interpreters"}, "", errors.New("ask your administrator"))
		}},
		"of-another-work": {before: func(w *world) {
			w.applied("deployment", "web", func(obj *unstructured.Unstructured) {
				annotations := obj.GetAnnotations()
				annotations["work.karmada.io/name"] = "other"
				obj.SetAnnotations(annotations)
			})
			other := &workv1alpha1.Work{}
			other.Namespace, other.Name = "karmada-es-fra", "other"
			w.add(other)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.before != nil {
				tt.before(w)
			}
			if tt.kind == "" {
				tt.kind, tt.name = "deployment", "web"
			}
			if tt.cluster == "" {
				tt.cluster = "fra"
			}
			files, err := readFiles([]string{"-"}, strings.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var out, notes bytes.Buffer
			d := w.differ(&out, &notes)
			d.hubOnly, d.whole = tt.hubOnly, tt.whole
			err = d.diff(t.Context(), tt.kind, tt.name, tt.cluster, files)
			if tt.same && err != nil || !tt.same && !errors.Is(err, ErrDiffers) {
				t.Errorf("error %v", err)
			}
			for _, secret := range []string{"aHVudGVyMg", "hunter2", "b3RoZXI", "ZXh0cmE"} {
				if strings.Contains(out.String()+notes.String(), secret) {
					t.Errorf("%s is shown", secret)
				}
			}
			goldentest.Compare(t, name, fmt.Appendf(nil, "%s%s", &notes, &out))
		})
	}
}

// TestTrouble: what is no difference has an exit code of its own, and says what to do.
func TestTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		kind, name, cluster, file string
		before                    func(w *world)
		want                      string
	}{
		"no such kind":       {kind: "widget", name: "web", want: `the hub serves no kind "widget"`},
		"no such object":     {name: "wob", want: `there is no deployments.apps "wob" in namespace shop`},
		"no such cluster":    {cluster: "fro", want: `there is no cluster "fro"`},
		"no binding":         {kind: "configmap", name: "lonely", want: "ConfigMap shop/lonely has no binding: it goes nowhere"},
		"a namespace":        {kind: "namespace", name: "lonely", want: "Namespace lonely has no binding: no policy propagates it, and it goes to every cluster by itself"},
		"not placed there":   {kind: "secret", name: "keys", cluster: "iad", want: `Secret shop/keys is not placed in cluster "iad": it is in fra`},
		"no credentials":     {cluster: "iad", want: `the hub has no credentials of cluster "iad"; with --hub-only`},
		"no such credential": {want: `read the credentials of cluster "fra"`},
		"refused there": {
			before: func(w *world) {
				w.fra.refuse = apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "web", nil)
			}, want: `cluster "fra" would refuse it`,
		},
		"interpreters do not come": {
			before: func(w *world) { w.refuse = apierrors.NewInternalError(errors.New("no storage")) },
			want:   "list interpreters: Internal error occurred: no storage",
		},
		"a binding of another object": {
			before: func(w *world) {
				b := &workv1alpha2.ResourceBinding{}
				w.edit(b, client.ObjectKey{Namespace: "shop", Name: "web-deployment"}, func() { b.Spec.Resource.APIVersion = "example.com/v1" })
			}, want: "the binding shop/web-deployment is of another object, Deployment web of example.com/v1",
		},
		"an override that fails": {
			file: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {name: bad}, spec: {overrideRules: [{overriders: {plaintext: [{path: /spec/none, operator: remove}]}}]}}`,
			want: `its Work cannot be made: cluster "fra": OverridePolicy shop/bad: spec.overrideRules[0].overriders.plaintext[0].path: Invalid value: "/spec/none"`,
		},
		"an override that admission refuses": {
			file: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {name: bad}, spec: {overriders: {plaintext: [{path: /metadata/name, operator: replace, value: x}]}}}`,
			want: `ClusterOverridePolicy bad is not valid: spec.overriders.plaintext[0].path: Forbidden`,
		},
		"the object in another version": {
			file: `{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: web}}`,
			want: `Deployment shop/web is apps/v1beta1 in the file and apps/v1 on the hub`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tt.before != nil {
				tt.before(w)
			}
			if tt.kind == "" {
				tt.kind = "deployment"
			}
			if tt.name == "" {
				tt.name = "web"
			}
			if tt.cluster == "" {
				tt.cluster = "fra"
			}
			files, err := readFiles([]string{"-"}, strings.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			d := w.differ(&out, io.Discard)
			if strings.Contains(name, "credential") {
				var q question
				d.dial = q.dial
			}
			err = wrong(d.diff(t.Context(), tt.kind, tt.name, tt.cluster, files))
			var coded interface{ ExitCode() int }
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &coded) || coded.ExitCode() != 2 || out.Len() > 0 {
				t.Errorf("got %v\nand %s", err, out.String())
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for name, args := range map[string][]string{
		"no object":       {"--cluster", "fra"},
		"two objects":     {"deploy/a", "deploy/b", "--cluster", "fra"},
		"no cluster":      {"deploy/a"},
		"an unknown flag": {"deploy/a", "--klaster", "fra"},
		"no file":         {"deploy/a", "--cluster", "fra", "-f", "testdata/none.yaml"},
		"no hub":          {"deploy/a", "--cluster", "fra", "--kubeconfig", "testdata/none.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := Command()
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs(args)
			err := cmd.ExecuteContext(t.Context())
			var coded interface{ ExitCode() int }
			if !errors.As(err, &coded) || coded.ExitCode() != 2 || errors.Is(err, ErrDiffers) {
				t.Errorf("got %v", err)
			}
		})
	}
	var coded interface{ ExitCode() int }
	if !errors.As(wrong(ErrDiffers), &coded) || coded.ExitCode() != 1 || wrong(nil) != nil {
		t.Error("a difference has the code 1, and no error has none")
	}
}

// TestNumbersOfFiles: they are as they come from the hub, where whole numbers are whole.
func TestNumbersOfFiles(t *testing.T) {
	files, err := readFiles([]string{"-"}, strings.NewReader(`{apiVersion: batch/v1, kind: Job, metadata: {name: import}, spec: {completions: 3}}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := files.templates[0].Object["spec"].(map[string]any)["completions"]; n != int64(3) {
		t.Errorf("completions are %T %v", n, n)
	}
}

func FuzzReadFiles(f *testing.F) {
	f.Add(tryOverride)
	f.Add("apiVersion: v1\nkind: List\nitems: [1, {kind: List, apiVersion: v1, items: [null]}]")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := readFiles([]string{"-"}, strings.NewReader(file))
		if err == nil {
			_ = c.complete("shop")
		}
	})
}
