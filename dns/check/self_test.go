package check

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/dns/core/verdict"
)

// cutWorld is a world whose checker may lose its network.
type cutWorld struct {
	*world
	c      *Checker
	routed atomic.Bool
	heard  atomic.Bool
}

func newCutWorld(t *testing.T) *cutWorld {
	w := &cutWorld{world: newWorld()}
	w.routed.Store(true)
	w.c = New(Options{
		Probe: w.probe, Report: w.report, Routed: w.routed.Load, Heard: w.heard.Load,
		CutOff: func(since time.Time) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reports = append(w.reports, fmt.Sprintf("cut off: %v", !since.IsZero()))
		},
	})
	t.Cleanup(w.c.Close)
	return w
}

func (w *cutWorld) step(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	got := map[string]int{}
	for _, r := range w.take() {
		got[r]++
	}
	expected := map[string]int{}
	for _, r := range want {
		expected[r]++
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("after %v: %s", time.Since(w.start), diff)
	}
}

func (w *cutWorld) all(down bool) {
	for i := 1; i <= 3; i++ {
		w.set(w.hang, fmt.Sprintf("192.0.2.%d", i), down)
	}
}

func TestAVantagePointThatIsCutOffSaysNothingAgainstEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCutWorld(t)
		w.c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"), endpoint("iad", "192.0.2.2"), endpoint("sin", "192.0.2.3"))))
		w.step(t, 5*time.Second, "web/fra Healthy", "web/iad Healthy", "web/sin Healthy")

		// One cluster dies by itself, and stays dead.
		w.set(w.hang, "192.0.2.3", true)
		w.step(t, 5*time.Second, "web/sin Unhealthy")

		// Everything else falls silent, for hours.
		w.all(true)
		w.step(t, 4*time.Second, "cut off: true")
		w.step(t, 3*time.Hour)

		// The network returns, and what was healthy is: at once, and not only after its run.
		w.all(false)
		w.step(t, 5*time.Second, "cut off: false", "web/sin Healthy")

		// It goes again, and when it returns one of those that were excused has died meanwhile.
		w.all(true)
		w.step(t, 10*time.Second, "cut off: true")
		w.set(w.hang, "192.0.2.1", false)
		w.set(w.hang, "192.0.2.2", false)
		w.step(t, 5*time.Second, "cut off: false", "web/sin Unhealthy")
	})
}

func TestTwoClustersThatDieTogetherAreNoCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCutWorld(t)
		quick := plan("web", endpoint("fra", "192.0.2.1"), endpoint("iad", "192.0.2.2"))
		slow := plan("slow", endpoint("sin", "192.0.2.3"))
		slow.Spec.Check.Interval = metav1.Duration{Duration: time.Minute}
		w.c.SetTargets(append(Targets(quick), Targets(slow)...))
		w.step(t, 5*time.Minute, "web/fra Healthy", "web/iad Healthy", "slow/sin Healthy")
		w.set(w.hang, "192.0.2.1", true)
		w.set(w.hang, "192.0.2.2", true)
		// The third, which is seldom probed, is asked out of turn and vouches for the network.
		w.step(t, 4*time.Second, "web/fra Unhealthy", "web/iad Unhealthy")
	})
}

func TestOneClusterIsEnoughWithoutAWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCutWorld(t)
		w.c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"))))
		w.step(t, 5*time.Second, "web/fra Healthy")
		w.routed.Store(false)
		w.step(t, 5*time.Second) // it answers, over whatever way
		w.set(w.down, "192.0.2.1", true)
		w.step(t, 5*time.Second, "cut off: true")
		w.routed.Store(true)
		w.set(w.down, "192.0.2.1", false)
		w.step(t, 5*time.Second, "cut off: false")
		w.set(w.down, "192.0.2.1", true)
		w.step(t, 5*time.Second, "web/fra Unhealthy")
	})
}

func TestTheHubIsToldInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCutWorld(t)
		w.heard.Store(true)
		w.c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"), endpoint("iad", "192.0.2.2"))))
		w.step(t, 5*time.Second, "web/fra Healthy", "web/iad Healthy")
		w.all(true)
		w.step(t, 100*time.Second, "cut off: true")
		w.step(t, 60*time.Second, "cut off: false", "web/fra Unhealthy", "web/iad Unhealthy")
	})
}

// A round of a healthy endpoint begins within a tenth of its interval of when it is due: one probe
// an interval in the long run, at moments that are not those of the round before.
func TestEveryRoundIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		c := New(Options{Report: func(verdict.Key, verdict.State) {}, Probe: func(context.Context, *Target, string) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return nil
		}})
		defer c.Close()
		c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"))))
		time.Sleep(200 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		distinct := map[time.Duration]bool{}
		for i := 1; i < len(at); i++ {
			gap := at[i].Sub(at[i-1])
			distinct[gap] = true
			if gap < 899*time.Millisecond || gap > 1101*time.Millisecond {
				t.Errorf("%v between rounds", gap)
			}
		}
		if len(at) < 199 || len(at) > 201 || len(distinct) < 150 {
			t.Errorf("%d rounds, %d distances", len(at), len(distinct))
		}
	})
}

func TestHalfOfAFamilyIsEnough(t *testing.T) {
	for name, c := range map[string]struct {
		hosts string // + answers, - does not, ? nothing was found out; IPv4 and then IPv6
		want  string
	}{
		"one of one":                    {"+/", "good"},
		"none":                          {"-/-", "bad"},
		"one of two":                    {"+-/", "good"},
		"one of three":                  {"+--/", "bad"},
		"two of four":                   {"+-+-/", "good"},
		"IPv4 is enough":                {"+/--", "good"},
		"so is IPv6":                    {"-/+", "good"},
		"one of three, one of one":      {"+--/+", "good"},
		"one of three, one of three":    {"+--/+--", "bad"},
		"nothing found out":             {"?/", "none"},
		"what is unclear might be half": {"+-?-/", "none"},
		"what is unclear is too little": {"---?/", "bad"},
		"one family is unclear":         {"-/?", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := map[string]rune{}
			target := Target{Port: 80}
			v6 := false
			for i, r := range c.hosts {
				host := fmt.Sprintf("192.0.2.%d", i)
				if v6 {
					host = fmt.Sprintf("2001:db8::%d", i)
				}
				if r == '/' {
					v6 = true
					continue
				}
				outcome[host] = r
				target.Hosts = append(target.Hosts, host)
			}
			p := prober{target: target, checker: New(Options{Report: func(verdict.Key, verdict.State) {}, Probe: func(_ context.Context, _ *Target, host string) error {
				switch outcome[host] {
				case '+':
					return nil
				case '?':
					return fmt.Errorf("%w: %w", errNoResult, syscall.EMFILE)
				}
				return &unreachable{host + ": refused"}
			}})}
			got := "good"
			err := p.round(t.Context(), time.Second)
			p.observe(err, time.Now(), time.Now())
			if good, bad, none := p.checker.Results(); bad == 1 {
				got = "bad"
			} else if none == 1 {
				got = "none"
			} else if good != 1 {
				t.Errorf("no result")
			}
			if got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
}
