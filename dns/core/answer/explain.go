package answer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Question is a question that Explain answers.
type Question struct {
	// Name in presentation format, with or without the final dot.
	Name string
	// Type of record, such as dns.TypeA.
	Type uint16
	// Client for whom the name is looked up.
	Client netip.Addr
	// Resolver that asks on the client's behalf and names it in a client subnet option. If it is not
	// valid, the client asks by itself.
	Resolver netip.Addr
}

// Kind is what a name is in a snapshot.
type Kind string

// The kinds of names.
const (
	KindHost      Kind = "Host"      // answered from a TrafficPlan
	KindRecords   Kind = "Records"   // static records, perhaps none of the type
	KindDelegated Kind = "Delegated" // other name servers answer
	KindNoName    Kind = "NoName"    // the zone has no such name
	KindNoZone    Kind = "NoZone"    // the name is in no zone that is served
)

// Explanation is an answer and how it came about.
type Explanation struct {
	Kind Kind
	// Zone object and its domain; empty with KindNoZone.
	Zone, Domain   string
	ZoneGeneration int64
	Serial         uint32
	// Aliases that were followed inside the zone to get to the name that is explained.
	Aliases []string
	// Host is the host name that matched, perhaps a wildcard. PlanNamespace and PlanName name its
	// TrafficPlan; Generation is the one in force, and PolicyGeneration that of the TrafficPolicy it
	// was made from. With KindHost only, as are the fields below.
	Host                    string
	PlanNamespace, PlanName string
	Generation              int64
	PolicyGeneration        int64
	// Steered is the address that decided: the client's, or the resolver's where the zone does not
	// believe it; SteeredBy says which in words.
	Steered   netip.Addr
	SteeredBy string
	// Steering says which tiers and clusters there were and why one was chosen.
	Steering steer.Explanation
	// Chosen is the cluster; empty if none.
	Chosen string
	// Scope is the network for which the answer is the same.
	Scope netip.Prefix

	// Rcode and Records are the answer itself, in presentation format; Authority is sent with
	// referrals and negative answers.
	Rcode string
	// TTL in seconds of the answer's records, or of the negative answer.
	TTL                uint32
	Records, Authority []string
}

// Explain answers a question and says why. The answer comes from the same code as a real one.
func Explain(s *zone.Snapshot, q Question) (Explanation, error) {
	name, err := wire.ParseName(q.Name)
	if err != nil {
		return Explanation{}, err
	}
	if !q.Client.IsValid() {
		return Explanation{}, fmt.Errorf("no client address given")
	}
	q.Client = q.Client.Unmap().WithZone("")
	e := Explanation{Kind: KindNoZone}
	if err := e.ask(s, q); err != nil {
		return Explanation{}, err
	}
	n, above := s.Lookup(name)
	if n == nil {
		return e, nil
	}
	z := s.ZoneOf(n)
	e.Zone, e.Domain, e.Serial, e.ZoneGeneration = z.Name, z.Domain, z.Serial.Serial, z.Generation
	switch {
	case n.Cut != nil:
		e.Kind = KindDelegated
		return e, nil
	case above > 0 && n.Wild == nil:
		e.Kind = KindNoName
		return e, nil
	case above > 0:
		n = n.Wild
	}
	e.Kind = KindRecords
	for range maxAliases {
		if n.Alias == nil || n.Alias.At == "" {
			break
		}
		e.Aliases = append(e.Aliases, n.Alias.Target.String())
		n = s.Follow(n.Alias)
	}
	if n.Cut != nil || n.Alias != nil && n.Alias.Cut != nil {
		e.Kind = KindDelegated
		return e, nil
	}
	if n.Host != nil {
		e.host(n, z, q)
	}
	return e, nil
}

func (e *Explanation) host(n *zone.Node, z *zone.Zone, q Question) {
	h := n.Host
	e.Kind, e.Host = KindHost, h.Name.String()
	e.PlanNamespace, e.PlanName, e.Generation = h.Plan.Namespace, h.Plan.Name, h.Plan.Generation
	e.PolicyGeneration = h.Plan.PolicyGeneration
	e.Steered, e.SteeredBy = q.Client, "client subnet"
	switch {
	case !q.Resolver.IsValid():
		e.SteeredBy = "address of the one who asks"
	case !z.Believes(q.Resolver.Unmap()):
		e.Steered, e.SteeredBy = q.Resolver.Unmap(), "address of the resolver: the zone does not use its client subnets"
	}
	e.Steering = h.Steer.Explain(e.Steered)
	scope := e.Steering.Scope
	if c := e.Steering.Endpoint; c >= 0 {
		e.Chosen = h.Steer.Endpoints()[c].Cluster
		if set := pickSet(h.Plan, c, q.Type); set != nil && set.Count > h.Plan.MaxAnswers {
			_, bits := spread(e.Steered, set.Count)
			scope = max(scope, bits)
		}
	}
	e.Scope = netip.PrefixFrom(e.Steered, int(scope)).Masked()
}

// ask sends the question through a worker.
func (e *Explanation) ask(s *zone.Snapshot, q Question) error {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name), q.Type)
	from := q.Client
	if q.Resolver.IsValid() {
		from = q.Resolver.Unmap()
		opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: wire.UDPSize}}
		opt.Option = append(opt.Option, subnetOf(q.Client))
		m.Extra = append(m.Extra, opt)
	}
	query, err := m.Pack()
	if err != nil {
		return fmt.Errorf("%q cannot be asked for: %w", q.Name, err)
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(NewWorker(&Identity{}).Answer(s, nil, query, from, true)); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	e.Rcode = dns.RcodeToString[reply.Rcode]
	records := reply.Answer
	if len(records) == 0 {
		records = reply.Ns
	}
	for i, r := range records {
		if ttl := r.Header().Ttl; i == 0 || ttl < e.TTL {
			e.TTL = ttl
		}
	}
	e.Records, e.Authority = texts(reply.Answer), texts(reply.Ns)
	return nil
}

// subnetOf names a client entirely.
func subnetOf(client netip.Addr) *dns.EDNS0_SUBNET {
	family := uint16(wire.FamilyIPv6)
	if client.Is4() {
		family = wire.FamilyIPv4
	}
	return &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(client.BitLen()), Address: client.AsSlice(),
	}
}

func texts(records []dns.RR) []string {
	var out []string
	for _, r := range records {
		out = append(out, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return out
}
