package quota

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

func TestFill(t *testing.T) {
	q := account("cpu=4", "").Quota
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-fra", Name: WorkName(q), Labels: map[string]string{"mine": "x"}}}
	if err := Fill(work, q, list("cpu=2"), "id"); err != nil {
		t.Fatal(err)
	}
	wantLabels := map[string]string{
		"mine": "x", "work.karmada.io/permanent-id": "id", "karmada.io/managed": "true",
		"federatedresourcequota.karmada.io/namespace": "shop", "federatedresourcequota.karmada.io/name": "team",
	}
	if diff := cmp.Diff(wantLabels, work.Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"karmada.io/execution-controller"}, work.Finalizers); diff != "" {
		t.Error(diff)
	}
	var got corev1.ResourceQuota
	if err := json.Unmarshal(work.Spec.Workload.Manifests[0].Raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Namespace != "shop" || got.Name != "team" || got.Kind != "ResourceQuota" || got.Labels["karmada.io/managed"] != "true" ||
		got.Annotations["work.karmada.io/name"] != work.Name || got.Annotations["work.karmada.io/namespace"] != "karmada-es-fra" {
		t.Errorf("manifest %+v", got)
	}
	same(t, "hard", list("cpu=2"), got.Spec.Hard)

	again := work.DeepCopy()
	again.Spec.Workload.Manifests[0].Raw = append([]byte(" "), again.Spec.Workload.Manifests[0].Raw...) // as a server may write it
	before := again.DeepCopy()
	if err := Fill(again, q, list("cpu=2000m"), "other"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, again); diff != "" {
		t.Errorf("it changed for nothing:\n%s", diff)
	}
	if err := Fill(again, q, list("cpu=3"), "other"); err != nil || cmp.Equal(before, again) {
		t.Errorf("it did not change: %v", err)
	}
}

func TestShares(t *testing.T) {
	assigned := func(cluster, hard string) policyv1alpha1.StaticClusterAssignment {
		return policyv1alpha1.StaticClusterAssignment{ClusterName: cluster, Hard: list(hard)}
	}
	got := Shares(&policyv1alpha1.FederatedResourceQuotaSpec{StaticAssignments: []policyv1alpha1.StaticClusterAssignment{assigned("fra", "cpu=1"), assigned("iad", "cpu=2"), assigned("fra", "cpu=3")}})
	if len(got) != 2 {
		t.Fatalf("got %v", got)
	}
	same(t, "fra", list("cpu=1"), got["fra"])
	same(t, "iad", list("cpu=2"), got["iad"])
}

func TestAggregate(t *testing.T) {
	work := func(namespace string, applied metav1.ConditionStatus, statuses ...string) workv1alpha1.Work {
		w := workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}
		w.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: applied}}
		for _, s := range statuses {
			w.Status.ManifestStatuses = append(w.Status.ManifestStatuses, workv1alpha1.ManifestStatus{Status: &runtime.RawExtension{Raw: []byte(s)}})
		}
		return w
	}
	nothingSaid := work("karmada-es-c", "True")
	nothingSaid.Status.ManifestStatuses = []workv1alpha1.ManifestStatus{{}}
	got, err := Aggregate([]workv1alpha1.Work{
		work("karmada-es-iad", "True", `{"hard":{"cpu":"2"},"used":{"cpu":"1"}}`),
		work("karmada-es-fra", "True", `{"hard":{"cpu":"3"},"used":{"cpu":"500m"}}`),
		work("karmada-es-a", "False", `{"hard":{"cpu":"3"}}`), work("karmada-es-b", "True"), nothingSaid,
		work("karmada-es-d", "True", `{"hard":{"cpu":"much"}}`), work("elsewhere", "True", `{}`),
	})
	want := []policyv1alpha1.ClusterQuotaStatus{
		{ClusterName: "fra", ResourceQuotaStatus: corev1.ResourceQuotaStatus{Hard: list("cpu=3"), Used: list("cpu=500m")}},
		{ClusterName: "iad", ResourceQuotaStatus: corev1.ResourceQuotaStatus{Hard: list("cpu=2"), Used: list("cpu=1")}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err == nil {
		t.Error("a status that makes no sense is not told")
	}
}
