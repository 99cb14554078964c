package failover

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	apinames "github.com/seaway-io/seaway/api/names"
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
	// Singleton: there may never be two copies. It leaves a cluster only when that is fenced.
	Singleton bool
	// Hold is what a person said to stop all moves with; nil when nobody did.
	Hold *Pause
	// MoveNow are the clusters of which a person said that the brake and the isolation of the hub do
	// not count; AnyCluster stands for all.
	MoveNow []string
}

// AnyCluster in Binding.MoveNow stands for all clusters.
const AnyCluster = "*"

// Pause is a hold that a person ordered.
type Pause struct {
	// Until is its end; zero when it has none.
	Until time.Time
	// Why says who or what ordered it.
	Why string
}

// InForce says whether nothing may move now. A hold that is nil never is.
func (p *Pause) InForce(now time.Time) bool {
	return p != nil && (p.Until.IsZero() || now.Before(p.Until))
}

// movesNow says whether a person wants the binding out of a cluster whatever the brake says.
func (b *Binding) movesNow(cluster string) bool {
	return slices.Contains(b.MoveNow, cluster) || slices.Contains(b.MoveNow, AnyCluster)
}

// Reasons of a Hold.
const (
	// ReasonNoClusterFits: no other cluster can take what should leave.
	ReasonNoClusterFits = "NoClusterFits"
	// ReasonTooManyClusters: more clusters were lost together than the policy allows.
	ReasonTooManyClusters = "TooManyClustersLost"
	// ReasonHubIsolated: the hub seems to have lost its own network.
	ReasonHubIsolated = "HubIsolated"
	// ReasonSingletonNotFenced: the only copy may still run in the lost cluster.
	ReasonSingletonNotFenced = "SingletonNotFenced"
	// ReasonHeldByPerson: a person ordered that nothing moves.
	ReasonHeldByPerson = "HeldByPerson"
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
		s.leave(name, b, &d)
	}
	for _, name := range sorted(b.Away) {
		s.comeBack(name, b, &d)
	}
	return d
}

func (s Survey) leave(name string, b Binding, d *Decision) {
	since, lost := s.clusters[name].lostSince()
	if !lost {
		return
	}
	from := later(since, s.watching)
	if !b.movesNow(name) {
		from = later(from, s.releasedAt(name, b.Terms.MaxUnavailable))
	}
	if due := from.Add(b.Terms.MoveAfter); s.now.Before(due) {
		d.retry(due)
		return
	}
	if hold := s.holds(name, b, d); hold != nil {
		d.Held = append(d.Held, *hold)
		return
	}
	d.Evict = append(d.Evict, Move{name, fmt.Sprintf("the data path and the control plane of %s have been lost since %s, longer than moveWorkloadsAfter %s",
		name, since.UTC().Format(time.RFC3339), b.Terms.MoveAfter)})
}

// holds says what keeps a binding in a cluster that is lost for long enough; nil when nothing does.
func (s Survey) holds(name string, b Binding, d *Decision) *Hold {
	if b.Hold.InForce(s.now) {
		if !b.Hold.Until.IsZero() {
			d.retry(b.Hold.Until)
		}
		return &Hold{name, ReasonHeldByPerson, b.Hold.Why}
	}
	if !b.movesNow(name) {
		if s.isolated != "" {
			d.retry(s.now.Add(isolationWindow / 2))
			return &Hold{name, ReasonHubIsolated, s.isolated}
		}
		if why := s.tooMany(name, b.Terms.MaxUnavailable); why != "" {
			return &Hold{name, ReasonTooManyClusters, why}
		}
	}
	if c := s.clusters[name]; b.Singleton && !c.fenced() {
		return &Hold{name, ReasonSingletonNotFenced, fmt.Sprintf("its only copy may still run in %s, and there may never be two; when you know that it is stopped: kubectl annotate --overwrite cluster %s %s=$(date -u +%%FT%%TZ)",
			name, name, apinames.FencedAnnotation)}
	}
	return nil
}

func (s Survey) comeBack(name string, b Binding, d *Decision) {
	if b.Hold.InForce(s.now) {
		if !b.Hold.Until.IsZero() {
			d.retry(b.Hold.Until)
		}
		return
	}
	if inTraffic, planned := b.InTraffic[name]; planned && !inTraffic {
		return // requests return first; the change of the plan wakes us
	}
	since, whole := s.clusters[name].WholeSince()
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
