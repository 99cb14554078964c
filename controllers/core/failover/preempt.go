package failover

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Need is what an application lacks room for.
type Need struct {
	Priority int32
	// Replicas are to be placed in Rooms.
	Replicas int32
	// Each is what one of them takes.
	Each Amounts
	// Rooms are the clusters that may take them.
	Rooms []Room
}

// Room is what a cluster has.
type Room struct {
	Cluster string
	// Free is what nobody takes; negative where more was promised than there is.
	Free Amounts
	// Unusable is for how many replicas Free seems to suffice and does not, as an estimator says who
	// looks at nodes.
	Unusable int32
}

// Victim is an application that may give up replicas.
type Victim struct {
	Key      string
	Priority int32
	// Each is what one replica takes.
	Each Amounts
	// Replicas are those in the clusters of Need.Rooms.
	Replicas map[string]int32
	// Keep is how many of them have to stay at least, all clusters together.
	Keep int32
}

// Take is what a victim gives up in a cluster.
type Take struct {
	Key, Cluster string
	Replicas     int32
}

// Plan is who gives up what, and where the winner goes.
type Plan struct {
	// Take is sorted by victim and cluster.
	Take []Take
	// Place is how many replicas go to each cluster; Need.Replicas together.
	Place map[string]int32
}

// Preempt makes room for an application at the cost of less important ones. It is false when they
// can not make enough; then nobody gives up anything.
//
//   - Only victims of strictly lower priority give up replicas, and each keeps Victim.Keep: where it
//     has most of them.
//   - The least important first: a plan that spares a tier is better, whatever it costs the tiers
//     below. Within a tier, fewer replicas are better.
//   - Nothing in vain: giving back any one replica would leave too little room.
//
// Where one resource only is scarce, no plan is better, up to a grain of missing replicas; beyond that
// they are shared out in steps. Where several are, fewer replicas of one tier might do, but no tier is
// touched in vain.
func Preempt(need Need, victims []Victim) (Plan, bool) {
	m := newMarket(need, victims)
	short := int64(need.Replicas)
	for i := range m.stalls {
		short -= int64(min(m.stalls[i].fits, need.Replicas))
	}
	missing := int32(max(short, 0))
	extra, ok := m.share(missing)
	if !ok {
		return Plan{}, false
	}
	plan := Plan{Place: map[string]int32{}}
	left := need.Replicas
	for i := range m.stalls { // first where room is made: what is free may be more than is needed
		s := &m.stalls[i]
		if extra[i] > 0 {
			n := min(s.fits, need.Replicas) + extra[i]
			plan.Place[s.cluster] = n
			left -= n
			plan.Take = append(plan.Take, s.cheapest(extra[i])...)
		}
	}
	for i := range m.stalls {
		if n := min(m.stalls[i].fits, left); extra[i] == 0 && n > 0 {
			plan.Place[m.stalls[i].cluster] = n
			left -= n
		}
	}
	slices.SortFunc(plan.Take, func(a, b Take) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Cluster, b.Cluster)) })
	return plan, true
}

// market is where room is bought.
type market struct {
	stalls []stall
	tiers  int
}

// stall is one cluster.
type stall struct {
	cluster string
	each    Amounts
	names   []corev1.ResourceName // of each, sorted: sums of fractions depend on the order
	free    Amounts
	fits    int32 // replicas that fit already
	unused  int32
	tiers   int
	wares   []ware
}

// ware is what one victim has to give in a cluster.
type ware struct {
	key      string
	tier     int // 0 is the most important
	each     Amounts
	replicas int32
	worth    float64 // for what is asked just now
}

func newMarket(need Need, victims []Victim) *market {
	var eligible []Victim
	for _, v := range victims {
		if v.Priority < need.Priority {
			eligible = append(eligible, v)
		}
	}
	slices.SortFunc(eligible, func(a, b Victim) int { return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Key, b.Key)) })
	rooms := slices.Clone(need.Rooms)
	slices.SortFunc(rooms, func(a, b Room) int { return cmp.Compare(a.Cluster, b.Cluster) })

	m := &market{}
	names := slices.Sorted(maps.Keys(need.Each))
	stalls := map[string]*stall{}
	for _, r := range rooms {
		m.stalls = append(m.stalls, stall{
			cluster: r.Cluster, each: need.Each, names: names, free: r.Free, unused: max(r.Unusable, 0),
			fits: max(r.Free.Fits(need.Each)-max(r.Unusable, 0), 0),
		})
	}
	for i := range m.stalls {
		stalls[m.stalls[i].cluster] = &m.stalls[i]
	}
	for i, v := range eligible {
		if i == 0 || v.Priority != eligible[i-1].Priority {
			m.tiers++
		}
		for cluster, n := range givable(v) {
			if s := stalls[cluster]; s != nil && n > 0 {
				s.wares = append(s.wares, ware{key: v.Key, tier: m.tiers - 1, each: v.Each, replicas: n})
			}
		}
	}
	for i := range m.stalls {
		m.stalls[i].tiers = m.tiers
	}
	return m
}

