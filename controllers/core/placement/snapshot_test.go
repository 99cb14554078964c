package placement

import (
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// A snapshot changes nothing about a decision.
func TestSnapshotDecidesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawScene(t).input()
		result, d := Place(in)
		prepared := in
		prepared.Snapshot, prepared.Clusters = NewSnapshot(in.Clusters, nil), nil
		again, dAgain := Place(prepared)
		if diff := gocmp.Diff([]any{result, d}, []any{again, dAgain}); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSnapshotTakesOverWhatIsKnown(t *testing.T) {
	version := func(v string) func(*clusterv1alpha1.Cluster) {
		return func(c *clusterv1alpha1.Cluster) { c.ResourceVersion = v }
	}
	first := NewSnapshot(clusters{member("m3", version("1"), noAPIs), member("m1", version("1"), pods(1)), member("m2", version("1"), pods(2)), nil}, nil)
	if len(first.apis) != 2 {
		t.Errorf("%d different sets of APIs", len(first.apis))
	}
	next := NewSnapshot(clusters{member("m1", version("2"), pods(9)), member("m2", version("1"), pods(2)), member("m4", version("1"), noAPIs)}, first)
	if next.members[1].supply != first.members[1].supply {
		t.Error("a cluster that did not change was read again")
	}
	if got := next.members[0].supply.pods; got != 9 {
		t.Errorf("a cluster that changed was not read again: %d pods", got)
	}
	result, _ := Place(Input{Snapshot: next, Spec: scene{policy: dynamic(), replicas: 3}.input().Spec})
	if got := Targets(result.Clusters); got != "{m1:3}" && got != "{m1:2, m2:1}" {
		t.Errorf("placed %s", got)
	}
	unversioned := NewSnapshot(clusters{member("m1", pods(1))}, nil)
	if got := NewSnapshot(clusters{member("m1", pods(5))}, unversioned).members[0].supply.pods; got != 5 {
		t.Errorf("a cluster without a version was taken for unchanged: %d pods", got)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	world := realistic(1000)
	for i, c := range world {
		c.ResourceVersion = fmt.Sprint(i)
	}
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewSnapshot(world, nil)
		}
	})
	b.Run("next", func(b *testing.B) {
		s := NewSnapshot(world, nil)
		b.ReportAllocs()
		for b.Loop() {
			world[0].ResourceVersion += "x"
			if len(world[0].ResourceVersion) > 9 {
				world[0].ResourceVersion = "0"
			}
			s = NewSnapshot(world, s)
		}
	})
}
