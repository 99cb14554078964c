package placement

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterAffinities are tried in order, from the term in use on; never before it, unless somebody asks
// for a reschedule. When all fail the first error counts.
func TestGoldenOrderOfAffinities(t *testing.T) {
	world := goldenWorld("m1:1 m2:5 m3:5 m4:9")
	triggered := func(in *Input) { in.Spec.RescheduleTriggeredAt = &metav1.Time{} }
	two := func(p policy) policy { return terms(p, "home=m1 away=m2,m3") }
	three := terms(equal(), "a=m1 b=m2 c=m3,m4")
	spread := spreadBy(dup(), "cluster", 2, 0)
	run(t, map[string]golden{
		"the first":                                    goldenRow(world, two(equal()), 2, "", "m1:2").using("", "home"),
		"the third, the others have no cluster":        goldenRow(world[2:], three, 2, "", "m3:1 m4:1").using("", "c"),
		"the second, the first has no room":            goldenRow(world, two(dynamic()), 4, "", "m2:2 m3:2").using("", "away"),
		"the second, the first has too few clusters":   goldenRow(world, two(spread), 1, "", "m2:1 m3:1").using("", "away"),
		"the first error counts: no cluster":           goldenRow(world, terms(dynamic(), "x=gone y=m1"), 9, "", "").fails(noFit),
		"the first error counts: no room":              goldenRow(world, terms(dynamic(), "x=m1 y=gone"), 9, "", "").fails(noRoom),
		"the first error counts: too few clusters":     goldenRow(world, terms(spread, "x=m1 y=gone"), 1, "", "").fails(refused),
		"the one in use, though the first fits":        goldenRow(world, two(equal()), 2, "m2:1 m3:1", "m2:1 m3:1").using("away", "away"),
		"the one in use grows":                         goldenRow(world, two(equal()), 4, "m2:1 m3:1", "m2:2 m3:2").using("away", "away"),
		"the one in use has no room: none before it":   goldenRow(world, terms(dynamic(), "x=m4 y=m1"), 3, "m1:1", "m1:1").using("y", "y").fails(noRoom),
		"the one in use is lost: none before it":       goldenRow(world[:1], two(equal()), 2, "m2:1 m3:1", "m2:1 m3:1").using("away", "away").fails(noFit),
		"the one in use is lost: the next":             goldenRow(world[2:], three, 2, "m2:2", "m3:1 m4:1").using("b", "c"),
		"the one in use is gone: the first":            goldenRow(world, two(equal()), 2, "m2:1 m3:1", "m1:2").using("old", "home"),
		"asked to reschedule: from the first":          goldenRow(world, two(equal()), 2, "m2:1 m3:1", "m1:2").using("away", "home").given(triggered),
		"asked to reschedule: the first has no room":   goldenRow(world, two(dynamic()), 4, "m2:4", "m2:3 m3:1").using("away", "away").given(triggered), // 9 3 1.8, 5
		"a taint does not drive it to the next":        goldenRow(clusters{member("m1", taint("k", "", noExecute)), member("m2")}, terms(equal(), "home=m1 away=m2"), 2, "m1:2", "m1:2").using("home", "home"),
		"new, a taint does":                            goldenRow(clusters{member("m1", taint("k", "", noExecute)), member("m2")}, terms(equal(), "home=m1 away=m2"), 2, "", "m2:2").using("", "away"),
		"a lost cluster drives it to the next":         goldenRow(world, two(equal()), 2, "m1:2", "m2:1 m3:1").using("home", "away").without("m1"),
		"one of two lost clusters does not":            goldenRow(world, two(equal()), 2, "m2:1 m3:1", "m3:2").using("away", "away").without("m2"),
		"targets of another term are left":             goldenRow(world, two(equal()), 2, "m1:1 m4:1", "m1:2").using("home", "home"),
		"a ConfigMap falls back like a workload":       goldenRow(world[1:], two(dup()), 0, "", "m2:0 m3:0").asConfig().using("", "away"),
		"a cluster in both terms is used by the first": goldenRow(world, terms(equal(), "x=m1,m2 y=m2,m3"), 2, "", "m1:1 m2:1").using("", "x"),
	})
}

