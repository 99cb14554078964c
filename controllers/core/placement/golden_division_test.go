package placement

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Webster: one by one to the greatest quotient; of equal ones to that with fewer seats, then by name,
// ascending for an even UID.
func TestGoldenWebster(t *testing.T) {
	two, three, four := members("m1 m2"), members("m1 m2 m3"), members("m1 m2 m3 m4")
	abc := static("m1=5 m2=3 m3=1") // 5 1.67 1 .71 .56 .45, 3 1 .6 .43, 1 .33
	run(t, map[string]golden{
		"5:3:1 of 1":                         goldenRow(three, abc, 1, "", "m1:1"),
		"5:3:1 of 2":                         goldenRow(three, abc, 2, "", "m1:1 m2:1"),
		"5:3:1 of 3":                         goldenRow(three, abc, 3, "", "m1:2 m2:1"),
		"5:3:1 of 4: at 1 none has fewer":    goldenRow(three, abc, 4, "", "m1:2 m2:1 m3:1"),
		"5:3:1 of 5: at 1 one has fewer":     goldenRow(three, abc, 5, "", "m1:2 m2:2 m3:1"),
		"5:3:1 of 6: at 1 the last one":      goldenRow(three, abc, 6, "", "m1:3 m2:2 m3:1"),
		"5:3:1 of 7":                         goldenRow(three, abc, 7, "", "m1:4 m2:2 m3:1"),
		"5:3:1 of 8":                         goldenRow(three, abc, 8, "", "m1:4 m2:3 m3:1"),
		"5:3:1 of 9: the weights themselves": goldenRow(three, abc, 9, "", "m1:5 m2:3 m3:1"),
		"5:3:1 of 10":                        goldenRow(three, abc, 10, "", "m1:6 m2:3 m3:1"),
		"5:3:1 of 4, odd: seats before name": goldenRow(three, abc, 4, "", "m1:2 m2:1 m3:1").oddUID(),
		"5:3:1 of 90: ten times":             goldenRow(three, abc, 90, "", "m1:50 m2:30 m3:10"),
		"100:1 of 50: 100/99 is more than 1": goldenRow(two, static("m1=100 m2=1"), 50, "", "m1:50"),
		"100:1 of 51: 100/101 is less":       goldenRow(two, static("m1=100 m2=1"), 51, "", "m1:50 m2:1"),
		"7:2 of 4":                           goldenRow(two, static("m1=7 m2=2"), 4, "", "m1:3 m2:1"), // 7 2.3 1.4, 2
		"7:2 of 2: 7/3 is more than 2":       goldenRow(two, static("m1=7 m2=2"), 2, "", "m1:2"),
		"2:2:1 of 3":                         goldenRow(three, static("m1,m2=2 m3=1"), 3, "", "m1:1 m2:1 m3:1"),
		"2:2:1 of 4, even":                   goldenRow(three, static("m1,m2=2 m3=1"), 4, "", "m1:2 m2:1 m3:1"),
		"2:2:1 of 4, odd":                    goldenRow(three, static("m1,m2=2 m3=1"), 4, "", "m1:1 m2:2 m3:1").oddUID(),
		"1:1:2 of 2, even":                   goldenRow(three, static("m1,m2=1 m3=2"), 2, "", "m1:1 m3:1"),
		"1:1:2 of 2, odd":                    goldenRow(three, static("m1,m2=1 m3=2"), 2, "", "m2:1 m3:1").oddUID(),
		"one over four, even":                goldenRow(four, equal(), 1, "", "m1:1"),
		"one over four, odd":                 goldenRow(four, equal(), 1, "", "m4:1").oddUID(),
		"six over four, even":                goldenRow(four, equal(), 6, "", "m1:2 m2:2 m3:1 m4:1"),
		"six over four, odd":                 goldenRow(four, equal(), 6, "", "m1:1 m2:1 m3:2 m4:2").oddUID(),
		"names go by bytes: m10 before m2":   goldenRow(members("m2 m10"), equal(), 3, "", "m10:2 m2:1"),
	})
}

