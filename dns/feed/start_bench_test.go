package feed

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
)

// many are objects with so many host names, ten zones for a thousand, one plan each.
func many(t zonetest.TB, names int) *State {
	demo := zonetest.Input(t, zonetest.Demo)
	s := &State{Saved: zonetest.Now}
	for i := range max(names/100, 1) {
		z := demo.Zones[0].DeepCopy()
		z.Name, z.Spec.Domain, z.Spec.Records = fmt.Sprintf("z%d", i), fmt.Sprintf("z%d.example.com", i), nil
		z.Spec.NameServers[0].Name = "ns1." + z.Spec.Domain
		s.Zones = append(s.Zones, z)
	}
	for i := range names {
		p := demo.Plans[0].DeepCopy()
		p.Name, p.Generation = fmt.Sprintf("p%06d", i), 1
		p.Spec.Hostnames = []string{fmt.Sprintf("h%d.z%d.example.com", i, i%len(s.Zones))}
		s.Plans = append(s.Plans, p)
	}
	return s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// BenchmarkStart measures a start without the hub: from the files on disk to a snapshot that answers.
func BenchmarkStart(b *testing.B) {
	for _, names := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(names), func(b *testing.B) {
			dir := b.TempDir()
			if err := SaveState(dir, many(b, names)); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, stateFile))
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var e *engine.Engine
			var f *Feed
			for b.Loop() {
				e = engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: quiet()}, nil)
				f = New(Options{Dir: dir, Engine: e, Apply: func(o engine.Objects) { e.SetObjects(o) }, Log: quiet()})
				if !f.Load() || len(e.Snapshot().Plans) != names {
					b.Fatal("not everything is served")
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			seconds := b.Elapsed().Seconds() / float64(b.N)
			megabytes := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
			b.ReportMetric(megabytes, "MB-held")
			b.ReportMetric(float64(info.Size())/(1<<20), "MB-file")
			fmt.Printf("\ndns start without hub: %d names in %.2f s, %.0f MB held, file %.0f MB\n", names, seconds, megabytes, float64(info.Size())/(1<<20))
			runtime.KeepAlive(f)
			runtime.KeepAlive(strings.Builder{})
			var _ trafficv1alpha1.Zone
		})
	}
}
