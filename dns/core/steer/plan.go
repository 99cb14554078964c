package steer

import (
	"math"
	"slices"
	"sync/atomic"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// Endpoint is one cluster's endpoint of a plan.
type Endpoint struct {
	Cluster string
	State   trafficv1alpha1.EndpointState
	// Usable endpoints have something to answer with.
	Usable bool
}

// Weighted is an endpoint, by its index, and its weight in a tier.
type Weighted struct {
	Endpoint int
	Weight   int32
}

// Tier is a set of endpoints of equal preference.
type Tier []Weighted

// Ranking is a list of tiers, best first.
type Ranking []Tier

// Config is what a Plan is made from. It must not change afterwards.
type Config struct {
	// Name of the plan, the same on every server: it keeps the clients that one plan sends to a
	// cluster apart from those that another does.
	Name      string
	Endpoints []Endpoint
	// Global is for clients of no known region, and of regions without tiers.
	Global Ranking
	// Table makes the table that tells the client regions apart. It is called only where they make a
	// difference.
	Table func() *geo.Table
	// Regions are the rankings of the table's classes 1, 2, …
	Regions []Ranking
}

// Plan steers the clients of one TrafficPlan. Its methods may be called from any number of
// goroutines, Update from one at a time.
type Plan struct {
	endpoints []Endpoint
	seeds     []uint64
	table     *geo.Table
	rankings  []Ranking // the first is the global one
	classes   []uint16  // of each class of the table: its ranking
	tailored  bool
	current   atomic.Pointer[view]
}

// view is what follows from one set of verdicts.
type view struct {
	verdicts []trafficv1alpha1.Verdict
	pools    []pool // one for each ranking
}

// pool is the endpoints among which clients of one ranking are divided.
type pool struct {
	rule       Rule
	tier       int // of the ranking, for the rules that use tiers
	candidates []candidate
}

type candidate struct {
	endpoint int
	seed     uint64
	inverse  float64 // 1 / weight
}

// weight is exact: a weight has 31 bits, and a float64 holds 53.
func (c *candidate) weight() int32 { return int32(math.Round(1 / c.inverse)) }

// Regional reports whether rankings of regions make a difference: a plan without one needs no table.
func Regional(global Ranking, regions []Ranking) bool {
	return slices.ContainsFunc(regions, func(r Ranking) bool { return len(r) > 0 && !r.equal(global) })
}

func (r Ranking) equal(o Ranking) bool {
	return slices.EqualFunc(r, o, func(a, b Tier) bool { return slices.Equal(a, b) })
}

// New compiles a plan. Nothing is known of its endpoints' health until Update.
func New(c Config) *Plan {
	p := &Plan{
		endpoints: c.Endpoints,
		seeds:     make([]uint64, 0, len(c.Endpoints)),
		rankings:  append(make([]Ranking, 0, 1+len(c.Regions)), c.Global),
		classes:   append(make([]uint16, 0, 1+len(c.Regions)), 0),
	}
	usable := 0
	for _, e := range c.Endpoints {
		p.seeds = append(p.seeds, seed(c.Name, e.Cluster))
		if e.Usable {
			usable++
		}
	}
	for _, r := range c.Regions {
		p.classes = append(p.classes, p.ranking(r))
	}
	if len(p.rankings) > 1 {
		p.table = c.Table()
	}
	p.tailored = usable > 1
	p.Update(func(string) trafficv1alpha1.Verdict { return trafficv1alpha1.VerdictUnknown })
	return p
}

// ranking is the index of a ranking; equal ones are one, so that regions that make no difference
// are not looked up.
func (p *Plan) ranking(r Ranking) uint16 {
	if len(r) == 0 {
		return 0
	}
	for i, o := range p.rankings {
		if r.equal(o) {
			return uint16(i)
		}
	}
	p.rankings = append(p.rankings, r)
	return uint16(len(p.rankings) - 1)
}

// Endpoints of the plan. The slice must not be changed.
func (p *Plan) Endpoints() []Endpoint { return p.endpoints }

// Rankings are the distinct rankings, the global one first. They must not be changed.
func (p *Plan) Rankings() []Ranking { return p.rankings }

// Table tells the client regions apart; nil where they make no difference.
func (p *Plan) Table() *geo.Table { return p.table }

// Tailored reports whether clients may be sent to different endpoints.
func (p *Plan) Tailored() bool { return p.tailored }

// Update derives anew what follows from the verdicts and reports whether one has changed.
func (p *Plan) Update(verdict func(cluster string) trafficv1alpha1.Verdict) bool {
	var few [8]trafficv1alpha1.Verdict
	verdicts := few[:0]
	for i := range p.endpoints {
		verdicts = append(verdicts, verdict(p.endpoints[i].Cluster))
	}
	if old := p.current.Load(); old != nil && slices.Equal(old.verdicts, verdicts) {
		return false
	}
	v := &view{verdicts: slices.Clone(verdicts), pools: make([]pool, len(p.rankings))}
	for i, r := range p.rankings {
		v.pools[i] = p.pool(r, v.verdicts)
	}
	p.current.Store(v)
	return true
}

// Verdicts are those that are in force, by endpoint. The slice must not be changed.
func (p *Plan) Verdicts() []trafficv1alpha1.Verdict { return p.current.Load().verdicts }
