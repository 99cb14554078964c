package aggregate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func work(cluster string, change ...func(*workv1alpha1.Work)) workv1alpha1.Work {
	w := workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-" + cluster, Name: "w"}}
	for _, c := range change {
		c(&w)
	}
	return w
}

func applied(status metav1.ConditionStatus, message string) func(*workv1alpha1.Work) {
	return func(w *workv1alpha1.Work) {
		w.Status.Conditions = append(w.Status.Conditions, metav1.Condition{Type: workv1alpha1.WorkApplied, Status: status, Message: message})
	}
}

func reports(status string, health workv1alpha1.ResourceHealth) func(*workv1alpha1.Work) {
	return func(w *workv1alpha1.Work) {
		w.Status.ManifestStatuses = []workv1alpha1.ManifestStatus{{Status: &runtime.RawExtension{Raw: []byte(status)}, Health: health}}
	}
}

func deleted(w *workv1alpha1.Work) { w.DeletionTimestamp = &metav1.Time{} }

func TestItems(t *testing.T) {
	raw := func(s string) *runtime.RawExtension { return &runtime.RawExtension{Raw: []byte(s)} }
	tests := map[string]struct {
		works []workv1alpha1.Work
		down  string
		want  []workv1alpha2.AggregatedStatusItem
	}{
		"nothing": {want: []workv1alpha2.AggregatedStatusItem{}},
		"sorted by cluster, with what each reports": {
			works: []workv1alpha1.Work{work("iad", applied("True", "fine"), reports(`{"replicas":1}`, "Unhealthy")), work("fra", applied("True", "fine"), reports(`{"replicas":2}`, "Healthy"))},
			want: []workv1alpha2.AggregatedStatusItem{
				{ClusterName: "fra", Applied: true, Health: "Healthy", Status: raw(`{"replicas":2}`)},
				{ClusterName: "iad", Applied: true, Health: "Unhealthy", Status: raw(`{"replicas":1}`)},
			},
		},
		"a cluster that does not answer keeps its status and has no health": {
			works: []workv1alpha1.Work{work("fra", applied("True", "fine"), reports(`{"replicas":2}`, "Healthy"))}, down: "fra",
			want: []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Applied: true, Health: "Unknown", Status: raw(`{"replicas":2}`)}},
		},
		"what is not applied says why, and has no health": {
			works: []workv1alpha1.Work{work("fra", applied("False", "refused"), reports(`{}`, "Healthy"))},
			want:  []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", AppliedMessage: "refused", Health: "Unknown", Status: raw(`{}`)}},
		},
		"what nobody has tried yet":           {works: []workv1alpha1.Work{work("fra")}, want: []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Health: "Unknown"}}},
		"what has not reported":               {works: []workv1alpha1.Work{work("fra", applied("True", ""))}, want: []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Applied: true, Health: "Unknown"}}},
		"a work being deleted":                {works: []workv1alpha1.Work{work("fra", applied("True", ""), deleted)}, want: []workv1alpha2.AggregatedStatusItem{}},
		"a work outside execution namespaces": {works: []workv1alpha1.Work{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}}, want: []workv1alpha2.AggregatedStatusItem{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Items(tt.works, func(cluster string) bool { return cluster != tt.down })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func targets(names ...string) (out []workv1alpha2.TargetCluster) {
	for _, name := range names {
		out = append(out, workv1alpha2.TargetCluster{Name: name})
	}
	return out
}

func items(names ...string) (out []workv1alpha2.AggregatedStatusItem) {
	for _, name := range names {
		out = append(out, workv1alpha2.AggregatedStatusItem{ClusterName: name, Applied: true})
	}
	return out
}

func leaving(cluster string, mode policyv1alpha1.PurgeMode) []workv1alpha2.GracefulEvictionTask {
	return []workv1alpha2.GracefulEvictionTask{{FromCluster: cluster, PurgeMode: mode}}
}

func TestFullyApplied(t *testing.T) {
	tests := map[string]struct {
		spec    workv1alpha2.ResourceBindingSpec
		items   []workv1alpha2.AggregatedStatusItem
		status  metav1.ConditionStatus
		message string
	}{
		"in every cluster":     {workv1alpha2.ResourceBindingSpec{Clusters: targets("fra", "iad")}, items("fra", "iad"), "True", "applied in every cluster"},
		"scaled to nothing":    {workv1alpha2.ResourceBindingSpec{}, nil, "True", "applied in every cluster"},
		"missing in one":       {workv1alpha2.ResourceBindingSpec{Clusters: targets("fra", "iad", "sin")}, items("iad"), "False", "not applied in fra, sin; see status.aggregatedStatus"},
		"too many":             {workv1alpha2.ResourceBindingSpec{Clusters: targets("fra")}, items("fra", "sin"), "False", "still present in sin; see status.aggregatedStatus"},
		"in one being left":    {workv1alpha2.ResourceBindingSpec{Clusters: targets("fra"), GracefulEvictionTasks: leaving("sin", "Gracefully")}, items("fra", "sin"), "True", "applied in every cluster"},
		"in one left directly": {workv1alpha2.ResourceBindingSpec{Clusters: targets("fra"), GracefulEvictionTasks: leaving("sin", "Directly")}, items("fra", "sin"), "False", "still present in sin; see status.aggregatedStatus"},
		"where others need it": {workv1alpha2.ResourceBindingSpec{RequiredBy: []workv1alpha2.BindingSnapshot{{Clusters: targets("fra", "iad")}}}, items("fra"), "False", "not applied in iad; see status.aggregatedStatus"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := FullyApplied(&tt.spec, tt.items)
			if got.Status != tt.status || got.Message != tt.message || got.Reason == "" || got.Type != "FullyApplied" {
				t.Errorf("got %+v, want %s %q", got, tt.status, tt.message)
			}
		})
	}
}

