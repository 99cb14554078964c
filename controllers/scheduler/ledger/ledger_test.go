package ledger

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

func requests(list ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i < len(list); i += 2 {
		out[corev1.ResourceName(list[i])] = resource.MustParse(list[i+1])
	}
	return out
}

// binding asks for half a CPU and a GiB for each replica; targets are as in {"m1": 3}.
func binding(name string, generation int64, targets map[string]int32, items ...workv1alpha2.AggregatedStatusItem) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: generation}}
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: requests("cpu", "500m", "memory", "1Gi")}
	b.Spec.Clusters = placed(targets)
	b.Status.AggregatedStatus = items
	return b
}

func placed(targets map[string]int32) (out []workv1alpha2.TargetCluster) {
	for _, name := range []string{"m1", "m2"} {
		if n, ok := targets[name]; ok {
			out = append(out, workv1alpha2.TargetCluster{Name: name, Replicas: n})
		}
	}
	return out
}

func item(cluster, status string, health workv1alpha2.ResourceHealth) workv1alpha2.AggregatedStatusItem {
	out := workv1alpha2.AggregatedStatusItem{ClusterName: cluster, Applied: true, Health: health}
	if status != "" {
		out.Status = &runtime.RawExtension{Raw: []byte(status)}
	}
	return out
}

// assumed is how many pods are assumed in each cluster.
func (l *Ledger) assumed() map[string]int64 {
	out := map[string]int64{}
	for cluster, list := range l.View().Assumed {
		pods := list[corev1.ResourcePods]
		out[cluster] = pods.Value()
	}
	return out
}

