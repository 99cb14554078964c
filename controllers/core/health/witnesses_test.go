package health

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestWitnessesAreThoseThatCount(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	r := NewReports()
	for name, verdict := range map[string]v1.Verdict{"ns1": v1.VerdictUnhealthy, "ns2": v1.VerdictHealthy, "old": v1.VerdictHealthy} {
		h := &v1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.EndpointHealthSpec{
			VantagePoint: name, RenewTime: metav1.NewMicroTime(now), LeaseDurationSeconds: 15,
			Plans: []v1.PlanHealth{{Namespace: "shop", Name: "web", Endpoints: []v1.EndpointVerdict{{Cluster: "fra", Verdict: verdict}}}},
		}}
		if name == "old" {
			h.Spec.RenewTime = metav1.NewMicroTime(now.Add(-time.Hour))
		}
		r.Observe(h, now)
	}
	var got []string
	for _, w := range r.Witnesses(types.NamespacedName{Namespace: "shop", Name: "web"}, "fra") {
		got = append(got, w.VantagePoint+" "+string(w.Verdict))
	}
	if diff := cmp.Diff([]string{"ns1 Unhealthy", "ns2 Healthy"}, got); diff != "" {
		t.Error(diff)
	}
	if none := r.Witnesses(types.NamespacedName{Namespace: "shop", Name: "web"}, "iad"); none != nil {
		t.Errorf("%+v", none)
	}
}
