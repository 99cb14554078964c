package geo

import (
	"strings"
	"testing"
)

func TestCentresAreWhereTheyShouldBe(t *testing.T) {
	if len(countries) != 250 { // ISO 3166-1 has 249; XK
		t.Errorf("%d countries", len(countries))
	}
	// Boxes around the continents, wide enough for their islands; longitudes from west to east.
	boxes := map[string][4]float64{ // south, north, west, east
		"AF": {-35, 38, -26, 64}, "AN": {-90, -49, -180, 180}, "AS": {-13, 56, 25, 154}, "EU": {34, 79, -25, 50},
		"NA": {7, 84, -170, -50}, "OC": {-48, 21, 130, 235}, "SA": {-57, 14, -93, -33},
	}
	for code, c := range countries {
		box, ok := boxes[c.continent]
		east := c.longitude
		if c.continent == "OC" && east < 0 {
			east += 360
		}
		if !ok || c.latitude < box[0] || c.latitude > box[1] || east < box[2] || east > box[3] {
			t.Errorf("%s at %v is not in %s", code, c.centre, c.continent)
		}
	}
	for code, c := range subdivisions {
		country, _, _ := strings.Cut(code, "-")
		if checkSubdivision(code) != "" {
			t.Errorf("%s is not a code", code)
		}
		from, ok := countries[country]
		if d := haversine(from.latitude, from.longitude, c.latitude, c.longitude); !ok || d > 7000 {
			t.Errorf("%s is %.0f km from the middle of its country", code, d)
		}
	}
}

// Distances that can be looked up elsewhere pin the table to the globe.
func TestDistancesBetweenCentres(t *testing.T) {
	for _, test := range []struct {
		a, b       string
		kilometres float64
	}{
		{"SG", "HK", 2580}, {"AT", "CH", 520}, {"IE", "NL", 840}, {"EE", "LV", 250}, {"PT", "ES", 470}, {"KR", "JP", 890},
	} {
		a, b := countries[test.a], countries[test.b]
		d := pointAt(a.latitude, a.longitude).kilometres(pointAt(b.latitude, b.longitude))
		if d < test.kilometres*0.9 || d > test.kilometres*1.1 {
			t.Errorf("%s to %s: %.0f km, want about %.0f", test.a, test.b, d, test.kilometres)
		}
	}
}
