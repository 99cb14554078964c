package placement

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// is gives a cluster the conditions Ready and DataPath; none for an empty status.
func is(ready, dataPath metav1.ConditionStatus) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		for kind, status := range map[string]metav1.ConditionStatus{clusterv1alpha1.ClusterConditionReady: ready, trafficv1alpha1.ClusterConditionDataPath: dataPath} {
			if status != "" {
				c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: kind, Status: status})
			}
		}
	}
}

const (
	yes    = metav1.ConditionTrue
	no     = metav1.ConditionFalse
	silent = metav1.ConditionUnknown
)

// What may not run any more is given up before what is known to run.
func TestGoldenScaleDownKeepsWhatIsAlive(t *testing.T) {
	world := func(m1, m2, m3 func(*clusterv1alpha1.Cluster)) clusters {
		return clusters{member("m1", pods(9), m1), member("m2", pods(9), m2), member("m3", pods(9), m3)}
	}
	whole, lost := is(yes, yes), is(no, no)
	unknown, noData, noAPI := is("", ""), is(yes, no), is(silent, yes)
	p := dynamic()
	run(t, map[string]golden{
		"all are whole: by what runs":               goldenRow(world(whole, whole, whole), p, 2, "m1:3 m2:3 m3:2", "m1:1 m2:1"),
		"nothing is known: by what runs":            goldenRow(world(unknown, unknown, unknown), p, 2, "m1:3 m2:3 m3:2", "m1:1 m2:1"),
		"two are lost: what runs in the third":      goldenRow(world(lost, lost, whole), p, 2, "m1:3 m2:3 m3:2", "m3:2"),
		"two are lost: one more than in the third":  goldenRow(world(lost, lost, whole), p, 3, "m1:3 m2:3 m3:2", "m1:1 m3:2"),
		"all are lost: by what ran":                 goldenRow(world(lost, lost, lost), p, 2, "m1:3 m2:3 m3:2", "m1:1 m2:1"),
		"without requests before without API":       goldenRow(world(noAPI, noData, whole), p, 5, "m1:3 m2:3 m3:2", "m2:3 m3:2"),
		"without API before lost":                   goldenRow(world(lost, noAPI, whole), p, 5, "m1:3 m2:3 m3:2", "m2:3 m3:2"),
		"more is wanted: not the scheduler's worry": goldenRow(world(whole, noAPI, whole), p, 9, "m1:2 m2:2 m3:2", "m1:3 m2:3 m3:3"),
		"as many are wanted: nothing moves":         goldenRow(world(lost, lost, whole), p, 8, "m1:3 m2:3 m3:2", "m1:3 m2:3 m3:2"),
		"aggregated: the fewest of the whole":       goldenRow(world(lost, whole, whole), aggregated(), 2, "m1:6 m2:2 m3:1", "m2:2"),
		"static weights name who gets what":         goldenRow(world(whole, lost, lost), equal(), 1, "m1:1 m2:1 m3:1", "m3:1").oddUID(),
	})
}

// Bounds hold whatever the policy says.
func TestGoldenBounds(t *testing.T) {
	world := goldenWorld("m1:9 m2:9 m3:9")
	frozen := func(names ...string) func(*Input) { return func(in *Input) { in.Frozen = sets.New(names...) } }
	among := func(names ...string) func(*Input) { return func(in *Input) { in.Only = sets.New(names...) } }
	run(t, map[string]golden{
		"frozen gets nothing new":                     goldenRow(world, dynamic(), 8, "m1:2 m2:2", "m1:4 m2:2 m3:2").given(frozen("m2")),
		"frozen is no new target":                     goldenRow(world, dynamic(), 6, "m1:2", "m1:6").given(frozen("m2", "m3")),
		"frozen has no room to offer":                 goldenRow(world, dynamic(), 14, "m1:2 m2:2", "m1:2 m2:2").without("m3").given(frozen("m2")).fails(noRoom),
		"frozen keeps what it has, afresh":            goldenRow(world, dynamic(), 9, "m1:1 m2:8", "m1:1 m2:8").given(frozen("m2")).without("m3").afresh(),
		"the others share the rest, afresh":           goldenRow(world, dynamic(), 8, "m1:1 m2:1 m3:6", "m1:2 m2:2 m3:4").given(frozen("x")).afresh(),
		"frozen keeps it while the others share":      goldenRow(world, dynamic(), 8, "m1:2 m2:2 m3:4", "m1:3 m2:2 m3:3").given(frozen("m2")).afresh(),
		"less is wanted than is frozen":               goldenRow(world, dynamic(), 2, "m1:3 m2:3", "m1:1 m2:1").given(frozen("m1", "m2")),
		"frozen, by static weights":                   goldenRow(world, equal(), 6, "m1:2 m2:2", "m1:2 m2:2 m3:2").given(frozen("m2")),
		"frozen, by static weights, one less to give": goldenRow(world, equal(), 6, "m1:2 m2:1 m3:3", "m1:3 m2:1 m3:2").given(frozen("m2")),
		"all that is left is frozen, by weights":      goldenRow(world, equal(), 6, "m1:2 m2:2", "m1:2 m2:2").given(frozen("m2")).without("m1 m3").fails(noRoom),
		"duplicated: everywhere but where none is":    goldenRow(world, dup(), 2, "m1:2 m2:2", "m1:2 m2:2").given(frozen("m2", "m3")),
		"only these":                   goldenRow(world, dynamic(), 6, "m1:6", "m1:4 m2:2").given(among("m1", "m2")).afresh(),
		"only these, and none of them": goldenRow(world, dynamic(), 6, "m1:6", "m1:6").given(among()).fails(noFit),
	})
}