func TestGoldenStaticRules(t *testing.T) {
	world := clusters{member("m1", in("", "eu"), label("env", "prod")), member("m2", in("", "eu")), member("m3", in("", "us"))}
	rules := func(ws ...policyv1alpha1.StaticClusterWeight) policy {
		return divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted, &policyv1alpha1.ClusterPreferences{StaticWeightList: ws})
	}
	weigh := func(a set, w int64) policyv1alpha1.StaticClusterWeight {
		return policyv1alpha1.StaticClusterWeight{TargetCluster: a, Weight: w}
	}
	prod, eu, every := set{LabelSelector: matchLabels("env", "prod")}, where("region", corev1.NodeSelectorOpIn, "eu"), set{}
	both := static("m1=1")
	both.ReplicaScheduling.WeightPreference.DynamicWeight = policyv1alpha1.DynamicWeightByAvailableReplicas
	run(t, map[string]golden{
		"by label":                                  goldenRow(world, rules(weigh(prod, 1), weigh(named("m3"), 1)), 2, "", "m1:1 m3:1"),
		"by field":                                  goldenRow(world, rules(weigh(eu, 1)), 4, "", "m1:2 m2:2"),
		"an empty target is every cluster":          goldenRow(world, rules(weigh(every, 1)), 3, "", "m1:1 m2:1 m3:1"),
		"the greatest of all rules that match":      goldenRow(world, rules(weigh(every, 1), weigh(eu, 2), weigh(prod, 3)), 6, "", "m1:3 m2:2 m3:1"),
		"the greatest, in whatever order":           goldenRow(world, rules(weigh(prod, 3), weigh(eu, 2), weigh(every, 1)), 6, "", "m1:3 m2:2 m3:1"),
		"not the sum of them":                       goldenRow(world[:2], rules(weigh(every, 2), weigh(prod, 2)), 4, "", "m1:2 m2:2"),
		"excluded from a rule":                      goldenRow(world, rules(weigh(set{ExcludeClusters: []string{"m2"}}, 1)), 2, "", "m1:1 m3:1"),
		"no rule matches: equal":                    goldenRow(world, rules(weigh(named("gone"), 9)), 3, "", "m1:1 m2:1 m3:1"),
		"the only one with a rule is out: equal":    goldenRow(world, static("m1=9"), 4, "", "m2:2 m3:2").without("m1"),
		"a present target without a rule is left":   goldenRow(world, static("m1=1"), 2, "m1:1 m2:1", "m1:2"),
		"a list and dynamicWeight: by room":         goldenRow(goldenWorld("m1:2 m2:4"), both, 3, "", "m1:1 m2:2"),
		"from scratch, whatever runs":               goldenRow(world, equal(), 3, "m1:3", "m1:1 m2:1 m3:1"),
		"from scratch, when less is wanted":         goldenRow(world, equal(), 3, "m1:1 m3:4", "m1:1 m2:1 m3:1"),
		"from scratch, the UID decides":             goldenRow(world, equal(), 4, "m1:2 m2:1 m3:1", "m1:1 m2:1 m3:2").oddUID(),
		"room does not count":                       goldenRow(goldenWorld("m1:0 m2:0"), equal(), 4, "", "m1:2 m2:2"),
		"what gets nothing is kept empty on demand": goldenRow(world, static("m1=1"), 2, "", "m1:2 m2:0 m3:0").keepingEmpty(),
	})
}

