package scheduler

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// What one decision reserved the next counts with, until it is known that it was not written.
func TestReserve(t *testing.T) {
	iad := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "iad"}}
	iad.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Kind: "Deployment"}}}}
	iad.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue}}
	iad.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourcePods: resource.MustParse("50")},
		Allocated:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourcePods: resource.MustParse("2")},
	}
	unknown := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "sin"}}
	p := PlacerOver(fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(iad, unknown).Build())
	app := func(name string, replicas int32) *workv1alpha2.ResourceBinding {
		b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
		b.Spec.Replicas = replicas
		b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}
		b.Spec.Placement = &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
			ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceAggregated,
		}}
		return b
	}
	ctx, now := context.Background(), time.Unix(1000, 0)
	reserve := func(b *workv1alpha2.ResourceBinding) Reserved {
		t.Helper()
		r, err := p.Reserve(ctx, b, placement.Bounds{}, false, now)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	free := func(want string) {
		t.Helper()
		got, err := p.Free(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if q := got["iad"][corev1.ResourceCPU]; q.String() != want || len(got) != 1 {
			t.Errorf("free: %v, want %s in iad", got, want)
		}
	}
	free("6")
	four := reserve(app("four", 4))
	if got := placement.Targets(four.Result.Clusters); got != "{iad:4}" {
		t.Fatalf("placed on %s: %s", got, four.Diagnosis.Message)
	}
	free("2")
	if three := reserve(app("three", 3)); three.Diagnosis.Fits() {
		t.Errorf("three more fit as well: %v", three.Result)
	}
	four.Settle(0) // it was not written
	free("6")
	three := reserve(app("three", 3))
	three.Settle(7)
	free("3")
	settle := p.Take(app("more", 5), []workv1alpha2.TargetCluster{{Name: "iad", Replicas: 5}}, now)
	free("-2")
	settle(0)
	free("3")
}
