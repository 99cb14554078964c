package failover

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// grouped prefers fra to iad and sin.
func grouped(b *workv1alpha2.ResourceBinding) *workv1alpha2.ResourceBinding {
	group := func(name string, clusters ...string) policyv1alpha1.ClusterAffinityTerm {
		return policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: clusters}}
	}
	b.Spec.Placement.ClusterAffinities = []policyv1alpha1.ClusterAffinityTerm{group("home", "fra"), group("abroad", "iad", "sin")}
	b.Status.SchedulerObservedAffinityName = "home"
	return b
}

// The group that failover chose is the one in use from then on, and the copies that wait in the group that
// was left are what the binding goes back to.
func TestTheGroupInUseFollowsFailoverThereAndBack(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), grouped(app("web", 0, "fra", 6)))
	want := func(group, placed string) {
		t.Helper()
		b := f.find("web")
		if got := placement.Targets(b.Spec.Clusters); got != placed || b.Status.SchedulerObservedAffinityName != group {
			t.Errorf("in %s of %q, want %s of %q", got, b.Status.SchedulerObservedAffinityName, placed, group)
		}
	}
	f.dies("fra")
	f.sleep(20 * time.Second)
	want("abroad", "{iad:3, sin:3}")
	f.report()
	f.returns("fra")
	f.report()
	f.sleep(4 * time.Minute)
	want("abroad", "{iad:3, sin:3}")
	f.sleep(2 * time.Minute)
	want("home", "{fra:6}")
	f.look()
	want("home", "{fra:6}")
}

// Who is back and is no longer wanted ends the way back: the binding stays where it is, in the group that it
// is in, whatever would be divided otherwise by now.
func TestTheGroupInUseStaysWhereNothingGoesBack(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), sized("oslo", 1), grouped(app("web", 0, "fra", 6)))
	f.dies("fra")
	f.sleep(20 * time.Second)
	f.edit("web", func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterAffinities[0].ClusterAffinity.ClusterNames = []string{"oslo"}
	})
	f.change("sin", func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary.Allocatable[corev1.ResourceCPU] = resource.MustParse("40")
	})
	f.report()
	f.returns("fra")
	f.report()
	f.sleep(6 * time.Minute)
	if b := f.find("web"); placement.Targets(b.Spec.Clusters) != "{iad:3, sin:3}" || b.Status.SchedulerObservedAffinityName != "abroad" || len(away(b)) > 0 {
		t.Errorf("in %s of %q, away from %v", placement.Targets(b.Spec.Clusters), b.Status.SchedulerObservedAffinityName, away(b))
	}
}

// Who takes room from others is in the group that lacked nothing else.
func TestTheGroupInUseAfterAPreemption(t *testing.T) {
	low := app("low", 0, "iad", 6)
	f := tellOf(t, sized("fra", 9), sized("iad", 7), sized("sin", 2), grouped(app("web", 9, "fra", 6)), low)
	f.dies("fra")
	f.sleep(20 * time.Second)
	if b := f.find("web"); b.Status.SchedulerObservedAffinityName != "abroad" || len(away(b)) != 1 {
		t.Errorf("in %s of %q", placement.Targets(b.Spec.Clusters), b.Status.SchedulerObservedAffinityName)
	}
}

type voters struct{}

func (voters) Witnesses(plan types.NamespacedName, cluster string) []health.Witness {
	if plan.Name != "web" || cluster != "fra" {
		return nil
	}
	return []health.Witness{{VantagePoint: "ns1", EndpointVerdict: trafficv1alpha1.EndpointVerdict{
		Cluster: cluster, Verdict: trafficv1alpha1.VerdictUnhealthy, Since: metav1.NewMicroTime(t0), Message: "timeout",
	}}}
}

// A decision about a lost cluster tells who saw it down, and since when.
func TestWhyAClusterWasTakenForLost(t *testing.T) {
	objs := append(application("web", trafficv1alpha1.Failover{}, map[string]string{"app": "web"}), webTemplate(),
		sized("fra", 9), sized("iad", 9), sized("sin", 9), app("web", 0, "fra", 6))
	f := tellOf(t, objs...)
	var got []trafficv1alpha1.DecisionInput
	f.evacuator.health = voters{}
	f.evacuator.record = func(_ workv1alpha2.Binding, cause placement.Cause, _ placement.Input, _ placement.Result, _ placement.Diagnosis, signals []trafficv1alpha1.DecisionInput) {
		if cause == CauseLost {
			got = signals
		}
	}
	f.dies("fra")
	f.sleep(20 * time.Second)
	at := metav1.NewMicroTime(t0)
	want := []trafficv1alpha1.DecisionInput{
		{Cluster: "fra", Signal: "DataPath", By: "ns1", Value: "Unhealthy", Since: &at, Message: "timeout"},
		{Cluster: "fra", Signal: "Quorum", Value: "Unhealthy", Since: &at},
		{Cluster: "fra", Signal: "ControlPlane", Value: "False", Since: &at, Message: "R"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b metav1.MicroTime) bool { return a.Time.Equal(b.Time) })); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
}
