package failover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return t0.Add(-d) }

func up(d time.Duration) Signal      { return Signal{Up, ago(d)} }
func down(d time.Duration) Signal    { return Signal{Down, ago(d)} }
func unknown(d time.Duration) Signal { return Signal{Unknown, ago(d)} }

func fine(name string) Cluster {
	return Cluster{Name: name, ControlPlane: up(time.Hour), DataPath: up(time.Hour)}
}

func TestDecide(t *testing.T) {
	terms := DefaultTerms()
	for name, tc := range map[string]struct {
		clusters []Cluster
		binding  Binding
		evict    []string
		back     []string
		held     []string
		retryIn  time.Duration
	}{
		"all is well": {
			clusters: []Cluster{fine("a"), fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b", "c"}},
		},
		"both signals down long enough": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(16 * time.Second), DataPath: down(17 * time.Second)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
			evict:    []string{"a"},
		},
		"the later of the two signals starts the clock": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(5 * time.Second), DataPath: down(time.Minute)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
			retryIn:  10 * time.Second,
		},
		"API server away, data path alive: nothing moves, ever": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(24 * time.Hour), DataPath: up(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
		},
		"data path away, API server alive: requests leave, pods stay": {
			clusters: []Cluster{{Name: "a", ControlPlane: up(time.Hour), DataPath: down(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
		},
		"a cluster in which nothing is probed is never lost": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: unknown(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
		},
		"an unreachable cluster of a pull agent counts as down": {
			clusters: []Cluster{{Name: "a", ControlPlane: unknown(time.Hour), DataPath: down(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"a", "b"}},
			evict:    []string{"a"},
		},
		"a cluster that holds nothing of the binding": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}},
		},
		"two of three within ten minutes: too many": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(5 * time.Minute), DataPath: down(5 * time.Minute)}, {Name: "b", ControlPlane: down(2 * time.Minute), DataPath: down(2 * time.Minute)}, fine("c")},
			binding:  Binding{Placed: []string{"a", "b", "c"}},
			held:     []string{"a TooManyClustersLost", "b TooManyClustersLost"},
		},
		"two of three, an hour apart: two events": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, {Name: "b", ControlPlane: down(2 * time.Minute), DataPath: down(2 * time.Minute)}, fine("c")},
			binding:  Binding{Placed: []string{"b", "c"}, Away: []string{"a"}},
			evict:    []string{"b"},
		},
		"the hub reaches nobody": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(time.Minute), DataPath: down(time.Minute)}},
			binding:  Binding{Placed: []string{"a"}},
			held:     []string{"a HubIsolated"},
			retryIn:  30 * time.Second,
		},
		"the hub lost more than half in a minute": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(20 * time.Second), DataPath: down(20 * time.Second)}, {Name: "b", ControlPlane: down(20 * time.Second), DataPath: up(time.Hour)}, {Name: "c", ControlPlane: down(20 * time.Second), DataPath: up(time.Hour)}, fine("d"), fine("e")},
			binding:  Binding{Placed: []string{"a"}},
			held:     []string{"a HubIsolated"},
			retryIn:  30 * time.Second,
		},
		"the hub lost more than half in a minute, and of the rest one comes and goes": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(45 * time.Second), DataPath: down(50 * time.Second)}, {Name: "b", ControlPlane: down(44 * time.Second), DataPath: unknown(time.Hour)}, {Name: "c", ControlPlane: up(16 * time.Second), DataPath: unknown(time.Hour)}},
			binding:  Binding{Placed: []string{"a"}},
			held:     []string{"a HubIsolated"},
			retryIn:  30 * time.Second,
		},
		"one of two is not isolation": {
			clusters: []Cluster{{Name: "a", ControlPlane: down(20 * time.Second), DataPath: down(20 * time.Second)}, fine("b")},
			binding:  Binding{Placed: []string{"a", "b"}},
			evict:    []string{"a"},
		},
		"whole again, but not for long": {
			clusters: []Cluster{{Name: "a", ControlPlane: up(time.Minute), DataPath: up(2 * time.Minute)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}, Away: []string{"a"}},
			retryIn:  4 * time.Minute,
		},
		"whole for long, requests not yet back": {
			clusters: []Cluster{fine("a"), fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}, Away: []string{"a"}, InTraffic: map[string]bool{"a": false}},
		},
		"whole for long, requests back": {
			clusters: []Cluster{fine("a"), fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}, Away: []string{"a"}, InTraffic: map[string]bool{"a": true}},
			back:     []string{"a"},
		},
		"whole for long, nothing probed there": {
			clusters: []Cluster{{Name: "a", ControlPlane: up(time.Hour), DataPath: unknown(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}, Away: []string{"a"}},
			back:     []string{"a"},
		},
		"API server back, data path still down": {
			clusters: []Cluster{{Name: "a", ControlPlane: up(time.Hour), DataPath: down(time.Hour)}, fine("b"), fine("c")},
			binding:  Binding{Placed: []string{"b"}, Away: []string{"a"}},
		},
		"a cluster the hub has never heard of": {
			clusters: []Cluster{fine("b")},
			binding:  Binding{Placed: []string{"a"}, Away: []string{"x"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.binding.Terms = terms
			got := NewSurvey(t0, tc.clusters).Decide(tc.binding)
			if diff := cmp.Diff(tc.evict, clusters(got.Evict)); diff != "" {
				t.Errorf("evict (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.back, clusters(got.Return)); diff != "" {
				t.Errorf("return (-want +got):\n%s", diff)
			}
			var held []string
			for _, h := range got.Held {
				held = append(held, h.Cluster+" "+h.Reason)
			}
			if diff := cmp.Diff(tc.held, held); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			if tc.retryIn == 0 != got.RetryAt.IsZero() || tc.retryIn != 0 && !got.RetryAt.Equal(t0.Add(tc.retryIn)) {
				t.Errorf("retry at %v, want in %v", got.RetryAt, tc.retryIn)
			}
		})
	}
}

func clusters(moves []Move) []string {
	var out []string
	for _, m := range moves {
		out = append(out, m.Cluster)
	}
	return out
}

// A hub that starts reads conditions from before: it waits until it has seen the loss itself.
func TestARestartedHubLooksForItself(t *testing.T) {
	clusters := []Cluster{{Name: "a", ControlPlane: down(time.Hour), DataPath: down(time.Hour)}, fine("b"), fine("c")}
	b := Binding{Placed: []string{"a", "b"}, Terms: DefaultTerms()}
	got := NewSurvey(t0, clusters).WatchedSince(ago(10 * time.Second)).Decide(b)
	if len(got.Evict) > 0 || !got.RetryAt.Equal(t0.Add(5*time.Second)) {
		t.Errorf("10 s after the start: %+v, want another look in 5 s", got)
	}
	if got := NewSurvey(t0, clusters).WatchedSince(ago(15 * time.Second)).Decide(b); len(got.Evict) != 1 {
		t.Errorf("15 s after the start: %+v, want an eviction", got)
	}
}

func TestMaxUnavailable(t *testing.T) {
	for limit, want := range map[intstr.IntOrString]int{
		intstr.FromString("34%"): 3, intstr.FromString("0%"): 1, intstr.FromString("9%"): 1,
		intstr.FromInt32(0): 1, intstr.FromInt32(2): 2, intstr.FromInt32(-3): 1, intstr.FromString("a third"): 1,
	} {
		if got := atLeastOne(limit, 10); got != want {
			t.Errorf("%s of 10 clusters: %d, want %d", limit.String(), got, want)
		}
	}
}

// fleet draws clusters whose signals have any state for any time.
func fleet(t *rapid.T) []Cluster {
	signal := rapid.Custom(func(t *rapid.T) Signal {
		return Signal{rapid.SampledFrom([]State{Unknown, Up, Down}).Draw(t, "state"),
			ago(time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds")) * time.Second)}
	})
	n := rapid.IntRange(1, 12).Draw(t, "clusters")
	out := make([]Cluster, n)
	for i := range out {
		out[i] = Cluster{Name: fmt.Sprintf("c%02d", i), ControlPlane: signal.Draw(t, "control plane"), DataPath: signal.Draw(t, "data path")}
	}
	return out
}

func names(in []Cluster) []string {
	var out []string
	for _, c := range in {
		out = append(out, c.Name)
	}
	return out
}

// Pods leave a cluster only when both signals have been down for the whole time, and within one
// window never from more clusters than allowed.
func TestEvictionIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := fleet(t)
		terms := DefaultTerms()
		terms.MaxUnavailable = intstr.FromInt32(int32(rapid.IntRange(0, 4).Draw(t, "limit")))
		s := NewSurvey(t0, all)
		d := s.Decide(Binding{Placed: names(all), Away: names(all), Terms: terms})

		evicted := map[string]bool{}
		for _, m := range d.Evict {
			evicted[m.Cluster] = true
		}
		returned := map[string]bool{}
		for _, m := range d.Return {
			returned[m.Cluster] = true
		}
		reached, together := 0, 0
		for _, c := range all {
			if c.ControlPlane.State == Up {
				reached++
			}
			if !evicted[c.Name] {
				continue
			}
			together++
			if returned[c.Name] {
				t.Fatalf("%s is left and returned to at once", c.Name)
			}
			for _, sig := range []Signal{c.ControlPlane, c.DataPath} {
				if sig.State == Up || t0.Sub(sig.Since) < terms.MoveAfter {
					t.Fatalf("%s is left although a signal is %+v", c.Name, sig)
				}
			}
		}
		if together > 0 && reached == 0 {
			t.Fatal("pods are moved although the hub reaches nobody")
		}
		for i, a := range d.Evict {
			n := 1
			for j, b := range d.Evict {
				at, _ := s.clusters[a.Cluster].lostSince()
				bt, _ := s.clusters[b.Cluster].lostSince()
				if i != j && at.Sub(bt).Abs() <= Window {
					n++
				}
			}
			if most := max(1, terms.MaxUnavailable.IntValue()); n > most {
				t.Fatalf("%d clusters are left within one window, %d allowed", n, most)
			}
		}
		if again := NewSurvey(t0, all).Decide(Binding{Placed: names(all), Away: names(all), Terms: terms}); !cmp.Equal(d, again) {
			t.Fatal("the same input gave another decision")
		}
	})
}