// Steady: what runs stays. More is divided over the room that is left, less by what the clusters have.
func TestGoldenDynamicModes(t *testing.T) {
	world := goldenWorld("m1:5 m2:3 m3:2") // 5 1.67 1 .71 .56, 3 1 .6, 2 .67
	p := dynamic()
	run(t, map[string]golden{
		"5 by room 5:3:2: fewer seats win the tie": goldenRow(world, p, 5, "", "m1:2 m2:2 m3:1"),
		"6 by room":                                  goldenRow(world, p, 6, "", "m1:3 m2:2 m3:1"),
		"9 by room":                                  goldenRow(world, p, 9, "", "m1:4 m2:3 m3:2"),
		"10 by room: full":                           goldenRow(world, p, 10, "", "m1:5 m2:3 m3:2"),
		"11: no room":                                goldenRow(world, p, 11, "", "").fails(noRoom),
		"more: only the new ones are divided":        goldenRow(world, p, 6, "m1:1", "m1:3 m2:2 m3:1"),
		"more: what runs does not weigh":             goldenRow(world, p, 9, "m3:4", "m1:2 m2:2 m3:5"),
		"more: to the last place":                    goldenRow(world, p, 14, "m3:4", "m1:5 m2:3 m3:6"),
		"more: one place short":                      goldenRow(world, p, 15, "m3:4", "m3:4").fails(noRoom),
		"less: by what runs":                         goldenRow(world, p, 5, "m1:5 m2:3 m3:2", "m1:2 m2:2 m3:1"),
		"less: room does not weigh":                  goldenRow(world, p, 2, "m2:2 m3:2", "m2:1 m3:1"),
		"less: to one":                               goldenRow(world, p, 1, "m1:5 m2:3 m3:2", "m1:1"),
		"less: to one of equals, even":               goldenRow(world, p, 1, "m1:2 m2:2", "m1:1"),
		"less: to one of equals, odd":                goldenRow(world, p, 1, "m1:2 m2:2", "m2:1").oddUID(),
		"less: to none":                              goldenRow(world, p, 0, "m1:2 m2:2", "").requesting(),
		"less: to none, kept empty":                  goldenRow(world, p, 0, "m1:2 m2:2", "m1:0 m2:0 m3:0").requesting().keepingEmpty(),
		"as many: nothing moves":                     goldenRow(world, p, 4, "m3:4", "m3:4"),
		"as many: nothing moves to a lighter one":    goldenRow(goldenWorld("m1:0 m2:99"), p, 4, "m1:4", "m1:4"),
		"what ran outside of the affinity is new":    goldenRow(goldenWorld("m1:9 m2:2 m3:6"), only(p, named("m2 m3")), 5, "m1:4 m2:1", "m2:2 m3:3"),   // 4 new: 2, 6 2 1.2
		"what ran in a dying cluster is new":         goldenRow(append(goldenWorld("m2:2 m3:6"), member("m1", dying)), p, 5, "m1:4 m2:1", "m2:2 m3:3"), // the same
		"what ran in a cluster that is gone is new":  goldenRow(goldenWorld("m2:2 m3:6"), p, 5, "gone:4 m2:1", "m2:2 m3:3"),
		"more than wanted is left elsewhere: down":   goldenRow(world, p, 3, "gone:4 m1:4 m2:2", "m1:2 m2:1"), // 4 1.3, 2
		"as many as wanted are left elsewhere":       goldenRow(world, p, 3, "gone:4 m1:1 m2:2", "m1:1 m2:2"),
		"afresh: room and what runs weigh":           goldenRow(world, p, 5, "m3:4", "m1:2 m2:1 m3:2").afresh(), // 5 1.67 1, 3 1, 6 2 1.2
		"afresh: as much as there is":                goldenRow(goldenWorld("m1:1 m2:1"), p, 5, "m1:3", "m1:4 m2:1").afresh(),
		"afresh: one place short":                    goldenRow(goldenWorld("m1:1 m2:1"), p, 6, "m1:3", "m1:3").afresh().fails(noRoom),
		"asked to reschedule since it was scheduled": goldenRow(world, p, 5, "m3:4", "m1:2 m2:1 m3:2").given(goldenTriggered(9, 8)),
		"asked to reschedule before it was":          goldenRow(world, p, 4, "m3:4", "m3:4").given(goldenTriggered(8, 9)),
		"no requests, no replicas: no workload":      goldenRow(goldenWorld("m1:0"), p, 0, "m1:3", "m1:0"),
		"the smaller estimate counts":                goldenRow(world, p, 4, "", "m1:1 m2:2 m3:1").given(goldenEstimates("m1", 1)), // 1, 3 1 .6, 2 .67: the tie at 1 is the 3rd and 4th seat
		"a larger estimate does not":                 goldenRow(world, p, 10, "", "m1:5 m2:3 m3:2").given(goldenEstimates("m1", 99)),
		"an estimate of none keeps it out":           goldenRow(world, p, 5, "", "m2:3 m3:2").given(goldenEstimates("m1", 0)),
		"an estimate of none takes nothing away":     goldenRow(world, p, 6, "m1:4", "m1:4 m2:1 m3:1").given(goldenEstimates("m1", 0)),
		"an unauthentic estimate is passed over":     goldenRow(world, p, 10, "", "m1:5 m2:3 m3:2").given(goldenEstimates("m1", -1)),
	})
}