// Overflow: tier by tier, each as many as it has room for, with what it has already; then the division
// inside of the tier. So the first tier is filled first, also by what ran in another one.
func TestGoldenOverflow(t *testing.T) {
	one := func(p policy) policy { return overflow(terms(p, "home=m1,m2"), "m3") }
	world := goldenWorld("m1:3 m2:3 m3:9")
	two := func(p policy) policy { return overflow(terms(p, "home=m1"), "m2 m3", "m4") }
	deep := goldenWorld("m1:2 m2:3 m3:1 m4:9")
	full := goldenWorld("m1:0 m2:0 m3:0 m4:9")
	roomy := goldenWorld("m1:4 m3:9")
	spread := func(hi int) policy { return spreadBy(overflow(terms(dynamic(), "home=m1"), "m2"), "cluster", 1, hi) }
	run(t, map[string]golden{
		"the term itself has room":                   goldenRow(world, one(dynamic()), 5, "", "m1:3 m2:2"),
		"the term itself is just full":               goldenRow(world, one(dynamic()), 6, "", "m1:3 m2:3"),
		"the rest overflows":                         goldenRow(world, one(dynamic()), 8, "", "m1:3 m2:3 m3:2"),
		"all are just full":                          goldenRow(world, one(dynamic()), 15, "", "m1:3 m2:3 m3:9"),
		"one too many":                               goldenRow(world, one(dynamic()), 16, "", "").fails(noRoom),
		"by room inside of the tier":                 goldenRow(deep, two(dynamic()), 5, "", "m1:2 m2:2 m3:1"), // 3 1, 1: fewer seats win the tie, both get one
		"the second overflow after the first":        goldenRow(deep, two(dynamic()), 7, "", "m1:2 m2:3 m3:1 m4:1"),
		"a full first tier is passed over":           goldenRow(full, two(dynamic()), 3, "", "m4:3"),
		"a missing first tier is passed over":        goldenRow(deep[1:], two(dynamic()), 3, "", "m2:2 m3:1"), // 3 1, 1
		"aggregated inside of the tier":              goldenRow(goldenWorld("m1:2 m2:3 m3:6"), two(aggregated()), 6, "", "m1:2 m3:4"),
		"aggregated, both of the tier":               goldenRow(goldenWorld("m1:2 m2:3 m3:6"), two(aggregated()), 11, "", "m1:2 m2:3 m3:6"),
		"less: the last tier first":                  goldenRow(full, two(dynamic()), 8, "m1:2 m2:3 m3:1 m4:4", "m1:2 m2:3 m3:1 m4:2"),
		"less: a tier shrinks by what it has":        goldenRow(full, two(dynamic()), 4, "m1:2 m2:3 m3:1", "m1:2 m2:1 m3:1"), // 2 left: 3 1, 1; fewer seats win the tie
		"less: only the first tier is left":          goldenRow(full, two(dynamic()), 2, "m1:2 m2:3 m3:1", "m1:2"),
		"less: the first tier shrinks last":          goldenRow(full, two(dynamic()), 1, "m1:2 m2:3 m3:1", "m1:1"),
		"more: the first tier is full, the next has": goldenRow(full, two(dynamic()), 9, "m1:2 m2:3 m3:1", "m1:2 m2:3 m3:1 m4:3"),
		"more: the first tier has room again":        goldenRow(roomy, one(dynamic()), 6, "m1:1 m3:4", "m1:5 m3:1"),
		"as many: the first tier has room again":     goldenRow(roomy, one(dynamic()), 5, "m1:1 m3:4", "m1:5"),
		"less: the first tier has room again":        goldenRow(roomy, one(dynamic()), 4, "m1:1 m3:4", "m1:4"),
		"as many, and nothing has room: none moves":  goldenRow(full, two(dynamic()), 6, "m1:2 m2:3 m3:1", "m1:2 m2:3 m3:1"),
		"afresh the tiers are kept":                  goldenRow(roomy, one(dynamic()), 6, "m3:6", "m1:4 m3:2").afresh(),
		"a cluster belongs to its first tier":        goldenRow(goldenWorld("m1:2 m2:5"), overflow(terms(dynamic(), "home=m1"), "m1 m2"), 4, "", "m1:2 m2:2"),
		"a tier nobody is in":                        goldenRow(goldenWorld("m1:2 m4:9"), two(dynamic()), 4, "", "m1:2 m4:2"),
		"selection takes the first tier first":       goldenRow(goldenWorld("m1:3 m2:9"), spread(1), 3, "", "m1:3"),
		"selection swaps it for room":                goldenRow(goldenWorld("m1:1 m2:9"), spread(1), 3, "", "m2:3"),
		"selection takes both":                       goldenRow(goldenWorld("m1:1 m2:9"), spread(2), 3, "", "m1:1 m2:2"),
		"too little with overflow: the next term":    goldenRow(goldenWorld("m1:1 m2:2 m4:9"), terms(overflow(terms(dynamic(), "home=m1"), "m2"), "away=m4"), 4, "", "m4:4").using("", "away"),
		"overflow before the next term":              goldenRow(goldenWorld("m1:1 m2:3 m4:9"), terms(overflow(terms(dynamic(), "home=m1"), "m2"), "away=m4"), 4, "", "m1:1 m2:3").using("", "home"),
		"a ConfigMap does not overflow":              goldenRow(world, one(dynamic()), 0, "", "m1:0 m2:0").asConfig(),
		"a ConfigMap whose term is lost: none":       goldenRow(world[2:], one(dynamic()), 0, "", "").asConfig().fails(noFit),
		"a target in overflow passes a taint":        goldenRow(clusters{member("m1", pods(1)), member("m3", pods(9), taint("k", "", noExecute))}, one(dynamic()), 4, "m1:1 m3:2", "m1:2 m3:2"),
		"empty clusters of all tiers are kept":       goldenRow(world, one(dynamic()), 3, "", "m1:2 m2:1 m3:0").keepingEmpty(),
	})
}
