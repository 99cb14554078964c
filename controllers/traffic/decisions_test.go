package traffic

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
)

// kept are the decisions that a hub was told of, each with what is asked for when it is written.
type kept struct {
	specs []v1.DecisionSpec
}

func (k *kept) keep(spec v1.DecisionSpec, finish func(context.Context, *v1.DecisionSpec)) {
	if finish != nil {
		finish(context.Background(), &spec)
	}
	k.specs = append(k.specs, spec)
}

func (k *kept) last(t *testing.T) v1.DecisionSpec {
	t.Helper()
	if len(k.specs) == 0 {
		t.Fatal("nothing was decided")
	}
	return k.specs[len(k.specs)-1]
}

type seen struct{}

func (seen) Witnesses(_ types.NamespacedName, cluster string) []health.Witness {
	return []health.Witness{{VantagePoint: "ns1", EndpointVerdict: v1.EndpointVerdict{Cluster: cluster, Verdict: v1.VerdictUnhealthy, Message: "timeout", Since: metav1.NewMicroTime(noon)}}}
}

// managed is an API reader that, unlike the cache, knows who wrote what.
func managed(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, clusterv1alpha1.AddToScheme, metav1.AddMetaToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithObjects(objects...).Build()
}

func wrote(manager, fields string, at time.Time) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: "Update", APIVersion: "v1", Time: &metav1.Time{Time: at}, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestADecisionIsKeptOfWhatMoves(t *testing.T) {
	h := aShop(t)
	k := &kept{}
	policy := thePolicy("shop", time.Hour, "shop.apps.example.com")
	policy.ManagedFields = []metav1.ManagedFieldsEntry{
		wrote("kubectl-create", `{"f:spec":{".":{}}}`, noon.Add(-time.Hour)), wrote("alice", `{"f:spec":{"f:steering":{}}}`, noon),
		wrote("bob", `{"f:metadata":{}}`, noon.Add(time.Minute)),
	}
	h.policies.decisions = &decisions{keep: k.keep, health: seen{}, live: managed(t, policy)}
	h.plan("shop", "shop")
	h.plan("shop", "shop")
	if len(k.specs) > 0 {
		t.Fatalf("the first plan moves nothing: %+v", k.specs)
	}

	h.verdict["fra"] = v1.VerdictUnhealthy
	h.plan("shop", "shop")
	got := k.last(t)
	if got.Cause != v1.CauseFailover || len(got.Changes) != 1 || got.Changes[0].Cluster != "fra" || got.Actor != "" {
		t.Errorf("%+v", got)
	}
	since := metav1.NewMicroTime(noon)
	wantInputs := []v1.DecisionInput{
		{Cluster: "fra", Signal: "DataPath", By: "ns1", Value: "Unhealthy", Since: &since, Message: "timeout"},
		{Cluster: "fra", Signal: "Quorum", Value: "Unhealthy", Message: "connection refused"},
		{Cluster: "fra", Signal: "ControlPlane", Value: "True", Since: &metav1.MicroTime{}},
		{Cluster: "fra", Signal: "ReadyReplicas", Value: "3"},
	}
	if diff := cmp.Diff(wantInputs, got.Inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if len(got.Steps) == 0 || got.Steps[0] != "clients of eu-central-1: fra -> iad" {
		t.Errorf("%q", got.Steps)
	}
	h.plan("shop", "shop")
	if len(k.specs) != 1 {
		t.Errorf("%d decisions", len(k.specs))
	}

	// An edit that rules a cluster out is somebody's.
	h.verdict["fra"] = v1.VerdictHealthy
	h.plan("shop", "shop")
	edit := get(h, "shop", "shop", &v1.TrafficPolicy{})
	edit.Generation++
	edit.Spec.Steering = v1.Steering{Strategy: v1.StrategyOrdered, Tiers: []v1.Tier{{}}}
	edit.Spec.Steering.Tiers[0].ClusterAffinity.ClusterNames = []string{"fra"}
	if err := h.Update(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	h.plan("shop", "shop")
	if got := k.last(t); got.Cause != v1.CauseEdit || got.Actor != "alice" || got.Changes[0].Cluster != "iad" {
		t.Errorf("%+v", got)
	}
}

func TestWhoDrainsACluster(t *testing.T) {
	c := cluster("fra", "eu-central-1")
	c.Annotations = map[string]string{names.DrainAnnotation: "upgrade"}
	c.ManagedFields = []metav1.ManagedFieldsEntry{
		wrote("kubectl-annotate", `{"f:metadata":{"f:annotations":{"f:traffic.seaway.dev/drain":{}}}}`, noon),
		wrote("seaway", `{"f:metadata":{"f:annotations":{"f:other":{}}}}`, noon.Add(time.Minute)),
	}
	d := &decisions{live: managed(t, c)}
	plan := &v1.TrafficPlanSpec{}
	g := &gathered{policy: thePolicy("shop", 0)}
	g.input.Previous = plan
	spec := v1.DecisionSpec{Changes: []v1.DecisionChange{{Cluster: "iad", ToState: v1.EndpointServing}, {Cluster: "fra", ToState: v1.EndpointDraining}}}
	d.actor(g, plan, v1.CauseDrain)(t.Context(), &spec)
	if spec.Actor != "kubectl-annotate" {
		t.Errorf("%q", spec.Actor)
	}
	if d.actor(g, plan, v1.CauseFailover) != nil {
		t.Error("nobody asks for a failover")
	}
}
