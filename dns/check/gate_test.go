package check

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// A thousand plans behind one gateway: it never sees more than a few connections at once, and when
// it dies all of them know in time.
func TestPlansThatShareAnAddressShareItsLimitAndItsDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const plans = 1000
		w := newWorld()
		var under, most atomic.Int64
		c := New(Options{PerAddress: 8, Report: w.report, Probe: func(ctx context.Context, target *Target, host string) error {
			defer under.Add(-1)
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(2 * time.Millisecond)
			if err := w.probe(ctx, target, host); err != nil {
				return &unreachable{host + ": timed out"}
			}
			return nil
		}})
		defer c.Close()
		var targets []Target
		for i := range plans {
			targets = append(targets, Targets(plan(fmt.Sprintf("p%d", i), endpoint("fra", "192.0.2.1")))...)
		}
		// Another gateway stands by itself, so that nobody thinks that the network is gone.
		targets = append(targets, Targets(plan("other", trafficv1alpha1.PlanEndpoint{Cluster: "iad", Addresses: []string{"192.0.2.2"}, Port: 80}))...)
		c.SetTargets(targets)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := w.take(); len(got) != plans+1 {
			t.Fatalf("%d of %d endpoints have a verdict", len(got), plans+1)
		}
		if most.Load() > 8+1 {
			t.Errorf("%d probes at once", most.Load())
		}
		w.set(w.hang, "192.0.2.1", true)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		down := 0
		for _, r := range w.take() {
			if strings.HasSuffix(r, "Unhealthy") {
				down++
			}
		}
		if down != plans {
			t.Errorf("%d of %d endpoints are known to be dead after interval × unhealthyAfter + 1 s", down, plans)
		}
		c.SetTargets(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(c.gates.byHost) > 0 {
			t.Error("the ways to addresses that nobody uses are kept")
		}
	})
}
