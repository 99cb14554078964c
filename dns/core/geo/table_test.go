package geo

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// small is a world that a reader can hold in mind: Frankfurt, Virginia, Singapore and one region
// without a location.
func small() world {
	net := func(p string, l Location) Network { return Network{netip.MustParsePrefix(p), l} }
	return world{
		networks: []Network{
			net("192.0.2.0/24", Location{Country: "DE", ASN: 64500}),
			net("198.51.100.0/24", Location{Country: "US", Subdivision: "US-CA", ASN: 64501}),
			net("203.0.113.0/24", Location{Country: "US", ASN: 64502}),
			net("203.0.113.128/25", Location{Country: "US", Latitude: 1.3, Longitude: 103.8, HasCoordinates: true}),
			net("100.64.0.0/10", Location{Country: "EU"}),
			net("2001:db8::/32", Location{Country: "SG"}),
			net("2001:db8:1:2:3::/80", Location{Country: "DE"}),
		},
		regions: []Region{someRegions[0], someRegions[1], someRegions[2], {Name: "lab"}},
	}
}

func TestTheMostSpecificRuleDecides(t *testing.T) {
	tests := map[string]struct {
		overrides []Override
		addr      string
		region    string
		by        Basis
		rule      string
	}{
		"a country's middle decides when nothing else is known": {
			addr: "192.0.2.1", region: "eu-central-1", by: ByCountryDistance},
		"a subdivision's middle is nearer to the truth than the country's": {
			addr: "198.51.100.1", region: "us-east-1", by: BySubdivisionDistance},
		"coordinates are before the country": {
			addr: "203.0.113.200", region: "ap-southeast-1", by: ByCoordinates},
		"a network that the database does not know is of no region": {
			addr: "8.8.8.8", region: "", by: ByNothing},
		"a code that is no country is of no region": {
			addr: "100.64.0.1", region: "", by: ByNothing},
		"a country override is before distance": {
			overrides: []Override{{Region: "lab", Countries: []string{"US"}}},
			addr:      "203.0.113.200", region: "lab", by: ByCountry, rule: "US"},
		"a subdivision override is before the country's": {
			overrides: []Override{{Region: "lab", Countries: []string{"US"}}, {Region: "eu-central-1", Subdivisions: []string{"US-CA"}}},
			addr:      "198.51.100.1", region: "eu-central-1", by: BySubdivision, rule: "US-CA"},
		"an ASN override is before the subdivision's": {
			overrides: []Override{{Region: "lab", Subdivisions: []string{"US-CA"}}, {Region: "eu-central-1", ASNs: []int64{64501}}},
			addr:      "198.51.100.1", region: "eu-central-1", by: ByASN, rule: "AS64501"},
		"a network override is before the ASN's": {
			overrides: []Override{{Region: "lab", ASNs: []int64{64501}}, {Region: "eu-central-1", Networks: []string{"198.51.0.0/16"}}},
			addr:      "198.51.100.1", region: "eu-central-1", by: ByNetwork, rule: "198.51.0.0/16"},
		"of two networks the longer one wins, wherever it is written": {
			overrides: []Override{{Region: "lab", Networks: []string{"198.51.100.0/25"}}, {Region: "eu-central-1", Networks: []string{"198.51.0.0/16"}}},
			addr:      "198.51.100.1", region: "lab", by: ByNetwork, rule: "198.51.100.0/25"},
		"a network override needs no database": {
			overrides: []Override{{Region: "lab", Networks: []string{"2001:db8:ffff::/48", "10.0.0.0/8"}}},
			addr:      "10.20.30.40", region: "lab", by: ByNetwork, rule: "10.0.0.0/8"},
		"a single address can be given away": {
			overrides: []Override{{Region: "lab", Networks: []string{"2001:db8::53/128"}}},
			addr:      "2001:db8::53", region: "lab", by: ByNetwork, rule: "2001:db8::53/128"},
		"a network longer than /64 counts": {
			addr: "2001:db8:1:2:3::9", region: "eu-central-1", by: ByCountryDistance},
		"an IPv4-mapped address is IPv4": {
			addr: "::ffff:192.0.2.1", region: "eu-central-1", by: ByCountryDistance},
		"a zone does not matter": {
			addr: "2001:db8::1%eth0", region: "ap-southeast-1", by: ByCountryDistance},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := small()
			w.overrides = test.overrides
			table := w.table(t)
			a := netip.MustParseAddr(test.addr)
			class, _ := table.Lookup(a)
			e := table.Explain(a)
			if got := table.Region(class); got != test.region || e.Region != got || e.Class != class {
				t.Errorf("region of %v is %q (class %d), explained as %q (class %d), want %q", a, got, class, e.Region, e.Class, test.region)
			}
			if e.By != test.by || e.Rule != test.rule {
				t.Errorf("decided by %v %q, want %v %q", e.By, e.Rule, test.by, test.rule)
			}
		})
	}
}

