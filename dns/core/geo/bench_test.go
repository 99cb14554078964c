package geo

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
)

// cityNetworks is how many networks the made-up city database has. Coordinates are drawn from
// 60,000 places, networks from /20 to /28, a fifth of them IPv6 from /32 to /48.
const cityNetworks = 700_000

func city(b *testing.B) *Source {
	r := rand.New(rand.NewPCG(5, 6))
	var s Builder
	var places [60_000]Place
	for i := range places {
		places[i] = s.Place(Location{Latitude: float64(r.IntN(1300)-600) / 10, Longitude: float64(r.IntN(3600)-1800) / 10, HasCoordinates: true})
	}
	add := func(p netip.Prefix) {
		if err := s.Add(p, places[r.IntN(len(places))]); err != nil {
			b.Fatal(err)
		}
	}
	at := uint64(1 << 24)
	for i := 0; i < cityNetworks*4/5 && at < 1<<32; i++ {
		bits := 20 + r.IntN(9)
		size := uint64(1) << (32 - bits)
		at = (at + size - 1) / size * size
		add(netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(at)))), bits))
		at += size
	}
	at = 0x2000 << 48
	for range cityNetworks / 5 {
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

func BenchmarkCity(b *testing.B) {
	used := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	before := used()
	source := city(b)
	b.Run("Compile", func(b *testing.B) {
		for b.Loop() {
			Compile(source)
		}
	})
	places := Compile(source)
	loaded := used()
	b.Run("Regions", func(b *testing.B) {
		for b.Loop() {
			places.Regions(someRegions, nil)
		}
		b.ReportMetric(loaded-before, "MB/places")
		b.ReportMetric(float64(source.Len()), "networks")
	})
	table, _ := places.Regions(someRegions, nil)
	b.Run("Lookup", func(b *testing.B) {
		size := used() - loaded
		r := rand.New(rand.NewPCG(7, 8))
		addresses := make([]netip.Addr, 1<<16)
		for i := range addresses {
			addresses[i] = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, r.Uint32())))
		}
		i := 0
		for b.Loop() {
			table.Lookup(addresses[i&(1<<16-1)])
			i++
		}
		b.ReportMetric(size, "MB/table")
	})
	runtime.KeepAlive(table)
}
