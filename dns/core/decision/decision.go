// Package decision is a name server's decision on one question, with all that led to it, as a
// document: who asked and where that was taken to be, the tiers, what each vantage point says of each
// endpoint, what the hash of the client's network drew, and the answer. A running server gives it
// away, and a command shows it; the same code makes one from the hub's objects.
//
// It decides nothing: package answer does, and package steer within it. It is pure.
package decision

import (
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Decision is an answer and how it came about. Names have no final dot but in records.
type Decision struct {
	// Server is the vantage point that decided; empty where it was worked out from the hub's objects.
	Server string `json:"server,omitempty"`
	// Source is what the server serves from, in its own words: the hub, or its disk.
	Source string    `json:"source,omitempty"`
	Time   time.Time `json:"time"`

	Question Question `json:"question"`
	Answer   Answer   `json:"answer"`
	// Kind of name; one of answer.Kind.
	Kind answer.Kind `json:"kind"`
	// Zone that the name is in; nil if in none.
	Zone *Zone `json:"zone,omitempty"`
	// Aliases that were followed inside the zone.
	Aliases []string `json:"aliases,omitempty"`
	// Steering is there where the answer comes from a TrafficPlan.
	Steering *Steering `json:"steering,omitempty"`
}

// Question is what was asked, for whom and through whom.
type Question struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Client   netip.Addr `json:"client"`
	Resolver netip.Addr `json:"resolver,omitzero"`
}

// Answer is what is sent.
type Answer struct {
	Rcode string `json:"rcode"`
	// TTL in seconds: of the records, or for how long a negative answer may be remembered.
	TTL       uint32   `json:"ttl"`
	Records   []string `json:"records,omitempty"`
	Authority []string `json:"authority,omitempty"`
	// Scope is the network for which the answer is the same; not valid where it does not depend on
	// the client.
	Scope netip.Prefix `json:"scope,omitzero"`
}

// Zone is a zone as it is served.
type Zone struct {
	Name       string `json:"name"`
	Domain     string `json:"domain"`
	Generation int64  `json:"generation"`
	Serial     uint32 `json:"serial"`
}

