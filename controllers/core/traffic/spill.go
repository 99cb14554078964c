package traffic

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// demandFresh is how old a measurement may be.
	demandFresh = time.Minute
	// demandMissed is how long a spill stays without one.
	demandMissed = 10 * time.Minute
	// spillStep is by how many points of the clients' requests a spill changes at a time, and spillEvery
	// how long after that it may do so again.
	spillStep, spillEvery = 10, 30 * time.Second
	// spillBack is how many points below the target the load must be for a spill to shrink. It then
	// shrinks until the load is half as far below it, so that it does not grow again at once.
	spillBack = 10
	// spillSlack is by how many points a spill may be off where no cluster is above its capacity and no
	// more is to be spilled, or all are above the target: nobody would be helped by following every
	// measurement.
	spillSlack = 6
	// spillSettles is how long a spill has stood still before it begins to shrink: when a cluster is lost,
	// requests are missing for a while that come back.
	spillSettles = 2 * time.Minute
	// tolerated is by how many percent a load may be above its limit: shares are whole percent.
	tolerated = 1
)

// Demand is what clients ask for, as was measured.
type Demand struct {
	// At is when.
	At time.Time
	// Clusters are the requests per second that each cluster receives.
	Clusters map[string]float64
	// Clients are the requests per second of the clients of each client region, whoever receives them;
	// those of no known region under "".
	Clients map[string]float64
}

// flow is one list of tiers that is spilled from.
type flow struct {
	origin
	region string // empty for the list of everybody, or of those of no known region
	tiers  *[]trafficv1alpha1.PlanTier
	before *trafficv1alpha1.Spill
	spill  **trafficv1alpha1.Spill
	// shifts in points by endpoint, as in force at present.
	shifts    []int32
	shrinking bool
	moved     bool
}

// overflow sends what tiers can not take to others.
func (p *planner) overflow() {
	if p.in.Policy.Spec.Steering.Spillover == nil || !p.steering.tiered() {
		return
	}
	flows := p.flows()
	target := float64(p.in.Policy.Spec.Steering.Spillover.TargetUtilization)
	capacity := make([]float64, len(p.endpoints))
	for i := range p.endpoints {
		capacity[i] = capacityOf(&p.endpoints[i])
	}
	var over []float64
	switch {
	case p.failOpen: // what is left is not to be counted on
		for _, f := range flows {
			clear(f.shifts)
		}
	case p.demand == nil:
		p.withoutDemand(flows)
	default:
		p.wakeAt(p.demand.At.Add(demandFresh))
		over = p.follow(flows, capacity, target)
	}
	spilled := false
	for _, f := range flows {
		spilled = p.write(f) || spilled
	}
	p.load = p.describeLoad(flows, capacity, over, spilled)
}

// follow moves every flow towards what the demand asks for, and says by how much clusters are given
// more than they can take where nobody has room.
func (p *planner) follow(flows []*flow, capacity []float64, target float64) (over []float64) {
	over = make([]float64, len(capacity))
	if load := loads(flows, len(capacity)); !slices.ContainsFunc(flows, (*flow).spills) && fits(load, capacity, target) {
		return over
	}
	origins := p.origins(flows)
	wanted := newFilling(origins, capacity)
	wanted.fill(target)
	over = wanted.over()
	if p.held {
		return over
	}
	c := course{capacity: capacity, target: target, crowded: wanted.level > target, wants: wanted.shifts()}
	wanted.fill(math.Max(target-spillBack/2, 1))
	c.backs = wanted.shifts()
	c.load = loads(flows, len(capacity))
	if p.lostOne() {
		for i, f := range flows {
			f.shifts, f.shrinking, f.moved = c.wants[i], false, true
		}
	}
	// Who moves may press others who have stood still for long enough. Each moves once: it rests then.
	for p.stepAll(flows, &c) {
		c.load = loads(flows, len(capacity))
	}
	// What is still to be done is done when it may be.
	c.load = loads(flows, len(capacity))
	for i, f := range flows {
		if to, at := p.next(&c, i, f); to != nil {
			p.wakeAt(at)
		}
	}
	return over
}

// stepAll moves all flows that should and may, judged by one load. It says whether any did.
func (p *planner) stepAll(flows []*flow, c *course) (any bool) {
	for i, f := range flows {
		if to, at := p.next(c, i, f); to != nil && !p.in.Now.Before(at) {
			p.step(f, to)
			any = true
		}
	}
	return any
}

