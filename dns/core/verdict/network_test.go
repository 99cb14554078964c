package verdict

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNetwork(t *testing.T) {
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	fra, iad, second := Key{"shop", "web", "fra"}, Key{"shop", "web", "iad"}, Key{"shop", "api", "fra"}
	const routed, lost = true, false
	for name, c := range map[string]struct {
		do   func(n *Network)
		fall float64
		way  bool
		want bool
	}{
		"one cluster dies": {func(n *Network) {
			n.Answered(at(0))
			n.Failed(fra, at(1))
			n.Failed(second, at(1.1))
		}, 2, routed, false},
		"all clusters fall silent together": {func(n *Network) {
			n.Answered(at(0))
			n.Failed(fra, at(1))
			n.Failed(iad, at(1.5))
		}, 2, routed, true},
		"a probe that was under way when the network went is cut as well": {func(n *Network) {
			n.Failed(fra, at(0.7)) // began before the last good one
			n.Answered(at(-0.05))
			n.Failed(iad, at(0.8))
		}, 2, routed, true},
		"two die, the third answers": {func(n *Network) {
			n.Failed(fra, at(1))
			n.Failed(iad, at(1.2))
			n.Answered(at(1.3))
		}, 2, routed, false},
		"one died, another stumbles later": {func(n *Network) {
			n.Failed(fra, at(1))
			n.Answered(at(5)) // iad
			n.Failed(iad, at(6))
		}, 7, routed, false},
		"the way out is gone": {func(n *Network) {
			n.Answered(at(0))
			n.Failed(fra, at(1))
		}, 2, lost, true},
		"the way out is gone, but they are near": {func(n *Network) {
			n.Failed(fra, at(1))
			n.Answered(at(1.5))
		}, 2, lost, false},
		"what is not probed any more is no witness": {func(n *Network) {
			n.Failed(fra, at(1))
			n.Failed(iad, at(1.2))
			n.Forget(iad)
			n.Forget(iad)
		}, 2, routed, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := NewNetwork()
			c.do(n)
			if got := n.Fall(at(c.fall), c.way); got != c.want || got == n.CutOff().IsZero() {
				t.Errorf("cut off: %v, since %v", got, n.CutOff())
			}
			if c.want && n.Fall(at(c.fall+1), c.way) {
				t.Error("it is said once")
			}
			if back := n.Answered(at(c.fall + 2)); back != c.want || !n.CutOff().IsZero() {
				t.Errorf("one answer ends it: %v, since %v", back, n.CutOff())
			}
		})
	}
}

func TestDoubtEndsWhereTheHubIsHeard(t *testing.T) {
	n := NewNetwork()
	n.Failed(web, start)
	n.Failed(Key{"shop", "web", "iad"}, start)
	n.Fall(start, true)
	if !n.Excuses(start, start, true) {
		t.Error("failures since then are the vantage point's own")
	}
	if n.Expire(start.Add(time.Hour), false) {
		t.Error("nobody can be told")
	}
	if n.Expire(start.Add(MostDoubt-1), true) || !n.Expire(start.Add(MostDoubt), true) || n.Expire(start.Add(time.Hour), true) {
		t.Error("it ends once, in time")
	}
	if n.Fall(start.Add(MostDoubt), true) || n.Excuses(start, start, false) {
		t.Error("the doubt is given once")
	}
	n.Answered(start.Add(MostDoubt))
	n.Failed(web, start.Add(2*MostDoubt))
	n.Failed(Key{"shop", "web", "iad"}, start.Add(2*MostDoubt))
	if !n.Fall(start.Add(2*MostDoubt), true) {
		t.Error("and again after something has answered")
	}
}

// By a plain reading of the whole history: cut off exactly when endpoints of two clusters failed at
// or after the beginning of the newest round that was answered.
func TestNetworkIsTheRuleRead(t *testing.T) {
	type event struct {
		key   Key
		good  bool
		began time.Time
		ended time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		n := NewNetwork()
		var history []event
		now := start
		for range rapid.IntRange(1, 30).Draw(t, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "ms")) * time.Millisecond)
			took := time.Duration(rapid.IntRange(0, 800).Draw(t, "took")) * time.Millisecond
			e := event{Key{"shop", fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "plan")), fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "cluster"))},
				rapid.Bool().Draw(t, "good"), now.Add(-took), now}
			history = append(history, e)
			if e.good {
				n.Answered(e.began)
			} else {
				n.Failed(e.key, e.ended)
			}
		}
		var answered time.Time
		for _, e := range history {
			if e.good && e.began.After(answered) {
				answered = e.began
			}
		}
		var clusters []string
		for _, e := range history {
			if !e.good && !e.ended.Before(answered) {
				clusters = append(clusters, e.key.Cluster)
			}
		}
		slices.Sort(clusters)
		if want := len(slices.Compact(clusters)) >= 2; n.Fall(now, true) != want {
			t.Fatalf("cut off: %v after %+v", !want, history)
		}
	})
}
