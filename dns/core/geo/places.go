package geo

// Places is a Source whose locations have been put on the globe. It is immutable; any number of
// tables are made from it with [Places.Regions].
type Places struct {
	source *Source
	// position of each place of the source: an index into points, or 0.
	position []uint32
	points   []point // points[0] stands for "nowhere"
	basis    []Basis // of each position: where the point came from
}

// Compile puts every location of a database on the globe: by its coordinates, else at the middle
// of its subdivision, else of its country. It is done once for each load of a database.
func Compile(s *Source) *Places {
	p := &Places{
		source:   s,
		position: make([]uint32, len(s.atlas.places)),
		points:   []point{{}},
		basis:    []Basis{ByNothing},
	}
	// Positions are shared by what says the same: thousands of autonomous systems in one city are
	// one position.
	type spot struct {
		basis Basis
		a, b  int32
	}
	index := map[spot]uint32{}
	for i, l := range s.atlas.places {
		var at spot
		var latitude, longitude float64
		switch {
		case l.located:
			at = spot{ByCoordinates, l.latitude, l.longitude}
			latitude = float64(l.latitude) / coordinateUnit
			longitude = float64(l.longitude) / coordinateUnit
		default:
			c, basis, ok := s.atlas.middle(l)
			if !ok {
				continue
			}
			at = spot{basis, int32(l.country), int32(l.subdivision)}
			if basis == ByCountryDistance {
				at.b = 0
			}
			latitude, longitude = c.latitude, c.longitude
		}
		n, ok := index[at]
		if !ok {
			n = uint32(len(p.points))
			p.points = append(p.points, pointAt(latitude, longitude))
			p.basis = append(p.basis, at.basis)
			index[at] = n
		}
		p.position[i] = n
	}
	return p
}

// middle is the middle of a place's subdivision, or of its country.
func (a *atlas) middle(l place) (centre, Basis, bool) {
	if c, ok := subdivisions[a.names[l.subdivision]]; ok {
		return c, BySubdivisionDistance, true
	}
	if c, ok := countries[a.names[l.country]]; ok {
		return c.centre, ByCountryDistance, true
	}
	return centre{}, ByNothing, false
}

// Source is the database that was compiled.
func (p *Places) Source() *Source { return p.source }
