package geo_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/geotest"
)

var inRegions = []geo.Region{
	{Name: "eu-central-1", Latitude: 50.11, Longitude: 8.68, HasLocation: true}, {Name: "us-east-1", Latitude: 38.95, Longitude: -77.45, HasLocation: true},
	{Name: "ap-southeast-1", Latitude: 1.35, Longitude: 103.8, HasLocation: true}, {Name: "us-west-2", Latitude: 45.9, Longitude: -119.3, HasLocation: true},
	{Name: "ap-northeast-1", Latitude: 35.6, Longitude: 139.7, HasLocation: true}, {Name: "sa-east-1", Latitude: -23.5, Longitude: -46.6, HasLocation: true},
	{Name: "on-premises"},
}

func BenchmarkCity(b *testing.B) {
	used := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	before := used()
	source := geotest.City(geotest.CityNetworks)
	b.Run("Compile", func(b *testing.B) {
		for b.Loop() {
			geo.Compile(source)
		}
	})
	places := geo.Compile(source)
	loaded := used()
	b.Run("Regions", func(b *testing.B) {
		for b.Loop() {
			places.Regions(inRegions, nil)
		}
		b.ReportMetric(loaded-before, "MB/places")
		b.ReportMetric(float64(source.Len()), "networks")
	})
	table, _ := places.Regions(inRegions, nil)
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
