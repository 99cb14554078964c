package placement

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

func drawScene(t *rapid.T) scene {
	s := scene{
		replicas: rapid.Int32Range(0, 40).Draw(t, "replicas"),
		config:   rapid.Bool().Draw(t, "config"),
		requests: rapid.Bool().Draw(t, "requests"),
		uid:      rapid.SampledFrom([]types.UID{"", even, odd}).Draw(t, "uid"),
		fresh:    rapid.Bool().Draw(t, "fresh"),
	}
	if s.config {
		s.replicas, s.requests = 0, false
	}
	names := []string{"m1", "m2", "m3", "m4", "m5", "m6"}
	for _, n := range names[:rapid.IntRange(0, 6).Draw(t, "clusters")] {
		s.clusters = append(s.clusters, drawMember(t, n))
	}
	some := func(what string) string {
		return strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID[string]).Draw(t, what), " ")
	}
	for i, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 4, rapid.ID[string]).Draw(t, "present") {
		if i > 0 {
			s.present += " "
		}
		s.present += fmt.Sprintf("%s:%d", n, rapid.Int32Range(0, 12).Draw(t, "has"))
	}
	s.evicting, s.exclude = some("evicting"), some("exclude")
	s.policy = rapid.SampledFrom([]policy{{}, dup(), equal(), static("m1=1 m2,m3=2 m4=5"), static(""), dynamic(), aggregated()}).Draw(t, "policy")
	switch rapid.IntRange(0, 3).Draw(t, "affinity") {
	case 1:
		s.policy = only(s.policy, set{ClusterNames: strings.Fields(some("names")), ExcludeClusters: strings.Fields(some("not"))})
	case 2:
		s.policy = only(s.policy, set{LabelSelector: matchLabels("env", "prod")})
	case 3:
		s.policy = terms(s.policy, "x=m1,m2 y=m3 z=m4,m5,m6")
		s.affinity = rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "in use")
	}
	if rapid.Bool().Draw(t, "spread") {
		lo := rapid.IntRange(0, 3).Draw(t, "min")
		s.policy = spreadBy(s.policy, "cluster", lo, lo+rapid.IntRange(0, 2).Draw(t, "more"))
		if rapid.Bool().Draw(t, "regions") {
			s.policy = spreadBy(s.policy, "region", rapid.IntRange(0, 2).Draw(t, "min regions"), 0)
		}
	}
	return s
}

func drawMember(t *rapid.T, name string) *clusterv1alpha1.Cluster {
	c := member(name, pods(rapid.Int64Range(0, 30).Draw(t, "pods")), in("", rapid.SampledFrom([]string{"", "eu", "us"}).Draw(t, "region")))
	if rapid.Bool().Draw(t, "prod") {
		label("env", "prod")(c)
	}
	switch rapid.IntRange(0, 9).Draw(t, "trouble") {
	case 0:
		taint("a", "", corev1.TaintEffectNoSchedule)(c)
	case 1:
		noAPIs(c)
	case 2:
		dying(c)
	}
	c.Status.ResourceSummary.Allocatable[corev1.ResourceCPU] = *c.Status.ResourceSummary.Allocatable.Pods()
	return c
}

func TestPlaceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		input := s.input()
		before := input.Spec.DeepCopy()
		result, diagnosis := Place(input)
		if diff := gocmp.Diff(before, input.Spec); diff != "" {
			t.Fatalf("the input changed:\n%s", diff)
		}
		shuffled := s.input()
		rand.New(rand.NewSource(1)).Shuffle(len(shuffled.Clusters), func(i, j int) {
			shuffled.Clusters[i], shuffled.Clusters[j] = shuffled.Clusters[j], shuffled.Clusters[i]
		})
		again, sameDiagnosis := Place(shuffled)
		if diff := gocmp.Diff([]any{result, diagnosis}, []any{again, sameDiagnosis}); diff != "" {
			t.Fatalf("not deterministic:\n%s", diff)
		}
		if !diagnosis.Fits() {
			checkKept(t, input, result)
			return
		}
		checkTargets(t, input, result)
		checkSum(t, input, result)
		checkVerdicts(t, input, result, diagnosis)
		checkRests(t, input, result)
	})
}

