package placement

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestCounterfactual(t *testing.T) {
	requests := func(text string) func(*Input) {
		return func(in *Input) {
			in.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: resources(text)}
		}
	}
	withLabels := func(s *metav1.LabelSelector) policy { return only(dup(), set{LabelSelector: s}) }
	ab := members("m1 m2")
	tests := map[string]struct {
		scene
		want string
	}{
		"every cluster is a target":     {scene{clusters: ab, policy: dup(), replicas: 1}, ""},
		"a taint":                       {scene{clusters: clusters{member("m1"), member("m2", taint("gpu", "yes", noSchedule))}, policy: dup(), replicas: 2}, "m2 would get 2 replicas if its taint gpu=yes:NoSchedule were tolerated."},
		"two taints":                    {scene{clusters: clusters{member("m2", taint("a", "", noSchedule), taint("b", "", noExecute))}, policy: dup(), replicas: 2}, "m2 would get 2 replicas if its taints a:NoSchedule and b:NoExecute were tolerated."},
		"a taint that is not all: none": {scene{clusters: clusters{member("m2", taint("a", "", noSchedule), noRoomAtAll)}, policy: dynamic(), replicas: 2}, ""},
		"a label":                       {scene{clusters: clusters{member("m1", label("env", "prod")), member("m2")}, policy: withLabels(matchLabels("env", "prod")), replicas: 1}, "m2 would get 1 replica if its label env were prod."},
		"a label of another value":      {scene{clusters: clusters{member("m1", label("env", "prod")), member("m2", label("env", "dev"))}, policy: withLabels(matchLabels("env", "prod")), replicas: 1}, "m2 would get 1 replica if its label env were prod, not dev."},
		"a label that must not be":      {scene{clusters: clusters{member("m1"), member("m2", label("old", "1"))}, policy: withLabels(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "old", Operator: metav1.LabelSelectorOpDoesNotExist}}}), replicas: 1}, "m2 would get 1 replica if it had no label old=1."},
		"a label that must be":          {scene{clusters: clusters{member("m2")}, policy: withLabels(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "new", Operator: metav1.LabelSelectorOpExists}}}), replicas: 1}, "m2 would get 1 replica if its label new were true."},
		"two labels: no single change":  {scene{clusters: clusters{member("m2")}, policy: withLabels(matchLabels("a", "1", "b", "2")), replicas: 1}, ""},
		"a name":                        {scene{clusters: ab, policy: only(dup(), named("m1")), config: true}, "m2 would be a target if it were listed in clusterNames."},
		"an excluded name":              {scene{clusters: ab, policy: only(dup(), set{ExcludeClusters: []string{"m2"}}), replicas: 1}, "m2 would get 1 replica if it were not listed in exclude."},
		"a region":                      {scene{clusters: clusters{member("m1", in("", "eu")), member("m2", in("", "us"))}, policy: only(dup(), where("region", corev1.NodeSelectorOpIn, "eu")), replicas: 1}, "m2 would get 1 replica if fieldSelector allowed its region."},
		"an API":                        {scene{clusters: clusters{member("m1"), member("m2", noAPIs)}, policy: dup(), replicas: 1}, "m2 would get 1 replica if it served apps/v1 Deployment."},
		"a lost cluster":                {scene{clusters: ab, policy: dup(), replicas: 1, exclude: "m2"}, "m2 would get 1 replica if it were not lost."},
		"a cluster being deleted":       {scene{clusters: clusters{member("m1"), member("m2", dying)}, policy: dup(), replicas: 1}, "m2 would get 1 replica if it were not being deleted."},
		"an algorithm":                  {scene{clusters: ab, policy: dup(), replicas: 1, change: advises("cost", 1, map[string]Opinion{"m2": {Excluded: true}})}, "m2 would get 1 replica if plugin/cost did not exclude it."},
		"another workload is missing":   {scene{clusters: ab, policy: dup(), replicas: 1, change: func(in *Input) { in.Groups.Affinity = peersOf("db=m1") }}, "m2 would get 1 replica if db ran there too."},
		"another workload is there":     {scene{clusters: ab, policy: dup(), replicas: 1, change: func(in *Input) { in.Groups.AntiAffinity = peersOf("batch=m2") }}, "m2 would get 1 replica if batch did not run there."},
		"a bound on clusters":           {scene{clusters: ab, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 1}, "m2 would get 1 replica if maxGroups by cluster were 2."},
		"a label to spread by":          {scene{clusters: clusters{member("m1", label("rack", "a")), member("m2")}, policy: spreadByLabel(dup(), "rack", 1, 0), replicas: 1}, "m2 would get 1 replica if its label rack were a."},
		"a region to spread by":         {scene{clusters: clusters{member("m1", in("", "eu")), member("m2")}, policy: spreadBy(spreadBy(dup(), "cluster", 1, 0), "region", 1, 0), replicas: 1}, "m2 would get 1 replica if its region were eu."},
		"a weight":                      {scene{clusters: ab, policy: static("m1=3"), replicas: 4}, "m2 would get 1 replica if a rule of staticWeightList gave it the weight 1."},
		"a weight as large as others":   {scene{clusters: ab, policy: static("m1=100"), replicas: 4}, "m2 would get 2 replicas if a rule of staticWeightList gave it the weight 100."},
		"what was kept":                 {scene{clusters: clusters{member("m1", pods(4)), member("m2", pods(4))}, policy: dynamic(), replicas: 2, present: "m1:2"}, "m2 would get 1 replica if the workload were rescheduled, with nothing kept of the present division."},
		"CPU for one":                   {scene{clusters: clusters{member("m1", offers("pods=9 cpu=4")), member("m2", offers("pods=9 cpu=500m"))}, policy: dynamic(), replicas: 3, change: requests("cpu=1")}, "m2 would get 1 replica if it had 500m more cpu."},
		"pods":                          {scene{clusters: clusters{member("m1", pods(3))}, policy: dynamic(), replicas: 5}, "m1 would get 5 replicas if it had 2 more pods."},
		"CPU and memory":                {scene{clusters: clusters{member("m1", offers("pods=9 cpu=2 memory=2Gi"))}, policy: dynamic(), replicas: 5, change: requests("cpu=1 memory=1Gi")}, "m1 would get 5 replicas if it had room for 3 replicas more."},
		"memory beside what is assumed": {scene{clusters: clusters{member("m1", offers("pods=9 memory=4Gi"))}, policy: dynamic(), replicas: 4, change: func(in *Input) {
			requests("memory=1Gi")(in)
			in.Assumed = map[string]corev1.ResourceList{"m1": resources("pods=1 memory=2Gi")}
		}}, "m1 would get 4 replicas if it had 2Gi more memory."},
		"room that an estimate denies": {scene{clusters: clusters{member("m1", pods(9))}, policy: dynamic(), replicas: 4, change: func(in *Input) { in.Estimates = map[string]int32{"m1": 1} }}, "m1 would get 4 replicas if it had room for 3 replicas more."},
		"to be the roomiest":           {scene{clusters: clusters{member("m1", pods(5)), member("m2", pods(4))}, policy: aggregated(), replicas: 3}, "m2 would get 3 replicas if it had 2 more pods."},
		"a whole set":                  {scene{clusters: clusters{member("m1", offers("pods=9 cpu=6"))}, policy: spreadBy(dup(), "cluster", 1, 1), change: made("1xcpu=1 3xcpu=2")}, "m1 would be a target if it had 1 more cpu."},
		"no clusters":                  {scene{policy: dup(), replicas: 1}, ""},
		"a policy that cannot be read": {scene{clusters: ab, policy: divided("Random", nil), replicas: 1}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := tt.input()
			result, d := Place(in)
			if got := Counterfactual(in, result, d); got != tt.want {
				t.Errorf("%q, want %q (%s)", got, tt.want, d.Message)
			}
		})
	}
}

// noRoomAtAll gives the cluster a summary without room.
func noRoomAtAll(c *clusterv1alpha1.Cluster) {
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}
}

// It changes nothing, says the same of the same, and never of a cluster that is not there.
func TestCounterfactualIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		in := s.input()
		result, d := Place(in)
		before, was := in.Spec.DeepCopy(), len(in.Clusters)
		first := Counterfactual(in, result, d)
		if again := Counterfactual(in, result, d); again != first {
			t.Fatalf("%q, then %q", first, again)
		}
		if after, _ := Place(in); Targets(after.Clusters) != Targets(result.Clusters) || len(in.Clusters) != was || before.Replicas != in.Spec.Replicas {
			t.Fatal("the input changed")
		}
		for _, c := range in.Clusters {
			if v := c.Spec.Zone; v != "" {
				t.Fatal("a cluster changed")
			}
		}
		prepared := in
		prepared.Snapshot, prepared.Clusters = NewSnapshot(in.Clusters, nil), nil
		if again := Counterfactual(prepared, result, d); again != first {
			t.Fatalf("%q, with a snapshot %q", first, again)
		}
	})
}
