package placement

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Properties of placements in worlds of up to eight clusters, beyond those in place_test.go: what
// must hold whatever the numbers are. The last word on the numbers has the oracle.

var propertyNames = []string{"m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"}

func propertySome(t *rapid.T, what string, most int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(propertyNames), 0, most, rapid.ID[string]).Draw(t, what)
}

func propertyMember(t *rapid.T, name string) *clusterv1alpha1.Cluster {
	c := member(name, pods(rapid.Int64Range(0, 20).Draw(t, "room")), in("", rapid.SampledFrom([]string{"eu", "us", "ap", "af", ""}).Draw(t, "region")))
	if rapid.Bool().Draw(t, "prod") {
		label("env", "prod")(c)
	}
	for _, trouble := range rapid.SliceOfN(rapid.IntRange(0, 30), 2, 2).Draw(t, "troubles") {
		switch trouble {
		case 1:
			taint("a", "x", noSchedule)(c)
		case 2:
			taint("b", "y", noExecute)(c)
		case 3:
			taint("a", "x", prefer)(c)
		case 4:
			noAPIs(c)
		case 5:
			dying(c)
		case 6:
			c.Status.ResourceSummary = nil
		}
	}
	return c
}

// propertyInput draws a world without affinity and constraints.
func propertyInput(t *rapid.T, policies ...policy) Input {
	p := rapid.SampledFrom(policies).Draw(t, "policy")
	p.ClusterTolerations = rapid.SampledFrom([][]corev1.Toleration{nil, {{Key: "a", Value: "x"}}, {{Operator: corev1.TolerationOpExists}}}).Draw(t, "tolerations")
	spec := &workv1alpha2.ResourceBindingSpec{
		Resource:  workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", UID: types.UID(rapid.SampledFrom([]string{"", "a", "b", "ab", "aa"}).Draw(t, "uid"))},
		Replicas:  rapid.Int32Range(0, 30).Draw(t, "replicas"),
		Placement: &p,
	}
	if rapid.Bool().Draw(t, "requests") {
		spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{}
	}
	names := propertySome(t, "present", 5)
	slices.Sort(names)
	for _, n := range names {
		spec.Clusters = append(spec.Clusters, workv1alpha2.TargetCluster{Name: n, Replicas: rapid.Int32Range(0, 10).Draw(t, "has")})
	}
	for _, n := range propertySome(t, "evicting", 1) {
		spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: n})
	}
	out := Input{Spec: spec, Status: &workv1alpha2.ResourceBindingStatus{}, Exclude: sets.New(propertySome(t, "exclude", 1)...), Estimates: map[string]int32{}}
	for _, n := range propertyNames[:rapid.IntRange(0, len(propertyNames)).Draw(t, "clusters")] {
		out.Clusters = append(out.Clusters, propertyMember(t, n))
	}
	for _, n := range propertySome(t, "estimated", 3) {
		out.Estimates[n] = rapid.Int32Range(-1, 12).Draw(t, "estimate")
	}
	out.Fresh = rapid.IntRange(0, 3).Draw(t, "fresh") == 0
	out.KeepEmpty = rapid.IntRange(0, 3).Draw(t, "keep empty") == 0
	if rapid.IntRange(0, 7).Draw(t, "triggered") == 0 {
		spec.RescheduleTriggeredAt = &metav1.Time{Time: time.Unix(9, 0)}
	}
	return out
}

// propertyConstrain adds affinity and spread constraints.
func propertyConstrain(t *rapid.T, in *Input) {
	p := in.Spec.Placement
	switch rapid.IntRange(0, 4).Draw(t, "affinity") {
	case 1:
		*p = only(*p, set{ClusterNames: propertySome(t, "names", 6), ExcludeClusters: propertySome(t, "not", 2)})
	case 2:
		*p = only(*p, set{LabelSelector: matchLabels("env", "prod")})
	case 3:
		*p = terms(*p, "x=m1,m2 y=m3,m4 z=m5,m6,m7,m8")
		in.Status.SchedulerObservedAffinityName = rapid.SampledFrom([]string{"", "x", "y", "z", "gone"}).Draw(t, "in use")
	case 4:
		*p = terms(*p, "home=m1,m2 away=m5,m6")
		if StrategyOf(p).byCapacity() {
			*p = overflow(*p, "m3 m4", "m4 m7 m8")
		}
	}
	if rapid.Bool().Draw(t, "spread") {
		lo := rapid.IntRange(0, 3).Draw(t, "min")
		hi := rapid.SampledFrom([]int{0, lo + 1, lo + 3}).Draw(t, "max")
		*p = spreadBy(*p, "cluster", lo, hi)
		if rapid.Bool().Draw(t, "regions") {
			lo := rapid.IntRange(0, 3).Draw(t, "min regions")
			*p = spreadBy(*p, "region", lo, rapid.SampledFrom([]int{0, max(lo, 1), lo + 1}).Draw(t, "max regions"))
		}
	}
}

