package traffic

import (
	"cmp"
	_ "embed"
	"maps"
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

// place is a region, with the direction to it as a vector of length 1 when it is known where it is.
type place struct {
	name     string
	location *trafficv1alpha1.Coordinates
	known    bool
	vector   [3]float64
}

func newPlace(name string, location *trafficv1alpha1.Coordinates) place {
	p := place{name: name, location: location}
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
func (p *planner) clientRegions() []place {
	regions := map[string]*trafficv1alpha1.Coordinates{}
	for _, e := range p.endpoints {
		if _, seen := regions[e.Region]; e.Region != "" && !seen {
			regions[e.Region] = CloudRegion(p.members[e.Cluster].Cluster.Spec.Provider, e.Region)
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
	out := make([]place, 0, len(regions))
	for _, name := range slices.Sorted(maps.Keys(regions)) {
		out = append(out, newPlace(name, regions[name]))
	}
	return out
}

// regional is a group of one region and the index of its place; -1 when it names none.
type regional struct {
	*group
	region string
	at     int
}

func regionals(groups []*group, places []place) []regional {
	out := make([]regional, 0, len(groups))
	for _, g := range groups {
		r := regional{g, g.candidates[0].region, -1}
		if i, found := slices.BinarySearchFunc(places, r.region, func(p place, name string) int { return cmp.Compare(p.name, name) }); found {
			r.at = i
		}
		out = append(out, r)
	}
	return out
}

// byDistance sorts groups, each of one region and themselves sorted by its name: the client's own
// first, then by distance from it, then those whose distance is not known, and last the clusters
// that name no region.
func byDistance(client place, groups []regional, places []place) []*group {
	const own, unknown, nowhere = -1, math.MaxInt - 1, math.MaxInt
	type ranked struct{ rank, index int }
	list := make([]ranked, 0, len(groups))
	for i, g := range groups {
		rank := nowhere
		switch {
		case g.region == client.name:
			rank = own
		case g.at >= 0 && client.known && places[g.at].known:
			rank = client.kilometres(places[g.at])
		case g.at >= 0:
			rank = unknown
		}
		list = append(list, ranked{rank, i})
	}
	slices.SortFunc(list, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.index, b.index)) })
	out := make([]*group, 0, len(list))
	for _, r := range list {
		out = append(out, groups[r.index].group)
	}
	return out
}
