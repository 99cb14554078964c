package answer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
)

func object() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.io/v1", "kind": "Fleet",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "uid": "1", "labels": map[string]any{"karmada.io/managed": "true", "app": "web"}},
		"spec":     map[string]any{"replicas": int64(1)}, "status": map[string]any{"ready": int64(1)},
	}}
}

func TestSameObject(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*unstructured.Unstructured)
		want   string
	}{
		"nothing": {func(*unstructured.Unstructured) {}, ""},
		"what it says": {func(o *unstructured.Unstructured) {
			o.Object["spec"] = "x"
			o.SetAnnotations(map[string]string{"a": "b"})
		}, ""},
		"a label of the user's":    {func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"karmada.io/managed": "true"}) }, ""},
		"kind":                     {func(o *unstructured.Unstructured) { o.SetKind("Secret") }, "kind: "},
		"apiVersion":               {func(o *unstructured.Unstructured) { o.SetAPIVersion("v1") }, "apiVersion: "},
		"name":                     {func(o *unstructured.Unstructured) { o.SetName("x") }, "metadata.name: "},
		"namespace":                {func(o *unstructured.Unstructured) { o.SetNamespace("") }, "metadata.namespace: "},
		"uid":                      {func(o *unstructured.Unstructured) { o.SetUID("2") }, "metadata.uid: "},
		"a name of another type":   {func(o *unstructured.Unstructured) { o.Object["metadata"].(map[string]any)["name"] = int64(1) }, "metadata.name: "},
		"no metadata":              {func(o *unstructured.Unstructured) { delete(o.Object, "metadata") }, "metadata.name: "},
		"metadata that is a list":  {func(o *unstructured.Unstructured) { o.Object["metadata"] = []any{} }, "metadata.name: "},
		"a label of ours, removed": {func(o *unstructured.Unstructured) { o.SetLabels(nil) }, "metadata.labels[karmada.io/managed]: "},
		"a label of ours, changed": {func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"karmada.io/managed": "no"}) }, "metadata.labels[karmada.io/managed]: "},
		"a label of ours, added": {func(o *unstructured.Unstructured) {
			o.SetLabels(map[string]string{"karmada.io/managed": "true", "resourcebinding.karmada.io/permanent-id": "x"})
		}, "metadata.labels: "},
		"labels that are no labels": {func(o *unstructured.Unstructured) { o.Object["metadata"].(map[string]any)["labels"] = int64(1) }, "metadata.labels[karmada.io/managed]: "},
	} {
		t.Run(name, func(t *testing.T) {
			after := object()
			test.change(after)
			err := SameObject(object(), after)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("want %q, have %v", test.want, err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	template := object()
	changed := object()
	changed.Object["spec"] = "evil"
	if got := Status(template, changed); got != template {
		t.Error("the same status is another object")
	}
	changed.Object["status"] = map[string]any{"ready": int64(2)}
	want := object()
	want.Object["status"] = map[string]any{"ready": int64(2)}
	if diff := cmp.Diff(want, Status(template, changed)); diff != "" {
		t.Error(diff)
	}
	delete(changed.Object, "status")
	delete(want.Object, "status")
	if diff := cmp.Diff(want, Status(template, changed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(object(), template); diff != "" {
		t.Errorf("the template was changed: %s", diff)
	}
}

func TestDependencies(t *testing.T) {
	ref := func(kind, namespace, name string) configv1alpha1.DependentObjectReference {
		return configv1alpha1.DependentObjectReference{APIVersion: "v1", Kind: kind, Namespace: namespace, Name: name}
	}
	selected := configv1alpha1.DependentObjectReference{APIVersion: "v1", Kind: "Secret", LabelSelector: &metav1.LabelSelector{}}
	got, err := Dependencies([]configv1alpha1.DependentObjectReference{ref("Secret", "b", "x"), ref("Secret", "a", "y"), ref("ConfigMap", "z", "z"), ref("Secret", "b", "x"), selected, selected})
	want := []configv1alpha1.DependentObjectReference{ref("ConfigMap", "z", "z"), selected, ref("Secret", "a", "y"), ref("Secret", "b", "x")}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s %v", diff, err)
	}
	both := ref("Secret", "a", "x")
	both.LabelSelector = &metav1.LabelSelector{}
	for want, r := range map[string]configv1alpha1.DependentObjectReference{
		"dependencies[0]: apiVersion and kind are needed":            {Name: "x"},
		"dependencies[0]: name or labelSelector is needed":           ref("Secret", "a", ""),
		"dependencies[0]: name and labelSelector exclude each other": both,
	} {
		if _, err := Dependencies([]configv1alpha1.DependentObjectReference{r}); err == nil || err.Error() != want {
			t.Errorf("want %q, have %v", want, err)
		}
	}
}
