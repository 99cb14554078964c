package placement

import (
	"math"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// components reads "1xcpu=1,memory=2Gi 3xcpu=500m".
func components(text string) (out []workv1alpha2.Component) {
	for i, f := range strings.Fields(text) {
		n, requests, _ := strings.Cut(f, "x")
		c := workv1alpha2.Component{Name: string(rune('a' + i)), Replicas: targets("m:" + n)[0].Replicas}
		if requests != "" {
			c.ReplicaRequirements = &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: resources(strings.ReplaceAll(requests, ",", " "))}
		}
		out = append(out, c)
	}
	return out
}

func made(text string) func(*Input) {
	return func(in *Input) { in.Spec.Components = components(text) }
}

// offers gives the cluster that much that is free.
func offers(text string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: resources(text)}
	}
}

func TestPlaceComponents(t *testing.T) {
	one := func(p policy) policy { return spreadBy(p, "cluster", 1, 1) }
	job := made("1xcpu=1 3xcpu=2") // a set is 4 pods, 7 CPU
	sized := clusters{member("m1", offers("pods=50 cpu=6")), member("m2", offers("pods=50 cpu=15")), member("m3", offers("pods=3 cpu=90"))}
	run(t, map[string]golden{
		"the cluster with the most whole sets, no replicas":   {scene: scene{clusters: sized, policy: one(dup()), change: job}, want: "m2:0"},
		"whatever the strategy":                               {scene: scene{clusters: sized, policy: one(aggregated()), change: job}, want: "m2:0"},
		"static weights do not choose for sets":               {scene: scene{clusters: sized, policy: one(equal()), change: job}, want: "m2:0"},
		"replicas beside components do not count":             {scene: scene{clusters: sized, policy: one(dynamic()), replicas: 7, change: job}, want: "m2:0"},
		"no cluster has room for a set":                       {scene: scene{clusters: sized, policy: one(dynamic()), change: made("1xcpu=1 9xcpu=2")}, reason: refused, message: "no enough resource when selecting 1 cluster for a set of 2 components with 10 pods"},
		"a better estimate counts whole sets":                 {scene: scene{clusters: sized, policy: one(dup()), change: func(in *Input) { job(in); in.Estimates = map[string]int32{"m2": 0} }}, reason: refused, message: "no enough resource"},
		"the set that runs counts as room":                    {scene: scene{clusters: sized, policy: one(dup()), present: "m1:0", change: job}, want: "m1:0"},
		"in one of the regions":                               {scene: scene{clusters: clusters{member("m1", in("", "eu"), offers("pods=9 cpu=6")), member("m2", in("", "us"), offers("pods=9 cpu=8"))}, policy: spreadBy(one(dup()), "region", 1, 1), change: job}, want: "m2:0"},
		"an affinity with overflow: the nearest with room":    {scene: scene{clusters: sized, policy: one(overflow(terms(dynamic(), "home=m1"), "m2", "m3")), change: job}, want: "m2:0"},
		"divided over several clusters cannot be":             {scene: scene{clusters: sized, policy: dynamic(), change: job}, reason: refused, message: "spec.placement.spreadConstraints: Required value: a workload of several components (spec.components has 2) is not divided, it runs whole in one cluster: add {spreadByField: cluster, minGroups: 1, maxGroups: 1}"},
		"two clusters at most cannot be":                      {scene: scene{clusters: sized, policy: spreadBy(aggregated(), "cluster", 1, 2), change: job}, reason: refused, message: "runs whole in one cluster"},
		"duplicated, a whole set in each":                     {scene: scene{clusters: sized, policy: dup(), change: job}, want: "m1:0 m2:0 m3:0"},
		"components without replicas ask for nothing":         {scene: scene{clusters: members("m1"), policy: one(dup()), change: made("0xcpu=1 0xcpu=2")}, want: "m1:0"},
		"a negative number of replicas":                       {scene: scene{clusters: sized, policy: one(dup()), change: func(in *Input) { job(in); in.Spec.Components[1].Replicas = -1 }}, reason: refused, message: "spec.components[1].replicas"},
		"one component is an ordinary workload":               {scene: scene{clusters: clusters{member("m1", offers("pods=9 cpu=2")), member("m2", offers("pods=9 cpu=4"))}, policy: dynamic(), change: made("6xcpu=1")}, want: "m1:2 m2:4"},
		"one component without room":                          {scene: scene{clusters: sized[:1], policy: dynamic(), change: made("7xcpu=1")}, reason: noRoom, message: "there is room for 6 of 7 replicas"},
		"one component, duplicated":                           {scene: scene{clusters: sized, policy: dup(), change: made("3x")}, want: "m1:3 m2:3 m3:3"},
		"more pods than can be counted":                       {scene: scene{clusters: sized, policy: one(dup()), change: made("2147483647xcpu=9223372036854775807 2147483647xcpu=9223372036854775807")}, reason: refused, message: "no enough resource"},
		"what is assumed is not free for a set":               {scene: scene{clusters: sized[1:2], policy: one(dup()), change: func(in *Input) { job(in); in.Assumed = map[string]corev1.ResourceList{"m2": resources("pods=1 cpu=9")} }}, reason: refused, message: "no enough resource"},
		"what is assumed leaves room for a set: it is placed": {scene: scene{clusters: sized[1:2], policy: one(dup()), change: func(in *Input) { job(in); in.Assumed = map[string]corev1.ResourceList{"m2": resources("pods=1 cpu=8")} }}, want: "m2:0"},
	})
}

