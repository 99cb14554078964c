package feed

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
)

// many are plans with so many host names each, a hundred plans to a zone.
func many(t zonetest.TB, plans, names int) *State {
	demo := zonetest.Input(t, zonetest.Demo)
	s := &State{Saved: zonetest.Now}
	for i := range max(plans/100, 1) {
		z := demo.Zones[0].DeepCopy()
		z.Name, z.Spec.Domain, z.Spec.Records = fmt.Sprintf("z%d", i), fmt.Sprintf("z%d.example.com", i), nil
		z.Spec.NameServers[0].Name = "ns1." + z.Spec.Domain
		s.Zones = append(s.Zones, z)
	}
	for i := range plans {
		p := demo.Plans[0].DeepCopy()
		p.Name, p.Generation = fmt.Sprintf("p%06d", i), 1
		p.Spec.Hostnames = nil
		for n := range names {
			p.Spec.Hostnames = append(p.Spec.Hostnames, fmt.Sprintf("h%d-%d.z%d.example.com", i, n, i%len(s.Zones)))
		}
		s.Plans = append(s.Plans, p)
	}
	return s
}

// cpuTime is what the process has used so far. On a machine that does other things as well it says
// more than a clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// BenchmarkStart measures a start without the hub: from the files on disk to a snapshot that answers.
func BenchmarkStart(b *testing.B) {
	for _, c := range []struct{ plans, names int }{{10_000, 1}, {10_000, 10}, {100_000, 1}} {
		names := c.plans * c.names
		b.Run(fmt.Sprintf("%d-names-%d-plans", names, c.plans), func(b *testing.B) {
			dir := b.TempDir()
			if err := SaveState(dir, many(b, c.plans, c.names)); err != nil {
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
			cpu := cpuTime()
			for b.Loop() {
				e = engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: quiet()}, nil)
				f = New(Options{Dir: dir, Engine: e, Apply: func(o engine.Objects) { e.SetObjects(o) }, Log: quiet()})
				if !f.Load() || len(e.Snapshot().Plans) != c.plans {
					b.Fatal("not everything is served")
				}
			}
			cpu = (cpuTime() - cpu) / time.Duration(b.N)
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&after)
			seconds := b.Elapsed().Seconds() / float64(b.N)
			megabytes := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
			b.ReportMetric(megabytes, "MB-held")
			b.ReportMetric(float64(info.Size())/(1<<20), "MB-file")
			fmt.Printf("\ndns start without hub: %d names of %d plans in %.2f s (%.2f s of processor), %.0f MB held, file %.0f MB\n",
				names, c.plans, seconds, cpu.Seconds(), megabytes, float64(info.Size())/(1<<20))
			runtime.KeepAlive(f)
		})
	}
}