// checkKept: a placement that cannot be made leaves the present one, but for clusters being deleted.
func checkKept(t *rapid.T, in Input, got Result) {
	for _, target := range in.Spec.Clusters {
		gone := slices.ContainsFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool {
			return c.Name == target.Name && c.DeletionTimestamp != nil
		})
		if slices.Contains(targetNames(got), target.Name) == gone {
			t.Fatalf("%s: being deleted %v, kept %v", target.Name, gone, !gone)
		}
	}
	if len(got.Clusters) > len(in.Spec.Clusters) {
		t.Fatal("no placement was found, and targets were added")
	}
}

// checkTargets: no target that a filter excludes.
func checkTargets(t *rapid.T, in Input, got Result) {
	present := sets.New(targetNames(Result{Clusters: in.Spec.Clusters})...)
	for _, name := range targetNames(got) {
		i := slices.IndexFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("%s does not exist", name)
		}
		c := in.Clusters[i]
		if c.DeletionTimestamp != nil || in.Exclude.Has(name) {
			t.Fatalf("%s is being deleted or excluded", name)
		}
		if !present.Has(name) && (len(c.Spec.Taints) > 0 || len(c.Status.APIEnablements) == 0) {
			t.Fatalf("%s is new and has a taint or lacks the API", name)
		}
		if a := in.Spec.Placement.ClusterAffinity; a != nil {
			if !affinity.Matches(c, a) {
				t.Fatalf("%s is outside the affinity", name)
			}
		}
		if slices.ContainsFunc(in.Spec.GracefulEvictionTasks, func(e workv1alpha2.GracefulEvictionTask) bool { return e.FromCluster == name }) {
			t.Fatalf("%s is being left", name)
		}
	}
	if !slices.IsSorted(targetNames(got)) {
		t.Fatalf("not sorted: %v", got)
	}
}

// checkSum: exactly as many replicas as wanted.
func checkSum(t *rapid.T, in Input, got Result) {
	var sum int32
	for _, c := range got.Clusters {
		switch {
		case !IsWorkload(in.Spec) && c.Replicas != 0, StrategyOf(in.Spec.Placement) == Duplicated && c.Replicas != in.Spec.Replicas:
			t.Fatalf("%s gets %d replicas", c.Name, c.Replicas)
		}
		sum += c.Replicas
	}
	if StrategyOf(in.Spec.Placement) != Duplicated && sum != in.Spec.Replicas {
		t.Fatalf("%d replicas placed of %d", sum, in.Spec.Replicas)
	}
}

// checkVerdicts: every cluster has one, and targets are exactly those without a filter.
func checkVerdicts(t *rapid.T, in Input, got Result, d Diagnosis) {
	used := d.Terms[len(d.Terms)-1]
	if len(used.Clusters) != len(in.Clusters) {
		t.Fatalf("%d verdicts for %d clusters", len(used.Clusters), len(in.Clusters))
	}
	for _, v := range used.Clusters {
		if _, target := find(got.Clusters, v.Cluster); target != (v.Filter == "") || v.Filter != "" && v.Detail == "" {
			t.Fatalf("verdict %+v, target %v", v, target)
		}
	}
}

func targetNames(r Result) (names []string) {
	for _, c := range r.Clusters {
		names = append(names, c.Name)
	}
	return names
}

// A cluster that is outside of what the policy asks for moves nothing.
func TestUnrelatedClusterMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.policy = only(s.policy, named("m1 m2 m3 m4 m5 m6"))
		s.policy.ClusterAffinities = nil
		before, _ := Place(s.input())
		s.clusters = append(slices.Clone(s.clusters), member("other", pods(1000), in("", "eu")))
		after, _ := Place(s.input())
		if diff := gocmp.Diff(before, after); diff != "" {
			t.Fatal(diff)
		}
	})
}

