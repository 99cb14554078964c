package geo

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// The oracle answers by reading the rules as they are written: a scan of every network, distances
// by the haversine formula. It shares no code with the table.

var pairs = flag.Int("geo.pairs", 1_000_000, "pairs of address and region list that are compared with the oracle; a tenth with -short")

// world is all input of a table.
type world struct {
	networks  []Network
	regions   []Region
	overrides []Override
	merge     []uint16
}

func (w world) table(t testing.TB) *Table {
	t.Helper()
	s, err := NewSource(w.networks)
	if err != nil {
		t.Fatal(err)
	}
	table, problems := Compile(s).Regions(w.regions, w.overrides)
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	if w.merge != nil {
		table = table.Merge(w.merge)
	}
	return table
}

func (w world) class(a netip.Addr) uint16 {
	if c := w.unmerged(a); int(c) >= len(w.merge) {
		return c
	} else {
		return w.merge[c]
	}
}

func (w world) unmerged(a netip.Addr) uint16 {
	a = a.Unmap()
	longest, class := -1, Global
	for _, o := range w.overrides {
		for _, n := range o.Networks {
			if p := netip.MustParsePrefix(n); p.Contains(a) && p.Bits() > longest {
				longest, class = p.Bits(), w.number(o.Region)
			}
		}
	}
	if longest >= 0 {
		return class
	}
	l := w.locate(a)
	for _, matches := range []func(Override) bool{
		func(o Override) bool { return has(o.ASNs, int64(l.ASN)) },
		func(o Override) bool { return has(o.Subdivisions, l.Subdivision) },
		func(o Override) bool { return has(o.Countries, l.Country) },
	} {
		for _, o := range w.overrides {
			if matches(o) {
				return w.number(o.Region)
			}
		}
	}
	if !l.HasCoordinates {
		c, ok := subdivisions[l.Subdivision]
		if !ok {
			var found country
			found, ok = countries[l.Country]
			c = found.centre
		}
		if !ok {
			return Global
		}
		l.Latitude, l.Longitude = c.latitude, c.longitude
	}
	nearest, name := math.Inf(1), ""
	for i, r := range w.regions {
		if !r.HasLocation {
			continue
		}
		d := haversine(l.Latitude, l.Longitude, r.Latitude, r.Longitude)
		if d < nearest || d == nearest && r.Name < name {
			nearest, name, class = d, r.Name, uint16(i+1)
		}
	}
	return class
}

func (w world) locate(a netip.Addr) Location {
	longest, l := -1, Location{}
	for _, n := range w.networks {
		if n.Prefix.Contains(a) && n.Prefix.Bits() >= longest {
			longest, l = n.Prefix.Bits(), n.Location
		}
	}
	return l
}

func (w world) number(name string) uint16 {
	for i, r := range w.regions {
		if r.Name == name {
			return uint16(i + 1)
		}
	}
	panic("no region " + name)
}

func has[T comparable](list []T, v T) bool {
	for _, e := range list {
		if e == v {
			return true
		}
	}
	return false
}

func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	h := math.Pow(math.Sin(rad(lat2-lat1)/2), 2) +
		math.Cos(rad(lat1))*math.Cos(rad(lat2))*math.Pow(math.Sin(rad(lon2-lon1)/2), 2)
	return 2 * 6371.0088 * math.Asin(math.Sqrt(math.Min(1, h)))
}

// borders are the addresses at which the class can change: within a family it is the same from one
// border to the next.
func (w world) borders() []netip.Addr {
	out := []netip.Addr{netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("::"),
		mapped.Addr(), netip.MustParseAddr("::1:0:0:0")}
	add := func(p netip.Prefix) {
		for _, a := range []netip.Addr{p.Addr(), lastOf(p).Next()} {
			if !a.IsValid() {
				continue
			}
			out = append(out, a)
			if a.Is4() {
				out = append(out, netip.AddrFrom16(a.As16()))
			}
		}
	}
	for _, n := range w.networks {
		add(n.Prefix)
	}
	for _, o := range w.overrides {
		for _, n := range o.Networks {
			add(netip.MustParsePrefix(n))
		}
	}
	return out
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// chooser draws a number from 0 to n-1; worlds are made with one, by chance or by rapid.
type chooser func(n int) int

var (
	someBases = []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "192.0.2.0/24", "255.255.255.0/24",
		"::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2:3::/80", "::fffe:0:0/95", "ffff::/16"}
	someLocations = []Location{
		{}, {Country: "DE"}, {Country: "US"}, {Country: "US", Subdivision: "US-CA"}, {Country: "US", ASN: 64500},
		{Country: "JP"}, {Country: "BR", ASN: 64501}, {ASN: 64502}, {Country: "EU"}, {Continent: "AS"},
		{Country: "IN", Subdivision: "IN-KA"}, {Country: "IN", Subdivision: "IN-KA", ASN: 64500}, {Country: "AU"},
		{Country: "SG", Latitude: 1.35, Longitude: 103.8, HasCoordinates: true},
		{Country: "US", Subdivision: "US-NY", Latitude: 40.7, Longitude: -74, HasCoordinates: true},
	}
	someRegions = []Region{
		{"eu-central-1", 50.11, 8.68, true}, {"us-east-1", 38.95, -77.45, true}, {"ap-southeast-1", 1.35, 103.8, true},
		{"us-west-2", 45.9, -119.3, true}, {"ap-northeast-1", 35.6, 139.7, true}, {"sa-east-1", -23.5, -46.6, true},
		{"on-premises", 0, 0, false},
	}
)

