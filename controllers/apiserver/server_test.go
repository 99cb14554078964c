package apiserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
)

var clusters = clusterv1alpha1.GroupVersion.WithResource("clusters")

func cluster(name string) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.SyncMode = clusterv1alpha1.Push
	return c
}

// TestServer goes through the hub's API server, as every client does: one hub for all.
func TestServer(t *testing.T) {
	hub := hubtest.Start(t, hubtest.Options{Hub: true})
	for name, test := range map[string]func(*testing.T, *hubtest.ControlPlane){
		"creation defaults and drops the status":     testCreate,
		"what is wrong is named":                     testInvalid,
		"updates":                                    testUpdate,
		"the status has a resource of its own":       testStatus,
		"server-side apply keeps owners apart":       testApply,
		"watches, selected by field":                 testWatch,
		"tables":                                     testTable,
		"finalizers hold a cluster":                  testDelete,
		"discovery and OpenAPI":                      testDiscovery,
		"permissions are those of the hub":           testAuthorization,
		"a large status, and patches of other kinds": testPatches,
	} {
		t.Run(name, func(t *testing.T) { test(t, hub) })
	}
}

func create(t *testing.T, hub *hubtest.ControlPlane, c *clusterv1alpha1.Cluster) *clusterv1alpha1.Cluster {
	t.Helper()
	if err := hub.Client.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func testCreate(t *testing.T, hub *hubtest.ControlPlane) {
	c := cluster("created")
	c.Status.KubernetesVersion = "v1.0.0"
	c.Spec.Zone = "eu-central-1a"
	create(t, hub, c)
	if c.Generation != 1 || c.Status.KubernetesVersion != "" {
		t.Errorf("generation %d, status %+v; want 1 and none", c.Generation, c.Status)
	}
	if diff := cmp.Diff([]string{"eu-central-1a"}, c.Spec.Zones); diff != "" || len(c.Spec.ResourceModels) != 9 {
		t.Errorf("not defaulted: %s, %d models", diff, len(c.Spec.ResourceModels))
	}
	if err := hub.Client.Create(t.Context(), cluster("created")); !apierrors.IsAlreadyExists(err) {
		t.Errorf("creating it twice: %v", err)
	}
}

func testInvalid(t *testing.T, hub *hubtest.ControlPlane) {
	for name, tc := range map[string]struct {
		change func(*clusterv1alpha1.Cluster)
		says   string
	}{
		"no mode":           {func(c *clusterv1alpha1.Cluster) { c.Spec.SyncMode = "" }, "spec.syncMode: Required"},
		"a name too long":   {func(c *clusterv1alpha1.Cluster) { c.Name = strings.Repeat("a", 49) }, "metadata.name: Too long"},
		"a name with a dot": {func(c *clusterv1alpha1.Cluster) { c.Name = "a.b" }, "metadata.name: Invalid"},
		"a user in the URL": {func(c *clusterv1alpha1.Cluster) { c.Spec.APIEndpoint = "https://u:p@h" }, "spec.apiEndpoint: Invalid"},
		"an effect unheard of": {func(c *clusterv1alpha1.Cluster) {
			c.Spec.Taints = []corev1.Taint{{Key: "x", Effect: "Never"}}
		}, "spec.taints[0].effect: Unsupported"},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster("invalid")
			tc.change(c)
			err := hub.Client.Create(t.Context(), c)
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
		})
	}
}

func testUpdate(t *testing.T, hub *hubtest.ControlPlane) {
	ctx := t.Context()
	if err := hub.Client.Update(ctx, cluster("nowhere")); !apierrors.IsNotFound(err) {
		t.Errorf("a PUT of what is not there: %v, want not found", err)
	}
	c := create(t, hub, cluster("updated"))
	stale := c.DeepCopy()

	c.Labels = map[string]string{"tier": "gold"}
	if err := hub.Client.Update(ctx, c); err != nil {
		t.Fatal(err)
	}
	if c.Generation != 1 {
		t.Errorf("generation %d after a label, want 1", c.Generation)
	}
	c.Spec.Region = "eu-central-1"
	c.Status.KubernetesVersion = "v9"
	if err := hub.Client.Update(ctx, c); err != nil {
		t.Fatal(err)
	}
	if c.Generation != 2 || c.Status.KubernetesVersion != "" {
		t.Errorf("generation %d, status %q; want 2 and none", c.Generation, c.Status.KubernetesVersion)
	}
	stale.Spec.Region = "lost"
	if err := hub.Client.Update(ctx, stale); !apierrors.IsConflict(err) {
		t.Errorf("a PUT with an old version: %v, want a conflict", err)
	}
	stale.ResourceVersion = ""
	if err := hub.Client.Update(ctx, stale); err != nil {
		t.Errorf("a PUT without a version must win: %v", err)
	}
}

