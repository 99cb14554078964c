package differential

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var (
	queries = flag.Int("queries", 10_000, "how many questions each server is asked")
	seed    = flag.Uint64("seed", 1, "of zones and questions")
)

const zoneCount = 200

// TestAgainstNSDAndKnot wants no difference that is not explained.
func TestAgainstNSDAndKnot(t *testing.T) {
	find(t, "nsd")
	find(t, "knotd")
	r := rand.New(rand.NewPCG(*seed, 1))
	zones := makeZones(r, zoneCount)
	checkZones(t, zones)
	ours := &asker{name: "seaway", to: startOurs(t, zones)}
	files := writeZones(t, ours.to, zones)
	others := []*asker{{name: "nsd", to: startNSD(t, files, zones)}, {name: "knot", to: startKnot(t, files, zones)}}

	explained, unexplained := map[string]int{}, 0
	shown := map[string]bool{} // one of each kind
	for range *queries {
		q := makeQuestion(r, zones)
		got, err := q.ask(ours)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		for _, other := range others {
			want, err := q.ask(other)
			if err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			reasons, rest := compare(q, other.name, got, want)
			for _, reason := range reasons {
				explained[reason]++
			}
			if len(rest) == 0 {
				continue
			}
			unexplained++
			kind := fmt.Sprint(other.name, rest, got.full.Rcode, want.full.Rcode, len(got.full.Answer), len(want.full.Answer))
			if !shown[kind] && len(shown) < 20 {
				shown[kind] = true
				t.Errorf("%s\ndiffers from %s in %s\n--- seaway\n%s\n--- %s\n%s", q, other.name, strings.Join(rest, ", "), got, other.name, want)
			}
		}
	}
	for _, e := range differences {
		t.Logf("%6d × %s: %s", explained[e.name], e.name, e.why)
	}
	t.Logf("%d questions on %d zones, %d servers beside ours: %d unexplained differences", *queries, len(zones), len(others), unexplained)
	if unexplained > 0 {
		t.Errorf("%d differences are not explained", unexplained)
	}
}

// checkZones makes sure that everything that was generated is served.
func checkZones(t *testing.T, zones []*zoneMaker) {
	in := zone.Input{Now: zonetest.Now}
	for _, m := range zones {
		in.Zones, in.Records = append(in.Zones, m.zone), append(in.Records, m.more)
	}
	for _, p := range zone.Compile(in).Problems {
		// Hidden records are there on purpose.
		if !strings.Contains(p.Message, "the record belongs there") {
			t.Fatal(p)
		}
	}
}

// question is a question and how it is asked.
type question struct {
	name   string
	rrtype uint16
	edns   uint16 // size; 0: none
	do     bool
	tcp    bool
	rd, cd bool
	id     uint16
}

func (q question) String() string {
	return fmt.Sprintf("%s %s edns=%d do=%v tcp=%v rd=%v cd=%v", q.name, miekg.Type(q.rrtype), q.edns, q.do, q.tcp, q.rd, q.cd)
}

var askedTypes = append([]string{"NS", "SOA", "CNAME", "DS", "DNAME", "DNSKEY", "RRSIG", "NSEC", "NSEC3PARAM", "CDS", "ANY", "NULL", "TYPE1234"}, dataTypes...)

// makeQuestion asks for a name in, around, below or above a zone.
func makeQuestion(r *rand.Rand, zones []*zoneMaker) question {
	m := zones[r.IntN(len(zones))]
	all := slices.Concat(m.names, m.aliases, m.cuts, []string{"@", "ns1", "many", "x"})
	name := all[r.IntN(len(all))]
	if r.IntN(2) == 0 {
		name = strings.Replace(name, "*", []string{"any", "x.y", "*", "a"}[r.IntN(4)], 1)
	}
	name = m.absolute(name)
	switch r.IntN(12) {
	case 0, 1:
		name = []string{"x.", "ns.", "hidden.", "*.", "a.b.", "www.", "grand."}[r.IntN(7)] + name
	case 2:
		_, name, _ = strings.Cut(name, ".")
	case 3:
		name = "missing-" + name
	case 4:
		name = m.absolute(m.name())
	case 5:
		name = []string{".", "example.", "org.", "example.com.", "invalid.", "z0.example.test.", "x" + name}[r.IntN(7)]
	}
	if name == "" {
		name = "."
	}
	if r.IntN(3) == 0 {
		name = mixCase(r, name)
	}
	rrtype := askedTypes[r.IntN(len(askedTypes))]
	if r.IntN(2) == 0 {
		rrtype = []string{"A", "AAAA", "TXT", "NS", "DS", "SOA"}[r.IntN(6)]
	}
	q := question{name: name, tcp: r.IntN(5) == 0, rd: r.IntN(2) == 0, cd: r.IntN(8) == 0, id: uint16(r.IntN(65536)),
		edns: []uint16{0, 512, 1232, 4096}[r.IntN(4)]}
	q.do = q.edns > 0 && r.IntN(2) == 0
	if t, ok := miekg.StringToType[rrtype]; ok {
		q.rrtype = t
	} else {
		fmt.Sscanf(rrtype, "TYPE%d", &q.rrtype)
	}
	if _, ok := miekg.IsDomainName(q.name); !ok || len(q.name) > 253 {
		return makeQuestion(r, zones)
	}
	return q
}

func mixCase(r *rand.Rand, name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && r.IntN(2) == 0 {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// answers are those of one server: by UDP, and by TCP, where everything fits.
type answers struct {
	udp, full         *miekg.Msg // udp is nil where TCP alone was asked
	udpSize, fullSize int
}

// limit is how large an answer by UDP may be.
func (q question) limit() int { return min(max(int(q.edns), miekg.MinMsgSize), 1232) }

func (q question) ask(a *asker) (out answers, err error) {
	m := new(miekg.Msg)
	m.SetQuestion(q.name, q.rrtype)
	m.Id, m.RecursionDesired, m.CheckingDisabled = q.id, q.rd, q.cd
	if q.edns > 0 {
		m.SetEdns0(q.edns, q.do)
	}
	query, err := m.Pack()
	if err != nil {
		return out, err
	}
	if !q.tcp {
		if out.udp, out.udpSize, err = a.ask(query, false); err != nil {
			return out, err
		}
	}
	out.full, out.fullSize, err = a.ask(query, true)
	return out, err
}
