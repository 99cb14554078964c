package placement

import (
	"fmt"
	"math"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Whatever a member reports and a user writes, a decision ends, with a reason.
func TestHostileInput(t *testing.T) {
	weird := func() clusters {
		negative := member("negative", offers("pods=-9223372036854775808 cpu=-9223372036854775808"))
		huge := member("huge", offers("pods=9223372036854775807 cpu=9223372036854775807"), in("p", "r", "z", "z", ""), label("rack", "a"))
		huge.Status.ResourceSummary.Allocated = resources("pods=-9223372036854775807 cpu=-9223372036854775807")
		broken := member("broken", pods(3))
		broken.Spec.ResourceModels = []clusterv1alpha1.ResourceModel{{Grade: 1, Ranges: []clusterv1alpha1.ResourceModelRange{{Name: "cpu", Min: resource.MustParse("-5")}}}}
		broken.Status.ResourceSummary.AllocatableModelings = []clusterv1alpha1.AllocatableModeling{{Grade: 1, Count: math.MaxInt}, {Grade: 1, Count: math.MaxInt}}
		return clusters{huge, nil, negative, broken, member("huge", pods(1)), member("empty")}
	}
	var rules policyv1alpha1.ClusterPreferences
	for i := range 10000 {
		rule := policyv1alpha1.StaticClusterWeight{Weight: math.MaxInt64 - int64(i), TargetCluster: set{LabelSelector: matchLabels("rack", fmt.Sprint(i))}}
		if i%2 == 0 {
			rule.TargetCluster = set{ClusterNames: []string{fmt.Sprintf("m%04d", i%1000), "huge"}}
		}
		rules.StaticWeightList = append(rules.StaticWeightList, rule)
	}
	policies := map[string]policy{
		"none": {}, "duplicated": dup(), "equal": equal(), "dynamic": dynamic(), "aggregated": aggregated(),
		"heavy":       static("huge=9223372036854775807 negative=1 broken=9223372036854775806"),
		"many rules":  divided("Weighted", &rules),
		"many groups": spreadByLabel(spreadBy(spreadBy(dynamic(), "cluster", 1, math.MaxInt), "region", math.MaxInt, 0), "rack", 1, math.MaxInt),
		"labels":      spreadByLabel(aggregated(), "rack", 0, 0),
		"no sense":    only(dup(), set{LabelSelector: matchLabels("", "\xff")}),
		"bad label":   spreadByLabel(dup(), "\x00 /", 1, 0),
		"zones":       spreadBy(spreadBy(dup(), "cluster", 0, 1), "zone", 0, 0),
	}
	for name, p := range policies {
		for _, replicas := range []int32{0, 1, math.MaxInt32} {
			t.Run(fmt.Sprintf("%s/%d", name, replicas), func(t *testing.T) {
				in := scene{clusters: weird(), policy: p, replicas: replicas, requests: true, present: "huge:2147483647 huge:2147483647 gone:-5 broken:-2147483648"}.input()
				in.Estimates = map[string]int32{"huge": math.MaxInt32, "empty": math.MinInt32}
				in.Assumed = map[string]corev1.ResourceList{"huge": resources("pods=9223372036854775807 cpu=-1"), "broken": resources("pods=9223372036854775807 cpu=9223372036854775807")}
				in.Groups.Affinity = []Peer{{}, {Name: "x", Clusters: []string{"", "huge"}}}
				in.Advice = []Advice{{Weight: math.MinInt64, Opinions: map[string]Opinion{"huge": {Score: math.MinInt64}}}}
				for _, change := range []func(){func() {}, func() { in.Fresh = true }, func() { in.Spec.Components = components("2147483647xcpu=1 2147483647x") }, func() { in.Snapshot = NewSnapshot(in.Clusters, nil) }} {
					change()
					result, d := Place(in)
					if d.Reason == "" || d.Message == "" {
						t.Errorf("no reason: %+v", d)
					}
					for _, c := range result.Clusters {
						if d.Fits() && c.Replicas < 0 {
							t.Errorf("placed %s", Targets(result.Clusters))
						}
					}
					d.Steps()
					Counterfactual(in, result, d)
					InputHash(in)
				}
			})
		}
	}
}
