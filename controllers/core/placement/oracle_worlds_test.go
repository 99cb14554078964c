package placement

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// The comparisons below go through all worlds of up to five clusters and six replicas that can be
// built from a few states per cluster. The states are chosen so that every rule decides somewhere;
// the order of the clusters is always from z to a, so that no answer can depend on it.

// oracleState is what one cluster is like in a small world.
type oracleState struct {
	room    int64
	has     int32 // -1: no target
	region  string
	tier    int // of oracleTiered
	trouble string
}

var oracleNames = []string{"m1", "m2", "m3", "m4", "m5"}

// oracleMembers are the clusters built so far: nothing changes them.
type oracleMembers map[oracleMember]*clusterv1alpha1.Cluster

type oracleMember struct {
	name  string
	state oracleState
}

func (known oracleMembers) get(name string, s oracleState) *clusterv1alpha1.Cluster {
	s.has, s.tier = 0, 0 // of the binding and the policy, not of the cluster
	key := oracleMember{name, s}
	if c, ok := known[key]; ok {
		return c
	}
	c := member(name, pods(s.room), in("", s.region))
	switch s.trouble {
	case "no API":
		noAPIs(c)
	case "dying":
		dying(c)
	case "NoSchedule":
		taint("t", "v", noSchedule)(c)
	case "NoExecute":
		taint("t", "v", noExecute)(c)
	case "PreferNoSchedule":
		taint("t", "v", prefer)(c)
	case "dev":
		label("env", "dev")(c)
	}
	known[key] = c
	return c
}

// oracleRun compares package and oracle, and counts.
type oracleRun struct {
	known oracleMembers
	count int
	fits  int
}

func (r *oracleRun) input(p *policy, replicas int32, uid types.UID, states []oracleState) Input {
	spec := &workv1alpha2.ResourceBindingSpec{
		Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", UID: uid},
		Replicas: replicas, Placement: p,
		// A Deployment that asks for next to nothing stays a workload when it has no replicas.
		ReplicaRequirements: &workv1alpha2.ReplicaRequirements{},
	}
	out := Input{Spec: spec, Status: &workv1alpha2.ResourceBindingStatus{}, Exclude: sets.New[string]()}
	for i, s := range slices.Backward(states) {
		name := oracleNames[i]
		out.Clusters = append(out.Clusters, r.known.get(name, s))
		if s.has >= 0 {
			spec.Clusters = append(spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: s.has})
		}
		switch s.trouble {
		case "lost":
			out.Exclude.Insert(name)
		case "evicting":
			spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: name})
		}
	}
	slices.Reverse(spec.Clusters)
	return out
}

func (r *oracleRun) compare(t *testing.T, in Input) {
	t.Helper()
	r.count++
	want := oraclePlace(in)
	got, d, _ := once(in)
	if d.Fits() {
		r.fits++
	}
	if d.Reason == want.reason && got.AffinityName == want.affinity && oracleSame(got.Clusters, want.targets) {
		return
	}
	t.Fatalf("%s\n got %s in %q (%s: %s)\nwant %s in %q (%s)", oracleDescribe(in),
		Targets(got.Clusters), got.AffinityName, d.Reason, d.Message, Targets(want.targets), want.affinity, want.reason)
}

func oracleSame(a, b []workv1alpha2.TargetCluster) bool {
	return slices.EqualFunc(a, b, func(a, b workv1alpha2.TargetCluster) bool { return a.Name == b.Name && a.Replicas == b.Replicas })
}

func oracleDescribe(in Input) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d replicas, fresh %v, uid %q, present %s, observed %q, exclude %v, evicting %v", in.Spec.Replicas, in.Fresh,
		in.Spec.Resource.UID, Targets(in.Spec.Clusters), in.Status.SchedulerObservedAffinityName, sets.List(in.Exclude), in.Spec.GracefulEvictionTasks)
	for _, c := range in.Clusters {
		room := int64(-1)
		if c.Status.ResourceSummary != nil {
			room = c.Status.ResourceSummary.Allocatable.Pods().Value()
		}
		fmt.Fprintf(&b, "\n %s: room %d, region %q, zones %v, provider %q, labels %v, taints %v, deleted %v", c.Name, room,
			c.Spec.Region, c.Spec.Zones, c.Spec.Provider, c.Labels, c.Spec.Taints, c.DeletionTimestamp != nil)
	}
	text, _ := AppliedPlacement(in.Spec.Placement)
	return b.String() + "\n " + text
}

// oracleEach calls f with every list of k of the states.
func oracleEach(k int, states []oracleState, f func([]oracleState)) {
	list := make([]oracleState, k)
	var fill func(i int)
	fill = func(i int) {
		if i == k {
			f(list)
			return
		}
		for _, s := range states {
			list[i] = s
			fill(i + 1)
		}
	}
	fill(0)
}

