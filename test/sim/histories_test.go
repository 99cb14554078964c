package sim

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// world draws a world in which something may happen.
func drawOptions(t *rapid.T) Options {
	sites := rapid.SampledFrom([][]string{
		{"fra/eu", "iad/us"},
		{"fra/eu", "iad/us", "sin/ap"},
		{"fra/eu", "ber/eu", "iad/us", "sin/ap"},
		{"fra/eu", "ber/eu", "dub/eu", "iad/us", "sin/ap", "pdx/west"},
	}).Draw(t, "sites")
	strategy, room := rapid.SampledFrom([]Strategy{ByRoom, Equally, Aggregated, Duplicated}).Draw(t, "strategy"), int32(0)
	if strategy == ByRoom || strategy == Aggregated { // the others do not look at it
		room = rapid.SampledFrom([]int32{0, 12, 24}).Draw(t, "room")
	}
	return Options{
		Sites:    sites,
		Servers:  rapid.IntRange(1, 3).Draw(t, "servers"),
		Apps:     rapid.IntRange(1, 2).Draw(t, "apps"),
		Replicas: rapid.Int32Range(1, 9).Draw(t, "replicas"),
		Room:     room,
		Strategy: strategy,
		Ranked:   rapid.Bool().Draw(t, "ranked"),
		Seed:     rapid.Uint64().Draw(t, "seed"),
		Shuffled: true,
		// Shorter than the defaults, so that much happens in little time.
		StableFor: time.Minute, StepEvery: 5 * time.Second,
		Jitter: true, Quiet: true,
	}
}

// drawHistory draws what happens: single faults, and pairs of a fault and its end.
func drawHistory(t *rapid.T, o Options, longest int) []Fault {
	var sites, servers []string
	regions := map[string][]string{}
	for _, s := range o.Sites {
		name, region, _ := strings.Cut(s, "/")
		sites, regions[region] = append(sites, name), append(regions[region], name)
	}
	for i := range o.Servers {
		servers = append(servers, fmt.Sprintf("ns%d", i+1))
	}
	kinds := map[string][]FaultKind{
		"site":   {Kill, Revive, Stop, Continue, CutAPI, MendAPI, CutData, MendData, CutFrom, MendFrom},
		"server": {CutNS, MendNS, CutNSHub, MendNSHub, KillNS, StartNS},
		"hub":    {CutHub, MendHub, StopHub, StartHub, NewHub, LateHub, EndLate},
		"other":  {Storm, Calm, Scale},
	}
	one := rapid.Custom(func(t *rapid.T) []Fault {
		// Most follow at once on the one before; some after long enough for a failover, some after
		// long enough for a return.
		f := Fault{After: time.Duration(rapid.OneOf(rapid.IntRange(0, 8), rapid.IntRange(0, 60), rapid.IntRange(0, 900)).Draw(t, "steps")) * Step}
		about := rapid.SampledFrom([]string{"site", "site", "site", "site", "region", "server", "hub", "other", "flap"}).Draw(t, "about")
		if about == "region" { // all of its sites at once
			f.Kind = rapid.SampledFrom(kinds["site"]).Draw(t, "what")
			return everywhere(f, regions[rapid.SampledFrom(slices.Sorted(maps.Keys(regions))).Draw(t, "region")])
		}
		f.Kind = Flap
		if about != "flap" {
			f.Kind = rapid.SampledFrom(kinds[about]).Draw(t, "what")
		}
		switch {
		case about == "flap":
			f.At, f.N = rapid.SampledFrom(sites).Draw(t, "site"), rapid.IntRange(1, 3).Draw(t, "times")
		case about == "site":
			f.At = rapid.SampledFrom(sites).Draw(t, "site")
		case about == "server":
			f.At = rapid.SampledFrom(servers).Draw(t, "server")
		case f.Kind == Scale:
			f.N = rapid.IntRange(1, 12).Draw(t, "replicas")
		}
		return []Fault{f}
	})
	return slices.Concat(rapid.SliceOfN(one, 1, longest).Draw(t, "history")...)
}

