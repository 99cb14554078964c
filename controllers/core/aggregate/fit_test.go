package aggregate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func ofSize(n int) *runtime.RawExtension { return &runtime.RawExtension{Raw: make([]byte, n)} }

func TestFit(t *testing.T) {
	work := &workv1alpha1.Work{}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: *ofSize(600 << 10)}}
	statuses := []workv1alpha1.ManifestStatus{
		{Health: workv1alpha1.ResourceHealthy, Status: ofSize(10)},
		{Health: workv1alpha1.ResourceHealthy, Status: ofSize(500 << 10), Identifier: workv1alpha1.ResourceIdentifier{Kind: "Report", Name: "huge"}},
		{Health: workv1alpha1.ResourceHealthy},
	}
	if err := Fit(work, statuses); err == nil || !strings.Contains(err.Error(), "Report huge") {
		t.Errorf("error = %v, want one that names the object", err)
	}
	if statuses[0].Status == nil || statuses[1].Status != nil || statuses[1].Health != workv1alpha1.ResourceHealthy {
		t.Errorf("statuses = %+v", statuses)
	}
	if err := Fit(work, statuses); err != nil {
		t.Errorf("what is left does not fit: %v", err)
	}
	work.Spec.Workload.Manifests[0].Raw = make([]byte, 2<<20)
	if Fit(work, statuses); statuses[0].Status != nil {
		t.Error("a status finds room beside a manifest that leaves none")
	}
}

func TestFitItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var items []workv1alpha2.AggregatedStatusItem
		sum := 0
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 400<<10), 0, 20).Draw(t, "sizes") {
			message := strings.Repeat("x", rapid.IntRange(0, 1<<10).Draw(t, "message"))
			items = append(items, workv1alpha2.AggregatedStatusItem{ClusterName: "c", Applied: true, AppliedMessage: message, Status: ofSize(size)})
			sum += size + len(message)
		}
		err := FitItems(items)
		if (err != nil) != (sum > roomOfAnObject) {
			t.Fatalf("%d bytes: error = %v", sum, err)
		}
		left := 0
		for _, item := range items {
			left += len(item.AppliedMessage)
			if item.Status != nil {
				left += len(item.Status.Raw)
			}
			if !item.Applied || item.ClusterName != "c" {
				t.Fatalf("item = %+v", item)
			}
		}
		if left > roomOfAnObject {
			t.Fatalf("%d bytes are left", left)
		}
	})
}
