package verdict

import (
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Key names the endpoint of one cluster in one TrafficPlan.
type Key struct {
	Namespace, Plan, Cluster string
}

// Thresholds are how many equal results in a row make a verdict. Values below 1 count as 1.
type Thresholds struct {
	UnhealthyAfter, HealthyAfter int32
}

// State is what one vantage point thinks of an endpoint, and the run of results that may change its
// mind. The zero State has seen nothing.
type State struct {
	// Verdict; empty counts as Unknown.
	Verdict trafficv1alpha1.Verdict
	// Since is when the verdict began.
	Since time.Time
	// Message is the error of the probe that made the endpoint unhealthy.
	Message string

	run   int32     // equal results in a row
	ok    bool      // the last result
	began time.Time // when that run began
	falls falls
}

// Observe takes one more result and returns the new state and whether the verdict changed. One
// result is one round of probes of all addresses of the endpoint.
//
// An endpoint that fell often needs more than its run to rise: see [Hold].
func (s State) Observe(ok bool, message string, now time.Time, t Thresholds) (State, bool) {
	if s.run == 0 || s.ok != ok {
		s.run, s.ok, s.began = 0, ok, now
	}
	limit, verdict := t.UnhealthyAfter, trafficv1alpha1.VerdictUnhealthy
	if ok {
		limit, verdict, message = t.HealthyAfter, trafficv1alpha1.VerdictHealthy, ""
	}
	// The run does not grow past the limit, so that it never overflows.
	s.run = min(s.run+1, max(limit, 1))
	if s.run < limit || s.Verdict == verdict {
		return s, false
	}
	switch {
	case ok && s.Verdict == trafficv1alpha1.VerdictUnhealthy && now.Sub(s.began) < s.falls.hold():
		return s, false
	case !ok && s.Verdict == trafficv1alpha1.VerdictHealthy:
		s.falls = s.falls.add(now)
		message += s.falls.note()
	}
	s.Verdict, s.Since, s.Message = verdict, now, message
	return s, true
}

// OK reports whether the last result was good. It is false for the zero State.
func (s State) OK() bool { return s.ok }
