// Package geotest makes up sources of places for tests and benchmarks.
package geotest

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/seaway-io/seaway/dns/core/geo"
)

// CityNetworks is how many networks benchmarks take. City databases have from some hundred thousand to some millions.
const CityNetworks = 700_000

// City returns what a city database could hold: coordinates are drawn from 60,000 places, networks from
// /20 to /28, a fifth of them IPv6 from /32 to /48. Neighbours have nothing in common, which is the worst case.
// It is the same each time.
func City(networks int) *geo.Source {
	r := rand.New(rand.NewPCG(5, 6))
	var s geo.Builder
	var places [60_000]geo.Place
	for i := range places {
		places[i] = s.Place(geo.Location{Latitude: float64(r.IntN(1300)-600) / 10, Longitude: float64(r.IntN(3600)-1800) / 10, HasCoordinates: true})
	}
	add := func(p netip.Prefix) {
		if err := s.Add(p, places[r.IntN(len(places))]); err != nil {
			panic(err) // the networks are in order, and apart
		}
	}
	at := uint64(1 << 24)
	for i := 0; i < networks*4/5 && at < 1<<32; i++ {
		bits := 20 + r.IntN(9)
		size := uint64(1) << (32 - bits)
		at = (at + size - 1) / size * size
		add(netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(at)))), bits))
		at += size
	}
	at = 0x2000 << 48
	for range networks / 5 {
		bits := 32 + r.IntN(17)
		size := uint64(1) << (64 - bits)
		at = (at + size - 1) / size * size
		var a [16]byte
		binary.BigEndian.PutUint64(a[:], at)
		add(netip.PrefixFrom(netip.AddrFrom16(a), bits))
		at += size
	}
	return s.Source()
}
