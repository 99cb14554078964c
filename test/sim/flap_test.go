package sim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A cluster that is away for ten seconds and there for ten, twenty times over, in whatever way and
// however the times fall, is left by its workloads at most once, and is returned to at most once when
// it is over.
func TestFlappingMovesWorkloadsAtMostOnce(t *testing.T) {
	checks(t, 5, 100)
	rapid.Check(t, func(t *rapid.T) {
		w := New(Options{Sites: threeSites, Seed: rapid.Uint64().Draw(t, "seed"), Shuffled: true, Jitter: true}).Watch(Invariants()...)
		moves := &moves{}
		w.Watch(moves)
		var history []Fault
		ways := [][2][]FaultKind{{{Kill}, {Revive}}, {{Stop}, {Continue}}, {{CutAPI, CutData}, {MendAPI, MendData}}, {{CutData}, {MendData}}}
		way := rapid.SampledFrom(ways).Draw(t, "way")
		for range 20 {
			for _, kinds := range way {
				after := 10*time.Second + Step*time.Duration(rapid.IntRange(-1, 1).Draw(t, "jitter"))
				for _, kind := range kinds {
					history = append(history, Fault{After: after, Kind: kind, At: "fra"})
					after = 0
				}
			}
		}
		err := w.Run(time.Minute)
		if err == nil {
			err = w.Play(history)
		}
		if err == nil {
			err = w.Run(20 * time.Minute)
		}
		if err != nil || moves.evictions > 1 || moves.returns > moves.evictions {
			t.Fatalf("%v; left %d times, returned %d times\n%s", err, moves.evictions, moves.returns, w.Story())
		}
	})
}

// moves counts.
type moves struct{ evictions, returns int }

func (*moves) Name() string { return "moves" }

func (m *moves) Check(w *World) error {
	for _, x := range w.Written {
		switch x.Kind {
		case WroteEvict:
			m.evictions++
		case WroteReturn:
			m.returns++
		}
	}
	return nil
}