func testStatus(t *testing.T, hub *hubtest.ControlPlane) {
	ctx := t.Context()
	c := create(t, hub, cluster("reporting"))
	c.Status.KubernetesVersion = "v1.37.2"
	c.Spec.Region = "nope"
	c.Labels = map[string]string{"nope": ""}
	if err := hub.Client.Status().Update(ctx, c); err != nil {
		t.Fatal(err)
	}
	if c.Status.KubernetesVersion != "v1.37.2" || c.Spec.Region != "" || len(c.Labels) != 0 || c.Generation != 1 {
		t.Errorf("a status update made %+v", c)
	}
	if err := hub.Client.Status().Update(ctx, cluster("nowhere")); !apierrors.IsNotFound(err) {
		t.Errorf("a status of what is not there: %v, want not found", err)
	}
}

func testApply(t *testing.T, hub *hubtest.ControlPlane) {
	ctx := t.Context()
	c, err := dynamic.NewForConfig(hub.Config)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(manager string, spec map[string]any) error {
		obj := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "cluster.karmada.io/v1alpha1", "kind": "Cluster",
			"metadata": map[string]any{"name": "applied"}, "spec": spec,
		}}
		_, err := c.Resource(clusters).Apply(ctx, "applied", obj, metav1.ApplyOptions{FieldManager: manager})
		return err
	}
	if err := apply("one", map[string]any{"syncMode": "Push", "region": "r1"}); err != nil {
		t.Fatal(err)
	}
	if err := apply("two", map[string]any{"syncMode": "Push", "provider": "aws"}); err != nil {
		t.Fatal(err)
	}
	if err := apply("two", map[string]any{"syncMode": "Push", "region": "r2"}); !apierrors.IsConflict(err) {
		t.Errorf("taking over another's field: %v, want a conflict", err)
	}
	var got clusterv1alpha1.Cluster
	if err := hub.Client.Get(ctx, types.NamespacedName{Name: "applied"}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Spec.Region != "r1" || got.Spec.Provider != "aws" {
		t.Errorf("region %q, provider %q", got.Spec.Region, got.Spec.Provider)
	}
}

func testWatch(t *testing.T, hub *hubtest.ControlPlane) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, err := dynamic.NewForConfig(hub.Config)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Resource(clusters).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=watched"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	create(t, hub, cluster("unwatched"))
	watched := create(t, hub, cluster("watched"))
	watched.Status.KubernetesVersion = "v1"
	if err := hub.Client.Status().Update(ctx, watched); err != nil {
		t.Fatal(err)
	}
	if err := hub.Client.Delete(ctx, watched); err != nil {
		t.Fatal(err)
	}
	var got []string
	for event := range w.ResultChan() {
		got = append(got, fmt.Sprint(event.Type, " ", event.Object.(*unstructured.Unstructured).GetName()))
		if event.Type == watch.Deleted {
			break
		}
	}
	if diff := cmp.Diff([]string{"ADDED watched", "MODIFIED watched", "DELETED watched"}, got); diff != "" {
		t.Error(diff)
	}
	list, err := c.Resource(clusters).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=unwatched"})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 {
		t.Errorf("%d clusters of that name, want 1", len(list.Items))
	}
	if _, err := c.Resource(clusters).List(ctx, metav1.ListOptions{FieldSelector: "spec.region=x"}); !apierrors.IsBadRequest(err) {
		t.Errorf("a selector on another field: %v, want a bad request", err)
	}
}

func rawClient(t *testing.T, hub *hubtest.ControlPlane) rest.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(hub.Config)
	if err != nil {
		t.Fatal(err)
	}
	return c.RESTClient()
}

func testTable(t *testing.T, hub *hubtest.ControlPlane) {
	create(t, hub, cluster("printed"))
	raw, err := rawClient(t, hub).Get().AbsPath("/apis/cluster.karmada.io/v1alpha1/clusters/printed").
		SetHeader("Accept", "application/json;as=Table;g=meta.k8s.io;v=v1").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 || len(table.ColumnDefinitions) != 10 || table.Rows[0].Cells[0] != "printed" {
		t.Errorf("table %s", raw)
	}
}

