package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
)

// crds puts the project's CRDs into the hub.
func crds(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	files, err := filepath.Glob("../../charts/seaway/crds/work.karmada.io_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRD files: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(raw, &crd.Object); err != nil {
			t.Fatal(err)
		}
		if err := home.Client.Create(t.Context(), crd); err != nil {
			t.Fatal(err)
		}
	}
	home.Eventually("the CRDs are served", func(ctx context.Context) error {
		if err := home.Client.List(ctx, &workv1alpha1.WorkList{}); err != nil {
			return err
		}
		return nil
	})
}

// widget is a CRD for a member.
func widget() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
			}},
		},
	}}
}

// work puts a Work that nobody will ever finish into the execution namespace.
func work(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	w := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: names.ExecutionNamespace("fra"), Name: "stuck", Finalizers: []string{names.ExecutionFinalizer},
	}}
	w.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{
		Raw: fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"default"}}`),
	}}}
	if err := home.Client.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
}

// watchClusters watches from a version on.
func watchClusters(t *testing.T, home *hubtest.ControlPlane, version string) (watch.Interface, error) {
	t.Helper()
	c, err := dynamic.NewForConfig(home.Config)
	if err != nil {
		return nil, err
	}
	return c.Resource(clusterv1alpha1.GroupVersion.WithResource("clusters")).Watch(t.Context(), metav1.ListOptions{ResourceVersion: version})
}
