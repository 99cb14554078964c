package verdict

import (
	"fmt"
	"time"
)

// Flap damping. Every fall from Healthy to Unhealthy is remembered for [FallForgotten], one after the
// other. An endpoint that has fallen no more than [FreeFalls] times within memory rises as soon as
// its run of good results is complete. After that it is held unhealthy until it has answered without
// a break for [LeastHold], twice as long with every further fall, and never longer than [MostHold].
//
// So an endpoint that is steady is never held, one that stays well after whatever it did is healthy
// within MostHold and its run, and one that flaps without end changes its verdict no more than
// [MostChanges] times in any hour, however short its interval.
const (
	FreeFalls     = 3
	FallForgotten = 15 * time.Minute
	LeastHold     = 30 * time.Second
	MostHold      = 8 * time.Minute
	MostChanges   = 30
)

// mostFalls is how many falls are remembered: as many as it takes to be held for MostHold.
const mostFalls = 8

// falls are those within memory: a bucket that every fall fills by FallForgotten and that time
// empties.
type falls struct {
	memory time.Duration
	at     time.Time
}

// add is one more fall.
func (f falls) add(now time.Time) falls {
	left := f.memory
	if !f.at.IsZero() {
		left -= max(now.Sub(f.at), 0) // clocks that go back take nothing away
	}
	return falls{min(max(left, 0)+FallForgotten, mostFalls*FallForgotten), now}
}

// count is how many falls were remembered when the last one happened.
func (f falls) count() int { return int((f.memory + FallForgotten - 1) / FallForgotten) }

func (f falls) hold() time.Duration { return Hold(f.count()) }

// Hold is how long an endpoint that fell so often within memory must have answered without a break
// before it is healthy again.
func Hold(count int) time.Duration {
	if count <= FreeFalls {
		return 0
	}
	return min(LeastHold<<min(count-FreeFalls-1, mostFalls), MostHold)
}

// note says in a message what a fall leads to.
func (f falls) note() string {
	if f.hold() == 0 {
		return ""
	}
	return fmt.Sprintf(" (fall %d of late: healthy again once it has answered for %s)", f.count(), f.hold())
}