func TestScope(t *testing.T) {
	tests := map[string]struct {
		overrides []Override
		addr      string
		want      string // the block
	}{
		"a database network among unknown ones": {
			addr: "192.0.2.77", want: "192.0.2.0/24"},
		"a network divided by a longer one": {
			addr: "203.0.113.1", want: "203.0.113.0/25"},
		"two networks of one region are one block": {
			overrides: []Override{{Region: "us-east-1", Networks: []string{"203.0.112.0/24"}}, {Region: "us-east-1", Networks: []string{"203.0.113.128/25"}}},
			addr:      "203.0.113.1", want: "203.0.112.0/23"},
		"an override that says what distance says does not divide": {
			overrides: []Override{{Region: "eu-central-1", Networks: []string{"192.0.2.128/25"}}},
			addr:      "192.0.2.1", want: "192.0.2.0/24"},
		"unknown space is as wide as the next known network lets it": {
			addr: "10.0.0.1", want: "0.0.0.0/1"},
		"everybody has one answer": {
			overrides: []Override{{Region: "lab", Networks: []string{"0.0.0.0/0"}}},
			addr:      "192.0.2.1", want: "0.0.0.0/0"},
		"a single address in a wide block": {
			overrides: []Override{{Region: "lab", Networks: []string{"2001:db8::53/128"}}},
			addr:      "2001:db8::53", want: "2001:db8::53/128"},
		"its neighbour": {
			overrides: []Override{{Region: "lab", Networks: []string{"2001:db8::53/128"}}},
			addr:      "2001:db8::52", want: "2001:db8::52/128"},
		"its neighbour's neighbours": {
			overrides: []Override{{Region: "lab", Networks: []string{"2001:db8::53/128"}}},
			addr:      "2001:db8::50", want: "2001:db8::50/127"},
		"an IPv4-mapped address counts 128 bits": {
			addr: "::ffff:192.0.2.1", want: "::ffff:192.0.2.0/120"},
		"the last address of all": {
			addr: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", want: "8000::/1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := small()
			w.overrides = test.overrides
			table := w.table(t)
			a := netip.MustParseAddr(test.addr)
			_, scope := table.Lookup(a)
			if got := netip.PrefixFrom(a, int(scope)).Masked().String(); got != test.want {
				t.Errorf("block of %v is %v, want %v", a, got, test.want)
			}
			if e := table.Explain(a); e.Scope.String() != test.want {
				t.Errorf("explained as %v, want %v", e.Scope, test.want)
			}
		})
	}
}

func TestAListOfNothingAnswersEverybodyAlike(t *testing.T) {
	w := small()
	w.regions = nil
	table := w.table(t)
	for _, a := range []string{"192.0.2.1", "8.8.8.8", "2001:db8::1", "::", "::ffff:192.0.2.1"} {
		if class, scope := table.Lookup(netip.MustParseAddr(a)); class != Global || scope != 0 {
			t.Errorf("Lookup(%s) = %d/%d, want 0/0", a, class, scope)
		}
	}
	if class, scope := table.Lookup(netip.Addr{}); class != Global || scope != 0 {
		t.Errorf("Lookup of no address = %d/%d", class, scope)
	}
	if e := table.Explain(netip.Addr{}); e.Class != Global || e.By != ByNothing {
		t.Errorf("Explain of no address = %+v", e)
	}
}