func expect(t *testing.T, l *Ledger, when string, want map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, l.assumed()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func claim(name string, from, to int64) Claim {
	spec := &binding(name, 1, nil).Spec
	return Claim{Key: key(name), Unit: UnitOf(spec), Growth: []Growth{{Cluster: "m1", From: from, To: to, Room: Unchecked}}}
}

func TestAPlacementIsAssumedUntilAReportCountsIt(t *testing.T) {
	l := New()
	l.Commit(nil, claim("web", 0, 3), t0)
	expect(t, l, "before it is written", map[string]int64{"m1": 3})
	l.Written(key("web"), 2)
	want := requests("cpu", "1500m", "memory", "3Gi", "pods", "3")
	if diff := cmp.Diff(want, l.View().Assumed["m1"]); diff != "" {
		t.Error(diff)
	}
	before := placed(map[string]int32{"m1": 3})
	l.Observe(binding("web", 2, map[string]int32{"m1": 3}), nil, t0)
	expect(t, l, "its own event", map[string]int64{"m1": 3})
	l.Refreshed("m1")
	expect(t, l, "a report that came too early to count it", map[string]int64{"m1": 3})
	l.Observe(binding("web", 2, map[string]int32{"m1": 3}, item("m1", `{"replicas":2}`, "Unhealthy")), before, t0)
	l.Refreshed("m1")
	expect(t, l, "two of three are there", map[string]int64{"m1": 3})
	l.Observe(binding("web", 2, map[string]int32{"m1": 3}, item("m1", `{"replicas":3}`, "Unhealthy")), before, t0)
	expect(t, l, "all are there, not yet counted", map[string]int64{"m1": 3})
	if !l.Refreshed("m1") {
		t.Error("nothing was freed")
	}
	expect(t, l, "counted", map[string]int64{})
	if len(l.holds) > 0 {
		t.Error("the binding is remembered")
	}
}

func TestAssumptions(t *testing.T) {
	healthy := item("m1", "", workv1alpha2.ResourceHealthy)
	three := map[string]int32{"m1": 3}
	tests := map[string]struct {
		do   func(l *Ledger)
		want map[string]int64
	}{
		"a write that failed is taken back": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.TakeBack(key("web"))
		}, map[string]int64{}},
		"a failed write takes back only its own part": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Commit(nil, claim("web", 3, 5), t0)
			l.TakeBack(key("web"))
		}, map[string]int64{"m1": 3}},
		"growing twice assumes the sum": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Commit(nil, claim("web", 3, 5), t0)
			l.Written(key("web"), 3)
		}, map[string]int64{"m1": 5}},
		"growing from what is counted assumes the difference": {func(l *Ledger) {
			l.Commit(nil, claim("web", 4, 5), t0)
			l.Written(key("web"), 2)
		}, map[string]int64{"m1": 1}},
		"a stale event changes nothing": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 5)
			l.Observe(binding("web", 4, map[string]int32{"m2": 1}), nil, t0)
		}, map[string]int64{"m1": 3}},
		"what somebody else placed is assumed": {func(l *Ledger) {
			l.Observe(binding("web", 4, map[string]int32{"m1": 3, "m2": 2}), placed(map[string]int32{"m1": 1}), t0)
		}, map[string]int64{"m1": 2, "m2": 2}},
		"somebody else takes it away": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Observe(binding("web", 3, map[string]int32{"m1": 1}), placed(three), t0)
		}, map[string]int64{"m1": 1}},
		"a binding that leaves": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Observe(binding("web", 3, map[string]int32{}), placed(three), t0)
		}, map[string]int64{}},
		"a binding that is deleted": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Forget(key("web"))
			l.Written(key("web"), 2)
		}, map[string]int64{}},
		"an event without growth": {func(l *Ledger) {
			l.Observe(binding("web", 3, three), placed(three), t0)
		}, map[string]int64{}},
		"health tells where nothing is counted": {func(l *Ledger) {
			l.Observe(binding("web", 3, three, healthy), nil, t0)
			l.Refreshed("m1")
		}, map[string]int64{}},
		"health may be that of the replicas before": {func(l *Ledger) {
			l.Observe(binding("web", 3, three, healthy), placed(map[string]int32{"m1": 1}), t0)
			l.Refreshed("m1")
		}, map[string]int64{"m1": 2}},
		"another cluster's report": {func(l *Ledger) {
			l.Observe(binding("web", 3, three, healthy), nil, t0)
			l.Refreshed("m2")
		}, map[string]int64{"m1": 3}},
		"a report during a write frees nothing": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Observe(binding("web", 2, three, healthy), nil, t0)
			l.Commit(nil, claim("web", 3, 5), t0)
			l.Refreshed("m1")
		}, map[string]int64{"m1": 5}},
		"five minutes are over": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Expire(t0.Add(Patience))
		}, map[string]int64{}},
		"reported long enough ago, by a cluster whose report was right before": {func(l *Ledger) {
			l.Observe(binding("web", 3, three, healthy), nil, t0)
			l.Expire(t0.Add(Settled))
		}, map[string]int64{}},
		"reported just now": {func(l *Ledger) {
			l.Observe(binding("web", 3, three, healthy), nil, t0)
			l.Expire(t0.Add(Settled - 1))
		}, map[string]int64{"m1": 3}},
		"five minutes are not over": {func(l *Ledger) {
			l.Commit(nil, claim("web", 0, 3), t0)
			l.Written(key("web"), 2)
			l.Expire(t0.Add(Patience - 1))
		}, map[string]int64{"m1": 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := New()
			tt.do(l)
			expect(t, l, "in the end", tt.want)
		})
	}
}

func TestRestore(t *testing.T) {
	at := func(ago time.Duration, items ...workv1alpha2.AggregatedStatusItem) *workv1alpha2.ResourceBinding {
		b := binding("web", 3, map[string]int32{"m1": 3}, items...)
		b.Status.LastScheduledTime = &metav1.Time{Time: t0.Add(-ago)}
		return b
	}
	moved := at(time.Hour)
	moved.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{
		{FromCluster: "m2", Producer: workv1alpha2.EvictionProducerFailover, CreationTimestamp: &metav1.Time{Time: t0.Add(-time.Minute)}},
		{FromCluster: "m3", Producer: "somebody", CreationTimestamp: &metav1.Time{Time: t0}},
	}
	tests := map[string]struct {
		b    *workv1alpha2.ResourceBinding
		want map[string]int64
	}{
		"moved by failover a minute ago":   {moved, map[string]int64{"m1": 3}},
		"placed a minute ago":              {at(time.Minute), map[string]int64{"m1": 3}},
		"placed long ago":                  {at(Patience), map[string]int64{}},
		"never placed by us":               {binding("web", 3, map[string]int32{"m1": 3}), map[string]int64{}},
		"reported in part":                 {at(time.Minute, item("m1", `{"replicas":1}`, "Unhealthy")), map[string]int64{"m1": 2}},
		"reported in full":                 {at(time.Minute, item("m1", `{"replicas":3}`, "Unhealthy")), map[string]int64{}},
		"healthy":                          {at(time.Minute, item("m1", "", "Healthy")), map[string]int64{}},
		"a status that cannot be read":     {at(time.Minute, item("m1", `[`, "Unknown")), map[string]int64{"m1": 3}},
		"a status with negative replicas":  {at(time.Minute, item("m1", `{"replicas":-1}`, "Unknown")), map[string]int64{"m1": 3}},
		"not applied, whatever its status": {at(time.Minute, workv1alpha2.AggregatedStatusItem{ClusterName: "m1", Status: &runtime.RawExtension{Raw: []byte(`{"replicas":3}`)}}), map[string]int64{"m1": 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := New()
			l.Restore(tt.b, t0)
			expect(t, l, "restored", tt.want)
			l.Expire(t0.Add(4 * time.Minute))
			expect(t, l, "five minutes after it was placed", map[string]int64{})
		})
	}
}

