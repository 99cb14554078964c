package drill

import (
	"cmp"
	"maps"
	"slices"
	"time"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/demand"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// Change is what would be done to clusters.
type Change int

const (
	// Drain marks the clusters.
	Drain Change = iota
	// Undrain takes every mark off the clusters.
	Undrain
	// Edited leaves the clusters as they are: the policies in the World were edited.
	Edited
)

// tolerated is by how many percent a load may be above its limit: shares are whole percent.
const tolerated = 1

// Prediction is what a change does to the applications in the clusters.
type Prediction struct {
	Clusters []string
	// Apps that are concerned, by name.
	Apps []Forecast
	// Survivors are the other clusters that they are in, by name, summed up.
	Survivors []Survivor
}

// Forecast is what becomes of one application.
type Forecast struct {
	Application string
	Hostnames   []string
	// Moved says for the clients of each region from where to where they go; empty when nobody is sent
	// elsewhere.
	Moved string
	// Serving says that the clusters get requests of the application now.
	Serving bool
	// NobodyLeft says that no other cluster would answer: the requests stay where they are.
	NobodyLeft bool
	// Loads of its clusters, by name. They are zero where the demand is not measured.
	Loads []Load
	// Measured says that the demand is known.
	Measured bool
	// Unserved says in a sentence that there is no room for some requests, or is empty.
	Unserved string
}

// Load is what an application gets in one cluster, in requests per second.
type Load struct {
	Cluster       string
	Before, After float64
	// Capacity is 0 where none is declared.
	Capacity float64
	// Drained says that the cluster is one of those that are changed.
	Drained bool
}

// above says whether a load is above a percentage of the capacity.
func above(load, capacity float64, percent int32) bool {
	return capacity > 0 && load > capacity*float64(percent)/100*(1+tolerated/100.0)
}

// Survivor is what all applications together get in one cluster. Those without a declared capacity or
// a measured demand count in Applications only.
type Survivor struct {
	Cluster                 string
	Applications            int
	Before, After, Capacity float64
}

// Over is an application that gets more in a cluster than it may.
type Over struct {
	Application, Cluster string
	Load, Capacity       float64
}

// Predict says what a change does, by planning anew for every application that is concerned. It goes by
// what the plans in force know of the members and their health.
func Predict(w *World, clusters []string, change Change) Prediction {
	p := Prediction{Clusters: slices.Sorted(slices.Values(clusters))}
	members := w.members(clusters, change)
	survivors := map[string]*Survivor{}
	for _, a := range w.concerned(clusters) {
		f := w.forecast(a, members, clusters)
		p.Apps = append(p.Apps, f)
		for _, l := range f.Loads {
			if l.Drained {
				continue
			}
			s := survivors[l.Cluster]
			if s == nil {
				s = &Survivor{Cluster: l.Cluster}
				survivors[l.Cluster] = s
			}
			s.Applications++
			if f.Measured && l.Capacity > 0 {
				s.Before, s.After, s.Capacity = s.Before+l.Before, s.After+l.After, s.Capacity+l.Capacity
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(survivors)) {
		p.Survivors = append(p.Survivors, *survivors[name])
	}
	return p
}

// members are all clusters after the change. That no member is asked lets the planner go by what it
// knew last; the same holds for verdicts.
func (w *World) members(clusters []string, change Change) []traffic.Member {
	out := make([]traffic.Member, 0, len(w.Clusters))
	for _, c := range w.Clusters {
		if slices.Contains(clusters, c.Name) && change != Edited {
			c = marked(c, change)
		}
		out = append(out, traffic.Member{Cluster: c, Verdict: trafficv1alpha1.VerdictUnknown})
	}
	return out
}

func marked(c *clusterv1alpha1.Cluster, change Change) *clusterv1alpha1.Cluster {
	c = c.DeepCopy()
	if change == Undrain {
		delete(c.Annotations, names.DrainAnnotation)
		return c
	}
	if c.Annotations == nil {
		c.Annotations = map[string]string{}
	}
	c.Annotations[names.DrainAnnotation] = names.DrillDrainPrefix
	return c
}

func (w *World) forecast(a *App, members []traffic.Member, clusters []string) Forecast {
	before := &a.Plan.Spec
	out := traffic.Plan(traffic.Input{
		Now: w.Now, Policy: a.Policy, Previous: before, Claims: traffic.HostnameResult{Hostnames: before.Hostnames},
		Wall: a.Wall, Demand: a.Demand, Clusters: members, Regions: w.Regions, VantagePoints: 1,
	})
	after := before
	if out.Spec != nil {
		after = out.Spec
	}
	f := Forecast{
		Application: a.Name(), Hostnames: before.Hostnames, Measured: fresh(a.Demand, w.Now),
		Serving:    serves(before, func(e *trafficv1alpha1.PlanEndpoint) bool { return in(clusters, e) }),
		NobodyLeft: !serves(after, func(e *trafficv1alpha1.PlanEndpoint) bool { return !in(clusters, e) }),
	}
	for _, e := range out.Events {
		if e.Reason == trafficv1alpha1.EventTrafficMoved {
			f.Moved = e.Message
		}
	}
	if after.Load != nil && after.Load.Reason == trafficv1alpha1.LoadOverloaded {
		f.Unserved = after.Load.Message
	}
	var was, will map[string]float64
	if f.Measured {
		was, will = loads(before, a.Demand), loads(after, a.Demand)
	}
	for i := range after.Endpoints {
		e := &after.Endpoints[i]
		if e.State == trafficv1alpha1.EndpointExcluded {
			continue
		}
		l := Load{Cluster: e.Cluster, Before: was[e.Cluster], After: will[e.Cluster], Drained: slices.Contains(clusters, e.Cluster)}
		if e.Capacity != nil {
			l.Capacity = e.Capacity.AsApproximateFloat64()
		}
		f.Loads = append(f.Loads, l)
	}
	return f
}

// serves says whether one of some endpoints has a share of the requests.
func serves(plan *trafficv1alpha1.TrafficPlanSpec, of func(*trafficv1alpha1.PlanEndpoint) bool) bool {
	return slices.ContainsFunc(plan.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool { return e.SharePercent > 0 && of(&e) })
}

// demandFresh is how old a measurement may be.
const demandFresh = time.Minute

func fresh(d *traffic.Demand, now time.Time) bool {
	return d != nil && now.Before(d.At.Add(demandFresh))
}

// loads are the requests per second that a plan gives to each cluster.
func loads(plan *trafficv1alpha1.TrafficPlanSpec, d *traffic.Demand) map[string]float64 {
	out := map[string]float64{}
	for region, shares := range demand.Told(plan) {
		for cluster, share := range shares {
			out[cluster] += share * d.Clients[region]
		}
	}
	return out
}

// Over are the applications that would get more than a percentage of what they take in a cluster that is
// left, the worst first.
func (p *Prediction) Over(percent int32) []Over {
	var out []Over
	for i := range p.Apps {
		for _, l := range p.Apps[i].Loads {
			if !l.Drained && above(l.After, l.Capacity, percent) {
				out = append(out, Over{p.Apps[i].Application, l.Cluster, l.After, l.Capacity})
			}
		}
	}
	sortOver(out)
	return out
}

func sortOver(out []Over) {
	slices.SortStableFunc(out, func(a, b Over) int { return cmp.Compare(b.Load/b.Capacity, a.Load/a.Capacity) })
}

// NobodyLeft are the applications that get requests in the clusters and would be in no other.
func (p *Prediction) NobodyLeft() []string {
	var out []string
	for _, f := range p.Apps {
		if f.Serving && f.NobodyLeft {
			out = append(out, f.Application)
		}
	}
	return out
}

// Serving says whether the clusters get any requests now.
func (p *Prediction) Serving() bool {
	return slices.ContainsFunc(p.Apps, func(f Forecast) bool { return f.Serving })
}
