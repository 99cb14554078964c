package evict

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seaway-io/seaway/controllers/core/placement"
)

// patience is what tolerations make of the NoExecute taints of one cluster.
type patience struct {
	// due are the taints that are not, or no longer, tolerated.
	due []corev1.Taint
	// why says it of the first of them.
	why string
	// until is when the next of the others is no longer tolerated; zero when never.
	until time.Time
}

// patienceWith judges the NoExecute taints of a cluster. A taint that nothing tolerates is due at once; one
// that is tolerated for some seconds is due so long after it was added, by the shortest of the tolerations
// that match. Of a taint without a time nobody knows since when it is there: it counts from now. The API
// server gives every such taint a time.
func patienceWith(taints []corev1.Taint, tolerations []corev1.Toleration, now time.Time) patience {
	var p patience
	for i := range taints {
		taint := &taints[i]
		if taint.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		tolerated, seconds := toleration(taint, tolerations)
		switch {
		case !tolerated:
			p.add(*taint, fmt.Sprintf("the taint %s is not tolerated", taint.ToString()))
		case seconds == nil: // for ever
		default:
			added := now
			if taint.TimeAdded != nil {
				added = taint.TimeAdded.Time
			}
			until := added.Add(asSeconds(*seconds))
			if !now.Before(until) {
				p.add(*taint, fmt.Sprintf("the taint %s is there since %s, longer than the %d s for which it is tolerated",
					taint.ToString(), added.UTC().Format(time.RFC3339), max(*seconds, 0)))
			} else if p.until.IsZero() || until.Before(p.until) {
				p.until = until
			}
		}
	}
	return p
}

func (p *patience) add(taint corev1.Taint, why string) {
	if len(p.due) == 0 {
		p.why = why
	}
	p.due = append(p.due, taint)
}

// toleration says whether a taint is tolerated, and for how many seconds; nil for ever.
func toleration(taint *corev1.Taint, tolerations []corev1.Toleration) (tolerated bool, seconds *int64) {
	for i := range tolerations {
		t := &tolerations[i]
		if !placement.Tolerates(*t, taint) {
			continue
		}
		tolerated = true
		if t.TolerationSeconds != nil && (seconds == nil || *t.TolerationSeconds < *seconds) {
			seconds = t.TolerationSeconds
		}
	}
	return tolerated, seconds
}

// longest is how far ahead a time is looked at; more seconds than that overflow a Duration.
const longest = 100 * 365 * 24 * time.Hour

// asSeconds is that many seconds. Less than none is none.
func asSeconds(n int64) time.Duration {
	if n > int64(longest/time.Second) {
		return longest
	}
	return time.Duration(max(n, 0)) * time.Second
}

// HasNoExecute says whether one of the taints evicts what does not tolerate it.
func HasNoExecute(taints []corev1.Taint) bool {
	for i := range taints {
		if taints[i].Effect == corev1.TaintEffectNoExecute {
			return true
		}
	}
	return false
}
