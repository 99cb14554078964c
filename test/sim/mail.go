package sim

import (
	"slices"
	"time"
)

// Weather is what happens to messages from the hub's store to those who watch it.
type Weather struct {
	// Late is how many steps a message may take; those that take longer are overtaken.
	Late int
	// Lost and Twice are how many in a hundred do not come, or come again.
	Lost, Twice int
}

// calm weather: messages come in the step in which they were sent, each once.
var calm = Weather{}

// relist is how soon after the last time one who watches may read everything again when messages were lost: a
// watch that breaks is followed by a list.
const relist = 5 * time.Second

// message is on its way to one who watches.
type message struct {
	at      time.Time
	deliver func()
}

// post sends a message to one who watches, through the weather.
func (w *World) post(deliver func()) {
	if w.rng.chance(w.Weather.Lost) {
		w.lost = w.Now
		return
	}
	n := 1
	if w.rng.chance(w.Weather.Twice) {
		n = 2
	}
	for range n {
		w.mail = append(w.mail, message{w.Now.Add(Step * time.Duration(w.rng.below(w.Weather.Late+1))), deliver})
	}
}

// hear delivers what has arrived, until nothing more has.
func (w *World) hear() {
	for {
		var due []func()
		w.mail = slices.DeleteFunc(w.mail, func(m message) bool {
			if m.at.After(w.Now) {
				return false
			}
			due = append(due, m.deliver)
			return true
		})
		if len(due) == 0 {
			return
		}
		w.simultaneous(due)
	}
}