func TestMergedClassesWidenScopes(t *testing.T) {
	germany, california := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	table := small().table(t)
	unknownIsEurope := table.Merge([]uint16{1})
	if class, scope := unknownIsEurope.Lookup(germany); class != 1 || scope != 6 {
		t.Errorf("Germany among unknown space that counts as Europe: %d/%d", class, scope)
	}
	if class, scope := unknownIsEurope.Lookup(california); class != 2 || scope != 24 {
		t.Errorf("California: %d/%d", class, scope)
	}
	// Merges add up, and what does not exist changes nothing.
	all := unknownIsEurope.Merge([]uint16{0, 2, 2, 2, 2}).Merge([]uint16{99})
	for _, a := range []netip.Addr{germany, california, netip.MustParseAddr("2001:db8::1")} {
		if class, scope := all.Lookup(a); class != 2 || scope != 0 {
			t.Errorf("%v: %d/%d, want 2/0", a, class, scope)
		}
	}
	if class, _ := table.Lookup(germany); class != 1 {
		t.Error("the table that was merged has changed")
	}
}

func TestEquallyNearRegionsAreChosenByName(t *testing.T) {
	w := small()
	for _, regions := range [][]Region{
		{{"b", 50, 8, true}, {"a", 50, 8, true}},
		{{"a", 50, 8, true}, {"b", 50, 8, true}},
	} {
		w.regions = regions
		table := w.table(t)
		class, _ := table.Lookup(netip.MustParseAddr("192.0.2.1"))
		if got := table.Region(class); got != "a" {
			t.Errorf("of %v the region is %q", regions, got)
		}
	}
}

func TestExplainTellsTheDistances(t *testing.T) {
	e := small().table(t).Explain(netip.MustParseAddr("192.0.2.1"))
	var names []string
	for _, r := range e.Distances {
		names = append(names, r.Region.Name)
	}
	if diff := cmp.Diff([]string{"eu-central-1", "us-east-1", "ap-southeast-1", "lab"}, names); diff != "" {
		t.Error(diff)
	}
	if want := (Location{Country: "DE", Continent: "EU", ASN: 64500}); e.Location != want {
		t.Errorf("location %+v, want %+v", e.Location, want)
	}
}

