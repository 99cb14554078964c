package interpreter

import (
	"sync"
	"time"
)

const (
	// breakAfter is how many calls in a row have to fail before a webhook is left alone.
	breakAfter = 3
	// firstPause is how long it is left alone then; each failed trial after it doubles that.
	firstPause = 5 * time.Second
	lastPause  = time.Minute
)

// breaker keeps calls from a webhook that does not answer, so that nobody waits for it: it lets one call
// through now and then to see whether it is back.
type breaker struct {
	mu     sync.Mutex
	failed int
	pause  time.Duration
	until  time.Time
	trying bool
}

// allow says whether a call may be made; if so, record has to be called with its outcome.
func (b *breaker) allow(now time.Time) (ok bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failed < breakAfter:
		return true, 0
	case now.Before(b.until):
		return false, b.until.Sub(now)
	case b.trying:
		return false, firstPause
	}
	b.trying = true
	return true, 0
}

// record takes the outcome of a call: did the webhook answer?
func (b *breaker) record(now time.Time, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	if answered {
		b.failed, b.pause = 0, 0
		return
	}
	if b.failed++; b.failed >= breakAfter {
		b.pause = min(max(2*b.pause, firstPause), lastPause)
		b.until = now.Add(b.pause)
	}
}
