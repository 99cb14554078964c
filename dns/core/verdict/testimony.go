package verdict

import (
	"cmp"
	"slices"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Testimony is what one report says of an endpoint, and what that is worth.
type Testimony struct {
	VantagePoint string
	Verdict      trafficv1alpha1.Verdict
	// Message and Since come with a verdict that is not Healthy.
	Message string
	Since   time.Time
	// Renewed is when the report was last known to be true, by the clock of the one who reports.
	Renewed time.Time
	// Left is for how much longer the report counts unless it is renewed; negative when it no longer
	// does.
	Left time.Duration
	// Counts: it has a vote. A report that is not fresh has none, nor has one of peers that are silent
	// altogether, or one for which a newer one of the same vantage point stands.
	Counts bool
}

// Testimonies are all reports on an endpoint, those without a vote among them, by vantage point and
// age.
func (p *Peers) Testimonies(key Key, now time.Time) []Testimony {
	var out []Testimony
	for _, r := range p.reports {
		v, ok := r.verdicts[key]
		if !ok {
			continue
		}
		fault := r.faults[key]
		out = append(out, Testimony{
			VantagePoint: r.vantage, Verdict: v, Message: fault.Message, Since: fault.Since.Time,
			Renewed: r.renewed, Left: r.until.Sub(now), Counts: !p.silent && r.fresh(now),
		})
	}
	slices.SortFunc(out, func(a, b Testimony) int {
		return cmp.Or(cmp.Compare(a.VantagePoint, b.VantagePoint), b.Renewed.Compare(a.Renewed))
	})
	// A vantage point has one vote: that of its newest report which is fresh.
	for i := 1; i < len(out); i++ {
		out[i].Counts = out[i].Counts && !slices.ContainsFunc(out[:i], func(o Testimony) bool {
			return o.Counts && o.VantagePoint == out[i].VantagePoint
		})
	}
	return out
}
