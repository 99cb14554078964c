package verdict

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var usual = Thresholds{UnhealthyAfter: 2, HealthyAfter: 3}

// flapper is an endpoint that is probed every second.
type flapper struct {
	State
	now     time.Time
	changes []time.Time
}

func (f *flapper) observe(ok bool, every time.Duration, t Thresholds) {
	f.now = f.now.Add(every)
	var changed bool
	if f.State, changed = f.Observe(ok, "refused", f.now, t); changed {
		f.changes = append(f.changes, f.now)
	}
}

func TestHoldsGrowWithEveryFallAndAreBounded(t *testing.T) {
	f := &flapper{now: start}
	var held []string
	for range 3 {
		f.observe(true, time.Second, usual)
	}
	for range 10 {
		for f.Verdict == healthy {
			f.observe(false, time.Second, usual)
		}
		note := f.Message
		began := f.now
		for f.Verdict == unhealthy {
			f.observe(true, time.Second, usual)
		}
		held = append(held, fmt.Sprintf("%v%s", f.now.Sub(began), strings.TrimPrefix(note, "refused")))
	}
	note := func(fall int, hold string) string {
		return fmt.Sprintf(" (fall %d of late: healthy again once it has answered for %s)", fall, hold)
	}
	// The first good result comes a second after the fall.
	want := []string{"3s", "3s", "3s", "31s" + note(4, "30s"), "1m1s" + note(5, "1m0s"), "2m1s" + note(6, "2m0s"),
		"4m1s" + note(7, "4m0s"), "8m1s" + note(8, "8m0s"), "8m1s" + note(8, "8m0s"), "8m1s" + note(8, "8m0s")}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Error(diff)
	}
}

func TestFallsAreForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration // between falls
		want  time.Duration // the hold after twenty of them
	}{
		"a fall a day":              {24 * time.Hour, 0},
		"one every fifteen minutes": {FallForgotten, 0},
		"one every six minutes":     {6 * time.Minute, MostHold},
	} {
		t.Run(name, func(t *testing.T) {
			var f falls
			for i := range 20 {
				f = f.add(start.Add(time.Duration(i) * c.every))
			}
			if f.hold() != c.want {
				t.Errorf("held for %v, want %v", f.hold(), c.want)
			}
		})
	}
}

func TestAClockThatGoesBackForgetsNothing(t *testing.T) {
	var f falls
	for i := range 5 {
		f = f.add(start.Add(-time.Duration(i) * time.Hour))
	}
	if f.count() != 5 {
		t.Errorf("%d falls are remembered", f.count())
	}
}

// An endpoint that only dies, or only lives, or changes its mind rarely is never held.
func TestASteadyEndpointIsNeverDamped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th := Thresholds{rapid.Int32Range(1, 5).Draw(t, "fall"), rapid.Int32Range(1, 5).Draw(t, "rise")}
		f := &flapper{now: start}
		for range rapid.IntRange(1, 20).Draw(t, "outages") {
			for range th.HealthyAfter {
				f.observe(true, time.Second, th)
			}
			if f.Verdict != healthy {
				t.Fatalf("it answered %d times and is %s: %s", th.HealthyAfter, f.Verdict, f.Message)
			}
			f.now = f.now.Add(FallForgotten + time.Duration(rapid.IntRange(0, 1000).Draw(t, "calm"))*time.Second)
			for range th.UnhealthyAfter {
				f.observe(false, time.Second, th)
			}
			if f.Verdict != unhealthy {
				t.Fatal("damping must never keep a dead endpoint alive")
			}
		}
	})
}

// Whatever an endpoint does, no hour has more than MostChanges changes of its verdict.
func TestChangesInAnHourAreBounded(t *testing.T) {
	within := func(f *flapper) int {
		most := 0
		for i := range f.changes {
			n := 0
			for j := i; j < len(f.changes) && f.changes[j].Sub(f.changes[i]) < time.Hour; j++ {
				n++
			}
			most = max(most, n)
		}
		return most
	}
	t.Run("the worst there is", func(t *testing.T) {
		th := Thresholds{1, 1}
		f := &flapper{now: start}
		for f.now.Before(start.Add(5 * time.Hour)) {
			// It dies the moment it is believed, and lives until it is.
			f.observe(f.Verdict != healthy, 100*time.Millisecond, th)
		}
		if n := within(f); n > MostChanges || n < MostChanges/2 {
			t.Errorf("%d changes in an hour", n)
		}
	})
	t.Run("any other", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			th := Thresholds{rapid.Int32Range(1, 3).Draw(t, "fall"), rapid.Int32Range(1, 3).Draw(t, "rise")}
			f := &flapper{now: start}
			for f.now.Before(start.Add(2 * time.Hour)) {
				ok := rapid.Bool().Draw(t, "ok")
				spell := time.Duration(rapid.IntRange(1, 1200).Draw(t, "seconds")) * time.Second
				for end := f.now.Add(spell); f.now.Before(end); {
					f.observe(ok, time.Second, th)
				}
			}
			if n := within(f); n > MostChanges {
				t.Fatalf("%d changes in an hour", n)
			}
		})
	})
}

// Whatever it did before, an endpoint that answers without a break is healthy within MostHold and
// the time of its run.
func TestRecoveryIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &flapper{now: start}
		for range rapid.IntRange(0, 60).Draw(t, "spells") {
			ok := rapid.Bool().Draw(t, "ok")
			for range rapid.IntRange(1, 40).Draw(t, "rounds") {
				f.observe(ok, time.Second, usual)
			}
		}
		began := f.now
		for f.Verdict != healthy {
			f.observe(true, time.Second, usual)
			if f.now.Sub(began) > MostHold+3*time.Second {
				t.Fatalf("still %s after %v: %s", f.Verdict, f.now.Sub(began), f.Message)
			}
		}
	})
}