func TestUnitOf(t *testing.T) {
	of := func(n int32, list ...string) workv1alpha2.Component {
		return workv1alpha2.Component{Replicas: n, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: requests(list...)}}
	}
	tests := map[string]struct {
		spec workv1alpha2.ResourceBindingSpec
		want corev1.ResourceList
	}{
		"no requests":      {workv1alpha2.ResourceBindingSpec{}, requests("pods", "1")},
		"one component":    {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{of(4, "cpu", "500m")}}, requests("cpu", "500m", "pods", "1")},
		"a set of two":     {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{of(1, "cpu", "1"), of(4, "cpu", "500m", "memory", "1Gi")}}, requests("cpu", "3", "memory", "4Gi", "pods", "5")},
		"absurd":           {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{of(1<<31-1, "memory", "8Ei"), of(0)}}, corev1.ResourceList{"memory": *resource.NewQuantity(most, resource.DecimalSI), "pods": *resource.NewQuantity(1<<31-1, resource.DecimalSI)}},
		"negative numbers": {workv1alpha2.ResourceBindingSpec{Components: []workv1alpha2.Component{of(-4, "cpu", "1"), of(1, "cpu", "-1")}}, requests("pods", "1")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, UnitOf(&tt.spec).list()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConcurrentDecisionsNeverOvercommit places more than fits into clusters of known room, from many
// goroutines, some of whose writes fail.
func TestConcurrentDecisionsNeverOvercommit(t *testing.T) {
	const clusters, room, workers, each = 5, 400, 32, 40 // CPU millis of room: 400 of these
	l := New()
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := map[string]int64{}
	refusals := 0
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				spec := workv1alpha2.ResourceBindingSpec{ReplicaRequirements: &workv1alpha2.ReplicaRequirements{
					ResourceRequest: corev1.ResourceList{"cpu": *resource.NewMilliQuantity(1+random.Int64N(3), resource.DecimalSI)}}}
				unit, cpu := UnitOf(&spec), spec.ReplicaRequirements.ResourceRequest.Cpu().MilliValue()
				name := fmt.Sprintf("b%d-%d", w, i)
				for range 100 {
					v := l.View()
					cluster := fmt.Sprintf("m%d", random.IntN(clusters))
					taken := v.Assumed[cluster]
					left := (room - taken.Cpu().MilliValue()) / cpu
					if left <= 0 {
						break
					}
					g := Growth{Cluster: cluster, To: min(left, 1+random.Int64N(4)), Room: left}
					if !l.Commit(v, Claim{Key: key(name), Unit: unit, Growth: []Growth{g}}, t0) {
						mu.Lock()
						refusals++
						mu.Unlock()
						continue
					}
					mu.Lock()
					if total[cluster] += g.To * cpu; total[cluster] > room {
						t.Errorf("%s: %d of %d", cluster, total[cluster], room)
					}
					mu.Unlock()
					if random.IntN(4) == 0 {
						mu.Lock()
						total[cluster] -= g.To * cpu
						mu.Unlock()
						l.TakeBack(key(name))
						continue
					}
					l.Written(key(name), 2)
					break
				}
			}
		})
	}
	wg.Wait()
	for cluster, list := range l.View().Assumed {
		if got := list.Cpu().MilliValue(); got != total[cluster] {
			t.Errorf("%s: %d assumed, %d placed", cluster, got, total[cluster])
		}
	}
	t.Logf("%d claims were refused; %v placed", refusals, total)
}

