package feed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/check"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
)

// BenchmarkChange measures how long it takes from an object that the hub has sent until answers go by
// it, with 10,000 names and a hundred changes a second, while the state is kept on disk and all
// endpoints are being probed.
func BenchmarkChange(b *testing.B) {
	const names, every = 10_000, 10 * time.Millisecond
	state := many(b, names, 1)
	for _, p := range state.Plans {
		p.Spec.Check.Interval.Duration = time.Minute // probes of 30,000 endpoints are another matter
	}
	e := engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: quiet()}, nil)
	checker := check.New(check.Options{Report: func(verdict.Key, verdict.State) {}, Probe: func(context.Context, *check.Target, string) error { return nil }})
	defer checker.Close()
	f := New(Options{Dir: b.TempDir(), Engine: e, Log: quiet(), Apply: func(o engine.Objects) {
		e.SetObjects(o)
		checker.SetPlans(o.Plans)
	}})
	f.zones.Replace(state.Zones, time.Now())
	f.plans.Replace(state.Plans, time.Now())
	f.loaded = true
	f.options.Apply(f.objects())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go f.publish(ctx)
	go f.save(ctx)

	type sent struct {
		at         time.Time
		generation int64
	}
	inForce := func() map[string]int64 {
		out := make(map[string]int64, names)
		for _, p := range e.Snapshot().Plans {
			out[p.Name] = p.Generation
		}
		return out
	}
	waiting := map[string]sent{}
	var took []time.Duration
	look := func(before *time.Time) {
		generations := inForce()
		*before = time.Now()
		for name, s := range waiting {
			if generations[name] >= s.generation {
				took = append(took, time.Since(s.at))
				delete(waiting, name)
			}
		}
	}
	b.ResetTimer()
	cpu := cpuTime()
	last := e.Snapshot()
	var looked time.Time
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range b.N {
		<-tick.C
		p := state.Plans[rand.IntN(names)]
		if _, ok := waiting[p.Name]; !ok {
			next := p.DeepCopy()
			next.Generation, next.ResourceVersion = int64(i+2), fmt.Sprint(i+2)
			next.Spec.MaxAnswers = int32(i%8 + 1)
			waiting[p.Name] = sent{time.Now(), next.Generation}
			f.change(func() bool { changed, _ := f.plans.Put(next); return changed })
		}
		if s := e.Snapshot(); s != last {
			last = s
			look(&looked)
		}
	}
	for len(waiting) > 0 {
		<-tick.C
		look(&looked)
	}
	share := (cpuTime() - cpu).Seconds() / b.Elapsed().Seconds()
	slices.Sort(took)
	at := func(percent int) float64 { return took[(len(took)-1)*percent/100].Seconds() }
	b.ReportMetric(at(99), "p99-s")
	if b.N > 1 {
		fmt.Printf("\ndns change to answer: p50 %.2f s, p99 %.2f s, longest %.2f s over %d changes at %d a second, %d names, %.2f processors\n",
			at(50), at(99), at(100), len(took), time.Second/every, names, share)
	}
}
