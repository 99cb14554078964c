package placement

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func spreadByLabel(p policy, label string, minGroups, maxGroups int) policy {
	p.SpreadConstraints = append(p.SpreadConstraints, policyv1alpha1.SpreadConstraint{SpreadByLabel: label, MinGroups: minGroups, MaxGroups: maxGroups})
	return p
}

func TestSpreadByOneGrouping(t *testing.T) {
	byCluster := func(p policy, hi int) policy { return spreadBy(p, "cluster", 1, hi) }
	racks := clusters{member("a1", label("rack", "a"), pods(3)), member("a2", label("rack", "a"), pods(2)), member("b1", label("rack", "b"), pods(5)), member("none", pods(99))}
	zoned := clusters{member("m1", in("", "", "za"), pods(1)), member("m2", in("", "", "zb", "zc"), pods(1)), member("m3", in("", "", "zc"), pods(1))}
	clouds := clusters{member("m1", in("aws", ""), pods(9)), member("m2", in("aws", ""), pods(8)), member("m3", in("gcp", ""), pods(7))}
	run(t, map[string]golden{
		"a label needs no constraint by cluster":           {scene: scene{clusters: racks, policy: spreadByLabel(dup(), "rack", 2, 0), replicas: 2}, want: "a1:2 a2:2 b1:2"},
		"one value of a label: the one with more clusters": {scene: scene{clusters: racks, policy: spreadByLabel(dup(), "rack", 1, 1), replicas: 2}, want: "a1:2 a2:2"},
		"one value, one cluster: the best":                 {scene: scene{clusters: racks, policy: byCluster(spreadByLabel(dup(), "rack", 1, 1), 1), replicas: 2}, want: "a1:2"},
		"a cluster without the label is out":               {scene: scene{clusters: racks[3:], policy: spreadByLabel(dup(), "rack", 1, 0), replicas: 1}, reason: noFit, message: "1 by SpreadConstraint: none has no label rack to spread by"},
		"too few values of a label":                        {scene: scene{clusters: racks, policy: spreadByLabel(dup(), "rack", 3, 0), replicas: 1}, reason: refused, message: "spec.placement.spreadConstraints: clusters of 2 values of label rack fit, minGroups by label rack is 3"},
		"dynamic by label: as much as each takes":          {scene: scene{clusters: racks, policy: spreadByLabel(dynamic(), "rack", 2, 0), replicas: 10}, want: "a1:3 a2:2 b1:5"},
		"labels under static weights only filter":          {scene: scene{clusters: racks, policy: spreadByLabel(static("a1,a2,none=1"), "rack", 2, 0), replicas: 2}, want: "a1:1 a2:1"},
		"two providers":                                     {scene: scene{clusters: clouds, policy: byCluster(spreadBy(dup(), "provider", 2, 2), 2), replicas: 1}, want: "m1:1 m3:1"},
		"one provider":                                      {scene: scene{clusters: clouds, policy: byCluster(spreadBy(dup(), "provider", 1, 1), 0), replicas: 1}, want: "m1:1 m2:1"},
		"too few providers":                                 {scene: scene{clusters: clouds, policy: byCluster(spreadBy(dup(), "provider", 3, 0), 0), replicas: 1}, reason: refused, message: "clusters of 2 providers fit, minGroups by provider is 3"},
		"a cluster in two zones counts for both":            {scene: scene{clusters: zoned, policy: byCluster(spreadBy(dup(), "zone", 3, 0), 2), replicas: 1}, want: "m1:1 m2:1"},
		"a cluster in two zones does not fit into one":      {scene: scene{clusters: zoned, policy: byCluster(spreadBy(dup(), "zone", 1, 1), 0), replicas: 1}, want: "m1:1"},
		"two zones at most: no cluster that adds a third":   {scene: scene{clusters: zoned, policy: spreadBy(spreadBy(dup(), "cluster", 2, 0), "zone", 2, 2), replicas: 1}, want: "m1:1 m3:1"},
		"too few zones":                                     {scene: scene{clusters: zoned, policy: byCluster(spreadBy(dup(), "zone", 4, 0), 0), replicas: 1}, reason: refused, message: "clusters of 3 zones fit, minGroups by zone is 4"},
		"every cluster is in too many zones":                {scene: scene{clusters: zoned[1:2], policy: byCluster(spreadBy(dup(), "zone", 1, 1), 0), replicas: 1}, reason: refused, message: "1 clusters fit, and no set of them keeps all constraints: zone 1, cluster at least 1"},
		"the deprecated zone counts":                        {scene: scene{clusters: clusters{zoned[0], oldZone("m0", "zx")}, policy: byCluster(spreadBy(dup(), "zone", 2, 0), 0), replicas: 1}, want: "m0:1 m1:1"},
		"a ConfigMap in two zones":                          {scene: scene{clusters: zoned, policy: byCluster(spreadBy(dup(), "zone", 2, 2), 1), config: true}, want: "m2:0"},
		"a label twice":                                     {scene: scene{clusters: racks, policy: spreadByLabel(spreadByLabel(dup(), "rack", 1, 0), "rack", 1, 0), replicas: 1}, reason: refused, message: "spreadConstraints[1].spreadByLabel: Duplicate"},
		"a label and a field":                               {scene: scene{clusters: racks, policy: with(spreadByLabel(dup(), "rack", 1, 0), func(p *policy) { p.SpreadConstraints[0].SpreadByField = "region" }), replicas: 1}, reason: refused, message: "spreadConstraints[0].spreadByLabel: Forbidden"},
		"a field beside a label still needs one by cluster": {scene: scene{clusters: racks, policy: spreadBy(spreadByLabel(dup(), "rack", 1, 0), "region", 1, 0), replicas: 1}, reason: refused, message: "spreadConstraints[1].spreadByField: Required"},
	})
}

