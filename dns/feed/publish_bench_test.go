package feed

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/check"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
)

// BenchmarkPublish measures what one change of a plan costs, from the object until it is in force, by the
// number of names and for all of them in one zone too.
func BenchmarkPublish(b *testing.B) {
	for _, names := range []int{1_000, 10_000, 100_000} {
		for _, one := range []bool{false, true} {
			zones := max(names/100, 1)
			state := many(b, names, 1)
			if one {
				zones = 1
				state.Zones = state.Zones[:1]
				for i, p := range state.Plans {
					p.Spec.Hostnames[0] = fmt.Sprintf("h%d.%s", i, state.Zones[0].Spec.Domain)
				}
			}
			b.Run(fmt.Sprintf("%d-names-%d-zones", names, zones), func(b *testing.B) { publish(b, state, zones) })
		}
	}
}

func publish(b *testing.B, state *State, zones int) {
	e := engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: quiet()}, nil)
	checker := check.New(check.Options{Report: func(verdict.Key, verdict.State) {}, Probe: func(context.Context, *check.Target, string) error { return nil }})
	defer checker.Close()
	f := New(Options{Engine: e, Log: quiet(), Apply: func(o engine.Objects) {
		e.SetObjects(o)
		if zones > 1 && len(o.Plans) <= 10_000 { // probes of 300,000 endpoints are another matter
			checker.SetPlans(o.Plans)
		}
	}})
	for _, p := range state.Plans {
		p.Spec.Check.Interval.Duration = time.Hour
	}
	f.zones.Replace(state.Zones, time.Now())
	f.plans.Replace(state.Plans, time.Now())
	f.options.Apply(f.objects())
	cpu := cpuTime()
	i := 0
	for b.Loop() {
		next := state.Plans[i%len(state.Plans)].DeepCopy()
		next.Generation, next.ResourceVersion = int64(i+2), fmt.Sprint(i+2)
		next.Spec.MaxAnswers = int32(i%8 + 1)
		f.plans.Put(next)
		f.options.Apply(f.objects())
		if e.Snapshot().Plans[i%len(state.Plans)].Generation != next.Generation {
			b.Fatal("it is not in force")
		}
		i++
	}
	cpu = (cpuTime() - cpu) / time.Duration(b.N)
	b.ReportMetric(float64(cpu.Microseconds()), "cpu-µs/op")
	if b.N > 1 {
		fmt.Printf("\ndns change to published: %d names in %d zones: %.2f ms (%.2f ms of processor)\n",
			len(state.Plans), zones, b.Elapsed().Seconds()*1000/float64(b.N), cpu.Seconds()*1000)
	}
}
