package plugin

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var (
	t0   = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	slow = TooSlow(200 * time.Millisecond)
)

func at(d time.Duration) time.Time { return t0.Add(d) }

func TestADeadPluginIsAskedLessAndLess(t *testing.T) {
	var h Health
	var asked []time.Duration
	for d := time.Duration(0); d < 2*time.Minute; d += 100 * time.Millisecond {
		ok, why := h.Ask(at(d))
		if !ok {
			if why.Message != "no answer within 200ms" {
				t.Fatalf("at %s: %+v", d, why)
			}
			continue
		}
		asked = append(asked, d)
		h.Failed(at(d), slow)
	}
	want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond}
	for next, pause := 200*time.Millisecond, time.Second; ; pause = min(2*pause, 30*time.Second) {
		if next += pause; next >= 2*time.Minute {
			break
		}
		want = append(want, next)
	}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked at %v\nwant     %v", asked, want)
	}
}

func TestOnlyOneWaitsForAPluginThatMayBeBack(t *testing.T) {
	var h Health
	for range patience {
		h.Failed(t0, slow)
	}
	if ok, _ := h.Ask(at(firstPause - 1)); ok {
		t.Error("asked during the pause")
	}
	if ok, _ := h.Ask(at(firstPause)); !ok {
		t.Error("not asked after the pause")
	}
	if ok, _ := h.Ask(at(firstPause + 10*time.Millisecond)); ok {
		t.Error("a second one asked before the first was answered")
	}
	h.Answered(at(firstPause + 20*time.Millisecond))
	if ok, _ := h.Ask(at(firstPause + 20*time.Millisecond)); !ok {
		t.Error("not asked although it answered")
	}
}

func TestManyFailuresAtOnceAreOnePause(t *testing.T) {
	var h Health
	for range 50 { // all were asked before the first of them failed
		h.Failed(t0, slow)
	}
	if ok, _ := h.Ask(at(firstPause)); !ok {
		t.Error("passed over for longer than the first pause")
	}
}

func TestAnExpressionThatFailsIsAskedAgain(t *testing.T) {
	var h Health
	for range 100 {
		h.Failed(t0, Failing(errors.New("no such key: gpu"), false))
	}
	if ok, _ := h.Ask(t0); !ok {
		t.Error("passed over")
	}
	h.Failed(t0, Failing(fmt.Errorf("filter: %w", ErrCostly), false))
	if s, _ := h.State(t0); s.Reason != trafficv1alpha1.ReasonPluginSlow {
		t.Errorf("state %+v", s)
	}
}

func TestStateTellsEachChangeOnce(t *testing.T) {
	var h Health
	step := func(name string, d time.Duration, ready, news bool) {
		t.Helper()
		s, n := h.State(at(d))
		if s.Ready != ready || n != news {
			t.Errorf("%s: state %+v, news %v; want ready %v, news %v", name, s, n, ready, news)
		}
		if n {
			h.Told(at(d), s)
		}
	}
	step("new", 0, true, true)
	h.Answered(at(1))
	step("answered", 1, true, false)
	h.Failed(at(time.Second), slow)
	step("failed", time.Second, false, true)
	h.Failed(at(2*time.Second), Failing(errors.New("refused"), true))
	step("another reason, soon", 2*time.Second, false, false)
	h.Failed(at(63*time.Second), Failing(errors.New("refused"), true))
	step("another reason, later", 63*time.Second, false, true)
	h.Answered(at(64 * time.Second))
	step("answered after a failure", 64*time.Second, false, false)
	if d := h.Recheck(at(64 * time.Second)); d != 29*time.Second {
		t.Errorf("looked at again in %s", d)
	}
	step("answered for long enough", 93*time.Second, true, true)
	if d := h.Recheck(at(93 * time.Second)); d != 0 {
		t.Errorf("looked at again in %s", d)
	}
}

// A plugin that fails now and then, however often, causes few writes.
func TestStatesAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Health
		now, writes := t0, 0
		for range rapid.IntRange(1, 500).Draw(t, "questions") {
			now = now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "ms")) * time.Millisecond)
			if ok, _ := h.Ask(now); ok {
				switch rapid.IntRange(0, 2).Draw(t, "outcome") {
				case 0:
					h.Answered(now)
				case 1:
					h.Failed(now, slow)
				case 2:
					h.Failed(now, Failing(errors.New(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "message")), rapid.Bool().Draw(t, "costly")))
				}
			}
			if s, news := h.State(now); news {
				h.Told(now, s)
				writes++
			}
			if d := h.Recheck(now); d < 0 || d > calm {
				t.Fatalf("looked at again in %s", d)
			}
		}
		if most := 2 + 2*int(now.Sub(t0)/calm+1); writes > most {
			t.Fatalf("%d writes in %s; at most %d expected", writes, now.Sub(t0), most)
		}
	})
}
