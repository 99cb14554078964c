package failover

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"
)

// cores is so much CPU, and pods for all.
func cores(n int64) Amounts { return Amounts{corev1.ResourceCPU: n, corev1.ResourcePods: 100} }

func each(n int64) Amounts { return Amounts{corev1.ResourceCPU: n, corev1.ResourcePods: 1} }

func TestPreempt(t *testing.T) {
	iad := func(free int64) []Room { return []Room{{Cluster: "iad", Free: cores(free)}} }
	for name, tc := range map[string]struct {
		need    Need
		victims []Victim
		take    []Take
		place   map[string]int32
		fails   bool
	}{
		"there is room: nobody gives up anything": {
			need:    Need{Priority: 9, Replicas: 2, Each: each(1), Rooms: iad(2)},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 5}}},
			place:   map[string]int32{"iad": 2},
		},
		"only as much as is needed": {
			need:    Need{Priority: 9, Replicas: 3, Each: each(1), Rooms: iad(1)},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 5}, Keep: 1}},
			take:    []Take{{"low", "iad", 2}}, place: map[string]int32{"iad": 3},
		},
		"the least important first, whatever it costs": {
			need: Need{Priority: 9, Replicas: 1, Each: each(4), Rooms: iad(0)},
			victims: []Victim{
				{Key: "mid", Priority: 5, Each: each(4), Replicas: map[string]int32{"iad": 1}},
				{Key: "low", Priority: 1, Each: each(1), Replicas: map[string]int32{"iad": 6}, Keep: 1},
			},
			take: []Take{{"low", "iad", 4}}, place: map[string]int32{"iad": 1},
		},
		"the next tier for the rest only": {
			need: Need{Priority: 9, Replicas: 4, Each: each(1), Rooms: iad(0)},
			victims: []Victim{
				{Key: "mid", Priority: 5, Each: each(1), Replicas: map[string]int32{"iad": 4}, Keep: 1},
				{Key: "low", Priority: 1, Each: each(1), Replicas: map[string]int32{"iad": 4}, Keep: 1},
			},
			take: []Take{{"low", "iad", 3}, {"mid", "iad", 1}}, place: map[string]int32{"iad": 4},
		},
		"within a tier fewer large replicas": {
			need: Need{Priority: 9, Replicas: 1, Each: each(4), Rooms: iad(0)},
			victims: []Victim{
				{Key: "small", Each: each(1), Replicas: map[string]int32{"iad": 9}},
				{Key: "large", Each: each(4), Replicas: map[string]int32{"iad": 2}},
			},
			take: []Take{{"large", "iad", 1}}, place: map[string]int32{"iad": 1},
		},
		"never from an equal": {
			need:    Need{Replicas: 1, Each: each(1), Rooms: iad(0)},
			victims: []Victim{{Key: "peer", Each: each(1), Replicas: map[string]int32{"iad": 5}}},
			fails:   true,
		},
		"the last replica stays": {
			need:    Need{Priority: 9, Replicas: 3, Each: each(1), Rooms: iad(0)},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 3}, Keep: 1}},
			fails:   true,
		},
		"unless it may go": {
			need:    Need{Priority: 9, Replicas: 3, Each: each(1), Rooms: iad(0)},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 3}}},
			take:    []Take{{"low", "iad", 3}}, place: map[string]int32{"iad": 3},
		},
		"where it is cheapest": {
			need: Need{Priority: 9, Replicas: 3, Each: each(1), Rooms: []Room{{Cluster: "iad", Free: cores(1)}, {Cluster: "sin", Free: cores(0)}}},
			victims: []Victim{
				{Key: "low", Priority: 1, Each: each(1), Replicas: map[string]int32{"sin": 5}, Keep: 1},
				{Key: "mid", Priority: 5, Each: each(1), Replicas: map[string]int32{"iad": 5}, Keep: 1},
			},
			take: []Take{{"low", "sin", 2}}, place: map[string]int32{"iad": 1, "sin": 2},
		},
		"room that nodes do not have is none": {
			need:    Need{Priority: 9, Replicas: 2, Each: each(1), Rooms: []Room{{Cluster: "iad", Free: cores(2), Unusable: 2}}},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 5}}},
			take:    []Take{{"low", "iad", 2}}, place: map[string]int32{"iad": 2},
		},
		"what was promised to others is paid first": {
			need:    Need{Priority: 9, Replicas: 1, Each: each(1), Rooms: []Room{{Cluster: "iad", Free: Amounts{corev1.ResourceCPU: -2, corev1.ResourcePods: 9}}}},
			victims: []Victim{{Key: "low", Each: each(1), Replicas: map[string]int32{"iad": 5}}},
			take:    []Take{{"low", "iad", 3}}, place: map[string]int32{"iad": 1},
		},
		"who has nothing of what is missing keeps what it has": {
			need: Need{Priority: 9, Replicas: 1, Each: Amounts{"gpu": 1, corev1.ResourcePods: 1}, Rooms: []Room{{Cluster: "iad", Free: Amounts{corev1.ResourcePods: 9}}}},
			victims: []Victim{
				{Key: "cpu-only", Priority: 1, Each: each(8), Replicas: map[string]int32{"iad": 5}},
				{Key: "trainer", Priority: 5, Each: Amounts{"gpu": 2, corev1.ResourcePods: 1}, Replicas: map[string]int32{"iad": 2}},
			},
			take: []Take{{"trainer", "iad", 1}}, place: map[string]int32{"iad": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan, ok := Preempt(tc.need, tc.victims)
			if ok == tc.fails {
				t.Fatalf("made room: %v", ok)
			}
			if diff := cmp.Diff(tc.take, plan.Take); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.place, plan.Place); diff != "" {
				t.Errorf("placed (-want +got):\n%s", diff)
			}
		})
	}
}