func TestWhatIsWrongIsListedAndTheRestStands(t *testing.T) {
	tests := map[string]struct {
		regions   []Region
		overrides []Override
		want      []string // field, then a part of the text
	}{
		"an override for a region that is not in the list": {
			overrides: []Override{{Region: "mars", Countries: []string{"DE"}}},
			want:      []string{"overrides[0].region", `Not found: "mars"`}},
		"the path that was given is used": {
			overrides: []Override{{Region: "mars", Path: field.NewPath("spec", "regions").Index(7)}},
			want:      []string{"spec.regions[7].region", "Not found"}},
		"something that is no network": {
			overrides: []Override{{Region: "lab", Networks: []string{"10.0.0.0/8", "10.0.0.0"}}},
			want:      []string{"overrides[0].networks[1]", "CIDR form"}},
		"a network with host bits": {
			overrides: []Override{{Region: "lab", Networks: []string{"10.1.2.3/8"}}},
			want:      []string{"overrides[0].networks[0]", "write 10.0.0.0/8"}},
		"IPv4 written as IPv6": {
			overrides: []Override{{Region: "lab", Networks: []string{"::ffff:10.0.0.0/104"}}},
			want:      []string{"overrides[0].networks[0]", "write it as IPv4"}},
		"one network for two regions": {
			overrides: []Override{{Region: "lab", Networks: []string{"10.0.0.0/8"}}, {Region: "us-east-1", Networks: []string{"10.0.0.0/8"}}},
			want:      []string{"overrides[1].networks[0]", `already belongs to region "lab"`}},
		"one country for two regions": {
			overrides: []Override{{Region: "lab", Countries: []string{"JP"}}, {Region: "us-east-1", Countries: []string{"JP"}}},
			want:      []string{"overrides[1].countries[0]", `already belongs to region "lab"`}},
		"one subdivision for two regions": {
			overrides: []Override{{Region: "lab", Subdivisions: []string{"US-CA"}}, {Region: "us-east-1", Subdivisions: []string{"US-CA"}}},
			want:      []string{"overrides[1].subdivisions[0]", `already belongs to region "lab"`}},
		"one autonomous system for two regions": {
			overrides: []Override{{Region: "lab", ASNs: []int64{1}}, {Region: "us-east-1", ASNs: []int64{1}}},
			want:      []string{"overrides[1].asns[0]", `already belongs to region "lab"`}},
		"a country in lower case": {
			overrides: []Override{{Region: "lab", Countries: []string{"de"}}},
			want:      []string{"overrides[0].countries[0]", "write DE"}},
		"a country that does not exist": {
			overrides: []Override{{Region: "lab", Countries: []string{"UK"}}},
			want:      []string{"overrides[0].countries[0]", "ISO 3166-1"}},
		"a subdivision without its country": {
			overrides: []Override{{Region: "lab", Subdivisions: []string{"CA"}}},
			want:      []string{"overrides[0].subdivisions[0]", "such as US-CA"}},
		"a subdivision of no country": {
			overrides: []Override{{Region: "lab", Subdivisions: []string{"XX-CA"}}},
			want:      []string{"overrides[0].subdivisions[0]", "such as US-CA"}},
		"an autonomous system out of range": {
			overrides: []Override{{Region: "lab", ASNs: []int64{4294967296}}},
			want:      []string{"overrides[0].asns[0]", "1 to 4294967295"}},
		"a region off the globe": {
			regions: []Region{{"nowhere", 91, 0, true}},
			want:    []string{"regions[4]", "latitude must be"}},
		"a region without a name": {
			regions: []Region{{"", 50, 8, true}},
			want:    []string{"regions[4].name", "needs a name"}},
		"two regions of one name": {
			regions: []Region{{"lab", 50, 8, true}},
			want:    []string{"regions[4].name", "Duplicate"}},
		"the same said twice is no problem": {
			overrides: []Override{{Region: "lab", Countries: []string{"JP", "JP"}, Networks: []string{"10.0.0.0/8"}}, {Region: "lab", Networks: []string{"10.0.0.0/8"}}}},
		"a network inside another is no problem": {
			overrides: []Override{{Region: "lab", Networks: []string{"10.0.0.0/8"}}, {Region: "us-east-1", Networks: []string{"10.1.0.0/16"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := small()
			source, err := NewSource(w.networks)
			if err != nil {
				t.Fatal(err)
			}
			good := Override{Region: "lab", Networks: []string{"198.18.0.0/15"}}
			table, problems := Compile(source).Regions(append(w.regions, test.regions...), append(test.overrides, good))
			switch {
			case len(test.want) == 0 && len(problems) > 0:
				t.Errorf("problems: %v", problems)
			case len(test.want) > 0 && len(problems) != 1:
				t.Errorf("%d problems, want 1: %v", len(problems), problems)
			case len(test.want) > 0 && (problems[0].Field != test.want[0] || !strings.Contains(problems[0].Error(), test.want[1])):
				t.Errorf("problem %v, want one at %s with %q", problems[0], test.want[0], test.want[1])
			}
			for a, want := range map[string]string{"192.0.2.1": "eu-central-1", "198.18.0.1": "lab"} {
				class, _ := table.Lookup(netip.MustParseAddr(a))
				if got := table.Region(class); got != want {
					t.Errorf("region of %s is %q, want %q as if nothing were wrong", a, got, want)
				}
			}
		})
	}
}

func TestTooManyRegionsAreCutOff(t *testing.T) {
	source, err := NewSource(nil)
	if err != nil {
		t.Fatal(err)
	}
	regions := make([]Region, maxRegions+1)
	for i := range regions {
		regions[i].Name = strings.Repeat("x", 1+i/256) + string(rune('a'+i%256))
	}
	_, problems := Compile(source).Regions(regions, nil)
	if len(problems) != 1 || problems[0].Field != "regions" {
		t.Errorf("%v", problems)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	w := chooser(rand.New(rand.NewPCG(3, 4)).IntN).world(400, 40)
	table := w.table(t)
	addresses := []netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.1.2.3"),
		netip.MustParseAddr("2001:db8:1:2:3::4"), netip.MustParseAddr("::ffff:10.1.2.3"), netip.MustParseAddr("::1")}
	for _, a := range addresses {
		if n := testing.AllocsPerRun(100, func() { table.Lookup(a) }); n != 0 {
			t.Errorf("Lookup(%v) allocates %g times", a, n)
		}
	}
}
