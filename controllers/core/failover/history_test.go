package failover

import (
	"slices"
	"strings"
	"testing"
	"time"

	apinames "github.com/seaway-io/seaway/api/names"
	"pgregory.net/rapid"
)

// history lets the signals of clusters go up and down as drawn, and a binding follow every decision as
// its controllers do. It calls watch with each decision, before it is followed.
func history(t *rapid.T, b Binding, watch func(now time.Time, all []Cluster, b Binding, d Decision)) {
	all := []Cluster{fine("a"), fine("b"), fine("c"), fine("d")}
	started, now := ago(time.Hour), t0
	for range rapid.IntRange(1, 25).Draw(t, "events") {
		c := &all[rapid.IntRange(0, 3).Draw(t, "cluster")]
		state := rapid.SampledFrom([]State{Up, Down, Down, Up, Unknown}).Draw(t, "state")
		becomes := func(signal *Signal) {
			if signal.State != state {
				*signal = Signal{state, now}
			}
		}
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0:
			becomes(&c.ControlPlane)
		case 1:
			becomes(&c.DataPath)
		case 2:
			started = now // the hub starts anew
		case 3:
			c.Fence = FenceOf(rapid.SampledFrom([]string{"", "burnt down", now.Format(time.RFC3339), ago(24 * time.Hour).Format(time.RFC3339)}).Draw(t, "fence"))
		default:
			becomes(&c.ControlPlane)
			becomes(&c.DataPath)
		}
		end := now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 14, 16, 60, 299, 301, 900}).Draw(t, "seconds")) * time.Second)
		for now.Before(end) {
			d := NewSurvey(now, all).WatchedSince(started).Decide(b)
			watch(now, all, b, d)
			b = follow(all, b, d)
			if now = end; !d.RetryAt.IsZero() && d.RetryAt.Before(end) {
				now = d.RetryAt
			}
		}
	}
}

// follow carries a decision out. Who leaves its last cluster goes to the first that is not lost, and
// stays when there is none.
func follow(all []Cluster, b Binding, d Decision) Binding {
	survivor := slices.IndexFunc(all, func(c Cluster) bool { return !c.Lost() })
	b.Placed, b.Away = slices.Clone(b.Placed), slices.Clone(b.Away)
	for _, m := range d.Evict {
		if len(b.Placed) == 1 && survivor < 0 {
			break // no cluster fits
		}
		if b.Placed = slices.DeleteFunc(b.Placed, func(name string) bool { return name == m.Cluster }); len(b.Placed) == 0 {
			b.Placed = []string{all[survivor].Name}
		}
		if !b.Singleton {
			b.Away = append(b.Away, m.Cluster)
		}
	}
	for _, m := range d.Return {
		b.Away = slices.DeleteFunc(b.Away, func(name string) bool { return name == m.Cluster })
		if !slices.Contains(b.Placed, m.Cluster) {
			b.Placed = append(b.Placed, m.Cluster)
		}
	}
	return b
}

// Whatever happens to clusters and to the hub: a binding returns to a cluster at most once per window,
// never before the cluster has been whole for one, and never while a signal of it is down.
func TestOneReturnPerWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Binding{Placed: []string{"a", "b"}, Terms: DefaultTerms()}
		last := map[string]time.Time{}
		history(t, b, func(now time.Time, all []Cluster, b Binding, d Decision) {
			for _, m := range d.Return {
				if at, ok := last[m.Cluster]; ok && now.Sub(at) < b.Terms.StableFor {
					t.Fatalf("%s gets its workloads back after %s, and again after %s", m.Cluster, at.Sub(t0), now.Sub(t0))
				}
				last[m.Cluster] = now
				for _, c := range all {
					if c.Name == m.Cluster && (c.ControlPlane.State != Up || c.DataPath.State == Down || now.Sub(later(c.ControlPlane.Since, c.DataPath.Since)) < b.Terms.StableFor) {
						t.Fatalf("returns to %+v at %s", c, now.Sub(t0))
					}
				}
			}
		})
	})
}

// A binding leaves a cluster once per outage at the most: the hub that starts anew in the middle does not
// move it twice.
func TestOneMovePerOutage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := map[string]time.Time{}
		history(t, Binding{Placed: []string{"a"}, Terms: DefaultTerms()}, func(now time.Time, all []Cluster, b Binding, d Decision) {
			if !slices.ContainsFunc(all, func(c Cluster) bool { return !c.Lost() }) {
				return // nobody can follow
			}
			for _, m := range d.Evict {
				for _, c := range all {
					since, lost := c.lostSince()
					if c.Name != m.Cluster {
						continue
					}
					if at, ok := left[c.Name]; !lost || now.Sub(since) < b.Terms.MoveAfter || ok && !at.Before(since) && slices.Contains(b.Away, c.Name) {
						t.Fatalf("%s is left at %s, lost since %s", c.Name, now.Sub(t0), since.Sub(t0))
					}
					left[c.Name] = now
				}
			}
		})
	})
}

