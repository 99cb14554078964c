package traffic

import (
	"cmp"
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

//go:embed regions.tsv
var regionsTSV string

// cloudRegion is a row of the built-in table.
type cloudRegion struct {
	provider string
	location trafficv1alpha1.Coordinates
}

var cloudRegions = sync.OnceValue(func() map[string][]cloudRegion {
	out := map[string][]cloudRegion{}
	for line := range strings.Lines(regionsTSV) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 5 {
			out[fields[1]] = append(out[fields[1]], cloudRegion{fields[0], trafficv1alpha1.Coordinates{Latitude: fields[2], Longitude: fields[3]}})
		}
	}
	return out
})

// CloudRegion returns where a region of a large cloud is, or nil when the name is not known. The
// provider, as in a Cluster's spec.provider, decides between clouds that use one name for two places.
func CloudRegion(provider, region string) *trafficv1alpha1.Coordinates {
	rows := cloudRegions()[region]
	if len(rows) == 0 {
		return nil
	}
	provider = strings.ToLower(provider)
	if strings.HasPrefix(provider, "ali") { // aliyun, alicloud, alibabacloud
		provider = "alibaba"
	}
	for _, row := range rows {
		if strings.Contains(provider, row.provider) {
			return &row.location
		}
	}
	return &rows[0].location
}

// Regions are the regions that RegionMaps name.
type Regions map[string]trafficv1alpha1.Region

// located is a region and where it is, if that is known.
type located struct {
	name     string
	location *trafficv1alpha1.Coordinates
}

// place is a region, with the direction to it as a vector of length 1 when it is known where it is.
type place struct {
	located
	known  bool
	vector [3]float64
}

func newPlace(name string, location *trafficv1alpha1.Coordinates) place {
	p := place{located: located{name, location}}
	if location == nil {
		return p
	}
	lat, errLat := strconv.ParseFloat(location.Latitude, 64)
	lon, errLon := strconv.ParseFloat(location.Longitude, 64)
	if errLat != nil || errLon != nil {
		return p
	}
	lat, lon = lat*math.Pi/180, lon*math.Pi/180
	p.known = true
	p.vector = [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
	return p
}

// kilometres is the great-circle distance in whole kilometres, so that an order does not hang on the
// last bit of a floating-point number. It is taken from the chord, which is exact for small
// distances where the cosine of the angle is not.
func (p place) kilometres(q place) int {
	const earthRadius = 6371.0
	var chord float64
	for i := range p.vector {
		d := p.vector[i] - q.vector[i]
		chord += d * d
	}
	return int(math.Round(2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(chord)/2))))
}

// clientRegions are the regions of the endpoints and those of RegionMaps, by name.
func (p *planner) clientRegions() []located {
	regions := map[string]*trafficv1alpha1.Coordinates{}
	for i := range p.endpoints {
		name := p.endpoints[i].Region
		if _, seen := regions[name]; name != "" && !seen {
			regions[name] = CloudRegion(p.subjects[i].Cluster.Spec.Provider, name)
		}
	}
	for name, r := range p.in.Regions {
		switch _, seen := regions[name]; {
		case r.Location != nil:
			regions[name] = r.Location
		case !seen:
			regions[name] = CloudRegion("", name)
		}
	}
	out := make([]located, 0, len(regions))
	for name, at := range regions {
		out = append(out, located{name, at})
	}
	slices.SortFunc(out, func(a, b located) int { return cmp.Compare(a.name, b.name) })
	return out
}
