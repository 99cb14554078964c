package traffic

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// autoscaler is a HorizontalPodAutoscaler of one cluster with its standard behaviour: a look every 15
// seconds, a tolerance of a tenth, at most twice the pods or four more at a time, and down to the highest
// recommendation of the last five minutes.
type autoscaler struct {
	// cost of a request here, in parts of a replica's second.
	cost     float64
	min, max int
	// replicas there are, of which some start until a moment.
	replicas int
	starting []time.Time
	advice   []int
	load     float64 // requests per second, averaged over half a minute
}

const (
	looksEvery = 15 * time.Second
	stabilizes = int(5 * time.Minute / looksEvery)
	startsIn   = 20 * time.Second
	wantedUse  = 0.6
)

func (a *autoscaler) ready(now time.Time) (n int) {
	n = a.replicas
	for _, at := range a.starting {
		if now.Before(at) {
			n--
		}
	}
	return max(n, 0)
}

func (a *autoscaler) use(now time.Time) float64 {
	return a.load * a.cost / math.Max(float64(a.ready(now)), 1)
}

func (a *autoscaler) look(now time.Time) {
	want := a.replicas
	if ratio := a.use(now) / wantedUse; ratio > 1.1 || ratio < 0.9 {
		// Those that start count as idle when it is too much, and as nothing when it is too little.
		want = int(math.Ceil(a.load * a.cost / wantedUse))
		if ratio > 1 {
			want = max(want, a.replicas)
		}
	}
	want = min(max(want, a.min), a.max)
	if a.advice = append(a.advice, want); len(a.advice) > stabilizes {
		a.advice = a.advice[1:]
	}
	for _, n := range a.advice {
		want = max(want, min(n, a.replicas))
	}
	want = min(want, max(2*a.replicas, a.replicas+4))
	for range want - a.replicas {
		a.starting = append(a.starting, now.Add(startsIn))
	}
	if want < a.replicas {
		a.starting = nil
	}
	a.replicas = want
}

// scaled is a world of one tier whose clusters scale by themselves, in steps of one second.
type scaled struct {
	*world
	scalers map[string]*autoscaler
	use     map[string]float64 // where the clients go at present
	demand  func(second int) float64
	seconds int
	peak    float64 // the highest share of any cluster since it was last set to 0
	moves   int     // plans that were written
}