// givable is what a victim may give up: what it keeps is kept where it has most.
func givable(v Victim) map[string]int32 {
	out := maps.Clone(v.Replicas)
	names := slices.SortedFunc(maps.Keys(out), func(a, b string) int { return cmp.Or(cmp.Compare(out[b], out[a]), cmp.Compare(a, b)) })
	keep := v.Keep
	for _, name := range names {
		n := min(keep, max(out[name], 0))
		out[name] -= n
		keep -= n
	}
	return out
}

// enough says whether the cluster has room for so many more than fit already when these amounts are
// freed, but for those of n replicas of a ware.
func (s *stall) enough(extra int32, freed Amounts, but Amounts, n int32) bool {
	for name, each := range s.each {
		if each*int64(s.fits+s.unused+extra) > s.free[name]+freed[name]-but[name]*int64(n) {
			return false
		}
	}
	return true
}

// most is how many more fit when all that can be given is, up to a limit.
func (s *stall) most(limit int32) int32 {
	freed := Amounts{}
	for _, w := range s.wares {
		freed.Add(w.each, int64(w.replicas))
	}
	return largest(limit, func(n int32) bool { return s.enough(n, freed, nil, 0) })
}

// cheapest is what is taken for room for so many more: all that can be, less what can be given back,
// to the more important first, and to the small ones first within a tier.
func (s *stall) cheapest(extra int32) []Take {
	if extra == 0 {
		return nil
	}
	freed := Amounts{}
	for _, w := range s.wares {
		freed.Add(w.each, int64(w.replicas))
	}
	wares := slices.Clone(s.wares)
	for i := range wares {
		wares[i].worth = s.worth(wares[i], extra)
	}
	slices.SortFunc(wares, func(a, b ware) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.worth, b.worth), cmp.Compare(a.key, b.key))
	})
	var out []Take
	for _, w := range wares {
		back := largest(w.replicas, func(n int32) bool { return s.enough(extra, freed, w.each, n) })
		freed.Add(w.each, -int64(back))
		if n := w.replicas - back; n > 0 {
			out = append(out, Take{w.key, s.cluster, n})
		}
	}
	return out
}

// worth is how much a replica helps: the sum of the parts of what is missing, by resource.
func (s *stall) worth(w ware, extra int32) (sum float64) {
	for _, name := range s.names {
		if missing := s.each[name]*int64(s.fits+s.unused+extra) - s.free[name]; missing > 0 {
			sum += float64(w.each[name]) / float64(missing)
		}
	}
	return sum
}

// price is what takes cost: replicas by tier, the most important first.
func (s *stall) price(takes []Take) []int32 {
	tier := map[string]int{}
	for _, w := range s.wares {
		tier[w.key] = w.tier
	}
	out := make([]int32, s.tiers)
	for _, t := range takes {
		out[tier[t.Key]] += t.Replicas
	}
	return out
}

// grain bounds how finely a large need is shared out.
const grain = 64

// share says how many of the missing replicas each cluster makes room for, at the least price of all
// together. Prices of clusters add up, and are compared tier by tier, so that the best sum is found
// cluster by cluster.
func (m *market) share(missing int32) ([]int32, bool) {
	step := 1 + missing/grain
	best := make([]*offer, missing+1) // for so many replicas at least
	best[0] = &offer{price: make([]int32, m.tiers), extra: make([]int32, len(m.stalls))}
	for i := range m.stalls {
		s := &m.stalls[i]
		next := slices.Clone(best)
		limit := s.most(missing)
		for n := min(step, limit); n > 0; n = min(n+step, limit) {
			price := s.price(s.cheapest(n))
			for have, o := range best {
				if o == nil {
					continue
				}
				at := min(int32(have)+n, missing)
				if with := o.with(i, n, price); with.less(next[at]) {
					next[at] = with
				}
			}
			if n == limit {
				break
			}
		}
		best = next
	}
	o := best[missing]
	if o == nil {
		return nil, false
	}
	surplus := -missing
	for _, n := range o.extra {
		surplus += n
	}
	for i, n := range o.extra { // of the steps, and of replicas that free more than one needs
		back := min(max(surplus, 0), n)
		o.extra[i], surplus = n-back, surplus-back
	}
	return o.extra, true
}

// offer is a way to share.
type offer struct {
	price, extra []int32
}

func (o *offer) with(i int, n int32, price []int32) *offer {
	out := &offer{price: slices.Clone(o.price), extra: slices.Clone(o.extra)}
	out.extra[i] = n
	for t := range price {
		out.price[t] += price[t]
	}
	return out
}

func (o *offer) less(other *offer) bool {
	return other == nil || slices.Compare(o.price, other.price) < 0
}

// largest is the largest n up to limit for which ok holds; it holds for 0 and for all below one for which
// it holds.
func largest(limit int32, ok func(int32) bool) int32 {
	low, high := int32(0), max(limit, 0)
	for low < high {
		mid := high - (high-low)/2
		if ok(mid) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}
