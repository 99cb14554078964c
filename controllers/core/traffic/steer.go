package traffic

import (
	"time"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// maxTiers is how many tiers a list of tiers has at most. Behind them a server turns to any other
// endpoint that is healthy, so that nothing is lost but the order among the farthest.
const maxTiers = 16

// togetherWithin is how far apart two outages may begin and still be one event: when the vantage
// points lose their own network, one endpoint after the other looks down, and the last of them must
// not be given the requests of all.
const togetherWithin = time.Minute

// steering is a policy's strategy made ready to be asked about many clusters.
type steering struct {
	strategy trafficv1alpha1.Strategy
	weighing trafficv1alpha1.Weighing
	sets     []clusterSet
}

// clusterSet is one entry of the strategy's list.
type clusterSet struct {
	affinity.Matcher
	tier   int
	weight int64
}

func newSteering(s *trafficv1alpha1.Steering) steering {
	out := steering{strategy: s.Strategy, weighing: s.Weighing}
	switch s.Strategy {
	case trafficv1alpha1.StrategyOrdered:
		for i := range s.Tiers {
			out.sets = append(out.sets, clusterSet{affinity.New(&s.Tiers[i].ClusterAffinity), i, 1})
		}
	case trafficv1alpha1.StrategyWeighted:
		for i := range s.Weights {
			set := clusterSet{affinity.New(&s.Weights[i].ClusterAffinity), 0, int64(s.Weights[i].Weight)}
			if set.weight == 0 {
				set.tier, set.weight = 1, 1 // behind all that have a weight
			}
			out.sets = append(out.sets, set)
		}
	}
	return out
}

// byReplicas says whether the clusters of a tier are weighed by their ready replicas. Where a user gave
// the weights, or wants them to be alike, they are.
func (s steering) byReplicas() bool {
	return s.tiered() && s.weighing != trafficv1alpha1.WeighingEven
}

// tiered says whether there is a next tier to go to.
func (s steering) tiered() bool {
	return s.strategy == trafficv1alpha1.StrategyGeo || s.strategy == trafficv1alpha1.StrategyOrdered
}

// place is the tier and the weight of a cluster for clients of any region.
func (s steering) place(c *clusterv1alpha1.Cluster) (tier int, weight int64, selected bool) {
	if s.strategy != trafficv1alpha1.StrategyOrdered && s.strategy != trafficv1alpha1.StrategyWeighted {
		return 0, 1, true
	}
	for _, set := range s.sets {
		if set.Matches(c) {
			return set.tier, set.weight, true
		}
	}
	return len(s.sets) + 1, 1, false
}

func (s steering) selects(c *clusterv1alpha1.Cluster) bool {
	_, _, selected := s.place(c)
	return selected
}

func (s steering) whyNot() string {
	if s.strategy == trafficv1alpha1.StrategyOrdered {
		return "no tier of spec.steering.tiers selects the cluster"
	}
	return "no entry of spec.steering.weights selects the cluster"
}

// steer fills the tiers. Only strategy Geo depends on where a client is; the plan of another has no
// client regions, so that a name server can give one answer to everybody and resolvers can share it.
// To a client of no known region every cluster is as good as another: it is given one tier with all
// of them, so that the strangers are spread instead of all being sent to one place.
func (p *planner) steer() {
	candidates := p.candidates()
	lost := p.lost()
	groups := split(candidates, lost, func(c candidate) int { return c.tier })
	if p.steering.strategy == trafficv1alpha1.StrategyWeighted {
		p.tiers = asStandby(tiers(groups))
		return
	}
	p.tiers = tiers(wholeFirst(groups))
	if p.steering.strategy != trafficv1alpha1.StrategyGeo {
		return
	}
	chart := p.in.Atlas.chart(p.clientRegions())
	ranking := newRanking(split(candidates, lost, func(c candidate) string { return c.region }), chart)
	p.regions = make([]trafficv1alpha1.PlanRegion, len(chart.places))
	for i, place := range chart.places {
		p.regions[i] = trafficv1alpha1.PlanRegion{Name: place.name, Location: place.location.DeepCopy(), Tiers: tiers(wholeFirst(ranking.from(i)))}
	}
}

// candidate is an endpoint that receives requests.
type candidate struct {
	cluster, region string
	tier            int
	// weight among the candidates of its tier, and how much of it the endpoint may have.
	weight, percent int64
	// counted says that the weight is a number of replicas: only its proportion to others matters.
	counted bool
}

// candidates are the endpoints with a share; when there is none, those that fail open.
func (p *planner) candidates() []candidate {
	out := make([]candidate, 0, len(p.endpoints))
	for i := range p.endpoints {
		if share := p.endpoints[i].SharePercent; share > 0 {
			out = append(out, p.candidate(i, share))
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, i := range p.lastResort() {
		p.failOpen = true
		p.endpoints[i].Message += failOpenNote
		out = append(out, p.candidate(i, 100))
	}
	return out
}

// lost are the endpoints that would serve but for an outage: requests do not get through to them, or
// do again and have not begun to return. An endpoint without replicas or without its Service is as
// somebody wanted it, and is not missed.
func (p *planner) lost() []candidate {
	if p.failOpen {
		return nil
	}
	var out []candidate
	for i := range p.endpoints {
		e := &p.endpoints[i]
		if inOutage(e) && e.Reason == trafficv1alpha1.EndpointReasonUnhealthy || e.State == trafficv1alpha1.EndpointRecovering && e.SharePercent == 0 {
			out = append(out, p.candidate(i, 0))
		}
	}
	return out
}

func (p *planner) candidate(endpoint int, percent int32) candidate {
	e := &p.endpoints[endpoint]
	tier, weight, _ := p.steering.place(p.subjects[endpoint].Cluster)
	counted := p.steering.byReplicas()
	if counted {
		weight = int64(max(e.Weight, 1))
	}
	return candidate{e.Cluster, e.Region, tier, weight, int64(percent), counted}
}

// lastResort is what is served when nothing should be: endpoints that work and were to be emptied,
// else those that were the last to go down, else all that the policy selects, else all. Each only
// with an address. An outage keeps its beginning for as long as it lasts, and so the set stays the
// same until something changes.
func (p *planner) lastResort() []int {
	last := p.lastOutage().Add(-togetherWithin)
	for _, wanted := range []func(*trafficv1alpha1.PlanEndpoint) bool{
		func(e *trafficv1alpha1.PlanEndpoint) bool { return e.State == trafficv1alpha1.EndpointDraining },
		func(e *trafficv1alpha1.PlanEndpoint) bool { return inOutage(e) && !e.Since.Time.Before(last) },
		func(e *trafficv1alpha1.PlanEndpoint) bool { return e.State != trafficv1alpha1.EndpointExcluded },
		func(*trafficv1alpha1.PlanEndpoint) bool { return true },
	} {
		var out []int
		for i := range p.endpoints {
			if e := &p.endpoints[i]; reachable(e) && wanted(e) {
				out = append(out, i)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// lastOutage is when the last endpoint that can still be sent to went down.
func (p *planner) lastOutage() (last time.Time) {
	for i := range p.endpoints {
		if e := &p.endpoints[i]; inOutage(e) && reachable(e) && e.Since.After(last) {
			last = e.Since.Time
		}
	}
	return last
}

func inOutage(e *trafficv1alpha1.PlanEndpoint) bool {
	return e.State == trafficv1alpha1.EndpointDown && e.FirstHealthy != nil
}
