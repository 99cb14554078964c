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
	Rule Rule
	// Geo says how the client's region was found; nil where regions make no difference.
	Geo *geo.Explanation
	// Tier is the tier that was used, counted from 0; -1 where none was.
	Tier int
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
	e := Explanation{Choice: p.Pick(client), Rule: used.rule, Tier: used.tier}
	if p.table != nil {
		g := p.table.Explain(client)
		e.Geo = &g
	}
	seen := make([]bool, len(p.endpoints))
	for n, tier := range tiers {
		for _, w := range tier {
			if !seen[w.Endpoint] {
				seen[w.Endpoint] = true
				e.Endpoints = append(e.Endpoints, p.explain(w.Endpoint, n, w.Weight, used, v, e.Choice))
			}
		}
	}
	for i := range p.endpoints {
		if !seen[i] {
			e.Endpoints = append(e.Endpoints, p.explain(i, -1, 0, used, v, e.Choice))
		}
	}
	return e
}

func (p *Plan) explain(i, tier int, weight int32, used pool, v *view, c Choice) EndpointExplanation {
	e := EndpointExplanation{
		Cluster: p.endpoints[i].Cluster,
		State:   p.endpoints[i].State,
		Verdict: v.verdicts[i],
		Tier:    tier,
		Weight:  weight,
		Chosen:  c.Endpoint == i,
	}
	e.Candidate = slices.ContainsFunc(used.candidates, func(c candidate) bool { return c.endpoint == i })
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
	case e.Weight == 0:
		return "it has weight 0 and a cluster with a weight is healthy"
	}
	return "an earlier tier has a healthy cluster"
}
