package forecast

import (
	"bytes"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/controllers/core/drill"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// federation has web in fra and iad, whose demand is known, and api, whose is not.
func federation() view.View {
	v := view.View{Now: noon}
	for _, c := range [][2]string{{"fra", "eu-central-1"}, {"iad", "us-east-1"}} {
		v.Clusters = append(v.Clusters, clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: c[0]}, Spec: clusterv1alpha1.ClusterSpec{Region: c[1]}})
	}
	v.Health = []v1.EndpointHealth{
		{Spec: v1.EndpointHealthSpec{VantagePoint: "ns1", RenewTime: metav1.NewMicroTime(noon), LeaseDurationSeconds: 15}},
		{Spec: v1.EndpointHealthSpec{VantagePoint: "ns2", RenewTime: metav1.NewMicroTime(noon.Add(-time.Hour)), LeaseDurationSeconds: 15}},
	}
	add := func(name string, capacity bool, endpoints ...v1.PlanEndpoint) {
		p := v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1.TrafficPolicySpec{
			Hostnames: []string{name + ".example.com"}, TargetRefs: []v1.TargetRef{{Name: name}}}}
		if capacity {
			p.Spec.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")}
		}
		plan := v1.TrafficPlan{ObjectMeta: p.ObjectMeta, Spec: v1.TrafficPlanSpec{Hostnames: p.Spec.Hostnames, Endpoints: endpoints}}
		for _, e := range endpoints {
			plan.Spec.Regions = append(plan.Spec.Regions, v1.PlanRegion{Name: e.Region, Tiers: []v1.PlanTier{{Clusters: []v1.WeightedCluster{{Name: e.Cluster, Weight: 1000}}}}})
		}
		v.Policies, v.Plans = append(v.Policies, p), append(v.Plans, plan)
	}
	add("api", true, endpoint("fra", "eu-central-1", ""), endpoint("iad", "us-east-1", ""))
	add("web", true, endpoint("fra", "eu-central-1", "60"), endpoint("iad", "us-east-1", "60"))
	return v
}

func endpoint(cluster, region, demand string) v1.PlanEndpoint {
	since := metav1.NewTime(noon.Add(-time.Hour))
	e := v1.PlanEndpoint{Cluster: cluster, Region: region, Addresses: []string{"192.0.2.1"}, Port: 80, ReadyReplicas: 3, State: v1.EndpointServing,
		Reason: v1.EndpointReasonReady, Since: since, SharePercent: 100, FirstHealthy: &since, Weight: 3}
	if demand != "" {
		q := resource.MustParse(demand)
		e.Demand = &q
	}
	return e
}

func TestPrint(t *testing.T) {
	for name, tc := range map[string]struct {
		given    func(*view.View)
		clusters []string
		refused  bool
	}{
		"drain": {func(*view.View) {}, []string{"fra"}, false},
		"too-much": {func(v *view.View) {
			v.Plans[1].Spec.Endpoints[0] = endpoint("fra", "eu-central-1", "100")
		}, []string{"fra"}, true},
		"nobody-left": {func(*view.View) {}, []string{"fra", "iad"}, true},
		"nothing":     {func(v *view.View) { v.Plans = nil }, []string{"fra"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := federation()
			tc.given(&v)
			p := drill.Predict(World(v, nil, nil), tc.clusters, drill.Drain)
			var out bytes.Buffer
			if err := Print(&out, &p); err != nil {
				t.Fatal(err)
			}
			if err := Refusal(&p); (err != nil) != tc.refused {
				t.Errorf("refused: %v", err)
			} else if err != nil {
				out.WriteString("error: " + err.Error() + "\n")
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestWorld(t *testing.T) {
	w := World(federation(), []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "shop", Annotations: map[string]string{names.ResidencyAnnotation: "geo=eu"}}}},
		[]v1.Drill{{ObjectMeta: metav1.ObjectMeta{Name: "friday"}, Status: v1.DrillStatus{Phase: v1.DrillObserving}}, {ObjectMeta: metav1.ObjectMeta{Name: "idle"}}})
	if w.NameServers != 1 || len(w.Others) != 1 || w.Others[0].Name != "friday" || len(w.Apps) != 2 {
		t.Errorf("%+v", w)
	}
	if w.Apps[0].Wall.Inside(w.Clusters[0]) || w.Apps[0].Demand != nil {
		t.Errorf("%+v", w.Apps[0])
	}
	if d := w.Apps[1].Demand; d == nil || d.Clients["eu-central-1"] != 60 || d.Clusters["iad"] != 60 {
		t.Errorf("%+v", d)
	}
}