// everywhere lets a fault happen to several sites at once.
func everywhere(f Fault, sites []string) (out []Fault) {
	for _, name := range sites {
		f.At = name
		out = append(out, f)
		f.After = 0
	}
	return out
}

// tally counts what a test has tried.
type tally struct{ histories, faults, steps, events, orders int }

func (c *tally) add(w *World, faults int) {
	c.histories++
	c.faults += faults
	c.steps += w.Steps
	c.events += w.Events
	c.orders += w.Orders
}

func (c *tally) String() string {
	return fmt.Sprintf("sim: %d histories with %d faults, %d steps, %d events; interleavings (sets of simultaneous events that were put in a drawn order): %d",
		c.histories, c.faults, c.steps, c.events, c.orders)
}

// Whatever happens, in whatever order, every invariant holds after every step; and when all is mended
// everything is as it was: every client is answered, every server has the plan that is stored, and as
// many pods are ready as are wanted.
func TestInvariantsOverRandomHistories(t *testing.T) {
	var count tally
	longest := checks(t, 40, 1200)
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		history := drawHistory(t, o, longest)
		w, err := live(o, history)
		count.add(w, len(history))
		if err != nil {
			o.Quiet = false
			w, _ = live(o, history)
			t.Fatalf("%v\n%+v\n%s", err, o, w.Story())
		}
	})
	t.Log(count.String())
}

// checks has rapid make so many checks, more of them with SEAWAY_SIM=long, and returns how long a
// history may be. The few are always the same; the many are others each time unless -rapid.seed says
// which.
func checks(t *testing.T, few, many int) (longest int) {
	n, longest := few, 20
	flags := map[string]string{"rapid.nofailfile": "true"}
	if os.Getenv("SEAWAY_SIM") == "long" {
		n, longest = many, 40
	} else {
		flags["rapid.seed"] = "1"
	}
	flags["rapid.checks"] = strconv.Itoa(n)
	for name, value := range flags {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return longest
}

// live lets a history happen to a world, and mends it.
func live(o Options, history []Fault) (*World, error) {
	w := New(o).Watch(Invariants()...)
	if err := w.Run(20 * time.Second); err != nil {
		return w, err
	}
	if err := w.Play(history); err != nil {
		return w, err
	}
	return w, mended(w)
}

// mended ends everything that is wrong, and waits until all is as it was.
func mended(w *World) error {
	w.Mend()
	// What fell often is held back for as long as 8 minutes.
	var wrong error
	for range 14 * 6 {
		if err := w.Run(10 * time.Second); err != nil {
			return err
		}
		if wrong = missing(w); wrong == nil {
			return nil
		}
	}
	return fmt.Errorf("all was mended long ago, and %w", wrong)
}

// missing says what is not as it should be in a world in which nothing is wrong.
func missing(w *World) error {
	for _, a := range w.Store.Apps {
		var ready int32
		for _, s := range w.Sites {
			ready += s.Ready(a.Name)
		}
		if ready < a.Binding.Spec.Replicas {
			return fmt.Errorf("%d of %d pods of %s are ready", ready, a.Binding.Spec.Replicas, a.Name)
		}
		if len(a.Binding.Spec.GracefulEvictionTasks) > 0 {
			return fmt.Errorf("%s has not returned to %s", a.Name, a.Binding.Spec.GracefulEvictionTasks[0].FromCluster)
		}
		for _, s := range w.Servers {
			plan, ok := s.Plan(a.Name)
			if !ok || plan.UID != a.Plan.UID || plan.Generation != a.Plan.Generation {
				return fmt.Errorf("%s holds another plan of %s than is stored", s.Name, a.Name)
			}
		}
		for _, e := range a.Plan.Spec.Endpoints {
			if _, told := w.site(e.Cluster).Wanted(a.Name); told && e.State != v1.EndpointServing {
				return fmt.Errorf("the endpoint of %s in %s is %s: %s", a.Name, e.Cluster, e.State, e.Message)
			}
		}
	}
	return nil
}
