package placement

import (
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// The tables golden_*_test.go say what Karmada makes of a world, worked out by its rules and not by
// running anything. A row is a world, a policy, the replicas wanted, the present targets and the
// targets expected; what else matters follows in words. Arithmetic is in a comment: "6 2 1.2" are a
// cluster's quotients weight/1, weight/3, weight/5, ..., the highest of which get the seats.

func goldenRow(world clusters, p policy, replicas int32, present, want string) golden {
	return golden{scene: scene{clusters: world, policy: p, replicas: replicas, present: present, uid: even}, want: want}
}

func (g golden) afresh() golden             { g.fresh = true; return g }
func (g golden) oddUID() golden             { g.uid = odd; return g }
func (g golden) fails(reason string) golden { g.reason = reason; return g }
func (g golden) leaving(names string) golden {
	g.evicting = names
	return g
}
func (g golden) without(names string) golden { g.exclude = names; return g }
func (g golden) asConfig() golden            { g.config = true; return g }
func (g golden) keepingEmpty() golden        { return g.given(func(in *Input) { in.KeepEmpty = true }) }

// using says which term is in use before, and after.
func (g golden) using(before, after string) golden {
	g.scene.affinity, g.affinity = before, after
	return g
}

// requesting makes it a workload also without replicas.
func (g golden) requesting() golden { g.requests = true; return g }

func (g golden) given(change func(*Input)) golden { g.change = change; return g }

// goldenWorld reads clusters with their room and region: "m1:6@eu m2:3".
func goldenWorld(text string) (out clusters) {
	for _, word := range strings.Fields(text) {
		name, rest, _ := strings.Cut(word, ":")
		room, region, _ := strings.Cut(rest, "@")
		n, err := strconv.ParseInt(room, 10, 64)
		if err != nil {
			panic(err)
		}
		out = append(out, member(name, pods(n), in("", region)))
	}
	return out
}

func goldenAPI(groupVersion, kind string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: groupVersion, Resources: []clusterv1alpha1.APIResource{{Kind: kind}}}}
	}
}

func goldenTolerating(p policy, tolerations ...corev1.Toleration) policy {
	p.ClusterTolerations = tolerations
	return p
}

func TestGoldenFilterAPIEnablement(t *testing.T) {
	with := func(trait func(*clusterv1alpha1.Cluster)) clusters {
		return clusters{member("m1", trait), member("m2")}
	}
	onlyConfig, beta, sets := with(goldenAPI("v1", "ConfigMap")), with(goldenAPI("apps/v1beta1", "Deployment")), with(goldenAPI("apps/v1", "StatefulSet"))
	run(t, map[string]golden{
		"another version does not serve":           goldenRow(beta, dup(), 1, "", "m2:1"),
		"another kind does not serve":              goldenRow(sets, dup(), 1, "", "m2:1"),
		"another group does not serve":             goldenRow(onlyConfig, dup(), 1, "", "m2:1"),
		"a ConfigMap needs its own kind only":      goldenRow(onlyConfig, dup(), 0, "", "m1:0 m2:0").asConfig(),
		"a present target scales without it":       goldenRow(onlyConfig, equal(), 4, "m1:1 m2:1", "m1:2 m2:2"),
		"a present target without replicas passes": goldenRow(onlyConfig, equal(), 2, "m1:0", "m1:1 m2:1"),
		"the share goes to who serves":             goldenRow(beta, static("m1=3 m2=1"), 4, "", "m2:4"),
	})
}

