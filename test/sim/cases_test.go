package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/seaway-io/seaway/controllers/core/placement"
)

// cases are histories that once broke an invariant.
var cases = map[string]struct {
	options Options
	history []Fault
	then    time.Duration
	// placed is where the applications are then.
	placed []string
}{
	"a return does not rely on a cluster that requests do not reach": {
		Options{Apps: 2, Strategy: Aggregated},
		[]Fault{{At: "sin", Kind: CutData}, {At: "iad", Kind: Kill}, {After: time.Minute, At: "iad", Kind: Revive}}, 5 * time.Minute,
		[]string{"{fra:6}", "{sin:6}"}, // and still in iad, which alone answers
	},
	"a return that would lead to a third cluster ends where it runs": {
		Options{Replicas: 1, Strategy: Aggregated},
		[]Fault{{At: "fra", Kind: Stop}, {After: time.Minute, At: "fra", Kind: Continue}}, 5 * time.Minute,
		[]string{"{fra:1}"},
	},
	"the loss of what is left counts anew when the brake is released": {
		Options{Sites: fiveSites, Replicas: 10},
		[]Fault{{At: "fra", Kind: Kill}, {At: "ber", Kind: Kill}, {After: 5 * time.Minute, At: "ber", Kind: Revive}, {After: time.Second, At: "fra", Kind: Revive}}, time.Minute,
		[]string{"{ber:2, fra:2, iad:2, pdx:2, sin:2}"},
	},
	"the loss of what is left counts anew when the hub is connected again": {
		Options{},
		[]Fault{{Kind: CutHub}, {After: time.Minute, At: "fra", Kind: Kill}, {After: time.Minute, Kind: MendHub}, {After: 2 * time.Second, At: "fra", Kind: Revive}}, time.Minute,
		[]string{"{fra:2, iad:2, sin:2}"},
	},
	"who wants fewer keeps what is alive": {
		Options{Replicas: 8},
		[]Fault{{At: "iad", Kind: Kill}, {At: "sin", Kind: Stop}, {After: time.Minute, Kind: Scale, N: 2}}, time.Minute,
		[]string{"{fra:2}"},
	},
	"a survivor that is not reached gets no more": {
		Options{},
		[]Fault{{At: "sin", Kind: CutFrom}, {After: 2 * time.Minute, At: "iad", Kind: Kill}}, time.Minute,
		[]string{"{fra:4, sin:2}"},
	},
	"what has come back takes what is lost next": {
		Options{Sites: threeSites[:2], Strategy: Aggregated},
		[]Fault{{At: "fra", Kind: Kill}, {After: 11 * time.Minute, At: "fra", Kind: Revive}, {After: 30 * time.Second, At: "iad", Kind: Kill}}, 3 * time.Minute,
		[]string{"{fra:6}"},
	},
}

func TestCases(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := c.options
			o.Shuffled, o.Seed, o.StableFor, o.StepEvery = true, 1, time.Minute, 5*time.Second
			if o.Sites == nil {
				o.Sites = threeSites
			}
			w := New(o).Watch(Invariants()...)
			err := w.Run(2 * time.Minute)
			w.Forget()
			if err == nil {
				err = w.Play(c.history)
			}
			if err == nil {
				err = w.Run(c.then)
			}
			var placed []string
			for _, a := range w.Store.Apps {
				placed = append(placed, placement.Targets(a.Binding.Spec.Clusters))
			}
			if err != nil || !slices.Equal(placed, c.placed) {
				t.Fatalf("%v\nplaced on %v, want %v\n%s", err, placed, c.placed, w.Story())
			}
			if err := mended(w); err != nil {
				t.Fatalf("%v\n%s", err, w.Story())
			}
		})
	}
}
