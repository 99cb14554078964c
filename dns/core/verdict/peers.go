package verdict

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seaway-io/seaway/api/traffic/quorum"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Peers holds the reports of the other vantage points. A report counts for its lease duration after
// it was renewed, measured by the clock of the reader from when it saw the renewal: clocks of
// different machines are never compared. It is not safe for concurrent use.
type Peers struct {
	self    string
	reports map[string]*report // by the object's name
	silent  bool
}

// report is one EndpointHealth.
type report struct {
	vantage  string
	renewed  time.Time // by the writer's clock
	lease    time.Duration
	until    time.Time // by our clock
	verdicts map[Key]trafficv1alpha1.Verdict
	// faults are what is said of the endpoints that are not healthy, which are few.
	faults  map[Key]trafficv1alpha1.EndpointVerdict
	counted bool // it was fresh when it was last looked at
}

// NewPeers keeps the reports of all vantage points but self.
func NewPeers(self string) *Peers {
	return &Peers{self: self, reports: map[string]*report{}}
}

// Observe takes a report that was seen just now and reports whether a vote may have changed.
func (p *Peers) Observe(h *trafficv1alpha1.EndpointHealth, now time.Time) bool {
	if h.Spec.VantagePoint == p.self {
		return false
	}
	old := p.reports[h.Name]
	r := &report{
		vantage:  h.Spec.VantagePoint,
		renewed:  h.Spec.RenewTime.Time,
		lease:    time.Duration(h.Spec.LeaseDurationSeconds) * time.Second,
		verdicts: votesOf(h),
		faults:   faultsOf(h),
	}
	switch {
	case old != nil && old.renewed.Equal(r.renewed):
		// Seen before: nothing new was said about how long it is true.
		r.until = old.until
	case old == nil && now.Sub(r.renewed) > r.lease:
		// Seen for the first time, and it says itself that it is old. It counts once it is renewed.
		r.until = now
	default:
		r.until = now.Add(r.lease)
	}
	r.counted = r.fresh(now)
	p.reports[h.Name] = r
	return old == nil && r.counted || old != nil && (old.vantage != r.vantage || old.counted != r.counted || !maps.Equal(old.verdicts, r.verdicts))
}

func votesOf(h *trafficv1alpha1.EndpointHealth) map[Key]trafficv1alpha1.Verdict {
	votes := map[Key]trafficv1alpha1.Verdict{}
	for _, plan := range h.Spec.Plans {
		for _, e := range plan.Endpoints {
			votes[Key{plan.Namespace, plan.Name, e.Cluster}] = e.Verdict
		}
	}
	return votes
}

func faultsOf(h *trafficv1alpha1.EndpointHealth) map[Key]trafficv1alpha1.EndpointVerdict {
	faults := map[Key]trafficv1alpha1.EndpointVerdict{}
	for _, plan := range h.Spec.Plans {
		for _, e := range plan.Endpoints {
			if e.Verdict != trafficv1alpha1.VerdictHealthy {
				faults[Key{plan.Namespace, plan.Name, e.Cluster}] = e
			}
		}
	}
	return faults
}

// Forget drops a report whose object was deleted and reports whether a vote may have changed.
func (p *Peers) Forget(name string) bool {
	r := p.reports[name]
	delete(p.reports, name)
	return r != nil && r.counted
}

// Silence says whether all peers count as silent, which they do while the link that brings their
// reports is down, and reports whether that is a change.
func (p *Peers) Silence(silent bool) bool {
	changed := p.silent != silent
	p.silent = silent
	return changed
}

// Expire notices the reports whose time is over. It says whether there were any, and when to ask
// again; zero when no report is fresh.
func (p *Peers) Expire(now time.Time) (changed bool, next time.Time) {
	for _, r := range p.reports {
		switch {
		case r.fresh(now):
			if next.IsZero() || r.until.Before(next) {
				next = r.until
			}
		case r.counted:
			r.counted, changed = false, true
		}
	}
	return changed, next
}

func (r *report) fresh(now time.Time) bool { return now.Before(r.until) }

// Decide is the verdict on an endpoint, of this vantage point and of all fresh others. A vantage
// point has one vote, however many objects it reports in.
func (p *Peers) Decide(own trafficv1alpha1.Verdict, key Key, now time.Time) trafficv1alpha1.Verdict {
	votes := make([]trafficv1alpha1.Verdict, 0, 8)
	votes = append(votes, own)
	for _, v := range p.Votes(key, now) {
		votes = append(votes, v.Verdict)
	}
	return quorum.Decide(votes)
}

// DecideCutOff is the same while this vantage point is cut off: the others decide, and if none of
// them has an opinion, what was known before still counts.
func (p *Peers) DecideCutOff(known trafficv1alpha1.Verdict, key Key, now time.Time) trafficv1alpha1.Verdict {
	if v := p.Decide(trafficv1alpha1.VerdictUnknown, key, now); v != trafficv1alpha1.VerdictUnknown {
		return v
	}
	return p.Decide(known, key, now)
}

// Vote is what a vantage point says of an endpoint.
type Vote struct {
	VantagePoint string
	Verdict      trafficv1alpha1.Verdict
}

// Votes are those of the fresh peers on an endpoint, by vantage point.
func (p *Peers) Votes(key Key, now time.Time) []Vote {
	if p.silent {
		return nil
	}
	var votes []Vote
	var renewed []time.Time // of each vote
	for _, r := range p.reports {
		v, ok := r.verdicts[key]
		if !ok || !r.fresh(now) {
			continue
		}
		at := slices.IndexFunc(votes, func(o Vote) bool { return o.VantagePoint == r.vantage })
		switch {
		case at < 0:
			votes = append(votes, Vote{r.vantage, v})
			renewed = append(renewed, r.renewed)
		case r.renewed.After(renewed[at]):
			votes[at].Verdict, renewed[at] = v, r.renewed
		}
	}
	slices.SortFunc(votes, func(a, b Vote) int { return strings.Compare(a.VantagePoint, b.VantagePoint) })
	return votes
}

// Fresh are the names of the fresh vantage points, in order, without this one.
func (p *Peers) Fresh(now time.Time) []string {
	names := map[string]bool{}
	for _, r := range p.reports {
		if !p.silent && r.fresh(now) {
			names[r.vantage] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
