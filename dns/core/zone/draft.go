package zone

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// Bounds of what is served. A TTL of zero would make every client ask every time, and one of years,
// which is a number read wrongly, could never be taken back.
const (
	leastTTL   = time.Second
	mostTTL    = 7 * 24 * time.Hour // RFC 8767 section 4: what a resolver need believe
	mostOfPlan = time.Hour
)

// maxSet is the largest record set that fits into an answer together with everything else.
const maxSet = 60_000

// draft is a zone while it is compiled, and what the next snapshot needs of it afterwards: that of a zone
// in a snapshot is immutable.
type draft struct {
	reporter
	from     *trafficv1alpha1.Zone
	spec     *trafficv1alpha1.ZoneSpec
	zone     *Zone
	slot     int32 // of the zone in the snapshot
	apex     wire.Name
	ttl      uint32
	ns       []wire.Data
	servers  map[wire.Name]*addresses // name servers that lie in the zone
	sources  []*source
	copied   *Copy // of a zone that another server is the primary of
	ring     *dnssec.Ring
	given    given
	problems []Problem

	// What it takes to build the zone; nil afterwards.
	hosts   map[wire.Name]*Host
	records map[wire.Name]recordSets
	nodes   map[wire.Name]*Node
	jobs    []job

	glueOwners []wire.Name // of the zone's glue

	// What a change of hosts can meddle with. owners are the names, hashed and sorted, of all records as
	// they stand in sources, and delegated those of NS records that could be. services are the SVCB and
	// HTTPS records at hosts, and targets those of aliases that lie in the zone. circled: aliases were
	// left out that led back to themselves.
	owners    []uint64
	delegated []wire.Name
	services  map[wire.Name][]*recordSet
	targets   []wire.Name
	circled   bool

	// What follows from all nodes together.
	sum       sum
	longest   tally
	authority []byte // the names in the SOA
	timers    [4]uint32
	made      []made // signatures of what is no node's
	renew     time.Time
	unsigned  bool // something could not be signed
}

// given is what was given for a zone besides its objects.
type given struct {
	copied *Copy
	ring   *dnssec.Ring
	global string
}

func newDraft(z *trafficv1alpha1.Zone, apex wire.Name) *draft {
	d := &draft{
		from: z,
		spec: &z.Spec,
		apex: apex,
		zone: &Zone{
			Name: z.Name, Generation: z.Generation, Domain: apex.String(), Apex: apex, Labels: apex.Labels(),
		},
		servers: map[wire.Name]*addresses{},
		hosts:   map[wire.Name]*Host{},
		records: map[wire.Name]recordSets{},
	}
	d.reporter = reporter{refOf("Zone", z), &d.problems}
	d.sources = []*source{{reporter: d.reporter, records: z.Spec.Records}}
	d.ttl = seconds(z.Spec.TTL, 5*time.Minute, leastTTL, mostTTL)
	if z.Spec.Secondary == nil {
		d.readServers()
	}
	d.readClientSubnet()
	return d
}

// addSource gives the zone records that are kept apart from it.
func (d *draft) addSource(z *trafficv1alpha1.ZoneRecords) {
	d.sources = append(d.sources, &source{
		reporter: reporter{refOf("ZoneRecords", z), &d.problems}, from: z, rank: len(d.sources), records: z.Spec.Records,
	})
}

// readServers reads the zone's own name servers.
func (d *draft) readServers() {
	for i, s := range d.spec.NameServers {
		at := spec.Child("nameServers").Index(i)
		name, err := wire.ParseName(s.Name)
		if err != nil {
			d.report(at.Child("name"), "%v", err)
			continue
		}
		if name.IsWildcard() || name == wire.Root {
			d.report(at.Child("name"), "%q is not the name of a server", s.Name)
			continue
		}
		if !name.Within(d.apex) {
			d.ns = append(d.ns, wire.NameData(name))
			continue
		}
		a := d.readAddresses(s.Addresses, at.Child("addresses"))
		if a.none() && !d.hasRecordsFor(name) {
			d.report(at.Child("addresses"), "%s lies inside the zone, so nobody can find it without its addresses: add them", name)
			continue
		}
		d.ns = append(d.ns, wire.NameData(name))
		if !a.none() {
			d.servers[name] = a
		}
	}
	if len(d.ns) == 0 {
		d.report(spec.Child("nameServers"), "no usable name server is left: the zone is served without NS records and resolvers will not trust it")
	}
}

// hasRecordsFor reports whether static records give a name server of the zone its addresses.
func (d *draft) hasRecordsFor(server wire.Name) bool {
	for _, r := range d.spec.Records {
		if r.Type != "A" && r.Type != "AAAA" {
			continue
		}
		if n, err := d.owner(r.Name); err == nil && n == server {
			return true
		}
	}
	return false
}

