package feed

import (
	"context"
	"time"
)

const (
	saveEvery  = time.Second // at most so often
	saveFailed = 10 * time.Second
	saveShare  = 10 // a tenth of the time at most is spent on it
)

// save keeps the state on disk, until the context ends and everything is there. That it cannot be
// written stops nothing.
func (f *Feed) save(ctx context.Context) {
	if f.options.Dir == "" {
		return
	}
	for ctx.Err() == nil {
		wait := saveEvery
		select {
		case <-ctx.Done():
		case <-f.unsaved:
			wait = f.try(f.saveObjects, f.unsaved)
		case <-f.opinions:
			wait = f.try(f.saveVerdicts, f.opinions)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	for c, do := range map[chan struct{}]func() error{f.unsaved: f.saveObjects, f.opinions: f.saveVerdicts} {
		select {
		case <-c:
			f.note("state", do())
		default:
		}
	}
}

// try saves something, and has it saved again later if that fails. It returns how long to wait.
func (f *Feed) try(do func() error, again chan struct{}) time.Duration {
	began := time.Now()
	err := do()
	f.note("state", err)
	if err != nil {
		poke(again)
		return saveFailed
	}
	return max(saveEvery, saveShare*time.Since(began))
}

func (f *Feed) saveVerdicts() error {
	return saveVerdicts(f.options.Dir, f.options.Engine.Verdicts())
}

func (f *Feed) saveObjects() error {
	f.mu.Lock()
	o, zones := f.objects(), f.zones.All()
	generation := f.generation + 1
	f.mu.Unlock()
	s := &State{Generation: generation, Saved: time.Now(), Zones: zones, Records: o.Records, Plans: o.Plans, RegionMaps: o.RegionMaps, Serials: f.options.Engine.Serials()}
	if err := f.saveKeys(); err != nil {
		return err
	}
	if err := SaveState(f.options.Dir, s); err != nil {
		return err
	}
	f.mu.Lock()
	f.status.Saved, f.generation = s.Saved, generation
	f.mu.Unlock()
	return nil
}
