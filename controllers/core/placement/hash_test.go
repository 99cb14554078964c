package placement

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestInputHash(t *testing.T) {
	fleet := func(change func(m1 *clusterv1alpha1.Cluster)) clusters {
		m1 := member("m1", label("env", "prod"), label("a", "b"), in("aws", "eu", "za", "zb"), pods(5))
		change(m1)
		return clusters{m1, member("m2", pods(4))}
	}
	of := func(p policy, change func(in *Input), m1 func(*clusterv1alpha1.Cluster)) string {
		in := scene{clusters: fleet(m1), policy: p, replicas: 3, present: "m1:1 m2:1"}.input()
		change(&in)
		return InputHash(in)
	}
	same, sameCluster := func(*Input) {}, func(*clusterv1alpha1.Cluster) {}
	room := func(c *clusterv1alpha1.Cluster) { pods(7)(c) }
	tests := map[string]struct {
		policy  policy
		change  func(in *Input)
		cluster func(*clusterv1alpha1.Cluster)
		equal   bool
	}{
		"nothing":               {dynamic(), same, sameCluster, true},
		"the order of clusters": {dynamic(), func(in *Input) { slices.Reverse(in.Clusters) }, sameCluster, true},
		"the order of targets":  {dynamic(), func(in *Input) { slices.Reverse(in.Spec.Clusters) }, sameCluster, true},
		"a snapshot":            {dynamic(), func(in *Input) { in.Snapshot = NewSnapshot(in.Clusters, nil) }, sameCluster, true},
		"versions and heartbeats": {dynamic(), same, func(c *clusterv1alpha1.Cluster) {
			c.ResourceVersion = "9"
			c.Status.Conditions = []metav1.Condition{{Type: "Ready", LastTransitionTime: metav1.NewTime(time.Unix(5, 0))}}
		}, true},
		"another API": {dynamic(), same, func(c *clusterv1alpha1.Cluster) {
			c.Status.APIEnablements = append(c.Status.APIEnablements, clusterv1alpha1.APIEnablement{GroupVersion: "x/v1"})
		}, true},
		"room that is not read":     {equal(), same, room, true},
		"room that is read":         {dynamic(), same, room, false},
		"room as an estimate":       {dynamic(), func(in *Input) { in.Estimates = map[string]int32{"m1": 1} }, sameCluster, false},
		"an estimate of no concern": {dynamic(), func(in *Input) { in.Estimates = map[string]int32{"m1": 50, "x": 1} }, sameCluster, true},
		"room that is assumed":      {dynamic(), func(in *Input) { in.Assumed = map[string]corev1.ResourceList{"m1": resources("pods=1")} }, sameCluster, false},
		"the API in question":       {dynamic(), same, noAPIs, false},
		"a label":                   {dynamic(), same, label("env", "dev"), false},
		"a region":                  {dynamic(), same, in("aws", "us", "za", "zb"), false},
		"a taint":                   {dynamic(), same, taint("a", "", noSchedule), false},
		"a deletion":                {dynamic(), same, dying, false},
		"replicas":                  {dynamic(), func(in *Input) { in.Spec.Replicas = 4 }, sameCluster, false},
		"a target":                  {dynamic(), func(in *Input) { in.Spec.Clusters = targets("m1:2") }, sameCluster, false},
		"an exclusion":              {dynamic(), func(in *Input) { in.Exclude = sets.New("m1") }, sameCluster, false},
		"a fresh start":             {dynamic(), func(in *Input) { in.Fresh = true }, sameCluster, false},
		"an eviction": {dynamic(), func(in *Input) {
			in.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "m1"}}
		}, sameCluster, false},
		"the affinity in use":          {dynamic(), func(in *Input) { in.Status.SchedulerObservedAffinityName = "x" }, sameCluster, false},
		"the UID":                      {dynamic(), func(in *Input) { in.Spec.Resource.UID = odd }, sameCluster, false},
		"a peer":                       {dynamic(), func(in *Input) { in.Groups.Affinity = peersOf("db=m1") }, sameCluster, false},
		"advice":                       {dynamic(), advises("a", 1, map[string]Opinion{"m1": {Score: 1}}), sameCluster, false},
		"the policy":                   {dynamic(), func(in *Input) { p := aggregated(); in.Spec.Placement = &p }, sameCluster, false},
		"a policy that makes no sense": {dynamic(), func(in *Input) { p := divided("Random", nil); in.Spec.Placement = &p }, sameCluster, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := of(tt.policy, same, sameCluster) == of(tt.policy, tt.change, tt.cluster); got != tt.equal {
				t.Errorf("equal %v, want %v", got, tt.equal)
			}
		})
	}
	if got := of(dynamic(), same, sameCluster); len(got) != 16 {
		t.Errorf("hash %q", got)
	}
}

// Inputs of equal hash are placed equally.
func TestEqualHashEqualPlacement(t *testing.T) {
	seen := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		in := drawScene(t).input()
		result, d := Place(in)
		placed := d.Reason + Targets(result.Clusters)
		hash := InputHash(in)
		if before, known := seen[hash]; known && before != placed {
			t.Fatalf("%s and %s", before, placed)
		}
		seen[hash] = placed
	})
}
