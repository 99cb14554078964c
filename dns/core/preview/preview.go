// Package preview says which clients a plan would send elsewhere than another: it walks the whole
// address space of both families, network by network, through the very tables and hashes by which
// name servers answer, and adds up what differs.
//
// Clients that the hash of their network divides among several clusters are told apart one by one for
// IPv4, which has few enough networks, and for small networks of IPv6. Of large networks of IPv6, and
// of large ones of which nothing is known, the parts that move are computed from the weights: what is
// said of them is exact on average over such networks, and says nothing of a single client.
//
// The package is pure.
package preview

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/steer"
)

// Size is how much of the address space something is: IPv4 in addresses, IPv6 in networks of /48,
// which is what a site has.
type Size struct {
	IPv4 float64 `json:"ipv4"`
	IPv6 float64 `json:"ipv6"`
}

func (s *Size) add(v4 bool, n float64) {
	if v4 {
		s.IPv4 += n
	} else {
		s.IPv6 += n
	}
}

// Add adds another size.
func (s *Size) Add(o Size) { s.IPv4, s.IPv6 = s.IPv4+o.IPv4, s.IPv6+o.IPv6 }

// Change is a run of addresses that has another answer, from First to Last, both included.
type Change struct {
	First netip.Addr `json:"first"`
	Last  netip.Addr `json:"last"`
	// Country is an ISO 3166-1 code; empty where the database knows none.
	Country string `json:"country"`
	// From and To are clusters; empty where there is no answer.
	From string `json:"from"`
	To   string `json:"to"`
	// Share of the run that goes from the one to the other: 1 but where the hash of the client's
	// network divides it.
	Share float64 `json:"share"`
}

// Move is what changes in one country from one cluster to another.
type Move struct {
	Country string `json:"country"`
	From    string `json:"from"`
	To      string `json:"to"`
	// Networks is the number of runs of addresses that are part of it.
	Networks int  `json:"networks"`
	Size     Size `json:"size"`
}

// Report is the difference between two plans.
type Report struct {
	// Moves, the largest first.
	Moves []Move `json:"moves"`
	// Changes in the order of addresses, IPv4 first.
	Changes []Change `json:"changes"`
	// Countries are the sizes of all countries, and Known their sum. What the database does not know
	// is the country of the empty name and no part of Known.
	Countries map[string]Size `json:"countries"`
	Known     Size            `json:"known"`
}

// Moved is how much of the known address space is answered otherwise.
func (r *Report) Moved() Size {
	var s Size
	for _, m := range r.Moves {
		if m.Country != "" {
			s.Add(m.Size)
		}
	}
	return s
}

