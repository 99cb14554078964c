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
	ttl       uint32
	endpoints []steer.Endpoint
	answers   []Answer
	addresses []*addresses   // of each endpoint
	index     map[string]int // of endpoints, by cluster
	global    steer.Ranking
	regions   []steer.Ranking
}

// read reads a plan, or finds what was read before.
func (c *compiler) read(p *trafficv1alpha1.TrafficPlan) *reading {
	if c.in.Previous != nil {
		if r := c.in.Previous.readings[p]; r != nil {
			return r
		}
	}
	r := &reading{
		index: map[string]int{},
		ttl: seconds(&metav1.Duration{Duration: time.Duration(p.Spec.TTLSeconds) * time.Second},
			0, leastTTL, mostOfPlan),
	}
	b := &planBuilder{reporter: reporter{refOf("TrafficPlan", p), &r.problems}, compiler: c, spec: &p.Spec, reading: r}
	b.readEndpoints()
	b.readTiers()
	return r
}

// addPlan compiles a plan and gives it those of its host names that nobody older has.
func (c *compiler) addPlan(p *trafficv1alpha1.TrafficPlan) {
	r := c.read(p)
	c.snapshot.readings[p] = r
	c.problems = append(c.problems, r.problems...)
	b := &planBuilder{
		reporter: reporter{refOf("TrafficPlan", p), &c.problems},
		compiler: c,
		spec:     &p.Spec,
		reading:  r,
		plan: &Plan{
			Namespace:  p.Namespace,
			Name:       p.Name,
			Generation: p.Generation,

			PolicyGeneration: p.Spec.Policy.Generation,

			TTL:        r.ttl,
			addresses:  r.addresses,
			MaxAnswers: int(min(max(p.Spec.MaxAnswers, 1), mostAnswers)),
			Endpoints:  r.endpoints,
			Answers:    r.answers,
		},
	}
	for i, name := range p.Spec.Hostnames {
		b.addHost(i, name)
	}
	if len(b.plan.steer) == 0 {
		// No host is served, but the endpoints are probed all the same.
		b.steering(false)
	}
	c.snapshot.Plans = append(c.snapshot.Plans, b.plan)
}

// planBuilder holds a plan while it is being compiled.
type planBuilder struct {
	reporter
	*compiler
	*reading
	spec *trafficv1alpha1.TrafficPlanSpec
	plan *Plan
	// general steers all hosts, apex those that are the apex of a zone, where no alias may stand.
	general, apex *steer.Plan
}

func (b *planBuilder) readEndpoints() {
	for i := range b.spec.Endpoints {
		e, at := &b.spec.Endpoints[i], spec.Child("endpoints").Index(i)
		if _, twice := b.index[e.Cluster]; twice {
			b.report(at.Child("cluster"), "%q is there twice: the first is used", e.Cluster)
			continue
		}
		b.index[e.Cluster] = len(b.endpoints)
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
func (b *planBuilder) readAnswer(e *trafficv1alpha1.PlanEndpoint, a *addresses, at *field.Path) Answer {
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
	case slices.Contains(b.hostnames(), target):
		b.report(at.Child("hostname"), "%s is a host name of this plan: an alias of itself leads nowhere", target)
		return Answer{}
	}
	return Answer{CNAME: wire.NewSet(wire.Root, dns.TypeCNAME, b.ttl, []wire.Data{{Wire: []byte(target), Tail: -1}})}
}

func (b *planBuilder) hostnames() []wire.Name {
	var out []wire.Name
	for _, h := range b.spec.Hostnames {
		if n, err := wire.ParseName(h); err == nil {
			out = append(out, n)
		}
	}
	return out
}

func (b *planBuilder) readTiers() {
	b.global = b.ranking(b.spec.Tiers, spec.Child("tiers"))
	for i, r := range b.spec.Regions {
		b.regions = append(b.regions, b.ranking(r.Tiers, spec.Child("regions").Index(i).Child("tiers")))
	}
}

func (b *planBuilder) ranking(tiers []trafficv1alpha1.PlanTier, at *field.Path) steer.Ranking {
	var out steer.Ranking
	for i, t := range tiers {
		var tier steer.Tier
		for j, w := range t.Clusters {
			at := at.Index(i).Child("clusters").Index(j)
			n, ok := b.index[w.Name]
			switch {
			case !ok:
				b.report(at.Child("name"), "%q is not among spec.endpoints", w.Name)
				continue
			case w.Weight < 0:
				b.report(at.Child("weight"), "a weight is not negative: 0 is used")
				w.Weight = 0
			case slices.ContainsFunc(tier, func(o steer.Weighted) bool { return o.Endpoint == n }):
				b.report(at.Child("name"), "%q is there twice: the first is used", w.Name)
				continue
			}
			tier = append(tier, steer.Weighted{Endpoint: n, Weight: w.Weight})
		}
		out = append(out, tier)
	}
	return out
}

// addHost gives the plan a host name.
func (b *planBuilder) addHost(i int, text string) {
	at := spec.Child("hostnames").Index(i)
	name, err := wire.ParseName(text)
	if err != nil {
		b.report(at, "%v", err)
		return
	}
	d := b.draftOf(name)
	switch {
	case d == nil:
		b.report(at, "%s lies in no Zone that is served here", name)
		return
	case d.spec.Secondary != nil:
		b.report(at, "%s lies in %s, which is a copy of another server's", name, d.object)
		return
	case d.hosts[name] != nil:
		o := d.hosts[name].Plan
		if o != b.plan {
			b.report(at, "%s is a host name of the older %s", name, Ref{"TrafficPlan", o.Namespace, o.Name})
		}
		return
	case d.servers[name] != nil:
		b.report(at, "%s is a name server of %s: use another name", name, d.object)
		return
	}
	h := &Host{Name: name, Plan: b.plan, Steer: b.steering(name == d.apex)}
	d.hosts[name] = h
	b.plan.Hosts = append(b.plan.Hosts, h)
	if name == d.apex {
		for _, e := range b.endpoints {
			if b.plan.Answers[b.index[e.Cluster]].CNAME != nil {
				b.report(spec.Child("endpoints").Index(b.index[e.Cluster]),
					"%s has a name and no address, so it cannot be answered for %s, which is the apex of a zone and cannot be an alias", e.Cluster, name)
			}
		}
	}
}

// steering is the steering of the plan's hosts, made when the first needs it.
func (b *planBuilder) steering(atApex bool) *steer.Plan {
	made := &b.general
	aliases := slices.ContainsFunc(b.plan.Answers, func(a Answer) bool { return a.CNAME != nil })
	if atApex && aliases {
		made = &b.apex
	}
	if *made != nil {
		return *made
	}
	endpoints := slices.Clone(b.endpoints)
	if made == &b.apex {
		for i, a := range b.plan.Answers {
			endpoints[i].Usable = endpoints[i].Usable && a.CNAME == nil
		}
	}
	*made = steer.New(steer.Config{
		Name:      b.plan.Namespace + "/" + b.plan.Name,
		Endpoints: endpoints,
		Global:    b.global,
		Regions:   b.regions,
		Table:     func() *geo.Table { return b.snapshot.tables.of(b.spec.Regions, b.reporter) },
	})
	b.plan.steer = append(b.plan.steer, *made)
	return *made
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