func TestPlacedComponentsAreNotDue(t *testing.T) {
	in := scene{policy: spreadBy(aggregated(), "cluster", 1, 1), present: "m1:0", replicas: 4, change: made("1xcpu=1 3xcpu=2")}.input()
	if replicasChanged(in.Spec) {
		t.Error("a set has no replicas to compare")
	}
	in.Spec.Components = in.Spec.Components[1:]
	in.Spec.Clusters = targets("m1:3")
	if replicasChanged(in.Spec) {
		t.Error("the replicas of the one component are placed")
	}
	in.Spec.Clusters = targets("m1:2")
	if !replicasChanged(in.Spec) {
		t.Error("the one component has a replica more than is placed")
	}
}

// roomFor is the room of a cluster with graded nodes.
func roomFor(grades []clusterv1alpha1.ResourceModel, counts []clusterv1alpha1.AllocatableModeling, total, assumed, replica, set string) int32 {
	c := member("m1", offers(total))
	c.Spec.ResourceModels, c.Status.ResourceSummary.AllocatableModelings = grades, counts
	spec := &workv1alpha2.ResourceBindingSpec{Replicas: 1, Components: components(set)}
	if replica != "" {
		spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: resources(replica)}
	}
	d := demandOf(spec)
	var s supply
	s.read(c, nil)
	return s.capacity(&d, resources(assumed))
}

