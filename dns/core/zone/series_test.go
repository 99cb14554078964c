package zone

import (
	"fmt"
	"testing"

	"github.com/seaway-io/seaway/dns/core/steer"
)

// Numbers stay what they are, whatever comes and goes, and there is a bound to them.
func TestSeries(t *testing.T) {
	var s Series
	number := func(domains ...string) []uint16 {
		snapshot := &Snapshot{Plans: []*Plan{{Namespace: "shop", Name: "web", Endpoints: []steer.Endpoint{{Cluster: "fra"}, {Cluster: "iad"}}}}}
		for _, d := range domains {
			snapshot.Zones = append(snapshot.Zones, &Zone{Domain: d})
		}
		s.Number(snapshot, snapshot.Plans)
		var out []uint16
		for _, z := range snapshot.Zones {
			out = append(out, z.Series)
		}
		if got := snapshot.Plans[0].Series; got[0] != 2 || got[1] != 3 {
			t.Errorf("endpoints are %v", got)
		}
		return out
	}
	number("a", "b")
	if got := number("c", "b"); got[0] != 4 || got[1] != 3 {
		t.Errorf("got %v", got)
	}
	var many []string
	for i := range 2 * MostZoneSeries {
		many = append(many, fmt.Sprint(i))
	}
	got := number(many...)
	if got[0] != 5 || got[len(got)-1] != SeriesOther {
		t.Errorf("got %v", got)
	}
	for _, n := range got {
		if n >= MostZoneSeries {
			t.Errorf("%d is no number of a zone", n)
		}
	}
	first, domains := s.Zones()
	if first != 2 || domains[0] != "a" || len(domains) != MostZoneSeries-2 {
		t.Errorf("from %d: %v", first, domains)
	}
	if first, endpoints := s.Endpoints(); first != 2 || endpoints[1] != (EndpointSeries{"shop", "web", "iad"}) {
		t.Errorf("from %d: %v", first, endpoints)
	}
}
