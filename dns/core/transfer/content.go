package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Version is the content of a zone at a serial. It must not be changed.
type Version struct {
	SOA wire.Record
	// Records without the SOA, each once, in the order of wire.Record.Compare.
	Records []wire.Record
}

// Serial of the version.
func (v *Version) Serial() uint32 { return serialOf(v.SOA) }

// Contents are the versions of zones as a snapshot has them at present. All names are looked at once,
// however many zones are wanted.
func Contents(s *zone.Snapshot, wanted []*zone.Zone) map[*zone.Zone]*Version {
	all := make(map[*zone.Zone]*gatherer, len(wanted))
	for _, z := range wanted {
		all[z] = &gatherer{apex: z.Apex}
	}
	s.Each(func(name wire.Name, n *zone.Node) {
		if g := all[s.ZoneOf(n)]; g != nil {
			g.node(name, n)
		}
	})
	out := make(map[*zone.Zone]*Version, len(wanted))
	for z, g := range all {
		out[z] = &Version{SOA: soaOf(z), Records: g.finish()}
	}
	return out
}

func soaOf(z *zone.Zone) (soa wire.Record) {
	for r := range z.SOA.Records(z.Apex, z.Apex) {
		soa = r
	}
	return soa
}

// gatherer gathers the records of one zone.
type gatherer struct {
	apex    wire.Name
	records []wire.Record
}

func (g *gatherer) add(owner wire.Name, s *wire.Set) {
	if s == nil || s.Type == dns.TypeSOA {
		return
	}
	for r := range s.Records(owner, g.apex) {
		g.records = append(g.records, r)
	}
}

func (g *gatherer) node(name wire.Name, n *zone.Node) {
	endpoint := -1
	if n.Host != nil {
		if endpoint = global(n.Host); endpoint >= 0 {
			a := &n.Host.Plan.Answers[endpoint]
			g.add(name, a.CNAME)
			g.add(name, a.A)
			g.add(name, a.AAAA)
		}
	}
	for _, s := range n.Sets {
		if service := n.Service(s.Type); service != nil && endpoint >= 0 {
			s = service.Sets[endpoint]
		}
		g.add(name, s)
	}
	if n.Alias != nil {
		g.add(name, n.Alias.Set)
	}
	if n.Cut != nil {
		g.add(name, n.Cut.NS)
		for _, sets := range [][]*wire.Set{n.Cut.Glue, n.Cut.Siblings} {
			for _, s := range sets {
				g.add(name, s)
			}
		}
	}
}

// finish sorts the records and keeps of those that are there twice, as glue may be, one.
func (g *gatherer) finish() []wire.Record {
	slices.SortFunc(g.records, wire.Record.Compare)
	return slices.CompactFunc(g.records, func(a, b wire.Record) bool {
		return a.Name == b.Name && a.Type == b.Type && a.Data == b.Data
	})
}

// global is the endpoint that a client of whom nothing is known is sent to; -1 if there is none.
func global(h *zone.Host) int { return h.Steer.Pick(netip.Addr{}).Endpoint }

// Global stands for the answers to clients of whom nothing is known, by domain: two texts are the same
// where the copies of two zones are, as far as verdicts go. Zones without host names have none.
func Global(s *zone.Snapshot, wanted []*zone.Zone) map[string]string {
	lines := map[*zone.Zone][]string{}
	for _, z := range wanted {
		lines[z] = nil
	}
	for _, p := range s.Plans {
		for _, h := range p.Hosts {
			n, _ := s.Lookup(h.Name)
			if n == nil {
				continue
			}
			z := s.ZoneOf(n)
			if _, ok := lines[z]; !ok {
				continue
			}
			cluster := ""
			if e := global(h); e >= 0 {
				cluster = h.Steer.Endpoints()[e].Cluster
			}
			lines[z] = append(lines[z], fmt.Sprintf("%q %s", h.Name, cluster))
		}
	}
	out := map[string]string{}
	for z, l := range lines {
		if len(l) > 0 {
			slices.Sort(l)
			sum := sha256.Sum256([]byte(strings.Join(l, "\n")))
			out[z.Domain] = hex.EncodeToString(sum[:16])
		}
	}
	return out
}