func TestGoldenFilterTaints(t *testing.T) {
	tainted := func(traits ...func(*clusterv1alpha1.Cluster)) clusters {
		return clusters{member("m1", append(traits, pods(9))...), member("m2", pods(9))}
	}
	no, out := tainted(taint("k", "v", noSchedule)), tainted(taint("k", "v", noExecute))
	both := tainted(taint("k", "v", noSchedule), taint("k", "v", noExecute))
	exists := func(key string, effect corev1.TaintEffect) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}
	}
	equals := func(key, value string) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpEqual, Value: value}
	}
	run(t, map[string]golden{
		"NoSchedule keeps away":                         goldenRow(no, dup(), 1, "", "m2:1"),
		"NoExecute keeps away":                          goldenRow(out, dup(), 1, "", "m2:1"),
		"Equal with the value":                          goldenRow(out, goldenTolerating(dup(), equals("k", "v")), 1, "", "m1:1 m2:1"),
		"Equal with another value":                      goldenRow(out, goldenTolerating(dup(), equals("k", "w")), 1, "", "m2:1"),
		"Equal with another key":                        goldenRow(no, goldenTolerating(dup(), equals("l", "v")), 1, "", "m2:1"),
		"Exists for NoExecute, the taint is NoExecute":  goldenRow(out, goldenTolerating(dup(), exists("k", noExecute)), 1, "", "m1:1 m2:1"),
		"Exists for NoExecute, the taint is NoSchedule": goldenRow(no, goldenTolerating(dup(), exists("k", noExecute)), 1, "", "m2:1"),
		"one effect of two tolerated":                   goldenRow(both, goldenTolerating(dup(), exists("k", noExecute)), 1, "", "m2:1"),
		"each effect tolerated by its own":              goldenRow(both, goldenTolerating(dup(), exists("k", noExecute), exists("k", noSchedule)), 1, "", "m1:1 m2:1"),
		"no effect given means every effect":            goldenRow(both, goldenTolerating(dup(), exists("k", "")), 1, "", "m1:1 m2:1"),
		"every key, one effect":                         goldenRow(both, goldenTolerating(dup(), exists("", noSchedule)), 1, "", "m2:1"),
		"a present target is not driven out, divided":   goldenRow(out, equal(), 4, "m1:2 m2:2", "m1:2 m2:2"),
		"a present target grows, NoExecute or not":      goldenRow(out, equal(), 6, "m1:2 m2:2", "m1:3 m2:3"),
		"a present target grows by room as well":        goldenRow(out, dynamic(), 6, "m1:2 m2:2", "m1:3 m2:3"),
		"not new: nothing divided over it":              goldenRow(no, static("m1=3 m2=1"), 4, "m2:4", "m2:4"),
		"only tainted clusters":                         goldenRow(no[:1], dup(), 1, "", "").fails(noFit),
		"only tainted clusters, one is a target":        goldenRow(no[:1], dup(), 2, "m1:1", "m1:2"),
		"a reschedule leaves present targets passing":   goldenRow(out, dynamic(), 4, "m1:4", "m1:2 m2:2").afresh(), // rooms with own: m1 13, m2 9; 13 4.3 2.6, 9 3
	})
}

func TestGoldenFilterFields(t *testing.T) {
	world := clusters{
		member("a1", in("aws", "eu", "eu-a"), label("env", "prod")),
		member("a2", in("aws", "us", "us-a", "us-b"), label("env", "dev")),
		member("g1", in("gcp", "eu", "eu-a", "eu-b"), label("env", "prod")),
		member("g2", in("gcp", "ap", "ap-a")),
	}
	const isIn, notIn = corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn
	and := func(sets ...set) (a set) {
		a.FieldSelector = &policyv1alpha1.FieldSelector{}
		for _, s := range sets {
			a.FieldSelector.MatchExpressions = append(a.FieldSelector.MatchExpressions, s.FieldSelector.MatchExpressions...)
		}
		return a
	}
	labels := func(op metav1.LabelSelectorOperator, values ...string) set {
		return set{LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "env", Operator: op, Values: values}}}}
	}
	prodEU := where("region", isIn, "eu")
	prodEU.LabelSelector = matchLabels("env", "prod")
	notG1 := where("provider", isIn, "gcp")
	notG1.ExcludeClusters = []string{"g1"}
	listed := where("region", notIn, "eu")
	listed.ClusterNames = []string{"a1", "a2"}
	row := func(a set, want string) golden { return goldenRow(world, only(dup(), a), 1, "", want) }
	run(t, map[string]golden{
		"provider in two":                row(where("provider", isIn, "aws", "gcp"), "a1:1 a2:1 g1:1 g2:1"),
		"provider not in two":            row(where("provider", notIn, "aws", "gcp"), "").fails(noFit),
		"region not in one":              row(where("region", notIn, "eu"), "a2:1 g2:1"),
		"region not in two":              row(where("region", notIn, "eu", "us"), "g2:1"),
		"zone in: one of its zones":      row(where("zone", isIn, "us-b"), "a2:1"),
		"zone in: a zone of several":     row(where("zone", isIn, "eu-a", "ap-a"), "a1:1 g1:1 g2:1"),
		"zone not in: none of its zones": row(where("zone", notIn, "eu-b", "us-b"), "a1:1 g2:1"),
		"two fields must both hold":      row(and(where("provider", isIn, "aws"), where("region", isIn, "eu")), "a1:1"),
		"in and not in":                  row(and(where("provider", isIn, "gcp"), where("zone", notIn, "eu-b")), "g2:1"),
		"a contradiction picks none":     row(and(where("region", isIn, "eu"), where("region", notIn, "eu")), "").fails(noFit),
		"fields and labels":              row(prodEU, "a1:1 g1:1"),
		"fields and exclude":             row(notG1, "g2:1"),
		"fields and names":               row(listed, "a2:1"),
		"label in":                       row(labels(metav1.LabelSelectorOpIn, "dev", "prod"), "a1:1 a2:1 g1:1"),
		"label not in, absent is not in": row(labels(metav1.LabelSelectorOpNotIn, "prod"), "a2:1 g2:1"),
		"label exists":                   row(labels(metav1.LabelSelectorOpExists), "a1:1 a2:1 g1:1"),
		"a present target outside is left, its share goes to the rest": goldenRow(world, only(equal(), where("region", isIn, "eu")), 6, "a1:3 a2:3", "a1:3 g1:3"),
	})
}