func TestOracle(t *testing.T) {
	var total atomic.Int64
	t.Run("all", func(t *testing.T) {
		for name, compareAll := range map[string]func(*testing.T, *oracleRun){
			"static weights":     oracleStaticWeights,
			"by room, few":       oracleByRoomFew,
			"by room, five":      oracleByRoomFive,
			"filters":            oracleFilters,
			"spread by cluster":  oracleSpreadByCluster,
			"spread by region":   oracleSpreadByRegion,
			"ordered affinities": oracleOrdered,
			"overflow":           oracleOverflow,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := &oracleRun{known: oracleMembers{}}
				compareAll(t, r)
				t.Logf("%d cases compared, %d of them placed", r.count, r.fits)
				total.Add(int64(r.count))
			})
		}
	})
	t.Logf("%d cases compared", total.Load())
}

// Every weight from none to 3 for up to five clusters, and both orders of names.
func oracleStaticWeights(t *testing.T, r *oracleRun) {
	for k := 1; k <= 5; k++ {
		// has stands for the weight here; no cluster has any replicas.
		oracleEach(k, []oracleState{{has: 0}, {has: 1}, {has: 2}, {has: 3}}, func(states []oracleState) {
			var rules []string
			placed := slices.Clone(states)
			for i, s := range states {
				if s.has > 0 {
					rules = append(rules, fmt.Sprintf("%s=%d", oracleNames[i], s.has))
				}
				placed[i].has = -1
			}
			p := static(strings.Join(rules, " "))
			for replicas := range int32(7) {
				r.compare(t, r.input(&p, replicas, even, placed))
				r.compare(t, r.input(&p, replicas, odd, placed))
			}
		})
	}
}

// oracleByRoom goes through strategies, replicas and modes for one world.
func oracleByRoom(t *testing.T, r *oracleRun, states []oracleState, replicas ...int32) {
	for _, p := range oracleRoomPolicies {
		for _, n := range replicas {
			uid := even
			if len(states)%2 == int(n)%2 {
				uid = odd
			}
			in := r.input(&p, n, uid, states)
			r.compare(t, in)
			in.Fresh = true
			r.compare(t, in)
		}
	}
}

var oracleRoomPolicies = []policy{dynamic(), aggregated()}

// Up to three clusters with room for 0 to 3, that are no targets or have 0, 1 or 3 replicas.
func oracleByRoomFew(t *testing.T, r *oracleRun) {
	var states []oracleState
	for room := range int64(4) {
		for _, has := range []int32{-1, 0, 1, 3} {
			states = append(states, oracleState{room: room, has: has})
		}
	}
	for k := 1; k <= 3; k++ {
		oracleEach(k, states, func(s []oracleState) { oracleByRoom(t, r, s, 0, 1, 2, 3, 4, 5, 6) })
	}
}

// Four and five clusters: full, small, large, in use and full, in use with room.
func oracleByRoomFive(t *testing.T, r *oracleRun) {
	states := []oracleState{{room: 0, has: -1}, {room: 1, has: -1}, {room: 3, has: -1}, {room: 0, has: 2}, {room: 1, has: 1}}
	for k := 4; k <= 5; k++ {
		oracleEach(k, states, func(s []oracleState) { oracleByRoom(t, r, s, 1, 3, 5, 6) })
	}
}

// Every pair and triple of troubles a cluster can have, as a target and not.
func oracleFilters(t *testing.T, r *oracleRun) {
	var states []oracleState
	for _, trouble := range []string{"", "no API", "dying", "NoSchedule", "NoExecute", "PreferNoSchedule", "dev", "lost", "evicting"} {
		states = append(states, oracleState{room: 4, has: -1, trouble: trouble, region: "eu"}, oracleState{room: 4, has: 1, trouble: trouble})
	}
	tolerant := func(p *policy) {
		p.ClusterTolerations = []corev1.Toleration{{Key: "t", Value: "v", Effect: noSchedule}}
	}
	noDev := set{LabelSelector: matchLabels("env", "dev")}
	policies := []policy{
		dup(), equal(), dynamic(), with(equal(), tolerant), only(dup(), noDev),
		spreadBy(spreadBy(dup(), "region", 1, 0), "cluster", 1, 2),
	}
	for k := 1; k <= 3; k++ {
		oracleEach(k, states, func(s []oracleState) {
			for i := range policies {
				r.compare(t, r.input(&policies[i], 2, even, s))
			}
		})
	}
}

// oracleSpreads are bounds by cluster.
var oracleSpreads = [][2]int{{1, 1}, {1, 2}, {2, 2}, {2, 3}, {1, 0}, {3, 4}}

