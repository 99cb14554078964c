package placement

import (
	"maps"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// A placement is asked for again at three times: before anybody knows of the replicas that were placed,
// while the new ones are assumed, and when the clusters have counted those that came and those that went.
const (
	assumed  = "while new replicas are assumed"
	reported = "when all replicas are reported"
)

// afterwards is the input that follows on a placement. The input it follows on stays as it is.
func afterwards(in Input, got Result, when string) Input {
	after := in
	after.Fresh, after.Spec = false, in.Spec.DeepCopy()
	after.Spec.Clusters, after.Spec.RescheduleTriggeredAt = got.Clusters, nil
	after.Status = &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: got.AffinityName}
	after.Clusters, after.Snapshot = nil, nil
	after.Estimates, after.Assumed = maps.Clone(in.Estimates), maps.Clone(in.Assumed)
	had, has := propertyReplicas(in.Spec.Clusters), propertyReplicas(got.Clusters)
	for _, m := range in.members() {
		c := m.Cluster
		if more := int64(has[c.Name]) - int64(had[c.Name]); more > 0 || when == reported && more < 0 {
			if when == reported {
				c = counted(in.Spec, c, more)
			} else {
				after.Assumed = assume(in.Spec, after.Assumed, c.Name, more)
			}
			if estimate, ok := after.Estimates[c.Name]; ok && estimate >= 0 {
				after.Estimates[c.Name] = max(estimate-int32(more), 0)
			}
		}
		after.Clusters = append(after.Clusters, c)
	}
	return after
}

// takes is what so many replicas take.
func takes(spec *workv1alpha2.ResourceBindingSpec, replicas int64) corev1.ResourceList {
	list := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(replicas, resource.DecimalSI)}
	if spec.ReplicaRequirements != nil {
		for name, q := range spec.ReplicaRequirements.ResourceRequest {
			list[name] = *resource.NewMilliQuantity(q.MilliValue()*replicas, resource.DecimalSI)
		}
	}
	return list
}

func plus(a, b corev1.ResourceList) corev1.ResourceList {
	sum := a.DeepCopy()
	if sum == nil {
		sum = corev1.ResourceList{}
	}
	for name, q := range b {
		q.Add(sum[name])
		sum[name] = q
	}
	return sum
}

func counted(spec *workv1alpha2.ResourceBindingSpec, c *clusterv1alpha1.Cluster, more int64) *clusterv1alpha1.Cluster {
	if c.Status.ResourceSummary == nil {
		return c
	}
	c = c.DeepCopy()
	c.Status.ResourceSummary.Allocated = plus(c.Status.ResourceSummary.Allocated, takes(spec, more))
	return c
}

func assume(spec *workv1alpha2.ResourceBindingSpec, all map[string]corev1.ResourceList, cluster string, more int64) map[string]corev1.ResourceList {
	if all == nil {
		all = map[string]corev1.ResourceList{}
	}
	all[cluster] = plus(all[cluster], takes(spec, more))
	return all
}

func drawAny(t *rapid.T) Input {
	if rapid.Bool().Draw(t, "plain") {
		in := propertyInput(t, append(propertyPolicies(), static(""))...)
		propertyConstrain(t, &in)
		return in
	}
	return drawMore(t)
}

// onlyStays says whether a present target is in for no other reason than being one.
func onlyStays(in Input) bool {
	p, errs := newPlacer(&in)
	if len(errs) > 0 {
		return false
	}
	for i := range p.terms {
		for j := range p.members {
			m := &p.members[j]
			if _, present := p.present[m.Name]; !present {
				continue
			}
			_, staying, _ := p.judge(&p.terms[i], m, true)
			if _, coming, _ := p.judge(&p.terms[i], m, false); staying == "" && coming != "" {
				return true
			}
		}
	}
	return false
}