// One more replica takes none from any cluster, while nothing else changes.
func TestOneMoreReplicaTakesNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		s.policy.SpreadConstraints, s.fresh = nil, false
		if s.config {
			return
		}
		first, diagnosis := Place(s.input())
		more := s.input()
		more.Spec.Replicas++
		more.Spec.Clusters = first.Clusters
		more.Status.SchedulerObservedAffinityName = first.AffinityName
		second, secondDiagnosis := Place(more)
		if !diagnosis.Fits() || !secondDiagnosis.Fits() || first.AffinityName != second.AffinityName || !IsWorkload(s.input().Spec) {
			return
		}
		for _, was := range first.Clusters {
			if i, ok := find(second.Clusters, was.Name); !ok || second.Clusters[i].Replicas < was.Replicas {
				t.Fatalf("%s had %d, now %v", was.Name, was.Replicas, second)
			}
		}
	})
}

func TestDiagnosisNamesEveryCluster(t *testing.T) {
	world := clusters{
		member("dead"), member("dying", dying), member("old", noAPIs), member("far", in("", "us")),
		member("left", in("", "eu")), member("tainted", in("", "eu"), taint("x", "", noSchedule)), member("good", in("", "eu")), member("zero", in("", "eu")),
	}
	p := only(static("good,left,tainted=3"), where("region", corev1.NodeSelectorOpIn, "eu"))
	_, d := Place(scene{clusters: world, policy: p, replicas: 3, exclude: "dead", evicting: "left"}.input())
	var got []string
	for _, v := range d.Terms[0].Clusters {
		got = append(got, v.Sentence())
	}
	want := []string{
		"dead is lost (Exclude)",
		"dying is being deleted (Terminating)",
		"far does not match fieldSelector (ClusterAffinity)",
		"good is a target",
		"left is being left (gracefulEvictionTasks) (ClusterEviction)",
		"old does not serve apps/v1 Deployment (APIEnablement)",
		"tainted has the taint x:NoSchedule (TaintToleration)",
		"zero gets no replicas (Division)",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := d.Terms[0].Division.Sentence(), "3 replicas divided by StaticWeight (FromScratch, ties by ascending name): good weighs 3 and gets 3"; got != want {
		t.Errorf("division: %s", got)
	}
}

// A search through many regions ends, with an answer within bounds.
func TestManyRegions(t *testing.T) {
	var world clusters
	for i := range 120 {
		world = append(world, member(fmt.Sprintf("m%03d", i), in("", fmt.Sprintf("r%02d", i%60)), pods(int64(i))))
	}
	for _, regions := range []int{1, 20, 30, 59, 60} {
		p := spreadBy(spreadBy(dup(), "region", regions, regions), "cluster", regions+5, 0)
		if regions == 1 {
			p.SpreadConstraints[1].MinGroups = 3 // two clusters a region: no set has enough
		}
		result, d := Place(scene{clusters: world, policy: p, replicas: 1}.input())
		if d.Fits() != (regions > 1) || d.Fits() && len(result.Clusters) != 2*regions {
			t.Errorf("%d regions: %s, %d clusters", regions, d.Message, len(result.Clusters))
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add(int32(3), int64(1), "m1", "In", "env", 0, 0, "m1:2")
	f.Fuzz(func(t *testing.T, replicas int32, weight int64, name, operator, key string, lo, hi int, present string) {
		p := divided("Weighted", nil)
		p = spreadBy(only(p, set{
			ClusterNames:  []string{name},
			LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOperator(operator), Values: []string{name}}}},
			FieldSelector: where(key, corev1.NodeSelectorOperator(operator), name).FieldSelector,
		}), "cluster", lo, hi)
		for _, weights := range []policy{p, static("m1=1"), dynamic(), aggregated()} {
			s := scene{clusters: clusters{member("m1", pods(weight)), member(name, pods(-weight))}, policy: weights, replicas: min(replicas, 1<<16)}
			Place(s.input())
		}
	})
}
