package placement

import "testing"

// Spread by cluster: candidates are ordered by present targets first, then room (with what they
// have), then name; the first maxGroups are taken. By room, the last taken are swapped for the
// roomiest left out until the replicas have room.
func TestGoldenSpreadClusters(t *testing.T) {
	by := func(p policy, lo, hi int) policy { return spreadBy(p, "cluster", lo, hi) }
	world := goldenWorld("m1:2 m2:9 m3:5 m4:5") // in order: m2 m3 m4 m1
	pair := goldenWorld("a:1 b:1 c:1 d:8")
	run(t, map[string]golden{
		"the roomiest":                                goldenRow(world, by(dup(), 1, 1), 1, "", "m2:1"),
		"equal room goes by name":                     goldenRow(world, by(dup(), 1, 2), 1, "", "m2:1 m3:1"),
		"the least is left out":                       goldenRow(world, by(dup(), 1, 3), 1, "", "m2:1 m3:1 m4:1"),
		"present targets before all others":           goldenRow(world, by(dup(), 1, 2), 1, "m1:1 m4:1", "m1:1 m4:1"),
		"of three present targets the roomiest two":   goldenRow(world, by(dup(), 1, 2), 1, "m1:1 m3:1 m4:1", "m3:1 m4:1"),
		"present, then by room":                       goldenRow(world, by(dup(), 1, 3), 1, "m1:1", "m1:1 m2:1 m3:1"),
		"just enough clusters":                        goldenRow(world, by(dup(), 4, 4), 1, "", "m1:1 m2:1 m3:1 m4:1"),
		"one cluster short":                           goldenRow(world, by(dup(), 5, 0), 1, "", "").fails(refused),
		"no minGroups means one":                      goldenRow(world[:1], by(dup(), 0, 0), 1, "", "m1:1"),
		"Duplicated asks for no room":                 goldenRow(world, by(dup(), 1, 2), 50, "", "m2:50 m3:50"),
		"no replicaScheduling asks for no room":       goldenRow(world, by(policy{}, 1, 2), 50, "", "m2:50 m3:50"),
		"static weights are not selected from":        goldenRow(world, by(equal(), 9, 9), 4, "", "m1:1 m2:1 m3:1 m4:1"),
		"a weight list is not selected from":          goldenRow(world, by(static("m1=1 m2=1"), 1, 1), 4, "", "m1:2 m2:2"),
		"one has room for all":                        goldenRow(world, by(dynamic(), 1, 1), 6, "", "m2:6"),
		"none has room for all":                       goldenRow(world, by(dynamic(), 1, 1), 10, "", "").fails(refused),
		"two have just enough":                        goldenRow(world, by(dynamic(), 1, 2), 14, "", "m2:9 m3:5"),
		"two are one short":                           goldenRow(world, by(dynamic(), 1, 2), 15, "", "").fails(refused),
		"aggregated: the first of those selected":     goldenRow(world, by(aggregated(), 1, 2), 9, "", "m2:9"),
		"aggregated: both":                            goldenRow(world, by(aggregated(), 1, 2), 12, "", "m2:8 m3:4"),                // 9 3 1.8 1.3 1 .82 .69 .6, 5 1.7 1 .71
		"present ones suffice, afresh":                goldenRow(world, by(dynamic(), 1, 2), 9, "m1:1 m4:1", "m1:3 m4:6").afresh(),  // with their own: 3 and 6
		"the last present one is swapped":             goldenRow(world, by(dynamic(), 1, 2), 10, "m1:1 m4:1", "m2:6 m4:4").afresh(), // m4 6, m2 9
		"what the swapped one had is new":             goldenRow(world, by(dynamic(), 1, 2), 10, "m1:1 m4:1", "m2:6 m4:4"),          // 9 new: m2 9 3 1.8 1.3 1 .8, m4 5 1.7 1
		"one swap is enough":                          goldenRow(pair, by(dynamic(), 1, 2), 9, "a:1 b:1", "a:2 d:7").afresh(),       // a 2 .67, d 8 ... .62
		"two swaps, the roomiest first":               goldenRow(goldenWorld("a:1 b:1 d:8 e:9"), by(dynamic(), 1, 2), 17, "a:1 b:1", "d:8 e:9").afresh(),
		"two swaps are not enough: kept":              goldenRow(goldenWorld("a:1 b:1 d:8 e:9"), by(dynamic(), 1, 2), 18, "a:1 b:1", "a:1 b:1").afresh().fails(refused),
		"no swap for equal room":                      goldenRow(goldenWorld("a:4 b:4 c:4"), by(dynamic(), 1, 1), 5, "", "").fails(refused),
		"a scale down stays within the present ones":  goldenRow(world, by(dynamic(), 1, 2), 3, "m1:4 m3:2", "m1:2 m3:1"), // 4 1.3, 2
		"a ConfigMap goes by name":                    goldenRow(world, by(dynamic(), 1, 2), 0, "", "m1:0 m2:0").asConfig(),
		"a ConfigMap stays":                           goldenRow(world, by(aggregated(), 1, 2), 0, "m3:0 m4:0", "m3:0 m4:0").asConfig(),
		"selected without replicas shows when wanted": goldenRow(world, by(aggregated(), 1, 2), 2, "", "m2:2 m3:0").keepingEmpty(),
	})
}