func (f *flow) spills() bool { return total(f.shifts) > 0 }

// loads are the requests per second that each endpoint is given.
func loads(flows []*flow, endpoints int) []float64 {
	out := make([]float64, endpoints)
	for _, f := range flows {
		for c, share := range f.shares {
			out[c] += f.demand * (share + float64(f.shifts[c])/100)
		}
	}
	return out
}

func fits(load, capacity []float64, target float64) bool {
	for c := range load {
		if load[c] > capacity[c]*(target+tolerated)/100 {
			return false
		}
	}
	return true
}

// course is where flows should go.
type course struct {
	load, capacity []float64 // by endpoint
	target         float64
	// crowded says that there is no room below the target for all.
	crowded bool
	// wants are shifts that keep every cluster below its target as far as there is room, backs those
	// that a spill shrinks to. By flow.
	wants, backs [][]int32
}

// next is where a flow is to move to, and from when on it may; nil when it should stay. A spill grows
// when a cluster has more than it should, and shrinks when one that gives requests away has too few.
func (p *planner) next(c *course, i int, f *flow) (to []int32, at time.Time) {
	want, back := c.wants[i], c.backs[i]
	switch {
	case f.pressed(want, c):
		f.shrinking = false
		return want, p.rested(f, spillEvery)
	case total(back) >= total(f.shifts) || !f.shrinking && !f.relieved(c.load, c.capacity, c.target):
		f.shrinking = false
		return nil, at
	case !f.shrinking:
		at = p.rested(f, spillSettles)
		f.shrinking = !p.in.Now.Before(at)
		return back, at
	}
	return back, p.rested(f, spillEvery)
}

// pressed says whether clusters have more than they should that the clients could go elsewhere with.
func (f *flow) pressed(want []int32, c *course) bool {
	if slices.Equal(want, f.shifts) {
		return false
	}
	limit := c.target
	if (c.crowded || total(want) <= total(f.shifts)) && distance(want, f.shifts) < spillSlack {
		limit = 100
	}
	for i := range c.load {
		if want[i] < f.shifts[i] && c.load[i] > c.capacity[i]*(limit+tolerated)/100 {
			return true
		}
	}
	return false
}

// distance is how many points lie between shifts.
func distance(a, b []int32) (n int32) {
	for c := range a {
		n += max(a[c]-b[c], 0)
	}
	return n
}

// relieved says whether a cluster that gives requests away has had few for itself.
func (f *flow) relieved(load, capacity []float64, target float64) bool {
	for c := range load {
		if f.shifts[c] < 0 && load[c] < capacity[c]*(target-spillBack)/100 {
			return true
		}
	}
	return false
}

// rested is when a flow will have stood still for a while, or now when it has.
func (p *planner) rested(f *flow, pause time.Duration) time.Time {
	switch {
	case f.moved:
		return ceil(p.in.Now).Add(pause)
	case f.before != nil:
		return f.before.Since.Add(pause)
	}
	return p.in.Now
}

// step moves a flow towards where it should be, by spillStep at most.
func (p *planner) step(f *flow, to []int32) {
	ups, downs := make([]float64, len(to)), make([]float64, len(to))
	var points int32
	for c := range to {
		if d := to[c] - f.shifts[c]; d > 0 {
			ups[c] = float64(d)
			points += d
		} else {
			downs[c] = float64(-d)
		}
	}
	points = min(points, spillStep)
	f.shifts = slices.Clone(f.shifts)
	apportion(f.shifts, ups, points, 1)
	apportion(f.shifts, downs, points, -1)
	f.moved = true
}

// withoutDemand leaves a spill as it is for a while, and then takes it back in steps: nobody knows
// whether it is still needed, but somebody will know soon.
func (p *planner) withoutDemand(flows []*flow) {
	since := floor(p.in.Now)
	if was := p.loadBefore(); was != nil && was.Reason == trafficv1alpha1.LoadNoDemand {
		since = was.Since
	}
	for _, f := range flows {
		f.shrinking = false
		if p.held || !f.spills() {
			continue
		}
		if until := since.Add(demandMissed); p.in.Now.Before(until) {
			p.wakeAt(until)
			continue
		}
		if !p.in.Now.Before(p.rested(f, spillEvery)) {
			p.step(f, make([]int32, len(f.shifts)))
		}
		if f.spills() {
			p.wakeAt(p.rested(f, spillEvery))
		}
	}
}

