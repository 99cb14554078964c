package failover

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Isolated says why the hub itself is thought to be cut off; it is empty when it is not.
func (s Survey) Isolated() string { return s.isolated }

// Allowed is how many of so many clusters a limit such as MaxUnavailable lets go: a percentage is rounded
// down, and at least one may always go.
func Allowed(limit intstr.IntOrString, clusters int) int { return atLeastOne(limit, clusters) }

// reach is when the control planes of clusters last came and went. What the hub reached at some time
// follows from it, as far back as each cluster's last change, so that a restarted hub knows it too.
type reach struct {
	ups, downs []time.Time // sorted
}

func reachOf(clusters []Cluster) (r reach) {
	for _, c := range clusters {
		if c.ControlPlane.State == Up {
			r.ups = append(r.ups, c.ControlPlane.Since)
		} else {
			r.downs = append(r.downs, c.ControlPlane.Since)
		}
	}
	slices.SortFunc(r.ups, time.Time.Compare)
	slices.SortFunc(r.downs, time.Time.Compare)
	return r
}

// before is how many clusters were reached just before t.
func (r reach) before(t time.Time) int {
	up, _ := slices.BinarySearchFunc(r.ups, t, time.Time.Compare)
	down, _ := slices.BinarySearchFunc(r.downs, t, time.Time.Compare)
	return up + len(r.downs) - down
}

// isolation says why the hub itself is thought to be cut off just before t, if it is: it reached no
// cluster, or fewer than half of those it reached a minute earlier.
func (r reach) isolation(t time.Time) string {
	reached, earlier := r.before(t), r.sometimesSince(t.Add(-isolationWindow))
	switch {
	case len(r.ups)+len(r.downs) > 0 && reached == 0:
		return "the hub reaches no cluster"
	case reached*2 < earlier:
		return fmt.Sprintf("the hub reaches %d clusters, a minute ago it reached %d", reached, earlier)
	}
	return ""
}

// sometimesSince is how many clusters may have been reached just before t, or were since. Who came back after
// t may have been reached until shortly before that: only the last change of each is known.
func (r reach) sometimesSince(t time.Time) int {
	away, _ := slices.BinarySearchFunc(r.downs, t, time.Time.Compare)
	return len(r.ups) + len(r.downs) - away
}

// reconnected is when the hub last reached a cluster again and may have seemed cut off until then; zero when
// that is not known.
func (r reach) reconnected() time.Time {
	for _, t := range slices.Backward(r.ups) {
		if reached := r.before(t); reached == 0 || reached*2 < r.sometimesSince(t.Add(-isolationWindow)) {
			return t
		}
	}
	return time.Time{}
}

// releasedAt is when the brake or the isolation of the hub last ended, as far as either may have held a
// cluster's loss back. Clusters that come back after a large outage do so one after the other, and the
// next one may only be late: so a loss counts anew from then on. It is zero when nothing held it back, or
// while the brake still does.
func (s Survey) releasedAt(name string, limit intstr.IntOrString) time.Time {
	at, lost := s.clusters[name].lostSince()
	if !lost {
		return time.Time{}
	}
	out := s.reconnected
	// So many more could be lost beside those that are, and the brake would not be on. It was, before the
	// last but so many came back.
	spare := atLeastOne(limit, len(s.clusters)) - s.lostWith(at)
	if backs := s.backsFor(at); spare >= 0 && spare < len(backs) && backs[spare].After(at) {
		out = later(out, backs[spare])
	}
	return out
}

// backsFor are when clusters may have come back that may have been lost together with one that was lost at
// a time, the latest first. One that is lost in another window was not, just before.
func (s Survey) backsFor(at time.Time) []time.Time {
	out := s.backs
	for _, other := range s.lost {
		if t, _ := s.clusters[other].lostSince(); t.Sub(at) > Window {
			out = append(slices.Clip(out), t)
		}
	}
	if len(out) > len(s.backs) {
		slices.SortFunc(out, func(a, b time.Time) int { return b.Compare(a) })
	}
	return out
}

// lostWith counts the clusters that are lost now and were within one window of a time.
func (s Survey) lostWith(at time.Time) (n int) {
	for _, other := range s.lost {
		if t, _ := s.clusters[other].lostSince(); t.Sub(at).Abs() <= Window {
			n++
		}
	}
	return n
}

// backAt is when the cluster last ceased to be lost at the latest, if it ever was: one of its signals is up
// since then. Nothing is known of what was before a signal last changed.
func (c Cluster) backAt() (time.Time, bool) {
	control, data := c.ControlPlane, c.DataPath
	switch reached, answers := control.State == Up, data.State != Down; {
	case reached && answers && data.Since.Before(control.Since):
		return data.Since, true
	case reached:
		return control.Since, true
	case answers:
		return data.Since, true
	}
	return time.Time{}, false
}
