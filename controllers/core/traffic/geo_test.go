package traffic

import (
	"strings"
	"testing"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestBuiltInRegions(t *testing.T) {
	rows := 0
	for line := range strings.Lines(regionsTSV) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) != 5 {
			t.Errorf("want provider, region, latitude, longitude and place: %q", line)
		}
	}
	read := 0
	for name, list := range cloudRegions() {
		providers := map[string]bool{}
		for _, row := range list {
			read++
			if p := newPlace(name, &row.location); !p.known {
				t.Errorf("%s %s: not a place: %v", row.provider, name, row.location)
			}
			if providers[row.provider] {
				t.Errorf("%s %s: twice", row.provider, name)
			}
			providers[row.provider] = true
		}
	}
	if read != rows || rows < 250 {
		t.Errorf("read %d of %d rows", read, rows)
	}
}

func TestCloudRegionOfTwoProviders(t *testing.T) {
	for provider, want := range map[string]string{"": "1.35", "aws": "1.35", "Huawei Cloud": "22.32", "alicloud": "1.35"} {
		if got := CloudRegion(provider, "ap-southeast-1"); got == nil || got.Latitude != want {
			t.Errorf("ap-southeast-1 of %q: %v, want latitude %s", provider, got, want)
		}
	}
	if got := CloudRegion("aws", "my-cellar"); got != nil {
		t.Errorf("my-cellar: %v", got)
	}
}

func TestDistance(t *testing.T) {
	at := func(lat, lon string) place { return newPlace("", &v1.Coordinates{Latitude: lat, Longitude: lon}) }
	for name, tc := range map[string]struct {
		a, b place
		want int
	}{
		"itself":                {at("50.11", "8.68"), at("50.11", "8.68"), 0},
		"Frankfurt to Dublin":   {at("50.11", "8.68"), at("53.35", "-6.26"), 1088},
		"across the date line":  {at("0", "179.5"), at("0", "-179.5"), 111},
		"the other side":        {at("0", "0"), at("0", "180"), 20015},
		"from pole to pole":     {at("90", "12"), at("-90", "77"), 20015},
		"Singapore to Virginia": {at("1.35", "103.82"), at("38.95", "-77.45"), 15529},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.a.kilometres(tc.b); got < tc.want-15 || got > tc.want+15 || got != tc.b.kilometres(tc.a) {
				t.Errorf("%d km, back %d km, want about %d km", got, tc.b.kilometres(tc.a), tc.want)
			}
		})
	}
}