func newScaled(t testing.TB, weighing v1.Weighing, costs, replicas map[string]float64) *scaled {
	s := &scaled{world: newWorld(t, "fra", "iad", "sin"), scalers: map[string]*autoscaler{}, use: map[string]float64{}}
	s.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyOrdered, Weighing: weighing, Tiers: []v1.Tier{{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra", "iad", "sin"}}}}}
	for name := range s.members {
		s.scalers[name] = &autoscaler{cost: costs[name] / perReplica, min: 1, max: 200, replicas: int(replicas[name])}
		s.members[name].ReadyReplicas = int32(replicas[name])
	}
	s.step()
	s.told = func(Output) { s.moves++ }
	s.use = s.shares()
	return s
}

func (s *scaled) shares() map[string]float64 {
	out := map[string]float64{}
	var sum float64
	for _, c := range s.plan.Tiers[0].Clusters {
		sum += float64(c.Weight)
	}
	for _, c := range s.plan.Tiers[0].Clusters {
		out[c.Name] = float64(c.Weight) / sum
	}
	return out
}

func (s *scaled) run(d time.Duration) {
	for range int(d / time.Second) {
		s.sleep(time.Second)
		s.seconds++
		told, changed := s.shares(), false
		for name, a := range s.scalers {
			s.use[name] += (told[name] - s.use[name]) / ttl
			s.peak = math.Max(s.peak, s.use[name])
			a.load += (s.demand(s.seconds)*s.use[name] - a.load) / 30
			if s.now.Unix()%int64(looksEvery/time.Second) == 0 {
				a.look(s.now)
			}
			if n := int32(a.ready(s.now)); n != s.members[name].ReadyReplicas && s.seconds%2 == 0 {
				s.members[name].ReadyReplicas, changed = n, true
			}
		}
		if changed {
			s.step()
		}
	}
}

// inUse is the lowest and the highest utilisation.
func (s *scaled) inUse() (low, high float64) {
	low = math.Inf(1)
	for _, a := range s.scalers {
		low, high = math.Min(low, a.use(s.now)), math.Max(high, a.use(s.now))
	}
	return low, high
}

func (s *scaled) replicas() (n int) {
	for _, a := range s.scalers {
		n += a.replicas
	}
	return n
}

var alike = map[string]float64{"fra": 1, "iad": 1, "sin": 1}

// An autoscaler in every cluster follows the load, and weights follow the replicas: together they come
// to rest, with no more replicas than are needed, and no cluster takes the load of all.
func TestWeightsAndAutoscalersComeToRest(t *testing.T) {
	for name, replicas := range map[string]map[string]float64{
		"all of one size":    {"fra": 4, "iad": 4, "sin": 4},
		"a large and a tiny": {"fra": 16, "iad": 4, "sin": 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScaled(t, "", alike, replicas)
			rest := func(what string, demand float64) {
				t.Helper()
				s.demand = func(int) float64 { return demand }
				s.run(30 * time.Minute)
				moves := s.moves
				s.run(30 * time.Minute)
				low, high := s.inUse()
				if s.moves != moves || low < 0.4 || high > 0.72 {
					t.Errorf("%s: moved %d times in the second half hour; utilisation %.2f to %.2f; %d replicas, shares %v",
						what, s.moves-moves, low, high, s.replicas(), s.shares())
				}
			}
			rest("at first", 600)
			rest("three times as much", 1800)
			rest("a third", 600)
			noise := rand.New(rand.NewPCG(1, 2))
			level := 600.0
			s.demand = func(second int) float64 {
				if second%60 == 0 {
					level = 600 * (0.7 + 0.6*noise.Float64())
				}
				return level
			}
			s.peak = 0
			before := s.shares()
			s.run(24 * time.Hour)
			for cluster, share := range s.shares() {
				if share > math.Max(0.6, before[cluster]+0.1) {
					t.Errorf("after a day of noise %s has %.0f %%: %v, before %v", cluster, 100*share, s.shares(), before)
				}
			}
			if low, high := s.inUse(); low < 0.3 || high > 0.9 {
				t.Errorf("after a day of noise: utilisation %.2f to %.2f", low, high)
			}
		})
	}
}

// Where a request costs more in one cluster than in others, replicas grow there, and with weights that
// follow them so does the load, without an end. Weighed evenly every cluster scales to what it is given.
func TestAutoscalersOfUnlikeClustersNeedEvenWeights(t *testing.T) {
	costs := map[string]float64{"fra": 1.6, "iad": 1, "sin": 1}
	s := newScaled(t, v1.WeighingEven, costs, map[string]float64{"fra": 4, "iad": 4, "sin": 4})
	s.demand = func(int) float64 { return 600 }
	s.run(4 * time.Hour)
	low, high := s.inUse()
	if share := s.shares()["fra"]; math.Abs(share-1.0/3) > 0.01 || low < 0.45 || high > 0.7 {
		t.Errorf("evenly: fra has %.2f; utilisation %.2f to %.2f", share, low, high)
	}
	even := s.replicas()
	s = newScaled(t, "", costs, map[string]float64{"fra": 4, "iad": 4, "sin": 4})
	s.demand = func(int) float64 { return 600 }
	s.run(4 * time.Hour)
	if share := s.shares()["fra"]; share < 0.5 || s.replicas() <= even {
		t.Errorf("by replicas: fra has %.2f with %d replicas in all, evenly %d", share, s.replicas(), even)
	}
}
