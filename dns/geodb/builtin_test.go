package geodb

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/core/geo"
)

var threeRegions = []geo.Region{
	{Name: "eu-central-1", Latitude: 50.11, Longitude: 8.68, HasLocation: true},
	{Name: "us-east-1", Latitude: 38.95, Longitude: -77.45, HasLocation: true},
	{Name: "ap-southeast-1", Latitude: 1.35, Longitude: 103.8, HasLocation: true},
}

func TestBuiltInKnowsWellKnownNetworks(t *testing.T) {
	source, info := BuiltIn()
	table, problems := geo.Compile(source).Regions(threeRegions, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	tests := map[string]struct {
		address, country, region string
	}{
		"RIPE NCC":                    {"193.0.6.139", "NL", "eu-central-1"},
		"RIPE NCC, IPv6":              {"2001:67c:2e8:22::c100:68b", "NL", "eu-central-1"},
		"DFN, a German university":    {"130.149.7.7", "DE", "eu-central-1"},
		"DFN, IPv6":                   {"2001:638:a000::1", "DE", "eu-central-1"},
		"KIT in Karlsruhe":            {"129.13.1.1", "DE", "eu-central-1"},
		"University of Virginia":      {"128.143.22.36", "US", "us-east-1"},
		"Virginia Tech":               {"128.173.1.1", "US", "us-east-1"},
		"Internet2, IPv6":             {"2001:468:c80::1", "US", "us-east-1"},
		"Google public DNS":           {"8.8.8.8", "US", "us-east-1"},
		"University of Campinas":      {"143.106.1.1", "BR", "us-east-1"},
		"SingNet":                     {"165.21.100.88", "SG", "ap-southeast-1"},
		"StarHub, IPv6":               {"2404:e800::1", "SG", "ap-southeast-1"},
		"APNIC in Brisbane":           {"202.12.29.205", "AU", "ap-southeast-1"},
		"APNIC's servers in Tokyo":    {"202.12.28.1", "JP", "ap-southeast-1"},
		"University of Tokyo":         {"133.11.0.1", "JP", "ap-southeast-1"},
		"Telekom Malaysia, IPv6":      {"2001:e68::1", "MY", "ap-southeast-1"},
		"a private network":           {"10.1.2.3", "", ""},
		"a network for documentation": {"2001:db8::1", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := netip.MustParseAddr(test.address)
			if l := source.Locate(a); l.Country != test.country {
				t.Errorf("country of %v is %q, want %q", a, l.Country, test.country)
			}
			class, scope := table.Lookup(a)
			if got := table.Region(class); got != test.region {
				t.Errorf("region of %v is %q, want %q", a, got, test.region)
			}
			if scope == 0 || int(scope) >= a.BitLen() {
				t.Errorf("scope of %v is %d", a, scope)
			}
		})
	}
	if info.Built.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !info.Coarse || info.Networks < 200_000 {
		t.Errorf("%+v", info)
	}
}

func TestBuiltInHoldsKnownCountriesOnly(t *testing.T) {
	source, _ := BuiltIn()
	count := map[string]int{}
	for _, l := range source.Ranges() {
		count[l.Country]++
		if !geo.KnownCountry(l.Country) {
			t.Fatalf("country %q", l.Country)
		}
	}
	if len(count) < 230 {
		t.Errorf("only %d countries", len(count))
	}
}

// Two neighbouring blocks of one class that are the halves of a wider one would be a scope too
// narrow. That no block is too wide is proved against an oracle in package geo.
func TestBuiltInScopesAreWidest(t *testing.T) {
	table, _ := compiled().Regions(threeRegions, nil)
	for _, v4 := range []bool{true, false} {
		var before netip.Prefix
		var beforeClass uint16
		blocks, bits := 0, 0
		for p, class := range table.Blocks(v4) {
			if before.IsValid() && before.Bits() == p.Bits() && class == beforeClass && p.Bits() > 0 &&
				netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked().Contains(before.Addr()) {
				t.Fatalf("%v and %v could be one", before, p)
			}
			before, beforeClass = p, class
			blocks++
			bits += p.Bits()
		}
		t.Logf("IPv4 %v: %d blocks of %.1f bits on average", v4, blocks, float64(bits)/float64(blocks))
	}
}

func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		BuiltIn()
	}
}

func BenchmarkCompile(b *testing.B) {
	source, _ := BuiltIn()
	for b.Loop() {
		geo.Compile(source)
	}
}

func BenchmarkRegions(b *testing.B) {
	places := compiled()
	for _, n := range []int{1, 3, 6, 12} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				places.Regions(worldRegions[:n], nil)
			}
		})
	}
}

func compiled() *geo.Places {
	source, _ := BuiltIn()
	return geo.Compile(source)
}

var worldRegions = append(threeRegions[:3:3],
	geo.Region{Name: "us-west-2", Latitude: 45.9, Longitude: -119.3, HasLocation: true},
	geo.Region{Name: "ap-northeast-1", Latitude: 35.6, Longitude: 139.7, HasLocation: true},
	geo.Region{Name: "sa-east-1", Latitude: -23.5, Longitude: -46.6, HasLocation: true},
	geo.Region{Name: "eu-west-1", Latitude: 53.3, Longitude: -6.3, HasLocation: true},
	geo.Region{Name: "eu-north-1", Latitude: 59.3, Longitude: 18.1, HasLocation: true},
	geo.Region{Name: "ap-south-1", Latitude: 19.1, Longitude: 72.9, HasLocation: true},
	geo.Region{Name: "af-south-1", Latitude: -33.9, Longitude: 18.4, HasLocation: true},
	geo.Region{Name: "ap-southeast-2", Latitude: -33.9, Longitude: 151.2, HasLocation: true},
	geo.Region{Name: "me-central-1", Latitude: 25.2, Longitude: 55.3, HasLocation: true},
)

// BenchmarkMemory reports what stays in memory: of the database and of one table.
func BenchmarkMemory(b *testing.B) {
	used := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	var places *geo.Places
	var tables []*geo.Table
	for b.Loop() {
		places, tables = nil, nil
		start := used()
		places = compiled()
		loaded := used()
		for _, n := range []int{3, 12} {
			before := used()
			table, _ := places.Regions(worldRegions[:n], nil)
			tables = append(tables, table)
			b.ReportMetric(used()-before, fmt.Sprintf("MB/table-of-%d", n))
		}
		b.ReportMetric(loaded-start, "MB/places")
	}
	runtime.KeepAlive(tables)
}

// BenchmarkLookup asks for 65,536 networks in no order: more than the nearest cache holds.
func BenchmarkLookup(b *testing.B) {
	source, _ := BuiltIn()
	table, _ := geo.Compile(source).Regions(threeRegions, nil)
	var known [2][]netip.Addr
	for r := range source.Ranges() {
		family := r[0].BitLen() / 128
		known[family] = append(known[family], r[0])
	}
	for family, name := range []string{"IPv4", "IPv6"} {
		random := rand.New(rand.NewPCG(1, 2))
		var list [1 << 16]netip.Addr
		for i := range list {
			list[i] = known[family][random.IntN(len(known[family]))]
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				table.Lookup(list[i%len(list)])
			}
		})
	}
}
