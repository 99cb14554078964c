package failover

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Terms are how a binding wants to be moved: those of the TrafficPolicies of its application, or
// the defaults.
type Terms struct {
	// MoveAfter is how long both signals must be down.
	MoveAfter time.Duration
	// StableFor is how long a cluster must have been whole before anything returns to it.
	StableFor time.Duration
	// MaxUnavailable is the number or percentage of all clusters that may be lost together.
	MaxUnavailable intstr.IntOrString
}

// DefaultTerms are the terms of a binding that no TrafficPolicy speaks for. They are the defaults
// of the TrafficPolicy API.
func DefaultTerms() Terms {
	return Terms{MoveAfter: 15 * time.Second, StableFor: 5 * time.Minute, MaxUnavailable: intstr.FromString("34%")}
}

// Stricter returns terms that satisfy both: an application with several policies moves as the most
// careful of them says.
func (t Terms) Stricter(o Terms, clusters int) Terms {
	out := Terms{MoveAfter: max(t.MoveAfter, o.MoveAfter), StableFor: max(t.StableFor, o.StableFor), MaxUnavailable: t.MaxUnavailable}
	if atLeastOne(o.MaxUnavailable, clusters) < atLeastOne(t.MaxUnavailable, clusters) {
		out.MaxUnavailable = o.MaxUnavailable
	}
	return out
}

// Binding is what has to be judged.
type Binding struct {
	// Placed are the clusters it is placed in.
	Placed []string
	// Away are the clusters it was moved out of by an earlier decision of this package, where its
	// copies still wait.
	Away []string
	// InTraffic says of a cluster in Away whether the application's requests are back there in
	// full. Clusters that no plan speaks of are left out and count as back.
	InTraffic map[string]bool
	Terms     Terms
}

// Reasons of a Hold.
const (
	// ReasonTooManyClusters: more clusters were lost together than the policy allows.
	ReasonTooManyClusters = "TooManyClustersLost"
	// ReasonHubIsolated: the hub seems to have lost its own network.
	ReasonHubIsolated = "HubIsolated"
)

// Hold is a move that was due and is not made.
type Hold struct {
	Cluster, Reason, Message string
}

// Move is a cluster that a binding leaves, or returns to, and why.
type Move struct {
	Cluster, Message string
}

// Decision is what is to be done with one binding now.
type Decision struct {
	// Evict are the clusters to leave.
	Evict []Move
	// Return are the clusters of Binding.Away that are whole again: the placement is to be made
	// anew with them.
	Return []Move
	// Held are the evictions that were due and must not be made.
	Held []Hold
	// RetryAt is when time alone may change this decision; zero when only an event can.
	RetryAt time.Time
}

// Decide judges one binding. The same survey and binding give the same decision.
func (s Survey) Decide(b Binding) Decision {
	var d Decision
	for _, name := range sorted(b.Placed) {
		s.leave(name, b.Terms, &d)
	}
	for _, name := range sorted(b.Away) {
		s.comeBack(name, b, &d)
	}
	return d
}

func (s Survey) leave(name string, terms Terms, d *Decision) {
	since, lost := s.clusters[name].lostSince()
	if !lost {
		return
	}
	since = later(since, s.watching)
	if due := since.Add(terms.MoveAfter); s.now.Before(due) {
		d.retry(due)
		return
	}
	if s.isolated != "" {
		d.Held = append(d.Held, Hold{name, ReasonHubIsolated, s.isolated})
		d.retry(s.now.Add(isolationWindow / 2))
		return
	}
	if why := s.tooMany(name, terms.MaxUnavailable); why != "" {
		d.Held = append(d.Held, Hold{name, ReasonTooManyClusters, why})
		return
	}
	d.Evict = append(d.Evict, Move{name, fmt.Sprintf("the data path and the control plane of %s have been lost since %s, longer than moveWorkloadsAfter %s",
		name, since.UTC().Format(time.RFC3339), terms.MoveAfter)})
}

func (s Survey) comeBack(name string, b Binding, d *Decision) {
	if inTraffic, planned := b.InTraffic[name]; planned && !inTraffic {
		return // requests return first; the change of the plan wakes us
	}
	since, whole := s.clusters[name].wholeSince()
	if !whole {
		return
	}
	if due := since.Add(b.Terms.StableFor); s.now.Before(due) {
		d.retry(due)
		return
	}
	d.Return = append(d.Return, Move{name, fmt.Sprintf("%s has been whole since %s, longer than stableFor %s",
		name, since.UTC().Format(time.RFC3339), b.Terms.StableFor)})
}

func (d *Decision) retry(at time.Time) {
	if d.RetryAt.IsZero() || at.Before(d.RetryAt) {
		d.RetryAt = at
	}
}

func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