// A singleton leaves a cluster only on somebody's word about this outage.
func TestASingletonIsNeverDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Binding{Placed: []string{"a"}, Terms: DefaultTerms(), Singleton: true}
		if rapid.Bool().Draw(t, "a person wants it moved") {
			b.MoveNow = []string{AnyCluster}
		}
		history(t, b, func(now time.Time, all []Cluster, b Binding, d Decision) {
			if len(b.Placed) != 1 {
				t.Fatalf("in %v", b.Placed)
			}
			for _, m := range d.Evict {
				for _, c := range all {
					since, _ := c.lostSince()
					if c.Name == m.Cluster && (!c.Fence.Given || !c.Fence.At.IsZero() && c.Fence.At.Before(since.Add(-Window))) {
						t.Fatalf("leaves %+v at %s", c, now)
					}
				}
			}
		})
	})
}

// While a person holds an application, nothing of it moves; what is due is told.
func TestAHoldHoldsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		until := t0.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "seconds")) * time.Second)
		b := Binding{Placed: []string{"a", "b"}, Away: []string{"c"}, Terms: DefaultTerms(), Hold: &Pause{Until: until, Why: "we look at it"}, MoveNow: []string{AnyCluster}}
		history(t, b, func(now time.Time, all []Cluster, b Binding, d Decision) {
			if !now.Before(until) {
				return
			}
			if len(d.Evict)+len(d.Return) > 0 {
				t.Fatalf("moved at %s, held until %s", now.Sub(t0), until.Sub(t0))
			}
			for _, h := range d.Held {
				if h.Reason != ReasonHeldByPerson || h.Message != "we look at it" || d.RetryAt.IsZero() || d.RetryAt.After(until) {
					t.Fatalf("held by %+v, judged again at %s", h, d.RetryAt)
				}
			}
		})
	})
}

func TestWhatAPersonSaysDuringALoss(t *testing.T) {
	gone := []Cluster{
		{Name: "a", ControlPlane: down(time.Minute), DataPath: down(time.Minute)}, {Name: "b", ControlPlane: down(2 * time.Minute), DataPath: down(2 * time.Minute)},
		fine("c"),
	}
	fenced := func(value string) []Cluster {
		out := slices.Clone(gone)
		out[1] = fine("b")
		out[0].Fence = FenceOf(value)
		return out
	}
	for name, tc := range map[string]struct {
		clusters []Cluster
		b        Binding
		evict    bool
		held     string
	}{
		"two of three: the brake":                  {gone, Binding{}, false, ReasonTooManyClusters},
		"move it now":                              {gone, Binding{MoveNow: []string{"a"}}, true, ""},
		"move it now, out of another":              {gone, Binding{MoveNow: []string{"b"}}, false, ReasonTooManyClusters},
		"move it now, out of all":                  {gone, Binding{MoveNow: []string{"*"}}, true, ""},
		"move it now, although the hub is cut off": {gone[:2], Binding{MoveNow: []string{"a"}}, true, ""},
		"a hold counts more":                       {gone, Binding{MoveNow: []string{"a"}, Hold: &Pause{}}, false, ReasonHeldByPerson},
		"a hold that is over":                      {fenced(""), Binding{Hold: &Pause{Until: t0}}, true, ""},
		"a singleton":                              {fenced(""), Binding{Singleton: true}, false, ReasonSingletonNotFenced},
		"a singleton, fenced":                      {fenced(t0.Format(time.RFC3339)), Binding{Singleton: true}, true, ""},
		"a singleton, fenced a moment before":      {fenced(ago(5 * time.Minute).Format(time.RFC3339)), Binding{Singleton: true}, true, ""},
		"a singleton, fenced yesterday":            {fenced(ago(24 * time.Hour).Format(time.RFC3339)), Binding{Singleton: true}, false, ReasonSingletonNotFenced},
		"a singleton, fenced in words":             {fenced("I pulled the plug"), Binding{Singleton: true}, true, ""},
		"a singleton that is to move now":          {fenced(""), Binding{Singleton: true, MoveNow: []string{"a"}}, false, ReasonSingletonNotFenced},
	} {
		t.Run(name, func(t *testing.T) {
			tc.b.Placed, tc.b.Terms = []string{"a"}, DefaultTerms()
			d := NewSurvey(t0, tc.clusters).Decide(tc.b)
			if len(d.Evict) > 0 != tc.evict {
				t.Errorf("evict %+v", d.Evict)
			}
			if tc.held == "" && len(d.Held) > 0 || tc.held != "" && (len(d.Held) != 1 || d.Held[0].Reason != tc.held) {
				t.Errorf("held %+v", d.Held)
			}
			if tc.held == ReasonSingletonNotFenced && !strings.Contains(d.Held[0].Message, "kubectl annotate --overwrite cluster a "+apinames.FencedAnnotation+"=") {
				t.Errorf("no command: %s", d.Held[0].Message)
			}
		})
	}
}