// scarcity draws a shortage: several clusters, victims of several tiers, and one or two resources.
func scarcity(t *rapid.T, resources []corev1.ResourceName, pods int64) (Need, []Victim) {
	amounts := func(low, high int64) Amounts {
		out := Amounts{corev1.ResourcePods: 1}
		for _, name := range resources {
			out[name] = rapid.Int64Range(low, high).Draw(t, string(name))
		}
		return out
	}
	need := Need{Priority: 3, Replicas: rapid.Int32Range(1, 4).Draw(t, "replicas"), Each: amounts(1, 3)}
	clusters := []string{"a", "b"}[:rapid.IntRange(1, 2).Draw(t, "clusters")]
	for _, c := range clusters {
		free := amounts(-1, 3)
		free[corev1.ResourcePods] = pods
		need.Rooms = append(need.Rooms, Room{Cluster: c, Free: free, Unusable: rapid.Int32Range(0, 1).Draw(t, "unusable")})
	}
	var victims []Victim
	for i := range rapid.IntRange(0, 4).Draw(t, "victims") {
		v := Victim{Key: fmt.Sprintf("v%d", i), Priority: rapid.Int32Range(0, 3).Draw(t, "priority"), Each: amounts(1, 4), Replicas: map[string]int32{}, Keep: rapid.Int32Range(0, 1).Draw(t, "keep")}
		for _, c := range clusters {
			v.Replicas[c] = rapid.Int32Range(0, 2).Draw(t, c)
		}
		victims = append(victims, v)
	}
	return need, victims
}

// bill is what a plan costs: replicas by priority, the highest first.
func bill(victims []Victim, taken map[string]map[string]int32) []int32 {
	out := make([]int32, 4)
	for _, v := range victims {
		for _, n := range taken[v.Key] {
			out[3-v.Priority] += n
		}
	}
	return out
}

// holdsAll says whether the need fits when so much is taken.
func holdsAll(need Need, victims []Victim, taken map[string]map[string]int32) bool {
	var room int32
	for _, r := range need.Rooms {
		free := maps.Clone(r.Free)
		lost := min(r.Unusable, free.Fits(need.Each))
		for _, v := range victims {
			free.Add(v.Each, int64(taken[v.Key][r.Cluster]))
		}
		room += max(free.Fits(need.Each)-lost, 0)
	}
	return room >= need.Replicas
}

// cheapest tries everything that may be taken, as Preempt shares the replicas that stay.
func cheapest(need Need, victims []Victim) (best []int32) {
	type choice struct {
		key, cluster string
		most         int32
	}
	var choices []choice
	for _, v := range victims {
		if v.Priority < need.Priority {
			for _, c := range slices.Sorted(maps.Keys(v.Replicas)) {
				choices = append(choices, choice{v.Key, c, givable(v)[c]})
			}
		}
	}
	taken := map[string]map[string]int32{}
	var try func(i int)
	try = func(i int) {
		if i == len(choices) {
			if b := bill(victims, taken); (best == nil || slices.Compare(b, best) < 0) && holdsAll(need, victims, taken) {
				best = b
			}
			return
		}
		c := choices[i]
		if taken[c.key] == nil {
			taken[c.key] = map[string]int32{}
		}
		for n := int32(0); n <= c.most; n++ {
			taken[c.key][c.cluster] = n
			try(i + 1)
		}
		taken[c.key][c.cluster] = 0
	}
	try(0)
	return best
}