// TestTheSumIsThatOfTheEntries does what it likes to a ledger and adds up afresh after each step.
func TestTheSumIsThatOfTheEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := New(), t0
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		cluster := rapid.SampledFrom([]string{"m1", "m2"})
		generation := int64(1)
		targets := func() map[string]int32 {
			return map[string]int32{cluster.Draw(t, "cluster"): rapid.Int32Range(0, 9).Draw(t, "replicas")}
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				from := rapid.Int64Range(0, 9).Draw(t, "from")
				unit := UnitOf(&workv1alpha2.ResourceBindingSpec{ReplicaRequirements: &workv1alpha2.ReplicaRequirements{
					ResourceRequest: corev1.ResourceList{"cpu": *resource.NewMilliQuantity(rapid.Int64Range(0, 5).Draw(t, "cpu"), resource.DecimalSI)}}})
				l.Commit(l.View(), Claim{Key: key(names.Draw(t, "name")), Unit: unit, Growth: []Growth{
					{Cluster: cluster.Draw(t, "cluster"), From: from, To: from + rapid.Int64Range(1, 9).Draw(t, "more"), Room: rapid.Int64Range(-1, 20).Draw(t, "room")}}}, now)
			},
			"written": func(t *rapid.T) { generation++; l.Written(key(names.Draw(t, "name")), generation) },
			"back":    func(t *rapid.T) { l.TakeBack(key(names.Draw(t, "name"))) },
			"observe": func(t *rapid.T) {
				var items []workv1alpha2.AggregatedStatusItem
				if rapid.Bool().Draw(t, "reported") {
					items = append(items, item(cluster.Draw(t, "cluster"), `{"replicas":9}`, ""))
				}
				l.Observe(binding(names.Draw(t, "name"), generation, targets(), items...), placed(targets()), now)
			},
			"refresh": func(t *rapid.T) { l.Refreshed(cluster.Draw(t, "cluster")) },
			"forget":  func(t *rapid.T) { l.Forget(key(names.Draw(t, "name"))) },
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(Patience)).Draw(t, "later")))
				l.Expire(now)
			},
			"": func(t *rapid.T) { check(t, l) },
		})
		for _, name := range []string{"a", "b", "c"} {
			l.Forget(key(name))
		}
		if got := l.View().Assumed; len(got) > 0 || len(l.holds) > 0 {
			t.Errorf("left over: %v", got)
		}
	})
}

func check(t *rapid.T, l *Ledger) {
	want := map[string]Amounts{}
	for k, h := range l.holds {
		if len(h.entries) == 0 && !h.pending {
			t.Errorf("%s is remembered for nothing", k)
		}
		for cluster, e := range h.entries {
			if e.units() <= 0 || l.accounts[cluster].entries[k] != e {
				t.Errorf("%s in %s: %+v", k, cluster, e)
			}
			want[cluster] = want[cluster].plus(e.unit, e.units())
		}
	}
	for cluster, a := range l.accounts {
		if diff := cmp.Diff(want[cluster].list(), a.sum.list()); diff != "" {
			t.Errorf("%s (-entries +sum):\n%s", cluster, diff)
		}
	}
}

func TestAViewOfAnEarlierAgeIsRefused(t *testing.T) {
	l := New()
	huge := Claim{Key: key("huge"), Unit: Amounts{{corev1.ResourceMemory, most / 4}}, Growth: []Growth{{Cluster: "m1", To: 1, Room: Unchecked}}}
	l.Commit(nil, huge, t0)
	v := l.View()
	huge.Key, huge.Growth[0].To = key("huger"), 3
	l.Commit(nil, huge, t0)
	small := claim("web", 0, 1)
	small.Growth[0].Room = 1 << 40
	if l.Commit(v, small, t0) {
		t.Error("nobody can tell how much was taken meanwhile, and the claim was entered")
	}
	if !l.Commit(l.View(), small, t0) {
		t.Error("refused with a view of this moment")
	}
}
