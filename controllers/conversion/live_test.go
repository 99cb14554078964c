package conversion

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
)

// TestOnARealAPIServer has an API server serve bindings to clients of both versions.
func TestOnARealAPIServer(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{})
	install(t, home)
	ctx, c := t.Context(), home.Client
	key := client.ObjectKey{Namespace: "default", Name: "web-deployment"}
	old := func(replicas int32) workv1alpha1.ResourceBindingSpec {
		return workv1alpha1.ResourceBindingSpec{
			Resource: workv1alpha1.ObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web", ResourceVersion: "7", Replicas: replicas,
				ReplicaResourceRequirements: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")},
			},
			Clusters: []workv1alpha1.TargetCluster{{Name: "fra", Replicas: 3}, {Name: "iad", Replicas: 2}},
		}
	}
	written := &workv1alpha1.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: map[string]string{"team": "web"}}, Spec: old(5)}
	// It takes the API server a moment to ask.
	home.Eventually("a binding of the old version is kept whole", func(ctx context.Context) error {
		b := written.DeepCopy()
		if err := c.Create(ctx, b); err != nil {
			return err
		}
		if b.Spec.Resource.Replicas != 5 {
			return fmt.Errorf("replicas are lost: %w", c.Delete(ctx, b))
		}
		return nil
	})

	t.Run("it reads as the new version", func(t *testing.T) {
		got := &workv1alpha2.ResourceBinding{}
		if err := c.Get(ctx, key, got); err != nil {
			t.Fatal(err)
		}
		want := workv1alpha2.ResourceBindingSpec{
			ConflictResolution:  policyv1alpha1.ConflictAbort, // the default of the schema
			Resource:            workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web", ResourceVersion: "7"},
			Replicas:            5,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")}},
			Clusters:            []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}, {Name: "iad", Replicas: 2}},
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Labels["team"] != "web" || got.UID == "" {
			t.Errorf("metadata %+v", got.ObjectMeta)
		}
	})

	t.Run("a change in the new version reads as the old one, and nothing of it is lost", func(t *testing.T) {
		b := &workv1alpha2.ResourceBinding{}
		if err := c.Get(ctx, key, b); err != nil {
			t.Fatal(err)
		}
		b.Spec.Replicas = 8
		if err := c.Update(ctx, b); err != nil {
			t.Fatal(err)
		}
		b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Applied: true, Status: &runtime.RawExtension{Raw: []byte(`{"replicas":3}`)}}}
		if err := c.Status().Update(ctx, b); err != nil {
			t.Fatal(err)
		}
		got := &workv1alpha1.ResourceBinding{}
		if err := c.Get(ctx, key, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(old(8), got.Spec); diff != "" {
			t.Errorf("spec (-want +got):\n%s", diff)
		}
		want := []workv1alpha1.AggregatedStatusItem{{ClusterName: "fra", Applied: true, Status: &runtime.RawExtension{Raw: []byte(`{"replicas":3}`)}}}
		if diff := cmp.Diff(want, got.Status.AggregatedStatus); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
		if got.UID != b.UID || got.Generation != b.Generation || got.ResourceVersion != b.ResourceVersion {
			t.Errorf("metadata %+v, of the new version %+v", got.ObjectMeta, b.ObjectMeta)
		}
	})

	t.Run("an old client lists and changes", func(t *testing.T) {
		list := &workv1alpha1.ResourceBindingList{}
		if err := c.List(ctx, list); err != nil || len(list.Items) != 1 {
			t.Fatalf("%d bindings, %v", len(list.Items), err)
		}
		b := &list.Items[0]
		b.Spec.Clusters = b.Spec.Clusters[:1]
		if err := c.Update(ctx, b); err != nil {
			t.Fatal(err)
		}
		got := &workv1alpha2.ResourceBinding{}
		if err := c.Get(ctx, key, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}}, got.Spec.Clusters); diff != "" || got.Spec.Replicas != 8 {
			t.Errorf("replicas %d, clusters (-want +got):\n%s", got.Spec.Replicas, diff)
		}
	})

	t.Run("a cluster-scoped binding", func(t *testing.T) {
		if err := c.Create(ctx, &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: "crd"}, Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: "shop"}, Replicas: 2}}); err != nil {
			t.Fatal(err)
		}
		got := &workv1alpha1.ClusterResourceBinding{}
		if err := c.Get(ctx, client.ObjectKey{Name: "crd"}, got); err != nil || got.Spec.Resource.Replicas != 2 {
			t.Errorf("%+v, %v", got.Spec, err)
		}
	})
}

// install has the API server serve the bindings, and convert them here; and does it twice, for the
// second time must write nothing.
func install(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(Path, Handler())
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})

	ctx, c := t.Context(), home.Client
	if err := Announce(ctx, c, base, trusted); client.IgnoreNotFound(err) != nil || err == nil {
		t.Fatalf("without definitions: %v, want that they are not found", err)
	}
	err = fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil || !bytes.Contains(text, []byte("resourcebindings.work")) {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return c.Create(ctx, crd)
	})
	if err != nil {
		t.Fatal(err)
	}
	generations := map[string]int64{}
	for range 2 {
		if err := Announce(ctx, c, base, trusted); err != nil {
			t.Fatal(err)
		}
		for _, name := range definitions {
			crd := &unstructured.Unstructured{}
			crd.SetAPIVersion("apiextensions.k8s.io/v1")
			crd.SetKind("CustomResourceDefinition")
			if err := c.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
				t.Fatal(err)
			}
			if before := generations[name]; before != 0 && before != crd.GetGeneration() {
				t.Errorf("%s is written though it says what it should", name)
			}
			generations[name] = crd.GetGeneration()
		}
	}
	home.Eventually("bindings are served in both versions", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{&workv1alpha1.ResourceBindingList{}, &workv1alpha2.ResourceBindingList{},
			&workv1alpha1.ClusterResourceBindingList{}, &workv1alpha2.ClusterResourceBindingList{}} {
			if err := c.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}