// Spread by region, Duplicated. A region scores 1000 for each of its clusters that has room for all
// replicas. Sets of regions are searched from the smallest region on; a set is closed as soon as it
// has enough regions and clusters. The highest score wins, then the most clusters, then the first
// found; and of the winner the shortest beginning, by score, that is such a set as well.
func TestGoldenSpreadRegions(t *testing.T) {
	by := func(p policy, minRegions, maxRegions, minClusters, maxClusters int) policy {
		return spreadBy(spreadBy(p, "region", minRegions, maxRegions), "cluster", minClusters, maxClusters)
	}
	// For one replica: q 1000, p 2000, r 3000, searched in this order.
	world := goldenWorld("p1:5@p p2:5@p q1:5@q r1:5@r r2:5@r r3:5@r nowhere:9")
	row := func(minRegions, maxRegions, minClusters, maxClusters int, want string) golden {
		return goldenRow(world, by(dup(), minRegions, maxRegions, minClusters, maxClusters), 1, "", want)
	}
	few := goldenWorld("p1:9@p p2:9@p q1:9@q r1:5@r r2:1@r r3:1@r")
	even2 := goldenWorld("a1:9@a a2:9@a b1:9@b b2:9@b")
	run(t, map[string]golden{
		"one region is enough: the best":                      row(1, 0, 1, 0, "r1:1 r2:1 r3:1"),
		"the best and no more, though two score higher":       row(1, 0, 2, 0, "r1:1 r2:1 r3:1"), // q+r 4000; r alone is its beginning
		"of p and r, r alone is enough":                       row(1, 0, 3, 0, "r1:1 r2:1 r3:1"), // p+r 5000
		"r is not enough, r and p are, q is left out":         row(1, 0, 4, 0, "p1:1 p2:1 r1:1 r2:1 r3:1"),
		"only all together are enough":                        row(1, 0, 6, 0, "p1:1 p2:1 q1:1 r1:1 r2:1 r3:1"),
		"one region at most":                                  row(1, 1, 1, 0, "r1:1 r2:1 r3:1"),
		"one region at most, and none is large enough":        row(1, 1, 4, 0, "").fails(refused),
		"two regions at most":                                 row(1, 2, 4, 0, "p1:1 p2:1 r1:1 r2:1 r3:1"),
		"two regions at most are not enough":                  row(1, 2, 6, 0, "").fails(refused),
		"two regions at least":                                row(2, 0, 2, 0, "p1:1 p2:1 r1:1 r2:1 r3:1"),
		"three regions":                                       row(3, 3, 3, 0, "p1:1 p2:1 q1:1 r1:1 r2:1 r3:1"),
		"four regions are too many":                           row(4, 0, 4, 0, "").fails(refused),
		"one cluster of each region":                          row(3, 3, 3, 3, "p1:1 q1:1 r1:1"),
		"one of each, then filled by order":                   row(2, 2, 2, 3, "p1:1 p2:1 r1:1"),
		"one of each, then filled to maxGroups":               row(2, 2, 2, 4, "p1:1 p2:1 r1:1 r2:1"),
		"two clusters of the best region":                     row(1, 1, 1, 2, "r1:1 r2:1"),
		"the rest is filled by room, whatever the region":     goldenRow(goldenWorld("p1:5@p p2:3@p r1:4@r r2:4@r r3:2@r"), by(dup(), 2, 2, 2, 4), 1, "", "p1:1 p2:1 r1:1 r2:1"), // left: r2 4, p2 3, r3 2
		"no cluster has room: the most clusters":              goldenRow(world, by(dup(), 1, 1, 1, 0), 6, "", "r1:6 r2:6 r3:6"),
		"clusters with room count, not clusters":              goldenRow(few, by(dup(), 1, 1, 1, 0), 5, "", "p1:5 p2:5"), // p 2000, q 1000, r 1000
		"an equal score: the most clusters":                   goldenRow(goldenWorld("p1:9@p p2:9@p r1:9@r r2:9@r r3:1@r"), by(dup(), 1, 1, 1, 0), 5, "", "r1:5 r2:5 r3:5"),
		"an equal score, equally many clusters: by name":      goldenRow(even2, by(dup(), 1, 1, 1, 0), 5, "", "a1:5 a2:5"),
		"present targets break the tie":                       goldenRow(even2, by(dup(), 1, 1, 1, 0), 5, "b2:5", "b1:5 b2:5"), // b 2050
		"the present target is the first of its region":       goldenRow(even2, by(dup(), 1, 1, 1, 1), 5, "b2:5", "b2:5"),
		"present targets do not outweigh room":                goldenRow(few, by(dup(), 1, 1, 1, 0), 5, "q1:5", "p1:5 p2:5"), // p 2000, q 1100
		"of small regions with equal scores the first two":    goldenRow(goldenWorld("a1:5@a b1:5@b c1:5@c"), by(dup(), 1, 3, 2, 0), 1, "", "a1:1 b1:1"),
		"of small regions those with room":                    goldenRow(goldenWorld("a1:0@a b1:5@b c1:5@c"), by(dup(), 1, 3, 2, 0), 1, "", "b1:1 c1:1"),
		"a ConfigMap has room everywhere":                     goldenRow(few, by(dup(), 1, 1, 1, 2), 0, "", "r1:0 r2:0").asConfig(),
		"under static weights the region is only a filter":    goldenRow(world, by(equal(), 1, 1, 1, 1), 6, "", "p1:1 p2:1 q1:1 r1:1 r2:1 r3:1"),
		"a term whose clusters are in too few regions is not": goldenRow(world, terms(by(dup(), 2, 0, 2, 0), "x=r1,r2 y=p1,q1"), 1, "", "p1:1 q1:1").using("", "y"),
	})
}