func goldenTriggered(asked, scheduled int64) func(*Input) {
	return func(in *Input) {
		a, s := metav1.Unix(asked, 0), metav1.Unix(scheduled, 0)
		in.Spec.RescheduleTriggeredAt, in.Status.LastScheduledTime = &a, &s
	}
}

func goldenEstimates(name string, n int32) func(*Input) {
	return func(in *Input) { in.Estimates = map[string]int32{name: n} }
}

// Aggregated: the roomiest first, as many clusters as it takes, and then by room over these.
func TestGoldenAggregatedModes(t *testing.T) {
	world, equals := goldenWorld("m1:4 m2:6 m3:2"), goldenWorld("m1:3 m2:3 m3:3")
	p := aggregated()
	run(t, map[string]golden{
		"one is enough":                            goldenRow(world, p, 5, "", "m2:5"),
		"two share by room":                        goldenRow(world, p, 8, "", "m1:3 m2:5"),       // 6 2 1.2 .86 .67, 4 1.3 .8
		"all":                                      goldenRow(world, p, 11, "", "m1:4 m2:5 m3:2"), // 6 .. .67 .55, 4 .. .57, 2 .67
		"no room":                                  goldenRow(world, p, 13, "", "").fails(noRoom),
		"equal room: the first by name":            goldenRow(equals, p, 3, "", "m1:3"),
		"equal room: the first by name, odd":       goldenRow(equals, p, 3, "", "m1:3").oddUID(),
		"equal room: the first two, even":          goldenRow(equals, p, 5, "", "m1:3 m2:2"),
		"equal room: the first two, odd":           goldenRow(equals, p, 5, "", "m1:2 m2:3").oddUID(),
		"more: where it runs":                      goldenRow(world, p, 3, "m1:1 m3:1", "m1:2 m3:1"),
		"more: where it runs, the roomiest first":  goldenRow(world, p, 5, "m1:1 m3:1", "m1:4 m3:1"),
		"more: where it runs is too small":         goldenRow(goldenWorld("m1:0 m2:9 m3:1"), p, 5, "m1:1 m3:1", "m1:1 m2:3 m3:1"), // 3 new: 1, 9 3 1.8
		"more: where it runs is small, but enough": goldenRow(goldenWorld("m1:0 m2:9 m3:1"), p, 3, "m1:1 m3:1", "m1:1 m3:2"),
		"more: beside an empty target":             goldenRow(world, p, 3, "m1:2 m3:0", "m1:3"),
		"less: the largest is enough":              goldenRow(world, p, 4, "m1:1 m2:2 m3:5", "m3:4"),
		"less: the largest two":                    goldenRow(world, p, 6, "m1:1 m2:2 m3:5", "m2:2 m3:4"), // 5 1.7 1 .71, 2 .67
		"less: equally large, by name":             goldenRow(world, p, 2, "m1:2 m2:2 m3:2", "m1:2"),
		"as many: spread as it is":                 goldenRow(world, p, 3, "m1:1 m2:1 m3:1", "m1:1 m2:1 m3:1"),
		"afresh: where it runs is not first":       goldenRow(world, p, 6, "m1:1 m3:2", "m2:6").afresh(),
		"afresh: what runs counts as room":         goldenRow(world, p, 7, "m1:1 m3:2", "m1:3 m2:4").afresh(), // 5 1.7 1, 6 2 1.2 .86
		"afresh: what runs is the most room":       goldenRow(world, p, 6, "m3:5", "m3:6").afresh(),
		"a lost cluster's go where it runs":        goldenRow(world, p, 4, "m1:2 m3:2", "m1:4").without("m3"),
		"the rest is kept empty on demand":         goldenRow(world, p, 5, "", "m1:0 m2:5 m3:0").keepingEmpty(),
		"what asks for a type is not lost":         goldenRow(world, divided(policyv1alpha1.ReplicaDivisionPreferenceAggregated, &policyv1alpha1.ClusterPreferences{}), 5, "", "m2:5"),
	})
}