func propertyPolicies() []policy {
	return []policy{{}, dup(), equal(), static("m1=1 m2,m3=2 m4=5 m2=3 m7=1"), dynamic(), aggregated()}
}

func propertyReplicas(targets []workv1alpha2.TargetCluster) map[string]int32 {
	out := map[string]int32{}
	for _, t := range targets {
		out[t.Name] = t.Replicas
	}
	return out
}

func TestPropertyEqualsOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		propertyConstrain(t, &in)
		want := oraclePlace(in)
		got, d, _ := once(in)
		if d.Reason != want.reason || got.AffinityName != want.affinity || !oracleSame(got.Clusters, want.targets) {
			t.Fatalf("%s\n got %s in %q (%s: %s)\nwant %s in %q (%s)", oracleDescribe(in),
				Targets(got.Clusters), got.AffinityName, d.Reason, d.Message, Targets(want.targets), want.affinity, want.reason)
		}
	})
}

// What does not fit leaves everything as it is, but for clusters that are being deleted.
func TestPropertyNothingFitsKeepsWhatRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		propertyConstrain(t, &in)
		got, d := Place(in)
		if d.Fits() {
			return
		}
		want := propertyReplicas(in.Spec.Clusters)
		for _, c := range in.Clusters {
			if c.DeletionTimestamp != nil {
				delete(want, c.Name)
			}
		}
		if diff := gocmp.Diff(want, propertyReplicas(got.Clusters)); diff != "" || got.AffinityName != in.Status.SchedulerObservedAffinityName {
			t.Fatalf("%s, affinity %q:\n%s", d.Message, got.AffinityName, diff)
		}
	})
}

// By room, no cluster gets more new replicas than it has room for.
func TestPropertyNeverOvercommits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, dynamic(), aggregated())
		propertyConstrain(t, &in)
		got, d := Place(in)
		if !d.Fits() || in.Spec.Replicas == 0 {
			return
		}
		has := propertyReplicas(in.Spec.Clusters)
		for name, n := range propertyReplicas(got.Clusters) {
			i := slices.IndexFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == name })
			room := Capacity(in.Clusters[i], in.Spec.ReplicaRequirements)
			if e, ok := in.Estimates[name]; ok && e >= 0 {
				room = min(room, e)
			}
			if n > has[name]+room {
				t.Fatalf("%s has %d and room for %d, gets %d", name, has[name], room, n)
			}
		}
	})
}

// While as many replicas run as are wanted, in clusters that may keep them, no replica moves: whatever
// becomes of rooms, taints, APIs and other clusters.
func TestPropertyNothingMovesWhenNothingChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, dynamic(), aggregated())
		in.Fresh, in.KeepEmpty, in.Spec.RescheduleTriggeredAt = false, false, nil
		in.Spec.Clusters = slices.DeleteFunc(in.Spec.Clusters, func(target workv1alpha2.TargetCluster) bool {
			return target.Replicas == 0 || in.Exclude.Has(target.Name) ||
				slices.ContainsFunc(in.Spec.GracefulEvictionTasks, func(e workv1alpha2.GracefulEvictionTask) bool { return e.FromCluster == target.Name }) ||
				!slices.ContainsFunc(in.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == target.Name && c.DeletionTimestamp == nil })
		})
		in.Spec.Replicas = 0
		for _, target := range in.Spec.Clusters {
			in.Spec.Replicas += target.Replicas
		}
		if in.Spec.Replicas == 0 {
			return
		}
		got, d := Place(in)
		if !oracleSame(got.Clusters, in.Spec.Clusters) {
			t.Fatalf("%s became %s (%s)", Targets(in.Spec.Clusters), Targets(got.Clusters), d.Message)
		}
	})
}

// propertyAdmit removes what only present targets pass.
func propertyAdmit(in Input) {
	for _, c := range in.Clusters {
		c.Spec.Taints, c.Status.APIEnablements = nil, member("any").Status.APIEnablements
	}
}

