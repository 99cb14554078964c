package traffic

import (
	"fmt"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/demand"
)

// loop is a world whose clients follow the plan and whose requests are measured: a closed loop in steps
// of one second.
type loop struct {
	*world
	clients map[string]float64            // requests per second by region
	use     map[string]map[string]float64 // where the clients of a region go at present
	second  []map[string]float64          // requests that arrived in each of the last seconds
	arrived map[string]float64            // in the last second
	meter   demand.Estimate
	points  map[string][]int32 // what each region spilled, as often as it changed
}

const (
	perReplica = 50
	rateWindow = 60
	ttl        = 10
)

func newLoop(t testing.TB, target int32, clusters ...string) *loop {
	l := &loop{world: newWorld(t, clusters...), clients: map[string]float64{}, use: map[string]map[string]float64{}, points: map[string][]int32{}}
	l.policy.Spec.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse(fmt.Sprint(perReplica))}
	l.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyGeo, Spillover: &v1.Spillover{TargetUtilization: target}}
	l.told = func(Output) {
		for _, r := range l.plan.Regions {
			var n int32
			if r.Spill != nil {
				for _, s := range r.Spill.Shifts {
					n += max(s.Points, 0)
				}
			}
			if was := l.points[r.Name]; len(was) == 0 || was[len(was)-1] != n {
				l.points[r.Name] = append(was, n)
			}
		}
	}
	l.step()
	l.use = demand.Told(l.plan)
	return l
}

// run lets seconds pass: every second a part of the clients asks again, requests arrive where they are
// sent unless it is dead, and every ten seconds somebody measures.
func (l *loop) run(seconds int) {
	for range seconds {
		l.sleep(time.Second)
		l.arrived = map[string]float64{}
		for region, told := range demand.Told(l.plan) {
			use := l.use[region]
			next := map[string]float64{}
			for name := range l.members {
				if next[name] = use[name] + (told[name]-use[name])/ttl; next[name] > 0 && l.members[name].Verdict == v1.VerdictHealthy {
					l.arrived[name] += next[name] * l.clients[region]
				}
			}
			l.use[region] = next
		}
		if l.second = append(l.second, l.arrived); len(l.second) > rateWindow {
			l.second = l.second[1:]
		}
		if l.now.Unix()%10 == 0 {
			l.measure()
		}
	}
}

func (l *loop) measure() {
	rate := map[string]float64{}
	for _, arrived := range l.second {
		for name, n := range arrived {
			rate[name] += n / float64(len(l.second))
		}
	}
	l.meter.Observe(l.now, rate, demand.Told(l.plan), (rateWindow+ttl)*time.Second/2)
	l.demand = &Demand{At: l.now, Clusters: l.meter.Clusters(), Clients: l.meter.Clients()}
	l.step()
}

func (l *loop) capacity(name string) float64 {
	return float64(l.members[name].ReadyReplicas) * perReplica
}

func (l *loop) spilled(region string) float64 {
	was := l.points[region]
	if len(was) == 0 {
		return 0
	}
	return float64(was[len(was)-1])
}

// turns counts how often what a region spills changed its direction. A point is what rounding makes.
func turns(points []int32) (n int) {
	direction := int32(0)
	for i := 1; i < len(points); i++ {
		d := points[i] - points[i-1]
		if d == 1 || d == -1 {
			continue
		}
		if d*direction < 0 {
			n++
		}
		if d != 0 {
			direction = d
		}
	}
	return n
}

const europe, america = "eu-central-1", "us-east-1"

// The load of one region goes up and down in steps: what it spills follows, turns at most once for each
// step, and is the excess and no more.
func TestSpilloverDoesNotOscillate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		target := rapid.Int32Range(50, 100).Draw(rt, "target")
		l := newLoop(t, target, "fra", "iad", "sin")
		l.clients = map[string]float64{europe: 50, america: 40, "ap-southeast-1": 30}
		l.run(300)
		for range rapid.IntRange(1, 3).Draw(rt, "steps") {
			l.clients[europe] = rapid.Float64Range(10, 250).Draw(rt, "load")
			l.points[europe] = l.points[europe][max(len(l.points[europe])-1, 0):]
			l.run(700)
			limit := l.capacity("fra") * float64(target) / 100
			excess := math.Max(0, l.clients[europe]-limit) / l.clients[europe] * 100
			got := l.spilled(europe)
			if n := turns(l.points[europe]); n > 1 {
				rt.Fatalf("load %.0f, target %d: what is spilled turned %d times: %v", l.clients[europe], target, n, l.points[europe])
			}
			if most := excess + spillBack*l.capacity("fra")/l.clients[europe] + 3; got > most {
				rt.Fatalf("load %.0f, target %d: %.0f %% are spilled, the excess is %.1f %%: %v", l.clients[europe], target, got, excess, l.points[europe])
			}
			if l.clients[europe]+70 <= 450*float64(target)/100 && l.arrived["fra"] > limit*1.04 {
				rt.Fatalf("load %.0f, target %d: fra receives %.0f, more than %.0f", l.clients[europe], target, l.arrived["fra"], limit)
			}
			for _, name := range []string{"fra", "iad", "sin"} {
				if l.arrived[name] > l.capacity(name)*1.02 {
					rt.Fatalf("load %.0f, target %d: %s receives %.0f, more than it can take", l.clients[europe], target, name, l.arrived[name])
				}
			}
		}
	})
}

