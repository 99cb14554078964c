package steer

import (
	"net/netip"
	"slices"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// Explanation is a Pick with its reasons.
type Explanation struct {
	Choice
	// Geo says how the client's region was found; nil where regions make no difference.
	Geo *geo.Explanation
	// Block is the network that was hashed; not valid where there was nothing to divide.
	Block netip.Prefix
	// Endpoints, in the order of the tiers of this client and then of the plan.
	Endpoints []EndpointExplanation
}

// EndpointExplanation says why an endpoint may be answered to a client or not.
type EndpointExplanation struct {
	Cluster string
	State   trafficv1alpha1.EndpointState
	Verdict trafficv1alpha1.Verdict
	// Tier of this client that the endpoint is in, counted from 0; -1 if in none.
	Tier   int
	Weight int32
	// Candidate: the client might have been sent there.
	Candidate bool
	// Share of the clients of this ranking that a candidate gets, 0 to 1, and Cost what it asks for
	// this client's network: the cheapest is chosen. Cost is 0 where there was nothing to divide.
	Share, Cost float64
	// Chosen: the client is sent there.
	Chosen bool
	// Why in a few words.
	Why string
}

// Explain says why Pick chooses what it does. It takes the same decisions and allocates.
func (p *Plan) Explain(client netip.Addr) Explanation {
	v := p.current.Load()
	ranking, _ := p.ranked(client)
	tiers, used := p.rankings[ranking], v.pools[ranking]
	e := Explanation{Choice: p.Pick(client)}
	if len(used.candidates) > 1 && client.IsValid() {
		_, bits := Block(client)
		e.Block = netip.PrefixFrom(client, int(bits)).Masked()
	}
	if p.table != nil {
		g := p.table.Explain(client)
		e.Geo = &g
	}
	seen := make([]bool, len(p.endpoints))
	for n, tier := range tiers {
		for _, w := range tier {
			if !seen[w.Endpoint] {
				seen[w.Endpoint] = true
				e.Endpoints = append(e.Endpoints, p.explain(client, w.Endpoint, n, w.Weight, used, v, e.Choice))
			}
		}
	}
	for i := range p.endpoints {
		if !seen[i] {
			e.Endpoints = append(e.Endpoints, p.explain(client, i, -1, 0, used, v, e.Choice))
		}
	}
	return e
}

func (p *Plan) explain(client netip.Addr, i, tier int, weight int32, used pool, v *view, c Choice) EndpointExplanation {
	e := EndpointExplanation{
		Cluster: p.endpoints[i].Cluster,
		State:   p.endpoints[i].State,
		Verdict: v.verdicts[i],
		Tier:    tier,
		Weight:  weight,
		Chosen:  c.Endpoint == i,
	}
	sum := 0.0
	for _, c := range used.candidates {
		sum += float64(c.weight())
	}
	if at := slices.IndexFunc(used.candidates, func(c candidate) bool { return c.endpoint == i }); at >= 0 {
		own := used.candidates[at]
		e.Candidate, e.Share = true, float64(own.weight())/sum
		if len(used.candidates) > 1 {
			block, _ := Block(client)
			e.Cost = own.cost(block)
		}
	}
	e.Why = p.why(i, e, used)
	return e
}

func (p *Plan) why(i int, e EndpointExplanation, used pool) string {
	switch {
	case !p.endpoints[i].Usable:
		return "it has no address to answer with"
	case e.Chosen && len(used.candidates) == 1:
		return "chosen: " + used.rule.String()
	case e.Chosen:
		return "chosen by the hash of the client's network: " + used.rule.String()
	case e.Candidate:
		return "the hash of the client's network chose another"
	case e.State == trafficv1alpha1.EndpointExcluded:
		return "the policy excludes it"
	case e.Verdict == trafficv1alpha1.VerdictUnhealthy:
		return "its probes fail, by a majority of the vantage points"
	case e.Tier < 0 && e.State == trafficv1alpha1.EndpointDraining:
		return "it is being drained"
	case e.Tier < 0:
		return "it is in no tier of the plan for this client"
	case e.Weight > 0 && e.Tier < used.tier:
		return "less than half of its tier is healthy, and a later tier is better off"
	case e.Weight == 0 && used.rule == Standby:
		return "it has weight 0, as has a healthy cluster of an earlier tier"
	case e.Weight == 0:
		return "it has weight 0 and a cluster with a weight is healthy"
	}
	return "an earlier tier is at least half healthy"
}