// A cluster that no filter lets through moves nothing, for whatever reason it is out.
func TestPropertyFilteredClusterMovesNothing(t *testing.T) {
	outs := map[string]func(*Input, *clusterv1alpha1.Cluster){
		"no API":      func(_ *Input, c *clusterv1alpha1.Cluster) { noAPIs(c) },
		"deleted":     func(_ *Input, c *clusterv1alpha1.Cluster) { dying(c) },
		"NoSchedule":  func(_ *Input, c *clusterv1alpha1.Cluster) { taint("other", "", noSchedule)(c) },
		"NoExecute":   func(_ *Input, c *clusterv1alpha1.Cluster) { taint("other", "", noExecute)(c) },
		"lost":        func(in *Input, c *clusterv1alpha1.Cluster) { in.Exclude = in.Exclude.Clone().Insert(c.Name) },
		"evicting":    func(in *Input, c *clusterv1alpha1.Cluster) { in.Spec = propertyEvicting(in.Spec, c.Name) },
		"other label": func(in *Input, c *clusterv1alpha1.Cluster) { label("env", "dev")(c) },
	}
	names := make([]string, 0, len(outs))
	for name := range outs {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		propertyConstrain(t, &in)
		in.Spec.Placement.ClusterTolerations = nil
		out := rapid.SampledFrom(names).Draw(t, "out by")
		if out == "other label" {
			in.Spec.Placement.ClusterAffinities = nil
			*in.Spec.Placement = only(*in.Spec.Placement, set{LabelSelector: matchLabels("env", "prod")})
		}
		before, d1 := Place(in)
		for _, name := range []string{"a", "m4x", "z"} {
			c := member(name, pods(1000), func(c *clusterv1alpha1.Cluster) { c.Spec.Region = "eu" })
			outs[out](&in, c)
			in.Clusters = append(slices.Clone(in.Clusters), c)
		}
		after, d2 := Place(in)
		if diff := gocmp.Diff(before, after); diff != "" || d1.Reason != d2.Reason {
			t.Fatalf("out by %s, %s and %s:\n%s", out, d1.Message, d2.Message, diff)
		}
	})
}

func propertyEvicting(spec *workv1alpha2.ResourceBindingSpec, name string) *workv1alpha2.ResourceBindingSpec {
	spec = spec.DeepCopy()
	spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: name})
	return spec
}

// A share that gets heavier never gets fewer seats, and no other gets more.
func TestPropertyMoreWeightNeverFewerSeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := drawShares(t, rapid.SampledFrom([]int64{3, 20, 1_000_000_000}).Draw(t, "most"))
		n, descend := rapid.Int32Range(0, 2000).Draw(t, "n"), rapid.Bool().Draw(t, "descend")
		before := divide(n, shares, descend)
		i := rapid.IntRange(0, len(shares)-1).Draw(t, "which")
		shares[i].Weight += rapid.Int64Range(1, 1000).Draw(t, "more")
		after := divide(n, shares, descend)
		for j, s := range shares {
			if was, is := before[s.Cluster], after[s.Cluster]; j == i && is < was || j != i && is > was {
				t.Fatalf("%s got heavier, and %s went from %d to %d", shares[i].Cluster, s.Cluster, was, is)
			}
		}
	})
}

// A multiple of all weights changes nothing, nor does a share without weight.
func TestPropertyOnlyProportionsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := drawShares(t, 100)
		n, descend := rapid.Int32Range(0, 500).Draw(t, "n"), rapid.Bool().Draw(t, "descend")
		want := divide(n, shares, descend)
		factor := rapid.Int64Range(2, 1<<40).Draw(t, "factor")
		for i := range shares {
			shares[i].Weight *= factor
		}
		if diff := gocmp.Diff(want, divide(n, append(shares, Share{Cluster: "idle"}), descend)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A fresh division is a first one, in a world where the room of what runs is free.
func TestPropertyFreshIsAsNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, dynamic(), aggregated())
		in.Fresh, in.Estimates = true, nil
		propertyAdmit(in)
		for _, c := range in.Clusters {
			if c.Status.ResourceSummary == nil {
				pods(0)(c)
			}
		}
		fresh, d1 := Place(in)
		for _, target := range in.Spec.Clusters {
			for _, c := range in.Clusters {
				if c.Name == target.Name {
					pods(c.Status.ResourceSummary.Allocatable.Pods().Value() + int64(target.Replicas))(c)
				}
			}
		}
		in.Fresh, in.Spec.RescheduleTriggeredAt, in.Spec.Clusters = false, nil, nil
		first, d2 := Place(in)
		if d1.Reason != d2.Reason || d1.Fits() && !oracleSame(fresh.Clusters, first.Clusters) {
			t.Fatalf("fresh %s (%s), new %s (%s)", Targets(fresh.Clusters), d1.Message, Targets(first.Clusters), d2.Message)
		}
	})
}

