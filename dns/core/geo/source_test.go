package geo

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuilderRefusesWhatIsOutOfOrder(t *testing.T) {
	tests := map[string]struct {
		prefixes []string
		want     string // part of the error of the last
	}{
		"ascending":                          {prefixes: []string{"10.0.0.0/8", "11.0.0.0/8", "::/16", "2001:db8::/32"}},
		"families do not disturb each other": {prefixes: []string{"2001:db8::/32", "10.0.0.0/8", "2001:db9::/32"}},
		"an IPv4-mapped network is IPv4":     {prefixes: []string{"10.0.0.0/8", "::ffff:11.0.0.0/104", "2001:db8::/32"}},
		"descending":                         {prefixes: []string{"11.0.0.0/8", "10.0.0.0/8"}, want: "must ascend"},
		"inside the one before":              {prefixes: []string{"10.0.0.0/8", "10.1.0.0/16"}, want: "must ascend"},
		"after the last of all":              {prefixes: []string{"255.0.0.0/8", "255.255.255.255/32"}, want: "must ascend"},
		"the same twice":                     {prefixes: []string{"::/0", "::/0"}, want: "must ascend"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var b Builder
			at := b.Place(Location{Country: "DE"})
			var err error
			for i, p := range test.prefixes {
				if err = b.Add(netip.MustParsePrefix(p), at); err != nil && i < len(test.prefixes)-1 {
					t.Fatal(err)
				}
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestBuilderRefusesNonsense(t *testing.T) {
	var b Builder
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	for name, err := range map[string]error{
		"no prefix":          b.Add(netip.Prefix{}, 0),
		"no address":         b.AddRange(netip.Addr{}, v4, 0),
		"two families":       b.AddRange(v4, v6, 0),
		"backwards":          b.AddRange(v4, v4.Prev(), 0),
		"an unknown place":   b.AddRange(v4, v4, 99),
		"no prefix in a new": func() error { _, err := NewSource([]Network{{}}); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOverlayTakesDetailsOnlyFromWhatAgrees(t *testing.T) {
	coordinates := func(l Location) Location {
		l.Latitude, l.Longitude, l.HasCoordinates = 48.1, 11.6, true
		return l
	}
	tests := map[string]struct{ first, second, want Location }{
		"a country and an autonomous system": {
			Location{Country: "DE"}, Location{ASN: 64500}, Location{Country: "DE", Continent: "EU", ASN: 64500}},
		"nothing and something": {
			Location{}, Location{Country: "DE", ASN: 1}, Location{Country: "DE", Continent: "EU", ASN: 1}},
		"the same country with more detail": {
			Location{Country: "DE"}, coordinates(Location{Country: "DE", Subdivision: "DE-BY"}),
			coordinates(Location{Country: "DE", Continent: "EU", Subdivision: "DE-BY"})},
		"another country": {
			Location{Country: "FR"}, coordinates(Location{Country: "DE", Subdivision: "DE-BY", ASN: 1}),
			Location{Country: "FR", Continent: "EU", ASN: 1}},
		"another subdivision": {
			Location{Country: "DE", Subdivision: "DE-BE"}, coordinates(Location{Country: "DE", Subdivision: "DE-BY"}),
			Location{Country: "DE", Continent: "EU", Subdivision: "DE-BE"}},
		"the first autonomous system": {
			Location{ASN: 1}, Location{ASN: 2}, Location{ASN: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := netip.MustParsePrefix("192.0.2.0/24")
			one, _ := NewSource([]Network{{p, test.first}})
			two, _ := NewSource([]Network{{p, test.second}})
			if diff := cmp.Diff(test.want, Overlay(one, two).Locate(p.Addr())); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := Overlay().Len(); n != 0 {
		t.Errorf("an overlay of nothing has %d networks", n)
	}
}

func TestLocation(t *testing.T) {
	for l, want := range map[Location]string{
		{}:                               "unknown",
		{Continent: "AS"}:                "AS",
		{Country: "DE", Continent: "EU"}: "DE",
		{ASN: 64500}:                     "AS64500",
		{Country: "US", Subdivision: "US-CA", Latitude: 37.5, Longitude: -122, HasCoordinates: true, ASN: 1}: "US-CA 37.5,-122 AS1",
	} {
		if got := l.String(); got != want {
			t.Errorf("%+v is %q, want %q", l, got, want)
		}
	}
}

func TestCoordinatesOffTheGlobeAreNone(t *testing.T) {
	var b Builder
	if at := b.Place(Location{Latitude: 91, HasCoordinates: true}); at != 0 {
		t.Errorf("place %d, want the unknown one", at)
	}
}