func TestGoldenFilterCombinations(t *testing.T) {
	eu := in("", "eu")
	world := clusters{
		member("dying", dying, eu), member("good", eu), member("lacking", noAPIs, eu), member("leaving", eu),
		member("lost", eu), member("outside", in("", "us")), member("tainted", taint("k", "", noSchedule), eu),
	}
	euOnly := only(dup(), where("region", corev1.NodeSelectorOpIn, "eu"))
	regional := spreadBy(spreadBy(dup(), "region", 1, 1), "cluster", 1, 0)
	run(t, map[string]golden{
		"each is out for another reason": goldenRow(world, euOnly, 1, "", "good:1").leaving("leaving").without("lost"),
		"targets pass the taint and the missing API only": goldenRow(world, euOnly, 1,
			"dying:1 good:1 lacking:1 leaving:1 lost:1 outside:1 tainted:1", "good:1 lacking:1 tainted:1").leaving("leaving").without("lost"),
		"a dying target is left, tolerated or not": goldenRow(clusters{member("m1", dying, taint("k", "", noExecute)), member("m2")},
			goldenTolerating(dup(), corev1.Toleration{Operator: corev1.TolerationOpExists}), 1, "m1:1", "m2:1"),
		"a target that lost its region is left under a constraint by region": goldenRow(clusters{member("m1"), member("m2", eu)}, regional, 1, "m1:1", "m2:1"),
		"a target without region stays without such a constraint":            goldenRow(clusters{member("m1"), member("m2", eu)}, dup(), 1, "m1:1", "m1:1 m2:1"),
		"a tainted one does not count for minGroups":                         goldenRow(world[5:], spreadBy(dup(), "cluster", 2, 0), 1, "", "").fails(refused),
		"a tainted target counts for minGroups":                              goldenRow(world[5:], spreadBy(dup(), "cluster", 2, 0), 1, "tainted:1", "outside:1 tainted:1"),
		"all are out":                                                        goldenRow(world[2:], only(dup(), named("lacking leaving lost tainted")), 1, "", "").leaving("leaving").without("lost").fails(noFit),
	})
}