func TestRoomOnNodes(t *testing.T) {
	grades := []clusterv1alpha1.ResourceModel{grade(0, "cpu=1 memory=1Gi"), grade(1, "cpu=4 memory=8Gi"), grade(2, "cpu=8 memory=16Gi")}
	counts := func(n ...int) (out []clusterv1alpha1.AllocatableModeling) {
		for i, count := range n {
			out = append(out, clusterv1alpha1.AllocatableModeling{Grade: uint(i), Count: count})
		}
		return out
	}
	tests := map[string]struct {
		counts                       []clusterv1alpha1.AllocatableModeling
		total, assumed, replica, set string
		want                         int32
	}{
		"nothing assumed":                              {counts: counts(0, 3, 0), replica: "cpu=2", want: 6},
		"as many as are assumed of the same size":      {counts: counts(0, 3, 0), assumed: "pods=2 cpu=4", replica: "cpu=2", want: 4},
		"small ones assumed are spread over the nodes": {counts: counts(0, 3, 0), assumed: "pods=3 cpu=300m", replica: "cpu=2", want: 3},
		"more small ones than nodes":                   {counts: counts(0, 3, 0), assumed: "pods=30 cpu=3", replica: "cpu=2", want: 3},
		"one assumed that fits no node takes one":      {counts: counts(0, 3, 0), assumed: "pods=1 cpu=16", replica: "cpu=2", want: 4},
		"more assumed than there is":                   {counts: counts(0, 3, 0), assumed: "pods=99 cpu=990", replica: "cpu=2", want: 0},
		"requests assumed without a number of pods":    {counts: counts(0, 1, 1), assumed: "cpu=8", replica: "cpu=4", want: 1},
		"assumed pods count by the total too":          {counts: counts(0, 3, 0), total: "pods=5", assumed: "pods=4", replica: "cpu=1m", want: 1},
		"of another resource only":                     {counts: counts(0, 3, 0), assumed: "memory=1Gi", replica: "cpu=2", want: 6},

		"a set on one node":                        {counts: counts(0, 1, 0), set: "1xcpu=1 3xcpu=1", want: 1},
		"a set over two nodes":                     {counts: counts(0, 2, 0), set: "1xcpu=3 1xcpu=3", want: 1},
		"the sum would suffice, the nodes do not":  {counts: counts(0, 4, 0), total: "pods=100 cpu=16", set: "2xcpu=3 1xcpu=2", want: 1},
		"small nodes are of no use for large pods": {counts: counts(50, 0, 1), set: "1xcpu=8 1xcpu=1", want: 1},
		"large ones first, small ones fill up":     {counts: counts(0, 2, 1), set: "1xcpu=8 8xcpu=1", want: 1},
		"many sets on many nodes":                  {counts: counts(0, 0, 1000), set: "1xcpu=4 2xcpu=2", want: 1000},
		"by the scarcer resource":                  {counts: counts(0, 2, 0), set: "1xcpu=1,memory=8Gi 1xcpu=1,memory=1Gi", want: 1},
		"pods bound the sets":                      {counts: counts(0, 0, 9), total: "pods=7", set: "1xcpu=1m 2xcpu=1m", want: 2},
		"a resource no grade knows: by the sum":    {counts: counts(0, 0, 9), total: "pods=70 cpu=9 gpu=5", set: "1xgpu=1 1xcpu=1", want: 5},
		"a set less what is assumed":               {counts: counts(0, 2, 0), assumed: "pods=2 cpu=2", set: "1xcpu=3 1xcpu=3", want: 1},
		"no set beside what is assumed":            {counts: counts(0, 2, 0), assumed: "pods=2 cpu=4", set: "1xcpu=3 1xcpu=3", want: 0},
		"sets that request nothing: by pods":       {counts: counts(0, 2, 0), set: "1x 1x", want: 110},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.total == "" {
				tt.total = "pods=100000 cpu=100000"
			}
			if got := roomFor(grades, tt.counts, tt.total, tt.assumed, tt.replica, tt.set); got != tt.want {
				t.Errorf("room for %d, want %d", got, tt.want)
			}
		})
	}
}

func TestRoomLessWhatIsAssumed(t *testing.T) {
	tests := map[string]struct {
		total, assumed, replica string
		want                    int32
	}{
		"pods":                           {total: "pods=10", assumed: "pods=4", want: 6},
		"pods and requests":              {total: "pods=10 cpu=8", assumed: "pods=1 cpu=3", replica: "cpu=1", want: 5},
		"a resource that is not asked":   {total: "pods=10 cpu=8", assumed: "pods=1 memory=3Gi", replica: "cpu=1", want: 8},
		"more than there is":             {total: "pods=10 cpu=8", assumed: "pods=99 cpu=99", replica: "cpu=1", want: 0},
		"a negative amount adds no room": {total: "pods=10", assumed: "pods=-5", want: 10},
		"huge amounts":                   {total: "pods=9223372036854775807 cpu=9223372036854775807", assumed: "pods=9223372036854775807", replica: "cpu=1m", want: 0},
		"without an end":                 {total: "pods=9223372036854775807 cpu=9223372036854775807", replica: "cpu=1m", want: math.MaxInt32},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := roomFor(nil, nil, tt.total, tt.assumed, tt.replica, ""); got != tt.want {
				t.Errorf("room for %d, want %d", got, tt.want)
			}
		})
	}
}