func oldZone(name, zone string) *clusterv1alpha1.Cluster {
	c := member(name)
	c.Spec.Zone = zone
	return c
}

// grid has a cluster for each region, zone and rack named: "eu/za/r1".
func grid(cells ...string) (out clusters) {
	for i, c := range cells {
		at := strings.Split(c, "/")
		out = append(out, member(fmt.Sprintf("m%d", i+1), in("", at[0], strings.Split(at[1], "+")...), label("rack", at[2]), pods(10)))
	}
	return out
}

func TestSpreadBySeveralGroupings(t *testing.T) {
	world := grid("eu/za/r1", "eu/zb/r2", "us/zc/r3", "us/zd/r4", "ap/ze/r5")
	all := func(p policy, regions, zones, racks, cluster [2]int) policy {
		p = spreadBy(p, "cluster", cluster[0], cluster[1])
		p = spreadBy(spreadBy(p, "region", regions[0], regions[1]), "zone", zones[0], zones[1])
		return spreadByLabel(p, "rack", racks[0], racks[1])
	}
	run(t, map[string]golden{
		"two regions, three zones, four racks at most": {scene: scene{clusters: world, policy: all(dup(), [2]int{2, 2}, [2]int{3, 0}, [2]int{1, 4}, [2]int{1, 3}), replicas: 1}, want: "m1:1 m2:1 m5:1"},
		"regions and zones pull apart":                 {scene: scene{clusters: world, policy: all(dup(), [2]int{3, 3}, [2]int{1, 3}, [2]int{1, 0}, [2]int{1, 0}), replicas: 1}, want: "m1:1 m3:1 m5:1"},
		"clusters that add no group fill up":           {scene: scene{clusters: grid("eu/za/r1", "us/zb/r2", "eu/zb/r1", "us/za/r3"), policy: all(dup(), [2]int{2, 0}, [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}), replicas: 1}, want: "m1:1 m3:1 m4:1"},
		"what cannot be had together":                  {scene: scene{clusters: world, policy: all(dup(), [2]int{3, 3}, [2]int{1, 2}, [2]int{1, 0}, [2]int{1, 0}), replicas: 1}, reason: refused, message: "5 clusters fit, and no set of them keeps all constraints: region 3, zone 1 to 2, label rack at least 1, cluster at least 1"},
		"too few clusters for several groupings":       {scene: scene{clusters: world, policy: all(dup(), [2]int{1, 0}, [2]int{1, 0}, [2]int{1, 0}, [2]int{9, 0}), replicas: 1}, reason: refused, message: "5 clusters fit, minGroups by cluster is 9"},
		"more racks than clusters allowed":             {scene: scene{clusters: world, policy: all(dup(), [2]int{1, 0}, [2]int{1, 0}, [2]int{4, 0}, [2]int{1, 3}), replicas: 1}, reason: refused, message: "4 values of label rack need a cluster each, maxGroups by cluster is 3"},
		"a divided workload takes its room there":      {scene: scene{clusters: world, policy: all(dynamic(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{1, 0}), replicas: 20}, want: "m1:10 m5:10"},
		"where it runs it stays":                       {scene: scene{clusters: world, policy: all(dup(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{2, 2}), replicas: 11, present: "m4:1 m5:1"}, want: "m4:11 m5:11"},
		"one of its clusters is gone":                  {scene: scene{clusters: world, policy: all(dup(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{2, 2}), replicas: 1, present: "m4:1 m9:1"}, want: "m4:1 m5:1"},
		"it moves when a constraint is broken":         {scene: scene{clusters: world, policy: all(dup(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{2, 2}), replicas: 1, present: "m3:1 m4:1"}, want: "m3:1 m5:1"},
		"it moves for room":                            {scene: scene{clusters: append(grid("eu/za/r1", "us/zb/r2"), member("big", in("", "ap", "zc"), label("rack", "r3"), pods(50))), policy: all(dynamic(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{2, 2}), replicas: 40, present: "m1:2 m2:2"}, want: "big:32 m1:8"},
		"made anew it goes to the best":                {scene: scene{clusters: append(grid("eu/za/r1", "us/zb/r2"), member("big", in("", "ap", "zc"), label("rack", "r3"), pods(50))), policy: all(dynamic(), [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 0}, [2]int{1, 1}), replicas: 15, present: "m1:1", fresh: true}, want: "big:15"},
		"where it runs is preferred":                   {scene: scene{clusters: world, policy: all(dup(), [2]int{2, 2}, [2]int{2, 2}, [2]int{1, 0}, [2]int{2, 2}), replicas: 1, present: "m4:1 m5:1"}, want: "m4:1 m5:1"},
	})
}

// Whatever is asked for at once, what is selected keeps every constraint; and a set is found whenever
// trying all of them finds one.
func TestSpreadKeepsEveryConstraint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cells []string
		for range rapid.IntRange(1, 7).Draw(t, "clusters") {
			cells = append(cells, rapid.SampledFrom([]string{"eu", "us", "ap"}).Draw(t, "region")+"/"+
				rapid.SampledFrom([]string{"za", "zb", "za+zb", "zc"}).Draw(t, "zones")+"/"+rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "rack"))
		}
		p := dup()
		for _, by := range []policyv1alpha1.SpreadFieldValue{"cluster", "region", "zone", ""} {
			lo := rapid.IntRange(1, 3).Draw(t, "min")
			hi := rapid.SampledFrom([]int{0, lo, lo + 1}).Draw(t, "max")
			if by == "" {
				p = spreadByLabel(p, "rack", lo, hi)
			} else {
				p = spreadBy(p, by, lo, hi)
			}
		}
		world := grid(cells...)
		result, d := Place(scene{clusters: world, policy: p, replicas: 1}.input())
		possible := false
		for set := 1; set < 1<<len(world); set++ {
			var some clusters
			for i, c := range world {
				if set&(1<<i) != 0 {
					some = append(some, c)
				}
			}
			possible = possible || keepsSpread(&p, some)
		}
		if d.Fits() != possible {
			t.Fatalf("possible %v: %s", possible, d.Message)
		}
		var chosen clusters
		for _, c := range world {
			if _, is := find(result.Clusters, c.Name); is {
				chosen = append(chosen, c)
			}
		}
		if d.Fits() && !keepsSpread(&p, chosen) {
			t.Fatalf("%s breaks a constraint", Targets(result.Clusters))
		}
	})
}

func keepsSpread(p *policy, chosen clusters) bool {
	for _, c := range p.SpreadConstraints {
		groups := map[string]bool{}
		for _, m := range chosen {
			switch {
			case c.SpreadByLabel != "":
				groups[m.Labels[c.SpreadByLabel]] = true
			case c.SpreadByField == "cluster":
				groups[m.Name] = true
			case c.SpreadByField == "region":
				groups[m.Spec.Region] = true
			default:
				for _, z := range m.Spec.Zones {
					groups[z] = true
				}
			}
		}
		if len(groups) < c.MinGroups || c.MaxGroups > 0 && len(groups) > c.MaxGroups {
			return false
		}
	}
	return true
}

// A search among very many sets ends, with a set that keeps the constraints.
func TestManyCells(t *testing.T) {
	var cells []string
	for i := range 1000 {
		cells = append(cells, fmt.Sprintf("r%d/z%d/k%d", i%20, i%30, i%37))
	}
	p := spreadByLabel(spreadBy(spreadBy(spreadBy(dup(), "cluster", 5, 12), "region", 5, 6), "zone", 6, 8), "rack", 7, 9)
	result, d := Place(scene{clusters: grid(cells...), policy: p, replicas: 1}.input())
	if !d.Fits() || len(result.Clusters) < 7 {
		t.Errorf("%s: %s", d.Message, Targets(result.Clusters))
	}
	if d.Reason == workv1alpha2.ReasonScheduledSuccess && !strings.Contains(d.Terms[0].Selection, "and the values of label rack") {
		t.Errorf("selection %q", d.Terms[0].Selection)
	}
}