// What is placed rests: whatever the policy, the constraints, the affinities and the advice are, placing
// it again changes nothing.
//
// One thing may still move it: clusters that only passed as present targets kept up an affinity group,
// are left, and the next group gets the room for all when the replicas that went are reported.
func TestPropertyPlacedRests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawAny(t)
		first, d := Place(in)
		if !d.Fits() && (in.Fresh || triggered(in.Spec, in.Status)) {
			return // the wish to divide anew is not granted yet
		}
		checkRests(t, in, first)
	})
}

func checkRests(t *rapid.T, in Input, first Result) {
	for _, when := range []string{assumed, reported} {
		if when == reported && len(in.Spec.Placement.ClusterAffinities) > 1 && onlyStays(in) {
			continue
		}
		again := afterwards(in, first, when)
		second, d := Place(again)
		if diff := gocmp.Diff(first, second); diff != "" {
			t.Fatalf("%s\nplacing again %s: %s\n%s", oracleDescribe(in), when, strings.Join(d.Steps(), "\n"), diff)
		}
	}
}

// Where a placement would not rest it is made again, and tells so; what was there before is told as it
// was.
func TestPlacedAgainIsTold(t *testing.T) {
	// m1 is a target without replicas: preferred, and too small alone. What takes its place is in the
	// overflow, while the first group has room.
	world := clusters{member("m1", pods(2)), member("m2", pods(10)), member("m3", pods(20))}
	p := spreadBy(overflow(terms(aggregated(), "home=m1,m2"), "m3"), "cluster", 1, 1)
	result, d := Place(scene{clusters: world, policy: p, replicas: 8, present: "m1:0"}.input())
	if got := Targets(result.Clusters); got != "{m2:8}" {
		t.Errorf("placed %s", got)
	}
	if diff := gocmp.Diff(targets("m1:0"), d.Previous); diff != "" {
		t.Errorf("previous:\n%s", diff)
	}
	want := []string{
		"The first choice, {m3:8}, would have changed when placed again; it is placed from there.",
		`Affinity group "home": of 3 clusters 3 pass the filters.`,
		"Selected: the best 1 of 3 clusters.",
		"8 replicas are divided by Aggregated, on top of the present ones; names break ties in ascending order.",
		"m2 weighs 10 and gets 8.",
		"Changed: m1 leaves, m2 joins with 8.",
	}
	if diff := gocmp.Diff(want, d.Steps()); diff != "" {
		t.Error(diff)
	}
}

// Without room anywhere regions are equal, and a goes along as the first by name. What is placed there
// makes p score higher: it would be enough alone from then on.
func TestRegionsRestAtOnce(t *testing.T) {
	world := clusters{member("a1", in("", "a"), pods(0)), member("p1", in("", "p"), pods(0)), member("p2", in("", "p"), pods(0))}
	input := scene{clusters: world, policy: spreadBy(spreadBy(dup(), "region", 1, 0), "cluster", 2, 0), replicas: 5}.input()
	first, _ := Place(input)
	if got := Targets(first.Clusters); got != "{a1:5, p1:5, p2:5}" {
		t.Errorf("placed %s", got)
	}
	for _, when := range []string{assumed, reported} {
		again, _ := Place(afterwards(input, first, when))
		if diff := gocmp.Diff(first, again); diff != "" {
			t.Errorf("again %s:\n%s", when, diff)
		}
	}
}

// Present regions stay while no others have more room, and give way to those that have: as many clusters
// with room for all of a Duplicated workload.
func TestPresentRegionsGiveWayToRoom(t *testing.T) {
	world := func(more int64) clusters {
		return clusters{
			member("p1", in("", "p"), pods(5)), member("p2", in("", "p"), pods(more)),
			member("q1", in("", "q"), pods(5)), member("q2", in("", "q"), pods(1)),
		}
	}
	p := spreadBy(spreadBy(dup(), "region", 1, 1), "cluster", 1, 0)
	for more, want := range map[int64]string{1: "{q1:5, q2:5}", 5: "{p1:5, p2:5}"} {
		result, _ := Place(scene{clusters: world(more), policy: p, replicas: 5, present: "q1:5"}.input())
		if got := Targets(result.Clusters); got != want {
			t.Errorf("p2 has room for %d: placed %s, want %s", more, got, want)
		}
	}
}