// A placement goes down the list of affinities and never up, unless it was asked for.
func TestPropertyAffinitiesGoDown(t *testing.T) {
	order := []string{"x", "y", "z"}
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		*in.Spec.Placement = terms(*in.Spec.Placement, "x=m1,m2 y=m3,m4 z=m5,m6,m7,m8")
		in.Spec.RescheduleTriggeredAt = nil
		in.Status.SchedulerObservedAffinityName = rapid.SampledFrom(order).Draw(t, "in use")
		got, _ := Place(in)
		if was, is := slices.Index(order, in.Status.SchedulerObservedAffinityName), slices.Index(order, got.AffinityName); is < was {
			t.Fatalf("from %s up to %s", order[was], got.AffinityName)
		}
	})
}

// An overflow tier has replicas only when the tiers before it have no room left.
func TestPropertyOverflowOnlyWhenFull(t *testing.T) {
	tiers := [][]string{{"m1", "m2"}, {"m3", "m4"}, {"m5", "m6", "m7", "m8"}}
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, dynamic(), aggregated())
		*in.Spec.Placement = overflow(terms(*in.Spec.Placement, "home=m1,m2"), strings.Join(tiers[1], " "), strings.Join(tiers[2], " "))
		got, d := Place(in)
		if !d.Fits() || in.Spec.Replicas == 0 {
			return
		}
		replicas := propertyReplicas(got.Clusters)
		overflowed := false
		for _, tier := range slices.Backward(tiers) {
			for _, v := range d.Terms[0].Clusters {
				if !slices.Contains(tier, v.Cluster) || v.Filter != "" && v.Filter != FilterDivision {
					continue
				}
				if n := int64(replicas[v.Cluster]); overflowed && n < v.Available {
					t.Fatalf("%s has room for %d and %d replicas, and a later tier is in use: %s", v.Cluster, v.Available, n, Targets(got.Clusters))
				}
			}
			overflowed = overflowed || slices.ContainsFunc(tier, func(name string) bool { return replicas[name] > 0 })
		}
	})
}

// The number of clusters and regions is within the bounds.
func TestPropertySpreadWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, dup(), dynamic(), aggregated())
		lo, more := rapid.IntRange(1, 4).Draw(t, "min"), rapid.IntRange(0, 3).Draw(t, "more")
		rlo, rmore := rapid.IntRange(1, 3).Draw(t, "min regions"), rapid.IntRange(0, 2).Draw(t, "more regions")
		*in.Spec.Placement = spreadBy(spreadBy(*in.Spec.Placement, "cluster", lo, lo+more), "region", rlo, rlo+rmore)
		in.KeepEmpty = true // all that are selected show
		got, d := Place(in)
		if !d.Fits() {
			return
		}
		regions := sets.New[string]()
		for _, c := range in.Clusters {
			if _, ok := find(got.Clusters, c.Name); ok {
				regions.Insert(c.Spec.Region)
			}
		}
		if n := len(got.Clusters); n < lo || n > lo+more || len(regions) < rlo || len(regions) > rlo+rmore {
			t.Fatalf("%d clusters of %d regions, asked for %d to %d of %d to %d", n, len(regions), lo, lo+more, rlo, rlo+rmore)
		}
	})
}

// What was placed as asked is not due again.
func TestPropertyPlacedIsNotDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, equal(), static("m1=1 m2,m3=2"), dynamic(), aggregated())
		propertyConstrain(t, &in)
		got, d := Place(in)
		if !d.Fits() || !IsWorkload(in.Spec) {
			return
		}
		in.Spec.Clusters = got.Clusters
		applied, err := AppliedPlacement(in.Spec.Placement)
		if err != nil {
			t.Fatal(err)
		}
		status := &workv1alpha2.ResourceBindingStatus{
			SchedulerObservedAffinityName: got.AffinityName, LastScheduledTime: &metav1.Time{Time: time.Unix(10, 0)},
			Conditions: []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionTrue}},
		}
		if cause := Due(in.Spec, status, applied, nil, nil); cause != NotDue {
			t.Fatalf("%s: due for %s", Targets(got.Clusters), cause)
		}
		in.Spec.Replicas++
		if cause := Due(in.Spec, status, applied, nil, nil); cause != CauseReplicas {
			t.Fatalf("one more replica is due for %q", cause)
		}
	})
}

// The same world gives the same diagnosis, word by word, in any order of what has none.
func TestPropertyDiagnosisIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := propertyInput(t, propertyPolicies()...)
		propertyConstrain(t, &in)
		_, first := Place(in)
		in.Clusters = rapid.Permutation(in.Clusters).Draw(t, "order")
		in.Spec = in.Spec.DeepCopy()
		in.Spec.Clusters = rapid.Permutation(in.Spec.Clusters).Draw(t, "targets")
		_, second := Place(in)
		if d := gocmp.Diff(first.Terms, second.Terms); d != "" || first.Message != second.Message {
			t.Fatal(fmt.Sprintln(first.Message, second.Message, d))
		}
	})
}
