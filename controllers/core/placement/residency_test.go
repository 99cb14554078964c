package placement

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/residency"
)

func wall(t interface{ Fatal(...any) }, text string) residency.Wall {
	w, err := residency.Of(map[string]string{names.ResidencyAnnotation: text})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Whatever is asked for and whatever runs where: no placement that is found has a cluster outside of the
// wall, and one that is not found adds none.
func TestPropertyNothingIsPlacedOutsideOfTheWall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		propertyConstrain(t, &in)
		in.Wall = wall(t, "geo=eu")
		inside := map[string]bool{}
		for _, c := range in.Clusters {
			if rapid.Bool().Draw(t, c.Name+" is inside") {
				label("geo", "eu")(c)
				inside[c.Name] = true
			}
		}
		before := propertyReplicas(in.Spec.Clusters)
		got, d := Place(in)
		for name, n := range propertyReplicas(got.Clusters) {
			had, present := before[name]
			if inside[name] || !d.Fits() && present && n <= had {
				continue
			}
			t.Fatalf("%s gets %d replicas outside of the wall: %s", name, n, d.Message)
		}
	})
}

func TestTheWallIsSaidAndCountedAsAnInput(t *testing.T) {
	in := scene{policy: dup(), replicas: 2, present: "m1:2"}.input()
	in.Clusters = clusters{member("m1"), member("m2", label("geo", "eu"))}
	open := InputHash(in)
	in.Wall = wall(t, "geo=eu")
	if InputHash(in) == open {
		t.Error("the wall is not part of the hash")
	}
	got, d := Place(in)
	if Targets(got.Clusters) != "{m2:2}" {
		t.Errorf("%s: %s", Targets(got.Clusters), d.Message)
	}
	i := slices.IndexFunc(d.Terms[0].Clusters, func(v Verdict) bool { return v.Cluster == "m1" })
	if v := d.Terms[0].Clusters[i]; v.Filter != FilterResidency || !strings.Contains(v.Detail, names.ResidencyAnnotation+": geo=eu") {
		t.Errorf("%+v", v)
	}
	in.Clusters = slices.DeleteFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == "m2" })
	if got, d := Place(in); d.Fits() || Targets(got.Clusters) != "{m1:2}" || !strings.Contains(d.Message, "1 by Residency") {
		t.Errorf("what runs is not deleted for lack of a place: %s, %s", Targets(got.Clusters), d.Message)
	}
}
