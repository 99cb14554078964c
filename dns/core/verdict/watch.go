package verdict

import (
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Round is a round of probes of one endpoint.
type Round struct {
	Began, Ended time.Time
	// OK says whether it was good, and Message why not.
	OK      bool
	Message string
}

// Vantage is the vantage point's judgement on itself, which all its endpoints share: a [Network], with
// what goes with it. Its methods are those of Network.
type Vantage interface {
	Answered(began time.Time)
	Failed(key Key, ended time.Time) (doubt bool)
	Fall(now time.Time)
	Expire(now time.Time)
	Excuses(failed, began time.Time, fell bool) bool
}

// Watch is what a vantage point keeps of an endpoint that it probes. The zero Watch knows nothing.
type Watch struct {
	state  State
	said   State     // as it was reported last
	before State     // when the present run of failures began
	failed time.Time // when the first round of that run ended
}

// Said is the state that was reported last.
func (w *Watch) Said() State { return w.said }

// Reset forgets all, as of something else at the same place, of which nothing is known yet.
func (w *Watch) Reset(now time.Time) State {
	unknown := State{Verdict: trafficv1alpha1.VerdictUnknown, Since: now}
	*w = Watch{state: unknown, said: unknown}
	return unknown
}

// Observe takes a round. It reports whether that changes the verdict, which is then to be told, and
// whether it is time to hear other endpoints: see [Network.Failed].
func (w *Watch) Observe(v Vantage, key Key, r Round, t Thresholds) (changed, doubt bool) {
	if r.OK {
		v.Answered(r.Began)
	} else {
		doubt = w.fails(v, key, r.Ended)
	}
	next, turned := w.state.Observe(r.OK, r.Message, r.Ended, t)
	if !r.OK && w.before.Verdict == trafficv1alpha1.VerdictHealthy {
		if turned {
			v.Fall(r.Ended)
		}
		if v.Excuses(w.failed, r.Began, w.state.Verdict == trafficv1alpha1.VerdictUnhealthy) {
			next = w.before
		}
	}
	w.state = next
	if next.Verdict == w.said.Verdict {
		return false, doubt
	}
	w.said = next
	return true, doubt
}

// fails takes note of a bad round.
func (w *Watch) fails(v Vantage, key Key, ended time.Time) (doubt bool) {
	v.Expire(ended)
	if !w.state.OK() {
		return false
	}
	// It is the first of a run.
	w.before, w.failed = w.state, ended
	return w.state.Verdict == trafficv1alpha1.VerdictHealthy && v.Failed(key, ended)
}
