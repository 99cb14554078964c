package steer

import trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"

// Rule is why the endpoints among which a client is hashed were chosen.
type Rule int

// The rules, in the order in which they are tried.
const (
	// NoEndpoint: the plan has no endpoint that may be answered.
	NoEndpoint Rule = iota
	// FirstHealthyTier: the first tier of which at least half, by weight, is not down.
	FirstHealthyTier
	// Survivors: no tier has that much left; what is not down in any of them serves together.
	Survivors
	// Standby: only clusters of weight zero are not down.
	Standby
	// OutsideTiers: every cluster of the tiers is down; others are healthy.
	OutsideTiers
	// FailOpen: everything looks down; the tiers are used as if all were healthy.
	FailOpen
	// LastResort: everything looks down and no tier has an endpoint; any endpoint is used.
	LastResort
)

var ruleText = [...]string{
	NoEndpoint:       "no endpoint may be answered",
	FirstHealthyTier: "first tier that is at least half healthy",
	Survivors:        "less than half of every tier is healthy: all that is left serves together",
	Standby:          "only clusters of weight 0 are healthy",
	OutsideTiers:     "every cluster of the tiers is down; another endpoint is healthy",
	FailOpen:         "everything looks down: answered as if all were healthy",
	LastResort:       "everything looks down and no tier has an address: any endpoint",
}

func (r Rule) String() string { return ruleText[r] }

// pool finds the endpoints for one ranking; the rules are those of the package's documentation.
func (p *Plan) pool(tiers Ranking, verdicts []trafficv1alpha1.Verdict) pool {
	usable := func(i int) bool { return p.endpoints[i].Usable }
	alive := func(i int) bool { return usable(i) && verdicts[i] != trafficv1alpha1.VerdictUnhealthy }
	healthy := func(i int) bool { return verdicts[i] == trafficv1alpha1.VerdictHealthy && p.willing(i) }
	permitted := func(i int) bool { return p.endpoints[i].State != trafficv1alpha1.EndpointExcluded }
	for _, attempt := range []func() pool{
		func() pool { return p.firstHalf(tiers, alive) },
		func() pool { return p.survivors(tiers, alive) },
		func() pool { return p.first(Standby, tiers, false, alive) },
		func() pool { return p.any(OutsideTiers, healthy) },
		func() pool { return p.first(FailOpen, tiers, true, usable) },
		func() pool { return p.first(FailOpen, tiers, false, usable) },
		func() pool { return p.any(LastResort, p.willing) },
		func() pool { return p.any(LastResort, permitted) },
	} {
		if found := attempt(); len(found.candidates) > 0 {
			return found
		}
	}
	return pool{rule: NoEndpoint, tier: -1}
}

// willing endpoints are neither forbidden nor being emptied.
func (p *Plan) willing(i int) bool {
	s := p.endpoints[i].State
	return s != trafficv1alpha1.EndpointExcluded && s != trafficv1alpha1.EndpointDraining
}

// firstHalf is the first tier of which at least half is alive, by the weight of what can be answered.
func (p *Plan) firstHalf(tiers Ranking, alive func(int) bool) pool {
	for n, tier := range tiers {
		found := pool{rule: FirstHealthyTier, tier: n, candidates: make([]candidate, 0, len(tier))}
		var all, left int64
		for _, w := range tier {
			if w.Weight <= 0 || !p.endpoints[w.Endpoint].Usable {
				continue
			}
			all += int64(w.Weight)
			if alive(w.Endpoint) {
				left += int64(w.Weight)
				found.candidates = append(found.candidates, p.candidate(w.Endpoint, w.Weight))
			}
		}
		if left > 0 && 2*left >= all {
			return found
		}
	}
	return pool{}
}

// survivors are all that is alive in any tier, each by its weight in the first that has it.
func (p *Plan) survivors(tiers Ranking, alive func(int) bool) pool {
	out := pool{rule: Survivors, tier: -1}
	seen := make([]bool, len(p.endpoints))
	for _, tier := range tiers {
		for _, w := range tier {
			if w.Weight > 0 && !seen[w.Endpoint] && alive(w.Endpoint) {
				seen[w.Endpoint] = true
				out.candidates = append(out.candidates, p.candidate(w.Endpoint, w.Weight))
			}
		}
	}
	return out
}

// first is the first tier with an allowed endpoint, among those with a weight or among those
// without one, which then count alike.
func (p *Plan) first(rule Rule, tiers Ranking, weighted bool, allowed func(int) bool) pool {
	for n, tier := range tiers {
		found := pool{rule: rule, tier: n}
		for _, w := range tier {
			if weighted != (w.Weight > 0) || !allowed(w.Endpoint) {
				continue
			}
			found.candidates = append(found.candidates, p.candidate(w.Endpoint, max(w.Weight, 1)))
		}
		if len(found.candidates) > 0 {
			return found
		}
	}
	return pool{}
}

func (p *Plan) candidate(i int, weight int32) candidate {
	return candidate{endpoint: i, seed: p.seeds[i], inverse: 1 / float64(weight)}
}

// any are all usable endpoints of a kind, alike.
func (p *Plan) any(rule Rule, wanted func(int) bool) pool {
	out := pool{rule: rule, tier: -1}
	for i, e := range p.endpoints {
		if e.Usable && wanted(i) {
			out.candidates = append(out.candidates, p.candidate(i, 1))
		}
	}
	return out
}
