package geo

import (
	"fmt"
	"math"
)

// Location is what a database says of a network. Every field may be unknown.
type Location struct {
	// Country is an ISO 3166-1 alpha-2 code such as DE, or empty.
	Country string
	// Continent is AF, AN, AS, EU, NA, OC or SA. It follows from Country where the database has none.
	Continent string
	// Subdivision is an ISO 3166-2 code such as US-CA, or empty.
	Subdivision string
	// ASN is the autonomous system that announces the network, or 0.
	ASN uint32
	// Latitude and Longitude in degrees. They are kept to four decimals, some ten metres, which is
	// what databases publish. They mean something only if HasCoordinates.
	Latitude, Longitude float64
	HasCoordinates      bool
}

// String is a short form for a person: "US-CA 37.7749,-122.4194 AS64500".
func (l Location) String() string {
	where := l.Subdivision
	if where == "" {
		where = l.Country
	}
	if where == "" {
		where = l.Continent
	}
	if l.HasCoordinates {
		if where != "" {
			where += " "
		}
		where += fmt.Sprintf("%g,%g", l.Latitude, l.Longitude)
	}
	if l.ASN != 0 {
		if where != "" {
			where += " "
		}
		where += fmt.Sprintf("AS%d", l.ASN)
	}
	if where == "" {
		return "unknown"
	}
	return where
}

// place is a Location in 28 bytes. Names are indexes into the list of the source; 0 is the empty
// name.
type place struct {
	country, continent, subdivision uint32
	asn                             uint32
	latitude, longitude             int32 // in 1/10,000 degree
	located                         bool
}

const coordinateUnit = 10_000

// atlas holds the distinct names and places of a source. Place 0 is the unknown one.
type atlas struct {
	names  []string
	places []place

	nameIndex  map[string]uint32
	placeIndex map[place]uint32
}

func newAtlas() *atlas {
	return &atlas{
		names:      []string{""},
		places:     []place{{}},
		nameIndex:  map[string]uint32{"": 0},
		placeIndex: map[place]uint32{{}: 0},
	}
}

func (a *atlas) name(s string) uint32 {
	i, ok := a.nameIndex[s]
	if !ok {
		i = uint32(len(a.names))
		a.names = append(a.names, s)
		a.nameIndex[s] = i
	}
	return i
}

func (a *atlas) place(p place) uint32 {
	i, ok := a.placeIndex[p]
	if !ok {
		i = uint32(len(a.places))
		a.places = append(a.places, p)
		a.placeIndex[p] = i
	}
	return i
}

// add is the index of the place of l.
func (a *atlas) add(l Location) uint32 {
	if l.Continent == "" {
		l.Continent = countries[l.Country].continent
	}
	p := place{
		country:     a.name(l.Country),
		continent:   a.name(l.Continent),
		subdivision: a.name(l.Subdivision),
		asn:         l.ASN,
	}
	if l.HasCoordinates && validCoordinates(l.Latitude, l.Longitude) {
		p.located = true
		p.latitude = int32(math.Round(l.Latitude * coordinateUnit))
		p.longitude = int32(math.Round(l.Longitude * coordinateUnit))
	}
	return a.place(p)
}

// location is the Location of place i.
func (a *atlas) location(i uint32) Location {
	p := a.places[i]
	l := Location{
		Country:     a.names[p.country],
		Continent:   a.names[p.continent],
		Subdivision: a.names[p.subdivision],
		ASN:         p.asn,
	}
	if p.located {
		l.HasCoordinates = true
		l.Latitude = float64(p.latitude) / coordinateUnit
		l.Longitude = float64(p.longitude) / coordinateUnit
	}
	return l
}

// seal drops the indexes, which only building needs.
func (a *atlas) seal() {
	a.nameIndex, a.placeIndex = nil, nil
}

// validCoordinates is false for NaN as well.
func validCoordinates(latitude, longitude float64) bool {
	return latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180
}