// flows are the lists of tiers with what is known of their clients and what is spilled at present. Those of
// no known region, who are nowhere at home, are the last.
func (p *planner) flows() []*flow {
	before := p.in.Previous
	if before == nil {
		before = &trafficv1alpha1.TrafficPlanSpec{}
	}
	out := make([]*flow, 0, len(p.regions)+1)
	n := len(p.endpoints)
	shares, shifts := make([]float64, cap(out)*n), make([]int32, cap(out)*n)
	add := func(f *flow) {
		if len(*f.tiers) > 0 {
			f.shares, shares = shares[:n:n], shares[n:]
			f.shifts, shifts = shifts[:n:n], shifts[n:]
			p.tell(f)
			out = append(out, f)
		}
	}
	all := make([]flow, len(p.regions))
	for i := range p.regions {
		r := &p.regions[i]
		all[i] = flow{region: r.Name, tiers: &r.Tiers, spill: &r.Spill}
		if was := regionOf(before, r.Name, i); was != nil {
			all[i].before = was.Spill
		}
		add(&all[i])
	}
	add(&flow{tiers: &p.tiers, spill: &p.spill, before: before.Spill})
	return out
}

// tell fills in how many are told to go where.
func (p *planner) tell(f *flow) {
	if p.demand != nil {
		f.demand = p.demand.Clients[f.region]
	}
	first := (*f.tiers)[0].Clusters
	f.homes = make([]int, 0, len(first))
	var sum float64
	for _, c := range first {
		sum += float64(c.Weight)
	}
	for _, c := range first {
		i := find(p.endpoints, c.Name)
		f.shares[i] = float64(c.Weight) / sum
		f.homes = append(f.homes, i)
		f.native = f.native || f.region != "" && p.endpoints[i].Region == f.region
	}
	p.shiftsBefore(f)
	f.shrinking = f.before != nil && f.before.Shrinking
	f.moved = f.before != nil && !slices.Equal(p.told(f.shifts), f.before.Shifts)
}

// origins are the flows with those who may take what is too much, tier by tier. Regions have tiers in
// common, which are told by where they lie in memory.
func (p *planner) origins(flows []*flow) []origin {
	ranks := map[*trafficv1alpha1.WeightedCluster][]int{}
	out := make([]origin, len(flows))
	for i, f := range flows {
		f.ranks = make([][]int, len(*f.tiers))
		for n, t := range *f.tiers {
			rank, known := ranks[&t.Clusters[0]]
			if !known {
				for _, c := range t.Clusters {
					if e := find(p.endpoints, c.Name); p.endpoints[e].SharePercent == 100 {
						rank = append(rank, e)
					}
				}
				ranks[&t.Clusters[0]] = rank
			}
			f.ranks[n] = rank
		}
		out[i] = f.origin
	}
	return out
}

// shiftsBefore fills in the shifts in force, as far as those who take and give are still there to do so.
func (p *planner) shiftsBefore(f *flow) {
	if f.before == nil || len(f.before.Shifts) == 0 {
		return
	}
	takes, gives := make([]float64, len(f.shifts)), make([]float64, len(f.shifts))
	var taken, given int32
	for _, s := range f.before.Shifts {
		i := find(p.endpoints, s.Name)
		switch {
		case i < 0:
		case s.Points > 0 && p.endpoints[i].SharePercent == 100:
			takes[i], taken = float64(s.Points), taken+s.Points
		case s.Points < 0:
			n := min(-s.Points, int32(math.Ceil(f.shares[i]*100))+1) // as far as rounding has gone
			gives[i], given = float64(n), given+n
		}
	}
	points := min(taken, given)
	apportion(f.shifts, takes, points, 1)
	apportion(f.shifts, gives, points, -1)
}

func total(shifts []int32) (n int32) {
	for _, s := range shifts {
		n += max(s, 0)
	}
	return n
}

// told are shifts as a plan tells them.
func (p *planner) told(shifts []int32) (out []trafficv1alpha1.Shift) {
	if total(shifts) == 0 {
		return nil // they sum up to 0
	}
	for c, points := range shifts {
		if points != 0 {
			out = append(out, trafficv1alpha1.Shift{Name: p.endpoints[c].Cluster, Points: points})
		}
	}
	return out
}

