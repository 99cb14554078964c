package policies

import (
	"fmt"
	"time"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// HoldOf says whether a person ordered that nothing of an application is moved by automation, until
// when, and in which words: by spec.hold or by the annotation, whichever ends later. A zero time stands
// for a hold without an end: whoever writes a time that can not be read wants one.
func HoldOf(p *trafficv1alpha1.TrafficPolicy) (until time.Time, why string, ordered bool) {
	until, why, ordered = annotatedHold(p)
	hold := p.Spec.Hold
	if hold == nil || hold.Until.IsZero() || ordered && (until.IsZero() || !hold.Until.After(until)) {
		return until, why, ordered
	}
	why = holds(p, hold.Until.Time)
	if hold.Reason != "" {
		why += ": " + hold.Reason
	}
	return hold.Until.Time, why, true
}

func annotatedHold(p *trafficv1alpha1.TrafficPolicy) (until time.Time, why string, ordered bool) {
	value, ok := p.Annotations[names.HoldUntilAnnotation]
	if !ok {
		return time.Time{}, "", false
	}
	until, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Sprintf("the annotation %s of TrafficPolicy %s is %.40q, which is no time as in RFC 3339 (2026-05-01T12:00:00Z); nothing moves until it is one, or gone",
			names.HoldUntilAnnotation, p.Name, value), true
	}
	return until, holds(p, until), true
}

func holds(p *trafficv1alpha1.TrafficPolicy, until time.Time) string {
	return fmt.Sprintf("TrafficPolicy %s holds all moves until %s", p.Name, until.UTC().Format(time.RFC3339))
}

// Held says whether a hold is in force.
func Held(p *trafficv1alpha1.TrafficPolicy, now time.Time) bool {
	until, _, ordered := HoldOf(p)
	return ordered && (until.IsZero() || now.Before(until))
}