func takenBy(plan Plan) map[string]map[string]int32 {
	out := map[string]map[string]int32{}
	for _, x := range plan.Take {
		if out[x.Key] == nil {
			out[x.Key] = map[string]int32{}
		}
		out[x.Key][x.Cluster] = x.Replicas
	}
	return out
}

// Where only CPU is scarce, nothing is cheaper than the plan.
func TestPreemptionIsTheCheapest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		need, victims := scarcity(t, []corev1.ResourceName{corev1.ResourceCPU}, 100)
		for i := range need.Rooms {
			need.Rooms[i].Unusable = min(need.Rooms[i].Unusable, need.Rooms[i].Free.Fits(need.Each))
		}
		want := cheapest(need, victims)
		plan, ok := Preempt(need, victims)
		if ok != (want != nil) {
			t.Fatalf("made room: %v, possible: %v", ok, want != nil)
		}
		if got := bill(victims, takenBy(plan)); ok && !slices.Equal(got, want) {
			t.Fatalf("costs %v (highest priority first), %v is possible: %+v", got, want, plan)
		}
	})
}

// Whatever is scarce: room is made when it can be, for all of the need and nowhere twice; only lower
// tiers pay, and no tier without need; each keeps what it keeps; and nothing is taken in vain.
func TestPreemptionIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		need, victims := scarcity(t, []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}, rapid.Int64Range(0, 6).Draw(t, "pods"))
		for i := range need.Rooms {
			need.Rooms[i].Unusable = min(need.Rooms[i].Unusable, need.Rooms[i].Free.Fits(need.Each))
		}
		best := cheapest(need, victims)
		plan, ok := Preempt(need, victims)
		if ok != (best != nil) {
			t.Fatalf("made room: %v, possible: %v", ok, best != nil)
		}
		if !ok {
			return
		}
		taken := takenBy(plan)
		if !holdsAll(need, victims, taken) {
			t.Fatalf("it does not fit: %+v", plan)
		}
		var placed int32
		for _, n := range plan.Place {
			placed += n
		}
		if placed != need.Replicas {
			t.Fatalf("%d of %d replicas placed", placed, need.Replicas)
		}
		got := bill(victims, taken)
		for tier := range got { // the highest tier that pays is the highest that has to
			if got[tier] > 0 && best[tier] == 0 {
				t.Fatalf("costs %v (highest priority first), %v is possible", got, best)
			}
			if best[tier] > 0 {
				break
			}
		}
		for _, v := range victims {
			var had, lost int32
			for c, n := range v.Replicas {
				had, lost = had+n, lost+taken[v.Key][c]
				if taken[v.Key][c] > n {
					t.Fatalf("%s has %d in %s and gives %d", v.Key, n, c, taken[v.Key][c])
				}
			}
			if lost > 0 && (had-lost < v.Keep || v.Priority >= need.Priority) {
				t.Fatalf("%+v gives %d", v, lost)
			}
		}
		for _, x := range plan.Take {
			if taken[x.Key][x.Cluster]--; holdsAll(need, victims, taken) {
				t.Fatalf("one replica of %s in %s is taken in vain", x.Key, x.Cluster)
			}
			taken[x.Key][x.Cluster]++
		}
		if again, _ := Preempt(need, victims); !cmp.Equal(plan, again) {
			t.Fatal("the same input gave another plan")
		}
	})
}

// A need of thousands among hundreds is planned while a person waits.
func TestALargePreemptionIsQuick(t *testing.T) {
	need := Need{Priority: 9, Replicas: 3000, Each: each(500)}
	var victims []Victim
	for c := range 20 {
		need.Rooms = append(need.Rooms, Room{Cluster: fmt.Sprintf("c%02d", c), Free: Amounts{corev1.ResourceCPU: 1000, corev1.ResourcePods: 10000}})
	}
	for v := range 300 {
		victim := Victim{Key: fmt.Sprintf("v%03d", v), Priority: int32(v % 5), Each: each(int64(100 + v%7*100)), Replicas: map[string]int32{}, Keep: 1}
		for c := range 20 {
			victim.Replicas[need.Rooms[c].Cluster] = 3
		}
		victims = append(victims, victim)
	}
	start := time.Now()
	plan, ok := Preempt(need, victims)
	if took := time.Since(start); !ok || took > 10*time.Second {
		t.Errorf("made room: %v in %s, %d takes", ok, took, len(plan.Take))
	} else {
		t.Logf("%d takes in %s", len(plan.Take), took)
	}
}
