package zone

import (
	"net/netip"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Snapshot is everything that is served at one time. It is immutable but for the verdicts on the
// endpoints of its plans, which are published plan by plan.
type Snapshot struct {
	// Zones by domain.
	Zones []*Zone
	// Plans by namespace and name.
	Plans []*Plan
	// Problems with the objects it was made of, in a stable order.
	Problems []Problem

	names index
	depth int // labels of the longest name, or more
	origin
}

// origin is what a snapshot was made of, for the one after it.
type origin struct {
	zones   []*trafficv1alpha1.Zone
	records []*trafficv1alpha1.ZoneRecords
	maps    []*trafficv1alpha1.RegionMap
	// plans in the order of Plans, and drafts in the order of Zones.
	plans  []*trafficv1alpha1.TrafficPlan
	drafts []*draft
	slots  map[wire.Name]int32 // of drafts, by apex
	tables *tables
	// contested are the host names that several plans want.
	contested map[wire.Name]bool
	// general problems are those with zones that are not served and with region maps, strays those with
	// records of no zone.
	general, strays []Problem
}

// Renew is when the first signatures are to be made anew, by compiling again; zero if there are none.
func (s *Snapshot) Renew() time.Time {
	var first time.Time
	for _, d := range s.drafts {
		if !d.renew.IsZero() && (first.IsZero() || d.renew.Before(first)) {
			first = d.renew
		}
	}
	return first
}

// ZoneOf is the zone that a node of the snapshot is in.
func (s *Snapshot) ZoneOf(n *Node) *Zone { return s.Zones[n.slot] }

// Zone is a zone that is served.
type Zone struct {
	// Name and Generation of the Zone object.
	Name       string
	Generation int64
	Domain     string
	Serial     Serial
	// Series is the number under which answers from the zone are counted; see Series.
	Series uint16
	// Apex is the zone's own name and Labels how many labels that has.
	Apex   wire.Name
	Labels int

	// SOA answers for the apex. Negative is the same record for the authority section of negative
	// answers, with the TTL for which they may be remembered (RFC 2308 section 5).
	SOA, Negative *wire.Set
	// Glue is the addresses of the zone's own name servers that lie in the zone.
	Glue []*wire.Set
	// MaxTTL is the longest TTL of anything in the zone, in seconds.
	MaxTTL uint32

	// Signing is nil for a zone that is not signed. NegativeSignature and GlueSignatures are those of
	// Negative and Glue.
	Signing           *dnssec.Signing
	NegativeSignature *wire.Set
	GlueSignatures    []*wire.Set

	// Expired zones are copies that nobody vouches for: nothing of them is answered.
	Expired bool

	honor   bool
	limited bool // only those trusted are believed
	trusted []netip.Prefix
}

// Believes reports whether the client subnets that a resolver forwards are used.
func (z *Zone) Believes(resolver netip.Addr) bool {
	if !z.honor || !z.limited {
		return z.honor
	}
	for _, p := range z.trusted {
		if p.Contains(resolver) {
			return true
		}
	}
	return false
}

// Node is a name that exists: with records, or because a name below it does (RFC 8020). It is immutable,
// and may be part of many snapshots.
type Node struct {
	Name  wire.Name
	slot  int32 // of the zone
	below int32 // how many nodes lie directly below it
	// Sets of static records, by type, without those below.
	Sets []*wire.Set
	// Alias is the CNAME of the name; Sets and Host are then empty.
	Alias *Alias
	// Cut says that the name and everything below is delegated.
	Cut *Cut
	// Host says that the name's addresses are those of a plan.
	Host *Host
	// Services are the SVCB and HTTPS records of a host. Sets holds them as they are without an
	// endpoint.
	Services []Service
	// Wild is the wildcard directly below the name.
	Wild *Node
	// Signed is nil in a zone that is not signed.
	Signed *Signed
}

// Set is the static record set of a type, or nil.
func (n *Node) Set(rrtype uint16) *wire.Set {
	for _, s := range n.Sets {
		if s.Type == rrtype {
			return s
		}
	}
	return nil
}

// Alias is a static CNAME.
type Alias struct {
	Set    *wire.Set
	Target wire.Name
	// At is the name of what stands at the target if that is in the same zone: its own node or the
	// wildcard that covers it; see Follow. Cut says that the target is delegated, and Denied that the
	// zone has nothing there.
	At     wire.Name
	hash   uint64 // of At
	Cut    *Cut
	Denied bool
	// Stands is the target where it is denied or At is a wildcard that stands for it, else nil.
	Stands []byte
}

// Follow is the node that an alias leads to, or nil if it is in no zone or delegated.
func (s *Snapshot) Follow(a *Alias) *Node {
	if a.At == "" {
		return nil
	}
	return s.names.get(a.At, a.hash)
}

// Cut is a delegation to other name servers.
type Cut struct {
	Name wire.Name
	// NS is for the authority section, Glue the addresses of those servers that lie in what is
	// delegated: without them nobody can get there.
	NS   *wire.Set
	Glue []*wire.Set
	// Siblings are the addresses of its servers that lie elsewhere in the zone or in another
	// delegation: useful, but to be found without this referral too (RFC 9471 section 3.2).
	Siblings []*wire.Set

	ds *wire.Set
	// Signed is that of the cut's node, DS and DSSignature are its DS records for the authority section;
	// nil where there are none.
	Signed          *Signed
	DS, DSSignature *wire.Set
}

// Host is a name that is answered from a plan.
type Host struct {
	// Name of the host, its first label "*" for a wildcard.
	Name wire.Name
	Plan *Plan
	// Steer decides. It belongs to the plan; at the apex endpoints that only have a name are not
	// usable.
	Steer *steer.Plan

	slot int32 // of the zone
	apex bool  // of the zone
}

// Plan is a compiled TrafficPlan.
type Plan struct {
	Namespace, Name string
	Generation      int64
	// PolicyGeneration is that of the TrafficPolicy which the plan was made from.
	PolicyGeneration int64
	// TTL in seconds and MaxAnswers addresses of each answer.
	TTL        uint32
	MaxAnswers int
	// Endpoints of the plan, in its own order, and what each is answered with.
	Endpoints []steer.Endpoint
	Answers   []Answer
	// Hosts that the plan is answered for, in its own order.
	Hosts []*Host
	// Series are the numbers under which answers with each endpoint are counted; see Series.
	Series []uint16

	steer     []*steer.Plan
	addresses []*addresses // of the endpoints
	object    *trafficv1alpha1.TrafficPlan
	reading   *reading
	problems  []Problem // besides those of the reading
}

// Answer is what is answered for an endpoint. Either there are addresses, or CNAME, or nothing.
type Answer struct {
	A, AAAA, CNAME *wire.Set
}

// Update publishes the verdicts on the plan's endpoints and reports whether one has changed. Only
// one goroutine may call it.
func (p *Plan) Update(verdict func(cluster string) trafficv1alpha1.Verdict) bool {
	changed := false
	for _, s := range p.steer {
		changed = s.Update(verdict) || changed
	}
	return changed
}

// Find returns the node of the question's name, or else of its closest encloser, the longest
// existing name above it (RFC 4592 section 3.3.1), and by how many labels it is shorter. It returns
// nil for a name in no zone.
func (s *Snapshot) Find(q *wire.Query) (n *Node, above int) {
	for above = max(0, q.Labels()-s.depth); above <= q.Labels(); above++ {
		if n := s.names.find(q.Suffix(above)); n != nil {
			return n, above
		}
	}
	return nil, above
}

// Lookup is Find for a name that is no question.
func (s *Snapshot) Lookup(name wire.Name) (n *Node, above int) {
	for {
		if n := s.names.get(name, hashOf(name)); n != nil || name == wire.Root {
			return n, above
		}
		name = name.Parent()
		above++
	}
}

// Names is how many names exist.
func (s *Snapshot) Names() int { return s.names.count }