// owner is the absolute name of a name that is relative to the zone.
func (d *draft) owner(relative string) (wire.Name, error) {
	if relative == "" || relative == "@" {
		return d.apex, nil
	}
	if relative[len(relative)-1] == '.' {
		return "", fmt.Errorf("%q ends in a dot, but names are relative to the zone: leave out %s", relative, d.zone.Domain)
	}
	return wire.ParseName(relative + "." + d.apex.String())
}

func (d *draft) readClientSubnet() {
	c := d.spec.ClientSubnet
	d.zone.honor = c == nil || c.Mode != trafficv1alpha1.ClientSubnetIgnore
	if c == nil {
		return
	}
	// Were all of them wrong, nobody would be trusted, rather than everybody.
	d.zone.limited = len(c.TrustedResolvers) > 0
	for i, text := range c.TrustedResolvers {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			d.report(spec.Child("clientSubnet", "trustedResolvers").Index(i), "%q is not a network in CIDR form, such as 192.0.2.0/24", text)
			continue
		}
		d.zone.trusted = append(d.zone.trusted, p.Masked())
	}
}

// finish makes the zone out of everything that was gathered. It changes nothing else, so that many can be
// finished at a time. Signatures are left for later.
func (d *draft) finish(in *Input) {
	if d.spec.Secondary != nil {
		d.readCopy()
	} else {
		d.readRecords()
	}
	cuts := d.cuts()
	for d.build(cuts); d.dropCircles(); {
		// Without them names are gone, and wildcards cover more than before.
		d.build(cuts)
	}
	for _, n := range d.nodes {
		sortSets(n.Sets)
		d.sum.add(n)
	}
	if d.spec.Secondary != nil {
		d.takeSOA()
	} else {
		d.readSOA()
		d.number(in)
	}
	if d.zone.SOA != nil {
		apex := d.nodes[d.apex]
		apex.add(d.zone.SOA)
		sortSets(apex.Sets)
	}
	for _, n := range d.nodes {
		d.longest.add(n.longest())
	}
	d.zone.MaxTTL = d.longest.most()
	d.sign(in)
	d.keepServices()
	d.hosts, d.records = nil, nil
}

// build makes the nodes of all names, anew.
func (d *draft) build(cuts []*Cut) {
	d.nodes, d.zone.Glue, d.glueOwners, d.targets = make(map[wire.Name]*Node, 2*(len(d.hosts)+len(d.records))), nil, nil, nil
	d.addApex()
	for _, name := range sortedNames(d.servers) {
		d.addServer(name)
	}
	for name, h := range d.hosts {
		d.node(name).Host = h
	}
	for _, name := range sortedNames(d.records) {
		for _, rrtype := range sortedTypes(d.records[name]) {
			d.addRecords(name, rrtype, d.records[name][rrtype])
		}
	}
	for _, cut := range cuts {
		n := d.node(cut.Name)
		n.Cut = cut
		if cut.ds != nil {
			n.add(cut.ds)
		}
	}
	for _, n := range d.nodes {
		if n.Alias != nil {
			d.link(n.Alias)
		}
	}
}

// keepServices keeps those of the zone's records that are made anew with the hosts that they stand at.
func (d *draft) keepServices() {
	d.services = map[wire.Name][]*recordSet{}
	for name := range d.hosts {
		for _, t := range sortedTypes(d.records[name]) {
			if isService(t) {
				d.services[name] = append(d.services[name], d.records[name][t])
			}
		}
	}
}

// node is the node of a name in the zone, made together with all those above it.
func (d *draft) node(name wire.Name) *Node {
	n := d.nodes[name]
	if n != nil {
		return n
	}
	n = &Node{Name: name, slot: d.slot}
	d.nodes[name] = n
	if name != d.apex {
		parent := d.node(name.Parent())
		parent.below++
		if name.IsWildcard() {
			parent.Wild = n
		}
	}
	return n
}

func (n *Node) add(s *wire.Set) { n.Sets = append(n.Sets, s) }

func (d *draft) addApex() {
	n := d.node(d.apex)
	if len(d.ns) > 0 {
		n.add(wire.NewSet(d.apex, dns.TypeNS, d.ttl, d.ns))
	}
	d.addKeys(n)
}

// addServer gives a name server of the zone its addresses, as records and as glue.
func (d *draft) addServer(name wire.Name) {
	n, a := d.node(name), d.servers[name]
	for _, s := range a.sets(d.ttl) {
		n.add(s)
	}
	d.zone.Glue = append(d.zone.Glue, a.glue(d.apex, name, d.ttl)...)
	for len(d.glueOwners) < len(d.zone.Glue) {
		d.glueOwners = append(d.glueOwners, name)
	}
}

func (d *draft) addRecords(name wire.Name, rrtype uint16, r *recordSet) {
	if h := d.hosts[name]; h != nil && isService(rrtype) {
		d.node(name).addService(d.apex, rrtype, r, h)
		return
	}
	s := wire.NewSet(d.apex, rrtype, r.ttl, r.data)
	if rrtype == dns.TypeCNAME {
		d.node(name).Alias = &Alias{Set: s, Target: r.data[0].Name()}
	} else {
		d.node(name).add(s)
	}
}