// Steering is how a cluster was chosen.
type Steering struct {
	// Host that matched, perhaps a wildcard.
	Host string `json:"host"`
	// Namespace and Name of the TrafficPlan and of its TrafficPolicy, and the generations in force.
	Namespace        string `json:"namespace"`
	Name             string `json:"name"`
	Generation       int64  `json:"generation"`
	PolicyGeneration int64  `json:"policyGeneration"`

	Client Client `json:"client"`
	// Rule by which clusters were found, and the Tier that was used, counted from 1; 0 where none was.
	Rule string `json:"rule"`
	Tier int    `json:"tier,omitempty"`
	// Block is the client's network that was hashed; not valid where there was nothing to divide.
	Block netip.Prefix `json:"block,omitzero"`
	// Chosen cluster; empty if none.
	Chosen    string     `json:"chosen,omitempty"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Client is whom the answer was made for, and where that is.
type Client struct {
	// Address that decided and By which right: the client subnet, or because it asked.
	Address netip.Addr `json:"address"`
	By      string     `json:"by"`
	// Located: regions make a difference to the plan, and what follows means something.
	Located bool `json:"located"`
	// Region of the client; empty where it belongs to none. Basis says why, and Rule which override
	// it was, if any.
	Region string `json:"region,omitempty"`
	Basis  string `json:"basis,omitempty"`
	Rule   string `json:"rule,omitempty"`
	// Location is what the databases say of the address.
	Location  string   `json:"location,omitempty"`
	Databases []string `json:"databases,omitempty"`
	// Distances of the regions from there, nearest first.
	Distances []Distance `json:"distances,omitempty"`
}

// Distance is how far away a region is.
type Distance struct {
	Region     string `json:"region"`
	Kilometres int    `json:"kilometres"`
}

// Endpoint is one cluster of the plan, in the order of the client's tiers.
type Endpoint struct {
	Cluster string                        `json:"cluster"`
	State   trafficv1alpha1.EndpointState `json:"state"`
	// Tier of this client, counted from 1; 0 if in none.
	Tier   int   `json:"tier,omitempty"`
	Weight int32 `json:"weight"`
	// Candidate, Share of clients and Draw (the least wins) are the division; Draw is 0 where there
	// was nothing to divide.
	Candidate bool    `json:"candidate"`
	Share     float64 `json:"share,omitempty"`
	Draw      float64 `json:"draw,omitempty"`
	Chosen    bool    `json:"chosen"`
	Why       string  `json:"why"`
	// Verdict of the quorum, and Evidence for it.
	Verdict  trafficv1alpha1.Verdict `json:"verdict"`
	Evidence []Evidence              `json:"evidence,omitempty"`
}

// Evidence is what one vantage point says of an endpoint.
type Evidence struct {
	VantagePoint string                  `json:"vantagePoint"`
	Verdict      trafficv1alpha1.Verdict `json:"verdict"`
	Message      string                  `json:"message,omitempty"`
	Since        time.Time               `json:"since,omitzero"`
	// Own: it is the deciding server itself, whose verdict needs no renewal.
	Own bool `json:"own,omitempty"`
	// Renewed is when the report was last known to be true, by its writer's clock, and FreshSeconds
	// for how much longer it counts; negative when it no longer does.
	Renewed      time.Time `json:"renewed,omitzero"`
	FreshSeconds float64   `json:"freshSeconds,omitempty"`
	// Counts: it has a vote.
	Counts bool `json:"counts"`
}

// EvidenceOf is a report on an endpoint as evidence.
func EvidenceOf(t verdict.Testimony) Evidence {
	return Evidence{VantagePoint: t.VantagePoint, Verdict: t.Verdict, Message: t.Message, Since: t.Since, Renewed: t.Renewed,
		FreshSeconds: math.Round(t.Left.Seconds()*10) / 10, Counts: t.Counts}
}

// Witnesses give the evidence on an endpoint.
type Witnesses func(verdict.Key) []Evidence

// Make answers a question from a snapshot and writes down why. Server, Source, Time and the databases
// are for the caller to fill in.
func Make(s *zone.Snapshot, q answer.Question, witnesses Witnesses) (Decision, error) {
	e, err := answer.Explain(s, q)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{
		Question: Question{Name: strings.TrimSuffix(q.Name, "."), Type: dns.TypeToString[q.Type], Client: q.Client, Resolver: q.Resolver},
		Answer:   Answer{Rcode: e.Rcode, TTL: e.TTL, Records: e.Records, Authority: e.Authority, Scope: e.Scope},
		Kind:     e.Kind,
	}
	for _, a := range e.Aliases {
		d.Aliases = append(d.Aliases, strings.TrimSuffix(a, "."))
	}
	if e.Kind != answer.KindNoZone {
		d.Zone = &Zone{Name: e.Zone, Domain: e.Domain, Generation: e.ZoneGeneration, Serial: e.Serial}
	}
	if e.Kind == answer.KindHost {
		d.Steering = steering(e, witnesses)
	}
	return d, nil
}

func steering(e answer.Explanation, witnesses Witnesses) *Steering {
	s := &Steering{
		Host: strings.TrimSuffix(e.Host, "."), Namespace: e.PlanNamespace, Name: e.PlanName,
		Generation: e.Generation, PolicyGeneration: e.PolicyGeneration,
		Client: client(e), Rule: e.Steering.Rule.String(), Tier: e.Steering.Tier + 1, Block: e.Steering.Block, Chosen: e.Chosen,
	}
	for _, c := range e.Steering.Endpoints {
		s.Endpoints = append(s.Endpoints, endpoint(c, witnesses(verdict.Key{Namespace: e.PlanNamespace, Plan: e.PlanName, Cluster: c.Cluster})))
	}
	return s
}

func client(e answer.Explanation) Client {
	c := Client{Address: e.Steered, By: e.SteeredBy}
	g := e.Steering.Geo
	if g == nil {
		return c
	}
	c.Located, c.Region, c.Basis, c.Rule, c.Location = true, g.Region, g.By.String(), g.Rule, g.Location.String()
	for _, d := range g.Distances {
		if d.Region.HasLocation {
			c.Distances = append(c.Distances, Distance{d.Region.Name, int(math.Round(d.Kilometres))})
		}
	}
	return c
}

func endpoint(c steer.EndpointExplanation, evidence []Evidence) Endpoint {
	return Endpoint{
		Cluster: c.Cluster, State: c.State, Tier: c.Tier + 1, Weight: c.Weight, Candidate: c.Candidate, Share: c.Share,
		Draw: c.Cost, Chosen: c.Chosen, Why: c.Why, Verdict: c.Verdict, Evidence: evidence,
	}
}