func oracleSpreadByCluster(t *testing.T, r *oracleRun) {
	states := []oracleState{{room: 0, has: -1}, {room: 1, has: -1}, {room: 3, has: -1}, {room: 1, has: 1}}
	var policies []policy
	for _, b := range oracleSpreads {
		for _, p := range []policy{dup(), dynamic(), aggregated()} {
			policies = append(policies, spreadBy(p, "cluster", b[0], b[1]))
		}
	}
	for k := 1; k <= 5; k++ {
		oracleEach(k, states, func(s []oracleState) {
			for i := range policies {
				for _, n := range []int32{1, 3, 6} {
					r.compare(t, r.input(&policies[i], n, even, s))
				}
			}
		})
	}
}

// oraclePartitions calls f with every way to put k clusters into regions.
func oraclePartitions(k int, f func(regions []string)) {
	regions := make([]string, k)
	var put func(i, used int)
	put = func(i, used int) {
		if i == k {
			f(regions)
			return
		}
		for j := 0; j <= used; j++ {
			regions[i] = string(rune('p' + j))
			put(i+1, max(used, j+1))
		}
	}
	put(0, 0)
}

func oracleSpreadByRegion(t *testing.T, r *oracleRun) {
	var policies []policy
	for _, region := range [][2]int{{1, 1}, {1, 0}, {2, 2}, {2, 0}, {3, 3}} {
		for _, cluster := range [][2]int{{1, 2}, {2, 3}, {3, 0}, {4, 4}} {
			for _, p := range []policy{dup(), dynamic()} {
				policies = append(policies, spreadBy(spreadBy(p, "region", region[0], region[1]), "cluster", cluster[0], cluster[1]))
			}
		}
	}
	for k := 1; k <= 5; k++ {
		states := []oracleState{{room: 1, has: -1}, {room: 4, has: -1}, {room: 2, has: 1}}
		if k == 5 {
			states = states[1:]
		}
		oraclePartitions(k, func(regions []string) {
			oracleEach(k, states, func(s []oracleState) {
				world := slices.Clone(s)
				for i := range world {
					world[i].region = regions[i]
				}
				for i := range policies {
					r.compare(t, r.input(&policies[i], 2, even, world))
					if k < 5 {
						r.compare(t, r.input(&policies[i], 5, odd, world))
					}
				}
			})
		})
	}
}

// oracleTiered builds a policy whose terms, or whose first term's overflow, list the clusters by
// tier; those of tier 3 are nowhere.
func oracleTiered(p policy, states []oracleState, inOverflow bool) policy {
	lists := [3][]string{{"none"}, {"none"}, {"none"}}
	for i, s := range states {
		if s.tier < 3 {
			lists[s.tier] = append(lists[s.tier], oracleNames[i])
		}
	}
	if inOverflow {
		return overflow(terms(p, "a="+strings.Join(lists[0], ",")), strings.Join(lists[1], " "), strings.Join(lists[2], " "))
	}
	return terms(p, fmt.Sprintf("a=%s b=%s c=%s", strings.Join(lists[0], ","), strings.Join(lists[1], ","), strings.Join(lists[2], ",")))
}

func oracleTiers(rooms ...oracleState) (states []oracleState) {
	for _, s := range rooms {
		for tier := range 4 {
			s.tier = tier
			states = append(states, s)
		}
	}
	return states
}

// Up to four clusters in three terms and outside of them, from every term in use.
func oracleOrdered(t *testing.T, r *oracleRun) {
	states := oracleTiers(oracleState{room: 1, has: -1}, oracleState{room: 4, has: -1}, oracleState{room: 0, has: 2})
	for k := 1; k <= 4; k++ {
		few := states
		if k == 4 {
			few = states[4:]
		}
		oracleEach(k, few, func(s []oracleState) {
			for _, p := range []policy{oracleTiered(equal(), s, false), oracleTiered(dynamic(), s, false)} {
				for _, observed := range []string{"", "b", "gone"} {
					in := r.input(&p, 3, even, s)
					in.Status.SchedulerObservedAffinityName = observed
					r.compare(t, in)
				}
			}
		})
	}
}

// Up to four clusters in a term, its two overflow terms and outside of them.
func oracleOverflow(t *testing.T, r *oracleRun) {
	states := oracleTiers(oracleState{room: 1, has: -1}, oracleState{room: 3, has: -1}, oracleState{room: 1, has: 2})
	for k := 1; k <= 4; k++ {
		few := states
		if k == 4 {
			few = states[4:]
		}
		oracleEach(k, few, func(s []oracleState) {
			for _, p := range []policy{oracleTiered(dynamic(), s, true), oracleTiered(aggregated(), s, true)} {
				for _, n := range []int32{1, 2, 4, 6} {
					in := r.input(&p, n, even, s)
					r.compare(t, in)
					if k < 4 {
						in.Fresh = true
						r.compare(t, in)
					}
				}
			}
		})
	}
}
