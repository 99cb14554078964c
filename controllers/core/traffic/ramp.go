package traffic

import (
	"fmt"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// ramp is the way back to the full share: nothing for stableFor, then stepPercent, then as much
// again every stepEvery.
type ramp struct {
	stableFor, stepEvery time.Duration
	stepPercent          int32
}

func (p *planner) ramp() ramp {
	f := p.in.Policy.Spec.Failover.Failback
	return ramp{f.StableFor.Duration, f.StepEvery.Duration, *f.StepPercent}
}

// recover gives an endpoint in recovery its share. held is what it had: a share does not fall while
// the endpoint is healthy. The clock stands still while the control plane is lost, since nobody knows
// whether replicas are ready. That a member was not read yet, as after a restart, stops no clock.
func (p *planner) recover(e *trafficv1alpha1.PlanEndpoint, s subject, held int32) {
	r := p.ramp()
	since := e.StableSince
	enter(e, trafficv1alpha1.EndpointRecovering, "", "")
	e.SharePercent = held
	if !controlPlaneLost(s.Cluster) && !p.held {
		if since == nil {
			from := ceil(p.in.Now.Add(-r.offset(held)))
			since = &from
		}
		e.StableSince = since
		share := r.share(p.in.Now.Sub(since.Time))
		if share >= 100 {
			p.serve(e, s)
			return
		}
		e.SharePercent = max(held, share)
	}
	p.describe(e)
}

// share after a time of health without a break.
func (r ramp) share(healthy time.Duration) int32 {
	if healthy < r.stableFor {
		return 0
	}
	steps := int64((healthy-r.stableFor)/r.stepEvery) + 1
	return int32(min(steps*int64(r.stepPercent), 100))
}

// at is how much time of health a share takes.
func (r ramp) at(share int32) time.Duration {
	steps := (share + r.stepPercent - 1) / r.stepPercent
	return r.stableFor + time.Duration(steps-1)*r.stepEvery
}

// offset is the time of health that a held share stands for when the clock starts again. A full
// share was given out of need and stands for none.
func (r ramp) offset(held int32) time.Duration {
	if held == 0 || held == 100 {
		return 0
	}
	return r.at(held)
}

// next is when an endpoint with a running clock gets more, or is Serving.
func (r ramp) next(e *trafficv1alpha1.PlanEndpoint) time.Time {
	return e.StableSince.Add(r.at(r.nextShare(e)))
}

func (r ramp) nextShare(e *trafficv1alpha1.PlanEndpoint) int32 {
	if e.SharePercent == 100 {
		return 100
	}
	return min((e.SharePercent/r.stepPercent+1)*r.stepPercent, 100)
}

// describe says what a recovery waits for.
func (p *planner) describe(e *trafficv1alpha1.PlanEndpoint) {
	r := p.ramp()
	switch {
	case e.SharePercent == 100:
		e.Reason = trafficv1alpha1.EndpointReasonOnlyHealthy
		e.Message = "receives its full share before its time: no other endpoint was Serving when it returned"
	case e.StableSince == nil && p.held:
		e.Reason = trafficv1alpha1.EndpointReasonHeld
		e.Message = fmt.Sprintf("keeps %d %% of its share while spec.hold is in force", e.SharePercent)
	case e.StableSince == nil:
		e.Reason = trafficv1alpha1.EndpointReasonControlPlaneLost
		e.Message = "requests get through again; waits for the control plane, which knows how many replicas are ready"
	case e.SharePercent == 0:
		e.Reason = trafficv1alpha1.EndpointReasonStabilizing
		e.Message = fmt.Sprintf("healthy since %s; receives requests from %s if it stays so", clock(e.StableSince.Time), clock(r.next(e)))
	default:
		e.Reason = trafficv1alpha1.EndpointReasonRamping
		e.Message = fmt.Sprintf("receives %d %% of its share; %d %% from %s", e.SharePercent, r.nextShare(e), clock(r.next(e)))
	}
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