// write puts the shifts of a flow into its first tier, and remembers them. It says whether there are any.
func (p *planner) write(f *flow) bool {
	now := &trafficv1alpha1.Spill{Since: ceil(p.in.Now), Shrinking: f.shrinking, Shifts: p.told(f.shifts)}
	if f.before != nil && slices.Equal(f.before.Shifts, now.Shifts) {
		now.Since = f.before.Since
	}
	if len(now.Shifts) == 0 {
		// What was taken back a moment ago is remembered for as long as it keeps from starting again.
		if next := now.Since.Add(spillEvery); f.before != nil && p.in.Now.Before(next) {
			*f.spill = now
			p.wakeAt(next)
		}
		return false
	}
	*f.spill = now
	const whole = 10000 // a hundredth of a point is 1
	var weights []weight
	for c, share := range f.shares {
		if share > 0 || f.shifts[c] > 0 {
			// Who gives all away stays in the list: it serves should the others fall.
			weights = append(weights, weight{p.endpoints[c].Cluster, max(int64(math.Round(share*whole))+int64(f.shifts[c])*whole/100, 1)})
		}
	}
	(*f.tiers)[0] = tier(weights)
	return true
}

func (p *planner) loadBefore() *trafficv1alpha1.Load {
	if p.in.Previous == nil {
		return nil
	}
	return p.in.Previous.Load
}

// describeLoad says how things are. over is by how much clusters are given more than they can take.
func (p *planner) describeLoad(flows []*flow, capacity, over []float64, spilled bool) *trafficv1alpha1.Load {
	was := p.loadBefore()
	out := &trafficv1alpha1.Load{Since: floor(p.in.Now)}
	for c, n := range over {
		if n > capacity[c]*tolerated/100 {
			out.Overload = append(out.Overload, overload(p.endpoints[c].Cluster, n, capacity[c], was))
		}
	}
	switch {
	case p.demand == nil:
		out.Reason = trafficv1alpha1.LoadNoDemand
		out.Message = "nobody measures the demand at present, so nothing is spilled"
		if spilled {
			out.Message = "nobody measures the demand at present; what is spilled stays for ten minutes and is then taken back"
		}
	case len(out.Overload) > 0 || was != nil && was.Reason == trafficv1alpha1.LoadOverloaded && nearlyFull(flows, capacity):
		out.Reason = trafficv1alpha1.LoadOverloaded
		out.Message = "no cluster has room for what is too much elsewhere"
	case spilled:
		out.Reason = trafficv1alpha1.LoadSpilling
		var parts []string
		for _, f := range flows {
			if n := total(f.shifts); n > 0 {
				parts = append(parts, fmt.Sprintf("%s: %d %% of their requests", p.who(f), n))
			}
		}
		out.Message = "sent to the next tier: " + strings.Join(parts, "; ")
	default:
		out.Reason = trafficv1alpha1.LoadFits
		out.Message = "every cluster can take the requests of its own clients"
	}
	if p.held {
		out.Message += "; nothing is changed while spec.hold is in force"
	}
	if was != nil && was.Reason == out.Reason {
		out.Since = was.Since
	}
	return out
}

// who are the clients of a flow.
func (p *planner) who(f *flow) string {
	switch {
	case f.region != "":
		return "clients of " + f.region
	case len(p.regions) > 0:
		return "clients of no known region"
	}
	return "clients"
}

// nearlyFull keeps an overload from being told as over and begun again with every measurement.
func nearlyFull(flows []*flow, capacity []float64) bool {
	var demand, room float64
	for _, f := range flows {
		demand += f.demand
	}
	for c, n := range capacity {
		if slices.ContainsFunc(flows, func(f *flow) bool { return f.shares[c] > 0 || f.shifts[c] > 0 }) {
			room += n
		}
	}
	return demand > room*0.95
}

func overload(cluster string, n, capacity float64, was *trafficv1alpha1.Load) trafficv1alpha1.Overload {
	var before *resource.Quantity
	if was != nil {
		if i := slices.IndexFunc(was.Overload, func(o trafficv1alpha1.Overload) bool { return o.Name == cluster }); i >= 0 {
			before = &was.Overload[i].RequestsPerSecond
		}
	}
	return trafficv1alpha1.Overload{Name: cluster, RequestsPerSecond: *settled(before, n, capacity)}
}

// freshDemand is the demand of the input unless it is too old.
func freshDemand(in Input) *Demand {
	if d := in.Demand; d != nil && in.Now.Before(d.At.Add(demandFresh)) && in.Policy.Spec.Capacity != nil {
		return d
	}
	return nil
}
