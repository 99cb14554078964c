package apiserver

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func testStrategy() strategy { return newStrategy(Scheme, clocktesting.NewFakePassiveClock(now)) }

func TestCreationStartsClean(t *testing.T) {
	cluster := &clusterv1alpha1.Cluster{}
	cluster.Generation = 7
	cluster.Status.KubernetesVersion = "v1.0.0"
	cluster.Spec.Zone = "a"
	cluster.Spec.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoExecute}}
	testStrategy().PrepareForCreate(t.Context(), cluster)
	if cluster.Generation != 1 || cluster.Status.KubernetesVersion != "" {
		t.Errorf("generation %d and status %+v, want 1 and none", cluster.Generation, cluster.Status)
	}
	if len(cluster.Spec.ResourceModels) != 9 {
		t.Errorf("%d resource models, want the 9 defaults", len(cluster.Spec.ResourceModels))
	}
	if added := cluster.Spec.Taints[0].TimeAdded; added == nil || !added.Time.Equal(now) {
		t.Errorf("the taint was added at %v, want %v", added, now)
	}
	if diff := cmp.Diff([]string{"a"}, cluster.Spec.Zones); diff != "" || cluster.Spec.Zone != "" {
		t.Errorf("the zone was not moved: %s", diff)
	}
}

func TestUpdates(t *testing.T) {
	cases := map[string]struct {
		change         func(*clusterv1alpha1.Cluster)
		wantGeneration int64
	}{
		"nothing":                    {func(*clusterv1alpha1.Cluster) {}, 3},
		"labels":                     {func(c *clusterv1alpha1.Cluster) { c.Labels = map[string]string{"a": "b"} }, 3},
		"the status, which is kept":  {func(c *clusterv1alpha1.Cluster) { c.Status.KubernetesVersion = "v2" }, 3},
		"the generation, by a user":  {func(c *clusterv1alpha1.Cluster) { c.Generation = 100 }, 3},
		"the region":                 {func(c *clusterv1alpha1.Cluster) { c.Spec.Region = "eu-west-1" }, 4},
		"an empty list for none":     {func(c *clusterv1alpha1.Cluster) { c.Spec.Zones = []string{} }, 3},
		"a taint, which gets a time": {func(c *clusterv1alpha1.Cluster) { c.Spec.Taints = []corev1.Taint{{Key: "x", Effect: "NoExecute"}} }, 4},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			old := &clusterv1alpha1.Cluster{}
			old.Generation = 3
			old.Status.KubernetesVersion = "v1"
			changed := old.DeepCopy()
			tc.change(changed)
			testStrategy().PrepareForUpdate(t.Context(), changed, old)
			if changed.Generation != tc.wantGeneration {
				t.Errorf("generation %d, want %d", changed.Generation, tc.wantGeneration)
			}
			if changed.Status.KubernetesVersion != "v1" {
				t.Error("the status was changed")
			}
		})
	}
}

func TestStatusUpdatesChangeTheStatus(t *testing.T) {
	old := &clusterv1alpha1.Cluster{}
	old.Name, old.Generation, old.ResourceVersion = "fra", 3, "10"
	old.Labels = map[string]string{"a": "b"}
	old.Spec.Region = "eu-central-1"
	changed := old.DeepCopy()
	changed.Labels, changed.Finalizers, changed.Spec.Region = nil, []string{"x/y"}, "elsewhere"
	changed.ResourceVersion = "9"
	changed.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "someone"}}
	changed.Status.KubernetesVersion = "v1"
	want := old.DeepCopy()
	want.Status.KubernetesVersion = "v1"
	want.ResourceVersion, want.ManagedFields = changed.ResourceVersion, changed.ManagedFields
	statusStrategy{testStrategy()}.PrepareForUpdate(t.Context(), changed, old)
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
}

func TestTable(t *testing.T) {
	full := clusterv1alpha1.Cluster{}
	full.Name = "fra"
	full.CreationTimestamp = metav1.NewTime(time.Now().Add(-90 * time.Minute))
	full.Spec = clusterv1alpha1.ClusterSpec{
		SyncMode: clusterv1alpha1.Push, Zones: []string{"a", "b"}, Region: "eu-central-1", Provider: "aws",
		APIEndpoint: "https://10.0.0.1:6443", ProxyURL: "socks5://10.0.0.2:1080",
	}
	full.Status.KubernetesVersion = "v1.37.2"
	full.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue}}
	bare := clusterv1alpha1.Cluster{}
	bare.Name = "new"
	bare.Spec.SyncMode = clusterv1alpha1.Pull
	list := &clusterv1alpha1.ClusterList{Items: []clusterv1alpha1.Cluster{full, bare}}
	list.ResourceVersion = "42"

	table, err := tableConvertor{}.ConvertToTable(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	var headers, wide []string
	for _, c := range table.ColumnDefinitions {
		if c.Priority == 0 {
			headers = append(headers, c.Name)
		} else {
			wide = append(wide, c.Name)
		}
	}
	if diff := cmp.Diff([]string{"Name", "Version", "Mode", "Ready", "Age"}, headers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Zones", "Region", "Provider", "API-Endpoint", "Proxy-URL"}, wide); diff != "" {
		t.Error(diff)
	}
	var rows [][]any
	for _, r := range table.Rows {
		rows = append(rows, r.Cells)
	}
	want := [][]any{
		{"fra", "v1.37.2", "Push", "True", "90m", "a,b", "eu-central-1", "aws", "https://10.0.0.1:6443", "socks5://10.0.0.2:1080"},
		{"new", "", "Pull", "Unknown", "<unknown>", "<none>", "<none>", "<none>", "", "<none>"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if table.ResourceVersion != "42" {
		t.Errorf("resource version %q, want that of the list", table.ResourceVersion)
	}

	one, err := tableConvertor{}.ConvertToTable(context.Background(), &full, &metav1.TableOptions{NoHeaders: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(one.Rows) != 1 || len(one.ColumnDefinitions) != 0 {
		t.Errorf("one cluster without headers: %d rows, %d columns", len(one.Rows), len(one.ColumnDefinitions))
	}
}

func TestSchemeKnowsTheKindTwice(t *testing.T) {
	for _, version := range []string{runtime.APIVersionInternal, "v1alpha1"} {
		gvk := clusterv1alpha1.GroupVersion.WithKind("Cluster")
		gvk.Version = version
		if obj, err := Scheme.New(gvk); err != nil {
			t.Error(err)
		} else if _, ok := obj.(*clusterv1alpha1.Cluster); !ok {
			t.Errorf("%s is a %T", gvk, obj)
		}
	}
}
