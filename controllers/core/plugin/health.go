package plugin

import (
	"errors"
	"fmt"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	// patience is how many failures in a row a plugin is forgiven before it is passed over unasked.
	patience = 3
	// firstPause is how long it is passed over then. Each failure after that doubles it, to lastPause.
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// calm is how long a plugin that failed must not fail again, until it counts as in use.
	calm = 30 * time.Second
	// retell is how seldom a new reason is told of a plugin that keeps failing.
	retell = time.Minute
)

// Failure is why a plugin gave no opinion.
type Failure struct {
	// Reason is trafficv1alpha1.ReasonPluginSlow or ReasonPluginFailing.
	Reason string
	// Message says what happened. It must not change from one failure of the same kind to the next.
	Message string
	// Costly failures make decisions wait, or tell of an endpoint that does not work. A plugin with
	// several of them in a row is passed over unasked. An expression that fails on a label is not
	// costly: the next binding may do.
	Costly bool
}

// TooSlow is the failure of a plugin that did not answer in time.
func TooSlow(timeout time.Duration) Failure {
	return Failure{Reason: trafficv1alpha1.ReasonPluginSlow, Message: fmt.Sprintf("no answer within %s", timeout), Costly: true}
}

// Failing is the failure of a plugin that answered with an error. Expressions that cost too much are
// slow and costly in any case.
func Failing(err error, costly bool) Failure {
	f := Failure{Reason: trafficv1alpha1.ReasonPluginFailing, Message: sentence(err.Error()), Costly: costly}
	if errors.Is(err, ErrCostly) {
		f.Reason, f.Costly = trafficv1alpha1.ReasonPluginSlow, true
	}
	return f
}

// Health is how a plugin has done: whether it is asked, and what its status says. The zero value is a
// plugin that was never asked. It is not safe for concurrent use.
type Health struct {
	last        Failure
	inARow      int
	pause       time.Duration
	passedUntil time.Time
	probing     bool
	failedAt    time.Time
	answeredAt  time.Time
	told        State
	toldAt      time.Time
}

// State is what the condition Ready says of a plugin.
type State struct {
	Ready           bool
	Reason, Message string
}

// Ask says whether the plugin is to be asked. When it is not, the message of the failure that led to
// this is returned. While it is passed over, one question now and then is let through.
func (h *Health) Ask(now time.Time) (ok bool, why Failure) {
	if h.inARow < patience {
		return true, Failure{}
	}
	if now.Before(h.passedUntil) {
		return false, h.last
	}
	h.probing, h.passedUntil = true, now.Add(h.pause) // whoever comes meanwhile does not wait for this one
	return true, Failure{}
}

// Answered notes that the plugin gave its opinion.
func (h *Health) Answered(now time.Time) {
	h.answeredAt = now
	h.inARow, h.pause, h.probing = 0, 0, false
}

// Failed notes that it did not.
func (h *Health) Failed(now time.Time, f Failure) {
	h.last, h.failedAt = f, now
	if !f.Costly {
		return
	}
	h.inARow++
	switch {
	case h.inARow == patience:
		h.pause = firstPause
	case h.inARow > patience && h.probing:
		h.pause = min(2*h.pause, lastPause)
	default: // once is nothing; and what was asked before the pause says nothing new
		return
	}
	h.probing, h.passedUntil = false, now.Add(h.pause)
}

// Asked says whether the plugin was ever asked.
func (h *Health) Asked() bool { return !h.answeredAt.IsZero() || !h.failedAt.IsZero() }

// State is what the status should say, and whether it says something else. It tells of a failure at
// once, of an end of failures when they have not come back for a while, and of another reason for them
// rarely, so that a plugin that answers now and then causes few writes.
func (h *Health) State(now time.Time) (s State, news bool) {
	s = h.state(now)
	if s == h.told {
		return s, false
	}
	if !s.Ready && !h.told.Ready && h.told.Reason != "" && now.Sub(h.toldAt) < retell {
		return h.told, false
	}
	return s, true
}

// Told notes that the status says so now.
func (h *Health) Told(now time.Time, s State) {
	if s != h.told {
		h.told, h.toldAt = s, now
	}
}

// Recheck is in how long the state may change although nothing happens; 0 for never.
func (h *Health) Recheck(now time.Time) time.Duration {
	if h.state(now).Ready || !h.answeredAt.After(h.failedAt) {
		return 0
	}
	return h.failedAt.Add(calm).Sub(now)
}

func (h *Health) state(now time.Time) State {
	if h.failedAt.IsZero() || h.answeredAt.After(h.failedAt) && now.Sub(h.failedAt) >= calm {
		return State{Ready: true, Reason: trafficv1alpha1.ReasonPluginInUse, Message: "decisions ask it"}
	}
	return State{Reason: h.last.Reason, Message: "decisions pass it over when it fails: " + h.last.Message}
}