func TestGoldenEviction(t *testing.T) {
	abc := goldenWorld("m1:5 m2:1 m3:5")
	run(t, map[string]golden{
		"what leaves a cluster goes elsewhere by room":  goldenRow(abc, dynamic(), 4, "m1:3 m2:1", "m2:2 m3:2").leaving("m1"), // 3 more: m3 5 1.7 1, m2 1; fewer seats win the tie
		"aggregated: the one that stays is filled":      goldenRow(abc, aggregated(), 2, "m1:1 m2:1", "m2:2").leaving("m1"),
		"static: the rest share it":                     goldenRow(abc, static("m1=2 m2=1 m3=1"), 4, "m1:2 m2:1 m3:1", "m2:2 m3:2").leaving("m1"),
		"it was removed from the targets already":       goldenRow(abc, dynamic(), 3, "m2:1", "m2:1 m3:2").leaving("m1"), // 2 more: m3 5 1.7, m2 1
		"one cluster is left for another, by maxGroups": goldenRow(abc, spreadBy(dup(), "cluster", 1, 1), 2, "m2:2", "m1:2").leaving("m2"),
		"a cluster being left does not count for minGroups": goldenRow(abc, spreadBy(dup(), "cluster", 3, 3), 1, "m1:1 m2:1 m3:1", "m1:1 m2:1 m3:1").
			leaving("m1").fails(refused), // kept, ours
		"a ConfigMap leaves too": goldenRow(abc, dup(), 0, "m1:0 m2:0 m3:0", "m1:0 m3:0").asConfig().leaving("m2"),
		"a term whose only cluster is being left falls back": goldenRow(abc, terms(equal(), "home=m1 away=m3"), 2, "m1:2", "m3:2").
			leaving("m1").using("home", "away"),
	})
}

// Karmada empties the targets when no cluster fits. Here they are kept: this is ours, on purpose.
func TestGoldenNothingFitsKeepsWhatRuns(t *testing.T) {
	ab := goldenWorld("m1:1 m2:1")
	oneDying := clusters{member("m1", dying), member("m2", pods(1))}
	run(t, map[string]golden{
		"no cluster by that name":                      goldenRow(ab, only(equal(), named("gone")), 2, "m1:1 m2:1", "m1:1 m2:1").fails(noFit),
		"no cluster with that label":                   goldenRow(ab, only(dup(), set{LabelSelector: matchLabels("a", "b")}), 2, "m1:2", "m1:2").fails(noFit),
		"no cluster at all":                            goldenRow(nil, dup(), 2, "m1:2", "m1:2").fails(noFit),
		"no cluster has a region":                      goldenRow(ab, spreadBy(spreadBy(dup(), "region", 1, 0), "cluster", 1, 0), 2, "m1:2", "m1:2").fails(noFit),
		"more is wanted than there is room":            goldenRow(ab, dynamic(), 9, "m1:1 m2:1", "m1:1 m2:1").fails(noRoom),
		"more is wanted than there is room, gathered":  goldenRow(ab, aggregated(), 9, "m1:1", "m1:1").fails(noRoom),
		"a fresh division finds no room":               goldenRow(ab, dynamic(), 6, "m1:3", "m1:3").afresh().fails(noRoom), // 1+3 and 1
		"too few clusters for minGroups":               goldenRow(ab, spreadBy(dup(), "cluster", 3, 0), 1, "m1:1", "m1:1").fails(refused),
		"no term fits, the one in use stays":           goldenRow(ab, terms(dup(), "x=gone y=lost"), 1, "m1:1", "m1:1").using("y", "y").fails(noFit),
		"a dying cluster leaves, the others are kept":  goldenRow(oneDying, only(equal(), named("gone")), 4, "m1:2 m2:2", "m2:2").fails(noFit),
		"a dying cluster leaves though room is short":  goldenRow(oneDying, dynamic(), 4, "m1:2 m2:2", "m2:2").fails(noRoom),
		"the last cluster is dying: nothing is left":   goldenRow(oneDying[:1], dup(), 1, "m1:1", "").fails(noFit),
		"a target that does not exist any more stays":  goldenRow(ab, only(dup(), named("gone")), 1, "ghost:1 m1:1", "ghost:1 m1:1").fails(noFit),
		"a ConfigMap is kept as well":                  goldenRow(ab, only(dup(), named("gone")), 0, "m1:0", "m1:0").asConfig().fails(noFit),
		"a dying target moves when there is elsewhere": goldenRow(oneDying, equal(), 3, "m1:3", "m2:3"),
		"a dying target moves by room":                 goldenRow(oneDying, dynamic(), 1, "m1:1", "m2:1"),
	})
}
