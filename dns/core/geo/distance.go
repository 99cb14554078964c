package geo

import (
	"math"
	"slices"
	"strings"
)

// earthRadius in kilometres: the mean radius of WGS 84.
const earthRadius = 6371.0088

// point is a place on the unit sphere. Comparing straight lines between points orders them as
// great-circle distances do, without any trigonometry.
type point struct{ x, y, z float64 }

func pointAt(latitude, longitude float64) point {
	sinLat, cosLat := math.Sincos(latitude * math.Pi / 180)
	sinLon, cosLon := math.Sincos(longitude * math.Pi / 180)
	return point{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// chord2 is the square of the straight line between two points. The conversions keep the compiler
// from fusing multiplication and addition, which would round differently on different machines.
func (p point) chord2(o point) float64 {
	dx, dy, dz := p.x-o.x, p.y-o.y, p.z-o.z
	return float64(dx*dx) + float64(dy*dy) + float64(dz*dz)
}

func (p point) kilometres(o point) float64 {
	return 2 * earthRadius * math.Asin(min(1, math.Sqrt(p.chord2(o))/2))
}

// Ranked is a region and how far it is.
type Ranked struct {
	Region Region
	// Kilometres along the great circle; it means something only if Region.HasLocation.
	Kilometres float64
}

// Rank orders regions by their great-circle distance from a point, nearest first. Equally far ones
// are ordered by name. Regions without a location come last.
func Rank(latitude, longitude float64, regions []Region) []Ranked {
	from := pointAt(latitude, longitude)
	out := make([]Ranked, len(regions))
	for i, r := range regions {
		out[i].Region = r
		if r.HasLocation {
			out[i].Kilometres = from.kilometres(pointAt(r.Latitude, r.Longitude))
		}
	}
	slices.SortStableFunc(out, func(a, b Ranked) int {
		switch {
		case a.Region.HasLocation != b.Region.HasLocation:
			if a.Region.HasLocation {
				return -1
			}
			return 1
		case a.Kilometres < b.Kilometres:
			return -1
		case a.Kilometres > b.Kilometres:
			return 1
		}
		return strings.Compare(a.Region.Name, b.Region.Name)
	})
	return out
}