// One of three clusters at 60 % dies: as soon as clients know, no other has more than it can take.
func TestALostClusterOverloadsNobody(t *testing.T) {
	for _, target := range []int32{60, 70, 80, 90, 100} {
		l := newLoop(t, target, "fra", "iad", "sin")
		for _, name := range []string{"fra", "iad", "sin"} {
			l.clients[l.members[name].Cluster.Spec.Region] = 0.6 * l.capacity(name)
		}
		l.run(300)
		if n := l.spilled(europe); n > 0 {
			t.Fatalf("target %d: %v %% are spilled in peace", target, n)
		}
		l.members["fra"].Verdict, l.members["fra"].Known = v1.VerdictUnhealthy, false
		l.run(2)
		l.kill("fra")
		l.run(4 * ttl)
		for second := range 1800 {
			l.run(1)
			for _, name := range []string{"iad", "sin"} {
				if l.arrived[name] > l.capacity(name)*1.01 {
					t.Fatalf("target %d, %d s after: %s receives %.0f, more than it can take: %v", target, second, name, l.arrived[name], tierText(l.plan.Regions[0].Tiers))
				}
			}
		}
		if l.plan.Load.Reason != v1.LoadSpilling {
			t.Errorf("target %d: %+v", target, l.plan.Load)
		}
	}
}

// When nobody has room the plan says how much is too much, and it stays where it comes from.
func TestOverloadIsToldAndStaysAtHome(t *testing.T) {
	l := newLoop(t, 80, "fra", "iad")
	l.clients = map[string]float64{europe: 300, america: 100}
	l.run(1200)
	if l.plan.Load.Reason != v1.LoadOverloaded || len(l.plan.Load.Overload) != 1 {
		t.Fatalf("%+v", l.plan.Load)
	}
	o := l.plan.Load.Overload[0]
	if n := o.RequestsPerSecond.AsApproximateFloat64(); o.Name != "fra" || math.Abs(n-100) > 10 {
		t.Errorf("%s is over by %.0f, want fra by 100", o.Name, n)
	}
	if l.arrived["iad"] > l.capacity("iad")*1.02 {
		t.Errorf("iad receives %.0f", l.arrived["iad"])
	}
}

// Whatever the loads and whichever cluster dies: while there is room for all, nobody is given more than
// they can take, from the moment that clients know.
func TestAnyLossOverloadsNobodyWhileThereIsRoom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLoop(t, rapid.Int32Range(50, 100).Draw(rt, "target"), "fra", "dub", "iad", "sin")
		names := []string{"fra", "dub", "iad", "sin"}
		dies := rapid.SampledFrom(names).Draw(rt, "dies")
		var room float64
		for _, name := range names {
			l.members[name].ReadyReplicas = rapid.Int32Range(2, 20).Draw(rt, "replicas of "+name)
			if name != dies {
				room += l.capacity(name)
			}
		}
		l.step()
		part := rapid.Float64Range(0.1, 0.9).Draw(rt, "load")
		for _, name := range names {
			l.clients[l.members[name].Cluster.Spec.Region] = part * room * l.capacity(name) / (room + l.capacity(dies))
		}
		l.run(200)
		l.kill(dies)
		l.run(4 * ttl)
		for second := range 600 {
			l.run(1)
			for _, name := range names {
				if name != dies && l.arrived[name] > l.capacity(name)*1.02+1 {
					rt.Fatalf("%d s after: %s receives %.0f of %.0f: %v", second, name, l.arrived[name], l.capacity(name), l.plan.Load)
				}
			}
		}
	})
}

// Clients of no known region go everywhere. Where one of the clusters is full they go elsewhere, and not
// the clients who are at home there.
func TestClientsOfNoKnownRegionSpillToo(t *testing.T) {
	for name, clients := range map[string]map[string]float64{
		"they and those at home are too many together": {europe: 100, america: 30, "ap-southeast-1": 20, "": 90},
		"there are none at home":                       {"": 330},
		"they are few":                                 {europe: 130, america: 30, "ap-southeast-1": 20, "": 9},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, 80, "fra", "iad", "sin")
			l.clients = clients
			var all []int32
			told := l.told
			l.told = func(out Output) {
				told(out)
				var n int32
				if l.plan.Spill != nil {
					for _, s := range l.plan.Spill.Shifts {
						n += max(s.Points, 0)
					}
				}
				if len(all) == 0 || all[len(all)-1] != n {
					all = append(all, n)
				}
			}
			l.run(1800)
			before := len(all)
			l.run(1800)
			for _, name := range []string{"fra", "iad", "sin"} {
				if limit := l.capacity(name) * 0.8; l.arrived[name] > limit*1.04 {
					t.Errorf("%s receives %.0f, more than %.0f", name, l.arrived[name], limit)
				}
			}
			if clients[europe] > 0 && (l.plan.Spill == nil || l.plan.Load.Reason != v1.LoadSpilling) {
				t.Errorf("they stay: %+v, %+v", l.plan.Spill, l.plan.Load)
			}
			if turns(all) > 2 || len(all) > before+1 {
				t.Errorf("what is spilled does not come to rest: %v", all)
			}
		})
	}
}
