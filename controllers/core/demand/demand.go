// Package demand works out what the clients of each region ask for, from what clusters receive and what
// clients had been told. It is pure: it measures nothing, and time is given to it.
//
// Measurements are late: a client asks again when its answer has expired, and a rate is an average over
// the time before. What clients were told is therefore delayed by as much before the two are compared.
// If it were not, every change of the plan would look like a change of demand, and be answered by
// another one.
package demand

import (
	"maps"
	"math"
	"slices"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// smoothing is the time constant by which measurements are smoothed.
	smoothing = 20 * time.Second
	// memory is the time constant by which what is usual changes. Where loads alone do not tell regions
	// apart, since their clients share clusters, what is usual does.
	memory = 10 * time.Minute
	// rounds of the estimation. Regions that share no cluster are exact after one.
	rounds = 60
	// exact is a factor that changes nothing any more, as its distance from 1.
	exact = 1e-6
	// least is the least share that counts. What is told to go to a cluster less often explains nothing that
	// is measured there.
	least = 1e-9
)

// Shares are where the clients of each region are told to go: parts by cluster that add up to 1. Clients
// of no known region are under "", and so are all where a plan tells none apart.
type Shares map[string]map[string]float64

// Told are the shares of a plan.
func Told(plan *trafficv1alpha1.TrafficPlanSpec) Shares {
	out := make(Shares, len(plan.Regions)+1)
	out[""] = first(plan.Tiers)
	for _, r := range plan.Regions {
		out[r.Name] = first(r.Tiers)
	}
	return out
}

func first(tiers []trafficv1alpha1.PlanTier) map[string]float64 {
	out := map[string]float64{}
	if len(tiers) == 0 {
		return out
	}
	var sum float64
	for _, c := range tiers[0].Clusters {
		sum += float64(c.Weight)
	}
	for _, c := range tiers[0].Clusters {
		if c.Weight > 0 {
			out[c.Name] = float64(c.Weight) / sum
		}
	}
	return out
}

// Estimate is what is known of the demand for one application. The zero value knows nothing.
type Estimate struct {
	at      time.Time
	load    map[string]float64 // by cluster, smoothed
	heard   Shares             // what clients go by
	counted Shares             // what those went by that are in the load
	clients map[string]float64
	// usual is what the clients of each region have asked for over a longer time.
	usual map[string]float64
}

// Observe takes in a measurement: the requests per second that each cluster received at a time, what
// clients are told since then, and by how much the measurement lags behind that.
func (e *Estimate) Observe(at time.Time, load map[string]float64, told Shares, lag time.Duration) {
	if e.at.IsZero() {
		e.load, e.heard, e.counted = maps.Clone(load), told, told
	} else {
		passed := at.Sub(e.at)
		e.heard = towards(e.heard, told, part(passed, lag))
		e.counted = towards(e.counted, e.heard, part(passed, smoothing))
		e.load = mix(e.load, load, part(passed, smoothing))
	}
	e.clients = explain(e.usual, without(e.counted, told), e.load)
	if e.usual == nil {
		e.usual = e.clients
	} else {
		e.usual = mix(e.usual, e.clients, part(at.Sub(e.at), memory))
	}
	e.at = at
}

// without leaves out the clusters that nobody is told to go to any more. What arrives there says little:
// when it is dead, nothing does, and the clients are still there.
func without(counted, told Shares) Shares {
	there := map[string]bool{}
	for _, shares := range told {
		for cluster := range shares {
			there[cluster] = true
		}
	}
	out := make(Shares, len(counted))
	for region, shares := range counted {
		out[region] = map[string]float64{}
		for cluster, n := range shares {
			if there[cluster] {
				out[region][cluster] = n
			}
		}
	}
	return out
}

// At is the time of the last measurement.
func (e *Estimate) At() time.Time { return e.at }

// Clusters are the requests per second that each cluster receives.
func (e *Estimate) Clusters() map[string]float64 { return maps.Clone(e.load) }

// Clients are the requests per second of the clients of each region.
func (e *Estimate) Clients() map[string]float64 { return maps.Clone(e.clients) }

// part is how far something with a time constant follows in a time.
func part(passed, constant time.Duration) float64 {
	if constant <= 0 {
		return 1
	}
	return 1 - math.Exp(-max(passed, 0).Seconds()/constant.Seconds())
}

func mix(from, to map[string]float64, part float64) map[string]float64 {
	const none = 1e-9
	out := make(map[string]float64, len(to))
	for name := range to {
		out[name] = from[name] + (to[name]-from[name])*part
	}
	for name, was := range from {
		if _, there := to[name]; !there && was*(1-part) > none {
			out[name] = was * (1 - part)
		}
	}
	return out
}

func towards(from, to Shares, part float64) Shares {
	out := make(Shares, len(to))
	for region, shares := range to {
		if was, known := from[region]; known {
			shares = mix(was, shares, part)
		}
		out[region] = shares
	}
	return out
}

// explain finds the demand of regions that explains the loads best, beginning with what it was: where
// several would do, it stays as near to that as can be. Each round raises a region's demand by how much
// more its clusters receive than was explained (the EM algorithm for Poisson rates). What clusters
// receive that nobody was told to go to is left out.
func explain(prior map[string]float64, told Shares, load map[string]float64) map[string]float64 {
	regions := slices.Sorted(maps.Keys(told))
	clusters := slices.Sorted(maps.Keys(load))
	var all float64
	for _, c := range clusters {
		all += load[c]
	}
	tells := func(r, c string) float64 {
		if share := told[r][c]; share >= least {
			return share
		}
		return 0
	}
	out := make(map[string]float64, len(regions))
	for _, r := range regions {
		if out[r] = prior[r]; !slices.ContainsFunc(clusters, func(c string) bool { return tells(r, c) > 0 }) {
			continue // no load tells of them
		}
		// Who had nothing may have something now. Those of no known region go everywhere, which explains
		// any loads: they are taken for few until nobody else explains what is measured.
		out[r] = max(prior[r], all/float64(len(regions))/1000)
		if prior == nil && (r != "" || len(regions) == 1) {
			out[r] = all / float64(len(regions))
		}
	}
	for range rounds {
		ratio := make(map[string]float64, len(clusters))
		for _, c := range clusters {
			var explained float64
			for _, r := range regions {
				explained += out[r] * tells(r, c)
			}
			if explained > 0 {
				ratio[c] = load[c] / explained
			}
		}
		still := true
		for _, r := range regions {
			var sum, weight float64
			for _, c := range clusters {
				sum += tells(r, c) * ratio[c]
				weight += tells(r, c)
			}
			if weight > 0 {
				still = still && math.Abs(sum/weight-1) < exact
				out[r] *= sum / weight
			}
		}
		if still {
			break
		}
	}
	return out
}
