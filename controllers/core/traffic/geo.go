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

// clientRegions are the regions of the endpoints and those of RegionMaps, by name.
func (p *planner) clientRegions() []trafficv1alpha1.PlanRegion {
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
	out := make([]trafficv1alpha1.PlanRegion, 0, len(regions))
	for name, location := range regions {
		out = append(out, trafficv1alpha1.PlanRegion{Name: name, Location: location.DeepCopy()})
	}
	slices.SortFunc(out, func(a, b trafficv1alpha1.PlanRegion) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// byDistance groups candidates by region: the client's own first, then by distance from it, then
// those whose distance is not known, by name, and last the clusters that name no region.
func (p *planner) byDistance(candidates []candidate, client *trafficv1alpha1.PlanRegion) [][]candidate {
	ranks := map[string]float64{}
	for _, c := range candidates {
		if _, seen := ranks[c.region]; !seen {
			ranks[c.region] = p.rank(c.region, client)
		}
	}
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(ranks[a.region], ranks[b.region]), cmp.Compare(a.region, b.region))
	})
	return split(sorted, func(a, b candidate) bool { return a.region == b.region })
}

// rank is the distance of a region from a client region in whole kilometres, so that the order does
// not hang on the last bit of a floating-point number.
func (p *planner) rank(region string, client *trafficv1alpha1.PlanRegion) float64 {
	const own, unknown, nowhere = -1, 1e6, 1e7
	switch region {
	case client.Name:
		return own
	case "":
		return nowhere
	}
	i, _ := slices.BinarySearchFunc(p.regions, region, func(r trafficv1alpha1.PlanRegion, name string) int {
		return cmp.Compare(r.Name, name)
	})
	if km, ok := distance(client.Location, p.regions[i].Location); ok {
		return math.Round(km)
	}
	return unknown
}

// distance is the great-circle distance in kilometres, by the haversine formula.
func distance(a, b *trafficv1alpha1.Coordinates) (km float64, ok bool) {
	aLat, aLon, okA := radians(a)
	bLat, bLon, okB := radians(b)
	if !okA || !okB {
		return 0, false
	}
	const earthRadius = 6371.0
	sinLat, sinLon := math.Sin((bLat-aLat)/2), math.Sin((bLon-aLon)/2)
	h := sinLat*sinLat + math.Cos(aLat)*math.Cos(bLat)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h))), true
}

func radians(c *trafficv1alpha1.Coordinates) (lat, lon float64, ok bool) {
	if c == nil {
		return 0, 0, false
	}
	lat, errLat := strconv.ParseFloat(c.Latitude, 64)
	lon, errLon := strconv.ParseFloat(c.Longitude, 64)
	return lat * math.Pi / 180, lon * math.Pi / 180, errLat == nil && errLon == nil
}