func TestGoldenWithoutReplicas(t *testing.T) {
	full := goldenWorld("m1:0 m2:0")
	run(t, map[string]golden{
		"Duplicated of none with requests":             goldenRow(full, dup(), 0, "", "").requesting(),
		"Duplicated of none with requests, kept empty": goldenRow(full, dup(), 0, "", "m1:0 m2:0").requesting().keepingEmpty(),
		"Duplicated of none without requests":          goldenRow(full, dup(), 0, "m1:2", "m1:0 m2:0"),
		"static of none with requests":                 goldenRow(full, equal(), 0, "m1:1 m2:1", "").requesting(),
		"static of none with requests, kept empty":     goldenRow(full, static("m1=1"), 0, "", "m1:0 m2:0").requesting().keepingEmpty(),
		"dynamic of none needs no room":                goldenRow(full, dynamic(), 0, "", "").requesting(),
		"aggregated of none, kept empty":               goldenRow(full, aggregated(), 0, "m1:4", "m1:0 m2:0").requesting().keepingEmpty(),
		"a ConfigMap, Duplicated":                      goldenRow(full, dup(), 0, "", "m1:0 m2:0").asConfig(),
		"a ConfigMap, aggregated":                      goldenRow(members("m1 m2"), aggregated(), 0, "", "m1:0 m2:0").asConfig(),
		"a ConfigMap joins a new cluster":              goldenRow(full, dynamic(), 0, "m1:0", "m1:0 m2:0").asConfig(),
		"a ConfigMap is the same afresh":               goldenRow(full, dynamic(), 0, "m1:0 m2:0", "m1:0 m2:0").asConfig().afresh(),
		"Duplicated goes where there is no room":       goldenRow(full, dup(), 3, "", "m1:3 m2:3"),
		"Duplicated: more":                             goldenRow(full, dup(), 5, "m1:3 m2:3", "m1:5 m2:5"),
		"Duplicated: less":                             goldenRow(full, dup(), 1, "m1:3 m2:3", "m1:1 m2:1"),
		"Duplicated: an uneven past is evened":         goldenRow(full, dup(), 3, "m1:1 m2:5", "m1:3 m2:3"),
		"Duplicated goes before a preference":          goldenRow(full, goldenDuplicated(), 3, "", "m1:3 m2:3"),
		"scaled up from none: as if it were new":       goldenRow(goldenWorld("m1:4 m2:2"), dynamic(), 3, "", "m1:2 m2:1"),
	})
}

func goldenDuplicated() policy {
	p := aggregated()
	p.ReplicaScheduling.ReplicaSchedulingType = policyv1alpha1.ReplicaSchedulingTypeDuplicated
	return p
}

// The completions of a divided Job go by the replicas that were assigned, by the same method.
func TestGoldenJobCompletions(t *testing.T) {
	for name, tt := range map[string]struct {
		completions int32
		assigned    []int64
		descend     bool
		want        map[string]int32
	}{
		"10 over 3:2:1":       {10, []int64{3, 2, 1}, false, map[string]int32{"m00": 5, "m01": 3, "m02": 2}}, // 3 1 .6 .43 .33, 2 .67 .4, 1 .33
		"7 over 3:3":          {7, []int64{3, 3}, false, map[string]int32{"m00": 4, "m01": 3}},
		"7 over 3:3, odd":     {7, []int64{3, 3}, true, map[string]int32{"m00": 3, "m01": 4}},
		"2 over 1:1:1":        {2, []int64{1, 1, 1}, false, map[string]int32{"m00": 1, "m01": 1}},
		"as many as assigned": {6, []int64{1, 2, 3}, true, map[string]int32{"m00": 1, "m01": 2, "m02": 3}},
	} {
		got := divide(tt.completions, sharesOfWeights(tt.assigned...), tt.descend)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		for cluster, n := range tt.want {
			if got[cluster] != n {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	}
}