// Divided by room a region is asked for its part of the replicas: ceil(replicas / minGroups). It scores
// 1000 for each that it has room for, counting clusters in order until there are enough of both.
func TestGoldenSpreadRegionsByRoom(t *testing.T) {
	by := func(p policy, minRegions, maxRegions, minClusters, maxClusters int) policy {
		return spreadBy(spreadBy(p, "region", minRegions, maxRegions), "cluster", minClusters, maxClusters)
	}
	world := goldenWorld("p1:3@p p2:3@p q1:9@q r1:2@r r2:2@r r3:2@r") // room for 6, 9 and 6
	row := func(p policy, replicas int32, want string) golden { return goldenRow(world, p, replicas, "", want) }
	run(t, map[string]golden{
		"all have room: the most clusters":           row(by(dynamic(), 1, 1, 1, 0), 6, "r1:2 r2:2 r3:2"),
		"only one has room":                          row(by(dynamic(), 1, 1, 1, 0), 7, "q1:7"),
		"the one with room has too few clusters":     row(by(dynamic(), 1, 1, 2, 0), 7, "").fails(noRoom),           // r: 6 of 7
		"the part of each of two regions":            row(by(dynamic(), 2, 2, 2, 0), 7, "p1:2 p2:2 r1:1 r2:1 r3:1"), // 4 each: all 4000; p and r have the most; 3 1, 3 1, 2, 2, 2
		"regions are not swapped for room":           row(by(dynamic(), 2, 2, 2, 2), 6, "").fails(noRoom),           // p1 3 and r1 2
		"filled to maxGroups there is room":          row(by(dynamic(), 2, 2, 2, 3), 6, "p1:2 p2:2 r1:2"),           // 3 1, 3 1, 2 .67
		"aggregated within the region":               row(by(aggregated(), 1, 1, 1, 0), 4, "r1:2 r2:2"),
		"aggregated in the region that has room":     row(by(aggregated(), 1, 1, 1, 0), 9, "q1:9"),
		"two are not cut to one that is too small":   row(by(dynamic(), 1, 0, 2, 0), 6, "q1:3 r1:1 r2:1 r3:1"),                                       // q+r 12000, by name q first: 1 cluster; 9 3 1.8, 2, 2, 2
		"two are cut to the one that is enough":      goldenRow(goldenWorld("p1:9@p q1:2@q q2:9@q"), by(dynamic(), 1, 0, 2, 0), 11, "", "q1:2 q2:9"), // p 9000, q 11000: q alone
		"where it runs breaks the tie, afresh":       goldenRow(world, by(dynamic(), 1, 1, 1, 0), 6, "q1:1", "q1:6").afresh(),                        // q 6100
		"where it runs breaks the tie":               goldenRow(world, by(dynamic(), 1, 1, 1, 0), 6, "p1:1", "p1:4 p2:2"),                            // p 6050; 5 new: 3 1 .6, 3 1
		"where it runs has no room: it moves":        goldenRow(world, by(dynamic(), 1, 1, 1, 0), 9, "p1:1 p2:1", "q1:9"),                            // p 8000, q 9000
		"steady in a region nobody would choose now": goldenRow(world, by(dynamic(), 1, 1, 1, 0), 3, "p1:2 p2:1", "p1:2 p2:1"),                       // all 3000, p and its 100
	})
}
