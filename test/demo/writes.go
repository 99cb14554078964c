//go:build linux

package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// idleFor is how long the fleet is watched while nobody wants anything.
const idleFor = 20 * time.Second

// restAfter is how long the planner may still have to say of a shop that was just opened: its memory of
// the start ends with failback.stableFor.
const restAfter = 12 * time.Second

// heartbeats are the writes that an idle fleet makes: leases and the name servers' reports. Reviews are
// questions in the shape of writes: nothing is stored.
var heartbeats = map[string]bool{
	"leases": true, "endpointhealths": true,
	"tokenreviews": true, "subjectaccessreviews": true, "selfsubjectaccessreviews": true, "selfsubjectreviews": true,
}

// idle counts what is written to the hub and the members while nothing happens.
func (d *demo) idle(ctx context.Context) {
	d.Step("An idle fleet writes leases and heartbeats, nothing else: %s of silence", idleFor)
	d.settle(ctx, restAfter)
	before, err := d.writes(ctx)
	if !d.CheckNoError(err, "read the API servers' request counters") {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(idleFor):
	}
	after, err := d.writes(ctx)
	if !d.CheckNoError(err, "read them again") {
		return
	}
	var beats, others float64
	var what []string
	for _, key := range slices.Sorted(maps.Keys(after)) {
		n := after[key] - before[key]
		if n == 0 {
			continue
		}
		resource, _, _ := strings.Cut(strings.Fields(key)[2], "/")
		if heartbeats[resource] {
			beats += n
			continue
		}
		others += n
		what = append(what, fmt.Sprintf("%s: %.0f", key, n))
	}
	d.Check(others == 0, "%.0f leases and heartbeats, %.0f other writes in %s over %d API servers", beats, others, idleFor, len(d.fleet.Clusters()))
	d.Say("%s", strings.Join(what, "\n"))
}

// writes are the write requests that every API server has had, refused ones included, by "cluster verb
// resource/subresource".
func (d *demo) writes(ctx context.Context) (map[string]float64, error) {
	out := map[string]float64{}
	for _, c := range d.fleet.Clusters() {
		counted, err := c.Writes(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		for what, n := range counted {
			out[c.Name+" "+what] = n
		}
	}
	return out, nil
}