func (pick chooser) prefix() netip.Prefix {
	base := netip.MustParsePrefix(someBases[pick(len(someBases))])
	size := base.Addr().BitLen()
	b := base.Addr().AsSlice()
	bits := min(size, base.Bits()+pick(20))
	if pick(8) == 0 {
		bits = base.Bits() + pick(size-base.Bits()+1)
	}
	for i := base.Bits(); i < bits; i++ {
		if pick(2) == 1 {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	a, _ := netip.AddrFromSlice(b)
	if a.Is4In6() { // has its own test; here it would say the same as IPv4
		return pick.prefix()
	}
	return netip.PrefixFrom(a, bits)
}

func (pick chooser) world(networks, overrides int) world {
	var w world
	for range pick(networks) + 1 {
		l := someLocations[pick(len(someLocations))]
		if pick(4) == 0 {
			l.Latitude, l.Longitude = float64(pick(1801)-900)/10, float64(pick(3601)-1800)/10
			l.HasCoordinates = true
		}
		w.networks = append(w.networks, Network{pick.prefix(), l})
	}
	for _, r := range someRegions {
		if pick(3) > 0 {
			w.regions = append(w.regions, r)
		}
	}
	if len(w.regions) == 0 {
		return w
	}
	taken := map[any]bool{}
	free := func(v any) bool { was := taken[v]; taken[v] = true; return !was }
	for range pick(overrides + 1) {
		o := Override{Region: w.regions[pick(len(w.regions))].Name}
		p := pick.prefix()
		l := someLocations[pick(len(someLocations))]
		switch kind := pick(6); {
		case kind < 3 && free(p):
			o.Networks = append(o.Networks, p.String())
		case kind == 3 && l.ASN != 0 && free(l.ASN):
			o.ASNs = append(o.ASNs, int64(l.ASN))
		case kind == 4 && l.Subdivision != "" && free(l.Subdivision):
			o.Subdivisions = append(o.Subdivisions, l.Subdivision)
		case kind == 5 && KnownCountry(l.Country) && free(l.Country):
			o.Countries = append(o.Countries, l.Country)
		}
		w.overrides = append(w.overrides, o)
	}
	return w
}

// address is one near a border of the world: where mistakes would be.
func (pick chooser) address(w world, borders []netip.Addr) netip.Addr {
	a := borders[pick(len(borders))]
	switch pick(4) {
	case 0:
		if before := a.Prev(); before.IsValid() {
			return before
		}
	case 1:
		b := a.AsSlice()
		for i := len(b) * 8 / 4 * pick(4); i < len(b)*8; i++ {
			if pick(2) == 1 {
				b[i/8] ^= 0x80 >> (i % 8)
			}
		}
		a, _ = netip.AddrFromSlice(b)
	}
	return a
}

func TestTableAnswersAsTheOracleDoes(t *testing.T) {
	const perWorld = 1000
	r := rand.New(rand.NewPCG(1, 2))
	pick := chooser(r.IntN)
	compared, classes := 0, map[uint16]int{}
	wanted := *pairs
	if testing.Short() {
		wanted /= 10
	}
	for compared < wanted {
		w := pick.world(400, 40)
		table, borders := w.table(t), w.borders()
		for range perWorld {
			a := pick.address(w, borders)
			got, scope := table.Lookup(a)
			if want := w.class(a); got != want {
				t.Fatalf("Lookup(%v) = %d/%d, the oracle says %d\n%s", a, got, scope, want, w)
			}
			if e := table.Explain(a); e.Class != got || !e.Scope.Contains(a) {
				t.Fatalf("Explain(%v) = %+v, Lookup says %d/%d", a, e, got, scope)
			}
			classes[got]++
			compared++
		}
	}
	if len(classes) < len(someRegions) {
		t.Errorf("only classes %v were met", classes)
	}
	t.Logf("%d pairs, classes met %v", compared, classes)
}

func (w world) String() string {
	s := ""
	for _, n := range w.networks {
		s += fmt.Sprintf("%v %v\n", n.Prefix, n.Location)
	}
	return s + fmt.Sprintf("%+v\n%+v\n", w.regions, w.overrides)
}
