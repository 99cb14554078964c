package placement

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestSteps(t *testing.T) {
	ab := clusters{member("m1", pods(6)), member("m2", pods(3)), member("m3", taint("gpu", "", noSchedule))}
	tests := map[string]struct {
		scene
		want []string
	}{
		"divided by room": {scene{clusters: ab, policy: dynamic(), replicas: 6}, []string{
			"Of 3 clusters 2 pass the filters (1 out by TaintToleration).",
			"6 replicas are divided by DynamicWeight, from scratch; names break ties in ascending order.",
			"m1 weighs 6 and gets 4, m2 weighs 3 and gets 2.",
			"Changed: m1 joins with 4, m2 joins with 2.",
		}},
		"scaled up and down": {scene{clusters: ab, policy: dynamic(), replicas: 8, present: "m1:1 m2:4", uid: odd}, []string{
			"Of 3 clusters 2 pass the filters (1 out by TaintToleration).",
			"3 replicas are divided by DynamicWeight, on top of the present ones; names break ties in descending order.",
			"m1 weighs 6 and gets 2, m2 weighs 3 and gets 1.",
			"Changed: m1 goes from 1 to 3, m2 goes from 4 to 5.",
		}},
		"nothing to do": {scene{clusters: ab, policy: dynamic(), replicas: 5, present: "m1:1 m2:4"}, []string{
			"Of 3 clusters 2 pass the filters (1 out by TaintToleration).", "The present division holds.", "Nothing changes.",
		}},
		"selected and duplicated": {scene{clusters: ab, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 2, present: "m9:2"}, []string{
			"Of 3 clusters 2 pass the filters (1 out by TaintToleration).", "Selected: the best 1 of 2 clusters.",
			"Every selected cluster gets 2 replicas.", "Changed: m1 joins with 2, m9 leaves with 2.",
		}},
		"affinity groups in order": {scene{clusters: ab, policy: terms(dynamic(), "near=m2 far=m1,m2"), replicas: 5, present: "m2:1"}, []string{
			`Affinity group "near": of 3 clusters 1 pass the filters (2 out by ClusterAffinity).`,
			"4 replicas are divided by DynamicWeight, on top of the present ones; names break ties in ascending order.",
			"m2 weighs 3 and gets 3.",
			`Affinity group "near": not used, Unschedulable: there is room for 3 of 4 replicas.`,
			`Affinity group "far": of 3 clusters 2 pass the filters (1 out by ClusterAffinity).`,
			"4 replicas are divided by DynamicWeight, on top of the present ones; names break ties in ascending order.",
			"m1 weighs 6 and gets 3, m2 weighs 3 and gets 1.",
			"Changed: m1 joins with 3, m2 goes from 1 to 2.",
		}},
		"nothing fits": {scene{clusters: ab[2:], policy: dup(), replicas: 1, present: "m9:1"}, []string{
			"Of 1 clusters 0 pass the filters (1 out by TaintToleration).",
			"not used, NoClusterFit: 0/1 clusters fit (1 by TaintToleration: m3 has the taint gpu:NoSchedule).",
			"What runs stays where it is.",
		}},
		"a policy that cannot be read": {scene{clusters: ab, policy: divided("Random", nil), replicas: 1}, []string{
			`The placement cannot be read: spec.placement.replicaScheduling.replicaDivisionPreference: Unsupported value: "Random": supported values: "Aggregated", "Weighted".`,
			"Nothing changes.",
		}},
		"an algorithm that failed": {scene{clusters: ab[:1], policy: dup(), config: true, change: func(in *Input) { in.Advice = []Advice{{Plugin: "slow", Failed: "timed out."}} }}, []string{
			"plugin/slow failed and was passed over: timed out.", "Of 1 clusters 1 pass the filters.", "Changed: m1 joins.",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, d := Place(tt.input())
			if diff := gocmp.Diff(tt.want, d.Steps()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManyStepsAreCut(t *testing.T) {
	d := Diagnosis{Reason: workv1alpha2.ReasonScheduledSuccess, Terms: []TermDiagnosis{{Division: &Division{Strategy: StaticWeight, Shares: make([]Share, 1000)}}}}
	if steps := d.Steps(); len(steps[2]) > 1000 {
		t.Errorf("a step of %d characters", len(steps[2]))
	}
}
