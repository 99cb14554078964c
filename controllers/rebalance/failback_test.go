package rebalance

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func member(name string, pods int64) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}}
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(pods, resource.DecimalSI)}}
	return c
}

// schedule does what the scheduler does with a binding, all of it pure but for the time.
func schedule(t *testing.T, b *workv1alpha2.ResourceBinding, now time.Time, clusters ...*clusterv1alpha1.Cluster) placement.Cause {
	t.Helper()
	applied, err := placement.AppliedPlacement(b.Spec.Placement)
	if err != nil {
		t.Fatal(err)
	}
	cause := placement.Due(&b.Spec, &b.Status, applied, sets.New[string](), nil)
	if cause == placement.NotDue {
		return cause
	}
	result, diagnosis := placement.Place(placement.Input{Clusters: clusters, Spec: &b.Spec, Status: &b.Status})
	if !diagnosis.Fits() {
		t.Fatalf("not placed (%s): %s", cause, diagnosis.Message)
	}
	b.Spec.Clusters, b.Status.SchedulerObservedAffinityName = result.Clusters, result.AffinityName
	b.Status.LastScheduledTime = &metav1.Time{Time: now.Truncate(time.Second)}
	b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionTrue}}
	return cause
}

// A workload that went to its second affinity group returns to the first when a rebalancer asks for
// it, and not before.
func TestFailbackByHand(t *testing.T) {
	for name, preference := range map[string]policyv1alpha1.ReplicaDivisionPreference{
		"aggregated":    policyv1alpha1.ReplicaDivisionPreferenceAggregated,
		"static weight": policyv1alpha1.ReplicaDivisionPreferenceWeighted,
	} {
		t.Run(name, func(t *testing.T) {
			b := binding("web", nil)
			b.Spec.Replicas = 4
			b.Spec.Placement = &policyv1alpha1.Placement{
				ClusterAffinities: []policyv1alpha1.ClusterAffinityTerm{
					{AffinityName: "home", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"home"}}},
					{AffinityName: "away", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"away"}}},
				},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: preference},
			}
			b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "home"}}
			home, away := member("home", 9), member("away", 9)
			var story []string
			tell := func(cause placement.Cause) {
				if cause == placement.NotDue {
					cause = "stays"
				}
				story = append(story, strings.Join([]string{string(cause), b.Status.SchedulerObservedAffinityName, placement.Targets(b.Spec.Clusters)}, " "))
			}
			tell(schedule(t, b, t0.Add(-time.Hour), home, away))
			b.Spec.GracefulEvictionTasks = nil // the cluster is back
			tell(schedule(t, b, t0.Add(-time.Minute), home, away))

			w := newWorld(t, rebalancer(deployment("web")), b)
			w.settle()
			w.get(client.ObjectKeyFromObject(b), b)
			tell(schedule(t, b, t0.Add(2*time.Second), home, away))
			tell(schedule(t, b, t0.Add(3*time.Second), home, away))

			want := []string{"ScaleSchedule away {away:4}", "stays away {away:4}", "Reschedule home {home:4}", "stays home {home:4}"}
			if diff := cmp.Diff(want, story); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What stands in a cluster because it was added first is divided anew.
func TestRebalancingDividesFromScratch(t *testing.T) {
	b := binding("web", nil)
	b.Spec.Replicas = 6
	b.Spec.Placement = &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
		WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas}}}
	schedule(t, b, t0.Add(-time.Hour), member("old", 6))
	w := newWorld(t, rebalancer(deployment("web")), b)
	w.settle()
	w.get(client.ObjectKeyFromObject(b), b)
	// The old cluster is full: with what it runs it weighs 6, as the new one does.
	cause := schedule(t, b, t0.Add(time.Second), member("old", 0), member("new", 6))
	if got := placement.Targets(b.Spec.Clusters); cause != placement.CauseTriggered || got != "{new:3, old:3}" {
		t.Errorf("%s %s, want Reschedule {new:3, old:3}", cause, got)
	}
}