func TestCounted(t *testing.T) {
	spec := &workv1alpha2.ResourceBindingSpec{
		Clusters:              targets("sin", "fra"),
		RequiredBy:            []workv1alpha2.BindingSnapshot{{Clusters: targets("fra", "iad")}},
		GracefulEvictionTasks: leaving("lost", "Gracefully"),
	}
	got := Counted(spec, items("lost", "fra", "iad"))
	want := append(items("fra", "iad"), workv1alpha2.AggregatedStatusItem{ClusterName: "sin", Health: "Unknown"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpen(t *testing.T) {
	spec := &workv1alpha2.ResourceBindingSpec{Clusters: targets("fra", "iad")}
	done := workv1alpha2.AggregatedStatusItem{ClusterName: "fra", Applied: true, Health: "Unhealthy"}
	tests := map[string]struct {
		iad  *workv1alpha2.AggregatedStatusItem
		down string
		want bool
	}{
		"a Work that is not there":      {want: true},
		"one that nobody has tried":     {iad: &workv1alpha2.AggregatedStatusItem{Health: "Unknown"}, want: true},
		"one that is not looked at":     {iad: &workv1alpha2.AggregatedStatusItem{Applied: true, Health: "Unknown"}, want: true},
		"one that is refused":           {iad: &workv1alpha2.AggregatedStatusItem{AppliedMessage: "no", Health: "Unknown"}},
		"one that is done":              {iad: &workv1alpha2.AggregatedStatusItem{Applied: true, Health: "Healthy"}},
		"one of a cluster that is down": {iad: &workv1alpha2.AggregatedStatusItem{Health: "Unknown"}, down: "iad"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			items := []workv1alpha2.AggregatedStatusItem{done}
			if tt.iad != nil {
				tt.iad.ClusterName = "iad"
				items = append(items, *tt.iad)
			}
			if got := Open(spec, items, func(cluster string) bool { return cluster != tt.down }); got != tt.want {
				t.Errorf("Open = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFullyAppliedOfAFleetFitsIntoACondition(t *testing.T) {
	var spec workv1alpha2.ResourceBindingSpec
	for i := range 1000 {
		spec.Clusters = append(spec.Clusters, workv1alpha2.TargetCluster{Name: fmt.Sprintf("%060d", i)})
	}
	got := FullyApplied(&spec, nil).Message
	if len(got) > 32768 || !strings.Contains(got, "and 980 more") {
		t.Errorf("%d bytes: %.200s…", len(got), got)
	}
}