// Nothing changes before RetryAt when nothing happens.
func TestRetryAtIsTheNextChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := fleet(t)
		b := Binding{Placed: names(all), Away: names(all), Terms: DefaultTerms()}
		now := NewSurvey(t0, all).Decide(b)
		if now.RetryAt.IsZero() {
			return
		}
		before := NewSurvey(now.RetryAt.Add(-time.Nanosecond), all).Decide(b)
		// Isolation begins and ends with the minute that it looks back.
		isolated := slices.ContainsFunc(slices.Concat(now.Held, before.Held), func(h Hold) bool { return h.Reason == ReasonHubIsolated })
		if !isolated && (!cmp.Equal(now.Evict, before.Evict) || !cmp.Equal(now.Return, before.Return)) {
			t.Fatalf("the decision changed before %v:\n%+v\n%+v", now.RetryAt, now, before)
		}
	})
}

// A cluster that goes up and down every ten seconds moves no workload at all.
func TestFlapping(t *testing.T) {
	now, evictions := t0, 0
	flapping := fine("a")
	for range 20 {
		for _, state := range []State{Down, Up} {
			flapping.ControlPlane, flapping.DataPath = Signal{state, now}, Signal{state, now}
			for range 10 {
				now = now.Add(time.Second)
				b := Binding{Placed: []string{"a", "b"}, Terms: DefaultTerms()}
				evictions += len(NewSurvey(now, []Cluster{flapping, fine("b"), fine("c")}).Decide(b).Evict)
			}
		}
	}
	if evictions != 0 {
		t.Errorf("%d evictions, want none: no outage lasted for moveWorkloadsAfter", evictions)
	}
}

// The worse an outage, the more it matters that what is held can be written.
func TestAHeldMoveOfAFleetFitsIntoACondition(t *testing.T) {
	var fleet []Cluster
	for i := range 1000 {
		c := Cluster{Name: fmt.Sprintf("%060d", i), ControlPlane: up(time.Hour)}
		if i < 600 {
			c.DataPath, c.ControlPlane = down(30*time.Minute), down(30*time.Minute)
		}
		fleet = append(fleet, c)
	}
	d := NewSurvey(t0, fleet).Decide(Binding{Placed: []string{fleet[0].Name}, Terms: DefaultTerms()})
	if len(d.Held) != 1 || len(d.Held[0].Message) > 32768 || !strings.Contains(d.Held[0].Message, "and 580 more") {
		t.Errorf("held %.300v", d.Held)
	}
}
