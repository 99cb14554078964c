package execution

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// TestOnlyTheTemplateIsWritten: a manifest that is not the template of its Work's binding never
// reaches the member, whoever wrote the Work.
func TestOnlyTheTemplateIsWritten(t *testing.T) {
	settings := workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
	global := &workv1alpha2.ClusterResourceBinding{}
	global.Name, global.Spec.Resource = "settings-clusterrole", workv1alpha2.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "settings"}
	local := &workv1alpha2.ResourceBinding{}
	local.Namespace, local.Name, local.Spec.Resource = "shop", "settings-configmap", settings
	ofLocal := map[string]string{names.ResourceBindingNamespaceAnnotation: "shop", names.ResourceBindingNameAnnotation: "settings-configmap"}
	ofGlobal := map[string]string{names.ClusterResourceBindingNameAnnotation: "settings-clusterrole"}
	for name, tt := range map[string]struct {
		manifest string
		of       map[string]string
		refused  string
	}{
		"the template":               {configMap, ofLocal, ""},
		"a cluster-scoped template":  {`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: settings}, rules: []}`, ofGlobal, ""},
		"written by hand":            {configMap, nil, ""},
		"of a binding that is gone":  {configMap, map[string]string{names.ClusterResourceBindingNameAnnotation: "gone"}, ""},
		"another name":               {`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: other}}`, ofLocal, "metadata.name"},
		"another namespace":          {`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: kube-system, name: settings}}`, ofLocal, "metadata.namespace"},
		"another kind":               {`{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: settings}}`, ofLocal, "kind"},
		"a kind that grants power":   {`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: settings}, rules: []}`, ofLocal, "apiVersion"},
		"not the cluster's template": {configMap, ofGlobal, "apiVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, local.DeepCopy(), global.DeepCopy(), workWith(t, tt.manifest, func(work *workv1alpha1.Work) { work.Annotations = tt.of }))
			inMember, _, _, _, _ := w.sync()
			applied := w.condition(workv1alpha1.WorkApplied)
			if tt.refused == "" {
				if len(inMember) != 1 || applied.Status != "True" {
					t.Errorf("written: %v, condition %+v", inMember, applied)
				}
				return
			}
			if len(inMember) != 0 || applied.Status != "False" || !strings.Contains(applied.Message, "another object than its template: "+tt.refused+" is ") {
				t.Errorf("written: %v, condition %+v", inMember, applied)
			}
		})
	}
}

// TestNothingLeavesTheNamespaceOfABinding: whatever a binding in a namespace says, and whatever its Work
// holds, no member gets an object elsewhere, or one without a namespace.
func TestNothingLeavesTheNamespaceOfABinding(t *testing.T) {
	for name, tt := range map[string]struct {
		manifest string
		about    workv1alpha2.ObjectReference
		refused  string
	}{
		"a template elsewhere": {
			`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: kube-system, name: settings}}`,
			workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "settings"},
			"its binding shop/b: spec.resource.namespace",
		},
		"a template without a namespace": {
			`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: settings}, rules: []}`,
			workv1alpha2.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "settings"},
			"its binding shop/b: spec.resource.namespace",
		},
		"a kind that the member has without namespaces": {
			`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {namespace: shop, name: settings}, rules: []}`,
			workv1alpha2.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Namespace: "shop", Name: "settings"},
			"the cluster has the kind without namespaces",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &workv1alpha2.ResourceBinding{}
			b.Namespace, b.Name, b.Spec.Resource = "shop", "b", tt.about
			w := newWorld(t, b, workWith(t, tt.manifest, func(work *workv1alpha1.Work) {
				work.Annotations = map[string]string{names.ResourceBindingNamespaceAnnotation: "shop", names.ResourceBindingNameAnnotation: "b"}
			}))
			inMember, _, _, _, _ := w.sync()
			if applied := w.condition(workv1alpha1.WorkApplied); len(inMember) != 0 || applied.Status != "False" || !strings.Contains(applied.Message, tt.refused) {
				t.Errorf("written: %v, condition %+v", inMember, applied)
			}
			if err := w.client.Delete(t.Context(), w.work()); err != nil {
				t.Fatal(err)
			}
			if inMember, _, _, _, err := w.sync(); err != nil || len(inMember) != 0 {
				t.Errorf("its end: written %v, error %v", inMember, err)
			}
			if err := w.client.Get(t.Context(), workKey, &workv1alpha1.Work{}); !apierrors.IsNotFound(err) {
				t.Errorf("the Work is still there: %v", err)
			}
		})
	}
}

// layer is a script that decides what is retained.
type layer func(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error)

func (l layer) Hooks(schema.GroupVersionKind) interpret.Hooks { return interpret.Hooks{Retain: l} }

func TestWhatIsRetainedIsTheSameObject(t *testing.T) {
	for name, change := range map[string]func(*unstructured.Unstructured){
		"another name":      func(obj *unstructured.Unstructured) { obj.SetName("other") },
		"another namespace": func(obj *unstructured.Unstructured) { obj.SetNamespace("kube-system") },
		"another kind":      func(obj *unstructured.Unstructured) { obj.SetKind("Secret") },
		"another uid":       func(obj *unstructured.Unstructured) { obj.SetUID("x") },
		"no owner":          func(obj *unstructured.Unstructured) { obj.SetLabels(nil) },
		"another Work": func(obj *unstructured.Unstructured) {
			obj.SetAnnotations(map[string]string{names.WorkNameAnnotation: "x"})
		},
		"nothing": func(obj *unstructured.Unstructured) { obj.Object = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workWith(t, configMap))
			w.settle()
			w.interpreter = interpret.New(layer(func(desired, _ *unstructured.Unstructured) (*unstructured.Unstructured, error) {
				change(desired)
				return desired, nil
			}))
			w.change(func(work *workv1alpha1.Work) {
				setManifest(t, work, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings}, data: {b: "2"}}`)
			})
			inMember, _, _, _, _ := w.sync()
			applied := w.condition(workv1alpha1.WorkApplied)
			want := "what the interpreter retains changes"
			if name == "nothing" {
				want = "the answer is no object at all"
			}
			if len(inMember) != 0 || applied.Status != "False" || !strings.Contains(applied.Message, want) {
				t.Errorf("written: %v, condition %+v", inMember, applied)
			}
		})
	}
}
