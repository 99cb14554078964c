package placement

import (
	"math"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// advises adds an algorithm with these opinions.
func advises(name string, weight int64, opinions map[string]Opinion) func(*Input) {
	return func(in *Input) {
		in.Advice = append(in.Advice, Advice{Plugin: name, Weight: weight, Opinions: opinions})
	}
}

func TestAdvice(t *testing.T) {
	abc := clusters{member("m1", pods(4)), member("m2", pods(6)), member("m3", pods(2))}
	points := func(m1, m2, m3 int64) map[string]Opinion {
		return map[string]Opinion{"m1": {Score: m1}, "m2": {Score: m2}, "m3": {Score: m3}}
	}
	no := func(reason string, names ...string) map[string]Opinion {
		out := map[string]Opinion{}
		for _, n := range names {
			out[n] = Opinion{Excluded: true, Reason: reason}
		}
		return out
	}
	run(t, map[string]golden{
		"an excluded cluster is out":                  {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: advises("cost", 1, no("is expensive", "m2"))}, want: "m1:1 m3:1"},
		"all are excluded":                            {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: advises("cost", 1, no("is expensive", "m1", "m2", "m3"))}, reason: noFit, message: "0/3 clusters fit (3 by plugin/cost: m1 is expensive, m2 is expensive, m3 is expensive)"},
		"excluded without a reason":                   {scene: scene{clusters: abc[:1], policy: dup(), replicas: 1, change: advises("cost", 1, no("", "m1"))}, reason: noFit, message: "1 by plugin/cost: m1 is excluded"},
		"a present target stays":                      {scene: scene{clusters: abc, policy: dup(), replicas: 1, present: "m2:1", change: advises("cost", 1, no("x", "m1", "m2"))}, want: "m2:1 m3:1"},
		"unless the placement is made anew":           {scene: scene{clusters: abc, policy: dup(), replicas: 1, present: "m2:1", fresh: true, change: advises("cost", 1, no("x", "m1", "m2"))}, want: "m3:1"},
		"scores choose under spread constraints":      {scene: scene{clusters: abc, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 1, change: advises("green", 1, points(0, 10, 90))}, want: "m3:1"},
		"weights multiply, algorithms add":            {scene: scene{clusters: abc, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 1, change: func(in *Input) { advises("a", 1, points(90, 0, 0))(in); advises("b", 3, points(0, 0, 31))(in) }}, want: "m3:1"},
		"enough points outweigh where it runs":        {scene: scene{clusters: abc, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 1, present: "m1:1", change: advises("a", 2, points(0, 51, 0))}, want: "m2:1"},
		"too few do not":                              {scene: scene{clusters: abc, policy: spreadBy(dup(), "cluster", 1, 1), replicas: 1, present: "m1:1", change: advises("a", 2, points(0, 49, 0))}, want: "m1:1"},
		"aggregated fills the best first":             {scene: scene{clusters: abc, policy: aggregated(), replicas: 5, change: advises("a", 1, points(50, 0, 90))}, want: "m1:3 m3:2"},
		"aggregated, equal points: as without":        {scene: scene{clusters: abc, policy: aggregated(), replicas: 7, change: advises("a", 1, points(50, 50, 50))}, want: "m1:3 m2:4"},
		"aggregated, no points: as without":           {scene: scene{clusters: abc, policy: aggregated(), replicas: 7, change: advises("a", 1, points(0, 0, 0))}, want: "m1:3 m2:4"},
		"aggregated scale up: where it runs is worth": {scene: scene{clusters: abc, policy: aggregated(), replicas: 4, present: "m2:1", change: advises("a", 1, points(50, 0, 90))}, want: "m2:4"},
		"aggregated scale down leaves the worst":      {scene: scene{clusters: abc, policy: aggregated(), replicas: 3, present: "m1:2 m2:3", change: advises("a", 1, points(50, 0, 90))}, want: "m1:2 m2:1"},
		"aggregated steady: nothing moves":            {scene: scene{clusters: abc, policy: aggregated(), replicas: 3, present: "m2:3", change: advises("a", 1, points(50, 0, 90))}, want: "m2:3"},
		"dynamic weights ignore points":               {scene: scene{clusters: abc, policy: dynamic(), replicas: 6, change: advises("a", 1, points(50, 0, 90))}, want: "m1:2 m2:3 m3:1"},
		"points beyond all bounds":                    {scene: scene{clusters: abc, policy: spreadBy(aggregated(), "cluster", 1, 2), replicas: 3, change: advises("a", math.MaxInt64, points(math.MaxInt64, math.MinInt64, -1))}, want: "m1:3"},
		"one that failed has no say": {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: func(in *Input) {
			in.Advice = []Advice{{Plugin: "slow", Weight: 1, Opinions: no("x", "m1", "m2", "m3"), Failed: "took 1s"}}
		}}, want: "m1:1 m2:1 m3:1"},
	})
}

func TestAdviceIsInTheDiagnosis(t *testing.T) {
	_, d := Place(scene{clusters: members("m1 m2"), policy: dup(), replicas: 1, present: "m1:1", change: func(in *Input) {
		advises("green", 2, map[string]Opinion{"m1": {Score: 30}, "m2": {Score: 5}})(in)
		in.Advice = append(in.Advice, Advice{Plugin: "slow", Failed: "no answer within 200ms"})
	}}.input())
	want := []Verdict{
		{Cluster: "m1", Score: 160, Scores: []Score{{ScoreLocality, 100}, {"plugin/green", 60}}},
		{Cluster: "m2", Score: 10, Scores: []Score{{"plugin/green", 10}}},
	}
	if diff := gocmp.Diff(want, d.Terms[0].Clusters); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]Bypass{{"slow", "no answer within 200ms"}}, d.Bypassed); diff != "" {
		t.Error(diff)
	}
	if len(atHome) != 1 || atHome[0].Points != 100 {
		t.Error("the shared scores were changed")
	}
}