// Compare compares two plans over the whole address space. Either may be nil: then nobody is answered
// by it.
func Compare(source *geo.Source, before, after *steer.Plan) Report {
	c := comparison{before: newSide(before), after: newSide(after), report: Report{Countries: map[string]Size{}}, moves: map[Move]*total{}}
	for r := range runs(source) {
		c.run(r)
	}
	for _, m := range c.moves {
		c.report.Moves = append(c.report.Moves, m.Move)
	}
	slices.SortFunc(c.report.Moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(b.Size.IPv4, a.Size.IPv4), cmp.Compare(b.Size.IPv6, a.Size.IPv6),
			cmp.Compare(a.Country, b.Country), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for country, s := range c.report.Countries {
		if country != "" {
			c.report.Known.Add(s)
		}
	}
	return c.report
}

// side is one of the two plans, with its pools by ranking.
type side struct {
	plan  *steer.Plan
	pools [][]share
}

// share is a cluster among which clients are divided, and its weight.
type share struct {
	cluster string
	weight  float64
}

func newSide(p *steer.Plan) side {
	s := side{plan: p}
	if p == nil {
		s.pools = [][]share{nil}
		return s
	}
	for i := range p.Rankings() {
		var pool []share
		for _, w := range p.Pool(i) {
			pool = append(pool, share{p.Endpoints()[w.Endpoint].Cluster, float64(w.Weight)})
		}
		slices.SortFunc(pool, func(a, b share) int { return cmp.Compare(a.cluster, b.cluster) })
		s.pools = append(s.pools, pool)
	}
	return s
}

// ranked is the pool of a client and the last address of the block that has the same.
func (s *side) ranked(a netip.Addr) ([]share, netip.Addr) {
	if s.plan == nil {
		return nil, lastOf(a, 0)
	}
	ranking, scope := s.plan.Ranked(a)
	return s.pools[ranking], lastOf(a, int(scope))
}

// pick is the cluster of a client.
func (s *side) pick(a netip.Addr) string {
	if s.plan == nil {
		return ""
	}
	if c := s.plan.Pick(a); c.Endpoint >= 0 {
		return s.plan.Endpoints()[c.Endpoint].Cluster
	}
	return ""
}

type comparison struct {
	before, after side
	report        Report
	moves         map[Move]*total // by country and clusters
}

// total is a move while it is added up; last is its newest change.
type total struct {
	Move
	last int
}

// run compares a run of addresses in one country.
func (c *comparison) run(r run) {
	size := c.report.Countries[r.country]
	size.add(r.first.Is4(), extent(r.first, r.last))
	c.report.Countries[r.country] = size
	for a := r.first; ; {
		before, end1 := c.before.ranked(a)
		after, end2 := c.after.ranked(a)
		last := least(r.last, least(end1, end2))
		c.piece(run{a, last, r.country}, before, after)
		if last == r.last {
			return
		}
		a = last.Next()
	}
}

// piece compares a run whose clients all have the same pool of either plan.
func (c *comparison) piece(r run, before, after []share) {
	switch {
	case slices.Equal(before, after):
		// Equal weights draw alike: clusters are hashed by their names.
	case len(before) < 2 && len(after) < 2:
		c.note(r, single(before), single(after), 1)
	case r.first.Is4() && r.country != "" || blocks(r) <= mostBlocks:
		c.enumerate(r)
	default:
		for _, m := range expected(before, after) {
			c.note(r, m.from, m.to, m.share)
		}
	}
}

// mostBlocks is up to how many networks are asked one by one that are of IPv6, or of which nothing is
// known.
const mostBlocks = 64

// blocks is how many networks that are hashed as one a run has.
func blocks(r run) float64 {
	if r.first.Is4() {
		return extent(r.first, r.last) / 256
	}
	return extent(r.first, r.last)
}

func single(pool []share) string {
	if len(pool) == 0 {
		return ""
	}
	return pool[0].cluster
}

// enumerate asks for every network that is hashed as one. Neighbours that go the same way are one
// change.
func (c *comparison) enumerate(r run) {
	bits := steer.BlockIPv6
	if r.first.Is4() {
		bits = steer.BlockIPv4
	}
	open := run{first: r.first, country: r.country}
	var from, to string
	for a := r.first; ; {
		f, t := c.before.pick(a), c.after.pick(a)
		if a != r.first && (f != from || t != to) {
			c.note(open, from, to, 1)
			open.first = a
		}
		from, to = f, t
		open.last = least(lastOf(a, bits), r.last)
		if open.last == r.last {
			break
		}
		a = open.last.Next()
	}
	c.note(open, from, to, 1)
}

// note takes down that part of a run is answered otherwise.
func (c *comparison) note(r run, from, to string, part float64) {
	if from == to || part == 0 {
		return
	}
	key := Move{Country: r.country, From: from, To: to}
	m := c.moves[key]
	if m == nil {
		m = &total{Move: key, last: -1}
		c.moves[key] = m
	}
	if m.last >= 0 && c.report.Changes[m.last].Last.Next() == r.first && c.report.Changes[m.last].Share == part {
		// Tables are divided into blocks that nobody wants to know of.
		c.report.Changes[m.last].Last = r.last
	} else {
		m.last = len(c.report.Changes)
		m.Networks++
		c.report.Changes = append(c.report.Changes, Change{r.first, r.last, r.country, from, to, part})
	}
	m.Size.add(r.first.Is4(), part*extent(r.first, r.last))
}