func testDelete(t *testing.T, hub *hubtest.ControlPlane) {
	ctx := t.Context()
	c := cluster("deleted")
	c.Finalizers = []string{"karmada.io/cluster-controller"}
	create(t, hub, c)
	if err := hub.Client.Delete(ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := hub.Client.Get(ctx, types.NamespacedName{Name: c.Name}, c); err != nil {
		t.Fatal(err)
	}
	if c.DeletionTimestamp == nil || c.Generation != 2 {
		t.Errorf("deletion %v, generation %d; want a time and 2", c.DeletionTimestamp, c.Generation)
	}
	c.Finalizers = nil
	if err := hub.Client.Update(ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := hub.Client.Get(ctx, types.NamespacedName{Name: c.Name}, c); !apierrors.IsNotFound(err) {
		t.Errorf("after the finalizer is gone: %v, want not found", err)
	}
}

func testDiscovery(t *testing.T, hub *hubtest.ControlPlane) {
	d, err := discovery.NewDiscoveryClientForConfig(hub.Config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.ServerResourcesForGroupVersionWithContext(t.Context(), "cluster.karmada.io/v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list.APIResources {
		got = append(got, fmt.Sprintf("%s %s %t %v%v %v", r.Name, r.Kind, r.Namespaced, r.ShortNames, r.Categories, r.Verbs))
	}
	want := []string{
		"clusters Cluster false [][] [create delete deletecollection get list patch update watch]",
		"clusters/status Cluster false [][] [get patch update]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/openapi/v2", "/openapi/v3/apis/cluster.karmada.io/v1alpha1"} {
		hub.Eventually(path+" describes Cluster", func(ctx context.Context) error {
			raw, err := rawClient(t, hub).Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
			if err != nil {
				return err
			}
			const gvk = `"x-kubernetes-group-version-kind":[{"group":"cluster.karmada.io","kind":"Cluster","version":"v1alpha1"}]`
			if !strings.Contains(string(raw), gvk) {
				return fmt.Errorf("it does not hold %s", gvk)
			}
			return nil
		})
	}
}

func testAuthorization(t *testing.T, hub *hubtest.ControlPlane) {
	config := rest.CopyConfig(hub.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "nobody"}
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resource(clusters).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("somebody without rights: %v, want forbidden", err)
	}
}

func testPatches(t *testing.T, hub *hubtest.ControlPlane) {
	ctx := t.Context()
	create(t, hub, cluster("patched"))
	c, err := dynamic.NewForConfig(hub.Config)
	if err != nil {
		t.Fatal(err)
	}
	enablements := make([]clusterv1alpha1.APIEnablement, 200)
	for i := range enablements {
		enablements[i].GroupVersion = fmt.Sprintf("group-%d.example.com/v1", i)
		enablements[i].Resources = []clusterv1alpha1.APIResource{{Name: "things", Kind: "Thing"}}
	}
	patch := map[string]any{"status": map[string]any{
		"apiEnablements": enablements,
		"conditions":     []metav1.Condition{{Type: "Ready", Status: "True", Reason: "ClusterReady", LastTransitionTime: metav1.Now()}},
	}}
	raw, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resource(clusters).Patch(ctx, "patched", types.MergePatchType, raw, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	raw = []byte(`[{"op":"add","path":"/spec/region","value":"eu"}]`)
	if _, err := c.Resource(clusters).Patch(ctx, "patched", types.JSONPatchType, raw, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	raw = []byte(`{"metadata":{"labels":{"a":"b"}}}`)
	if _, err := c.Resource(clusters).Patch(ctx, "patched", types.StrategicMergePatchType, raw, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	var got clusterv1alpha1.Cluster
	if err := hub.Client.Get(ctx, types.NamespacedName{Name: "patched"}, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Status.APIEnablements) != 200 || !meta.IsStatusConditionTrue(got.Status.Conditions, "Ready") ||
		got.Spec.Region != "eu" || got.Labels["a"] != "b" || got.Generation != 2 {
		t.Errorf("after three patches: generation %d, region %q, labels %v, %d enablements", got.Generation, got.Spec.Region, got.Labels, len(got.Status.APIEnablements))
	}
}
