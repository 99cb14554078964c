package zone

import (
	"slices"
	"time"

	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// mostAnswers bounds the addresses of one answer.
const mostAnswers = 16

// reading is what follows from a plan alone, whatever else there is. Objects do not change, so it is
// taken over from the snapshot before while the plan is the same object.
type reading struct {
	problems  []Problem
	hosts     []hostname
	ttl       uint32
	endpoints []steer.Endpoint
	answers   []Answer
	addresses []*addresses // of each endpoint
	global    steer.Ranking
	regions   []steer.Ranking
	key       string // of the regions; empty if they make no difference
	aliased   bool   // some endpoint is answered with an alias
}

// hostname is a host name as it stands in a plan.
type hostname struct {
	name wire.Name
	hash uint64
	err  error
}

// planReader reads a plan.
type planReader struct {
	reporter
	*reading
	spec *trafficv1alpha1.TrafficPlanSpec
	// weights is room for those of all tiers.
	weights []steer.Weighted
}

// index is the number of a cluster's endpoint, or -1. There are few.
func (b *planReader) index(cluster string) int {
	return slices.IndexFunc(b.endpoints, func(e steer.Endpoint) bool { return e.Cluster == cluster })
}

// Fields of a plan.
var (
	endpoints = spec.Child("endpoints")
	tiers     = spec.Child("tiers")
	regions   = spec.Child("regions")
)

// read reads a plan.
func read(p *trafficv1alpha1.TrafficPlan) *reading {
	r := &reading{ttl: seconds(&metav1.Duration{Duration: time.Duration(p.Spec.TTLSeconds) * time.Second}, 0, leastTTL, mostOfPlan)}
	b := &planReader{reporter: reporter{refOf("TrafficPlan", p), &r.problems}, reading: r, spec: &p.Spec}
	r.hosts = make([]hostname, len(p.Spec.Hostnames))
	for i, text := range p.Spec.Hostnames {
		h := &r.hosts[i]
		if h.name, h.err = wire.ParseName(text); h.err == nil {
			h.hash = hashOf(h.name)
		}
	}
	b.readEndpoints()
	b.readTiers()
	return r
}

// newPlan is a plan without host names.
func newPlan(p *trafficv1alpha1.TrafficPlan, r *reading) *Plan {
	return &Plan{
		Namespace:  p.Namespace,
		Name:       p.Name,
		Generation: p.Generation,

		PolicyGeneration: p.Spec.Policy.Generation,

		TTL:        r.ttl,
		addresses:  r.addresses,
		MaxAnswers: int(min(max(p.Spec.MaxAnswers, 1), mostAnswers)),
		Endpoints:  r.endpoints,
		Answers:    r.answers,
		reading:    r,
		object:     p,
	}
}

// ref names the plan.
func (p *Plan) ref() Ref { return Ref{"TrafficPlan", p.Namespace, p.Name} }

func (b *planReader) readEndpoints() {
	n := len(b.spec.Endpoints)
	b.endpoints, b.answers, b.addresses = make([]steer.Endpoint, 0, n), make([]Answer, 0, n), make([]*addresses, 0, n)
	for i := range b.spec.Endpoints {
		e, at := &b.spec.Endpoints[i], endpoints.Index(i)
		if b.index(e.Cluster) >= 0 {
			b.report(at.Child("cluster"), "%q is there twice: the first is used", e.Cluster)
			continue
		}
		addresses := b.readAddresses(e.Addresses, at.Child("addresses"))
		answer := b.readAnswer(e, addresses, at)
		b.addresses = append(b.addresses, addresses)
		b.answers = append(b.answers, answer)
		b.endpoints = append(b.endpoints, steer.Endpoint{
			Cluster: e.Cluster,
			State:   e.State,
			Usable:  answer != Answer{},
		})
	}
}

// readAnswer builds what an endpoint is answered with: its addresses, else its name.
func (b *planReader) readAnswer(e *trafficv1alpha1.PlanEndpoint, a *addresses, at *field.Path) Answer {
	if !a.none() {
		return Answer{
			A:    addressSet(dns.TypeA, b.ttl, a.v4),
			AAAA: addressSet(dns.TypeAAAA, b.ttl, a.v6),
		}
	}
	if e.Hostname == "" {
		return Answer{}
	}
	target, err := wire.ParseName(e.Hostname)
	switch {
	case err != nil:
		b.report(at.Child("hostname"), "%v", err)
		return Answer{}
	case slices.ContainsFunc(b.hosts, func(h hostname) bool { return h.err == nil && h.name == target }):
		b.report(at.Child("hostname"), "%s is a host name of this plan: an alias of itself leads nowhere", target)
		return Answer{}
	}
	b.aliased = true
	return Answer{CNAME: wire.NewSet(wire.Root, dns.TypeCNAME, b.ttl, []wire.Data{{Wire: []byte(target), Tail: -1}})}
}

func (b *planReader) readTiers() {
	total := count(b.spec.Tiers)
	for i := range b.spec.Regions {
		total += count(b.spec.Regions[i].Tiers)
	}
	b.weights = make([]steer.Weighted, 0, total)
	b.global = b.ranking(b.spec.Tiers, func() *field.Path { return tiers })
	b.regions = make([]steer.Ranking, len(b.spec.Regions))
	for i, r := range b.spec.Regions {
		b.regions[i] = b.ranking(r.Tiers, func() *field.Path { return regions.Index(i).Child("tiers") })
	}
	if steer.Regional(b.global, b.regions) {
		b.key = regionsKey(b.spec.Regions)
	}
}

// count is how many clusters there are in tiers.
func count(tiers []trafficv1alpha1.PlanTier) int {
	n := 0
	for i := range tiers {
		n += len(tiers[i].Clusters)
	}
	return n
}

// ranking reads tiers, which stand at a field.
func (b *planReader) ranking(tiers []trafficv1alpha1.PlanTier, at func() *field.Path) steer.Ranking {
	if len(tiers) == 0 {
		return nil
	}
	out := make(steer.Ranking, len(tiers))
	for i, t := range tiers {
		from := len(b.weights)
		for j, w := range t.Clusters {
			where := func(name string) *field.Path { return at().Index(i).Child("clusters").Index(j).Child(name) }
			n := b.index(w.Name)
			switch {
			case n < 0:
				b.report(where("name"), "%q is not among spec.endpoints", w.Name)
				continue
			case w.Weight < 0:
				b.report(where("weight"), "a weight is not negative: 0 is used")
				w.Weight = 0
			case slices.ContainsFunc(b.weights[from:], func(o steer.Weighted) bool { return o.Endpoint == n }):
				b.report(where("name"), "%q is there twice: the first is used", w.Name)
				continue
			}
			b.weights = append(b.weights, steer.Weighted{Endpoint: n, Weight: w.Weight})
		}
		out[i] = slices.Clip(b.weights[from:])
	}
	return out
}

// claim gives a plan those of its host names that nobody older has.
func (c *compiler) claim(p *Plan) {
	r := reporter{p.ref(), &p.problems}
	for i, h := range p.reading.hosts {
		at := spec.Child("hostnames").Index(i)
		if h.err != nil {
			r.report(at, "%v", h.err)
			continue
		}
		c.claimName(p, h, at, r)
	}
}

func (c *compiler) claimName(p *Plan, h hostname, at *field.Path, r reporter) {
	name := h.name
	d := c.draftOf(name)
	if d == nil {
		r.report(at, "%s lies in no Zone that is served here", name)
		return
	}
	if d.spec.Secondary != nil {
		r.report(at, "%s lies in %s, which is a copy of another server's", name, d.reporter.object)
		return
	}
	if other := c.hostAt(d, h); other != nil {
		if o := other.Plan; o != p {
			r.report(at, "%s is a host name of the older %s", name, o.ref())
			c.contest(name)
		}
		return
	}
	if d.servers[name] != nil {
		r.report(at, "%s is a name server of %s: use another name", name, d.reporter.object)
		return
	}
	host := &Host{Name: name, Plan: p, slot: d.slot, apex: name == d.apex}
	c.setHost(d, h, host)
	p.Hosts = append(p.Hosts, host)
	if !host.apex {
		return
	}
	for i, e := range p.Endpoints {
		if p.Answers[i].CNAME != nil {
			r.report(spec.Child("endpoints").Index(i),
				"%s has a name and no address, so it cannot be answered for %s, which is the apex of a zone and cannot be an alias", e.Cluster, name)
		}
	}
}

// steerBy gives a plan and its hosts their steering, by the table of the plan's regions: one for the apex of
// a zone, where no alias may stand, if there is any, and one for the others.
func (p *Plan) steerBy(table *geo.Table) {
	var general, apex *steer.Plan
	for _, h := range p.Hosts {
		made := &general
		if h.apex && p.reading.aliased {
			made = &apex
		}
		if *made == nil {
			*made = p.steering(made == &apex, table)
		}
		h.Steer = *made
	}
	if len(p.Hosts) == 0 {
		// No host is served, but the endpoints are probed all the same.
		p.steering(false, table)
	}
}

func (p *Plan) steering(atApex bool, table *geo.Table) *steer.Plan {
	endpoints := p.Endpoints
	if atApex {
		endpoints = slices.Clone(endpoints)
		for i, a := range p.Answers {
			endpoints[i].Usable = endpoints[i].Usable && a.CNAME == nil
		}
	}
	s := steer.New(steer.Config{
		Name:      p.Namespace + "/" + p.Name,
		Endpoints: endpoints,
		Global:    p.reading.global,
		Regions:   p.reading.regions,
		Table:     func() *geo.Table { return table },
	})
	p.steer = append(p.steer, s)
	return s
}

// alias reports whether the host may be answered with an alias.
func (h *Host) alias() bool {
	for i, e := range h.Steer.Endpoints() {
		if e.Usable && h.Plan.Answers[i].CNAME != nil {
			return true
		}
	}
	return false
}
