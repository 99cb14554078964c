package epoch

import (
	"testing"

	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func plan(ttl int32, epoch int64) *trafficv1alpha1.TrafficPlanSpec {
	return &trafficv1alpha1.TrafficPlanSpec{TTLSeconds: ttl, Epoch: epoch}
}

func TestStamp(t *testing.T) {
	for name, tc := range map[string]struct {
		next, stored *trafficv1alpha1.TrafficPlanSpec
		own          int64
		ok           bool
		epoch        int64
	}{
		"the first plan":                                  {plan(10, 0), nil, 7, true, 7},
		"the first plan of one that is alone":             {plan(10, 0), nil, Alone, true, 1},
		"a later leader changes it":                       {plan(10, 0), plan(5, 3), 7, true, 7},
		"a later leader has nothing to change":            {plan(5, 0), plan(5, 3), 7, true, 3},
		"the same leader again":                           {plan(10, 0), plan(5, 7), 7, true, 7},
		"a late leader":                                   {plan(10, 0), plan(5, 7), 3, false, 0},
		"a late leader that would say the same":           {plan(5, 0), plan(5, 7), 3, false, 0},
		"one that is alone takes over":                    {plan(10, 0), plan(5, 7), Alone, true, 7},
		"a plan from before there were epochs":            {plan(10, 0), plan(5, 0), 7, true, 7},
		"a plan from before, and one that is alone":       {plan(10, 0), plan(5, 0), Alone, true, 1},
		"a plan from before, of which there is no change": {plan(5, 0), plan(5, 0), 7, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if ok := Stamp(tc.next, tc.stored, tc.own); ok != tc.ok || ok && tc.next.Epoch != tc.epoch {
				t.Errorf("Stamp() = %t, epoch %d; want %t, %d", ok, tc.next.Epoch, tc.ok, tc.epoch)
			}
		})
	}
}

// Whatever leaders write in whatever order, what is stored never goes back in epoch.
func TestStoredEpochsNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stored *trafficv1alpha1.TrafficPlanSpec
		for range rapid.IntRange(1, 30).Draw(t, "writes") {
			own := rapid.Int64Range(0, 4).Draw(t, "epoch")
			next := plan(rapid.Int32Range(1, 3).Draw(t, "ttl"), 0)
			if !Stamp(next, stored, own) {
				if own >= stored.Epoch {
					t.Fatalf("epoch %d was refused over %d", own, stored.Epoch)
				}
				continue
			}
			if stored != nil && next.Epoch < stored.Epoch {
				t.Fatalf("epoch %d was written over %d", next.Epoch, stored.Epoch)
			}
			stored = next
		}
	})
}
