package failback

import (
	"cmp"
	"slices"
	"time"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Terms are how a workload goes back: those of the TrafficPolicies that speak for it, or the defaults.
type Terms struct {
	// Manual: it does not go back by itself.
	Manual bool
	// StableFor is how long the earlier group must have been able to take the workload.
	StableFor time.Duration
	// StepPercent is how much of the replicas one step moves, from 1 to 100; rounded up.
	StepPercent int32
	// StepEvery is the time from one step to the next.
	StepEvery time.Duration
}

// DefaultTerms are those of the TrafficPolicy API.
func DefaultTerms() Terms {
	return Terms{StableFor: 5 * time.Minute, StepPercent: 25, StepEvery: 30 * time.Second}
}

// MoreCareful returns terms that satisfy both.
func (t Terms) MoreCareful(o Terms) Terms {
	return Terms{
		Manual: t.Manual || o.Manual, StableFor: max(t.StableFor, o.StableFor),
		StepPercent: min(t.StepPercent, o.StepPercent), StepEvery: max(t.StepEvery, o.StepEvery),
	}
}

// State is what the next step depends on.
type State struct {
	Now   time.Time
	Terms Terms

	// Replicas are those wanted. Divided says that they are divided among the targets; otherwise
	// each target has all of them, or there are none.
	Replicas int32
	Divided  bool
	// Workload is false for what has no replicas.
	Workload bool

	// Present are the targets.
	Present []workv1alpha2.TargetCluster
	// Goal is the placement in an earlier group; nil when none can take the workload.
	Goal []workv1alpha2.TargetCluster
	// Later is the placement in the group in use. Only for what is not divided.
	Later []workv1alpha2.TargetCluster
	// Strays are the targets that are not in the group in use: an earlier step put them there.
	Strays []string

	// Reports are the state in each cluster.
	Reports []workv1alpha2.AggregatedStatusItem
	// StableSince is since when the earlier group could have taken the workload without a break;
	// zero when it can not.
	StableSince time.Time
	// LastStep is when the placement was last written.
	LastStep time.Time
}

// Step is what to do next.
type Step struct {
	// Clusters is the placement to write; nil when there is nothing to write.
	Clusters []workv1alpha2.TargetCluster
	// Done: with Clusters written, the workload is where the goal says.
	Done bool
	// Holds: the present placement is that of a step under way. It is not to be repaired, even
	// where it is not what placement would make of it.
	Holds bool
	// Why says what is done or waited for; empty when nothing is.
	Why string
	// RetryAt is when time alone leads on; zero when only an event does.
	RetryAt time.Time
}

// Next decides on the next step.
func Next(s State) Step {
	if s.Divided {
		return s.divided()
	}
	return s.whole()
}

// stable says whether a step may be begun, and if not yet, when.
func (s *State) stable() (bool, time.Time) {
	if s.StableSince.IsZero() || s.Goal == nil {
		return false, time.Time{}
	}
	due := s.StableSince.Add(s.Terms.StableFor)
	return !s.Now.Before(due), due
}

// whole is the next step of what is not divided.
func (s *State) whole() Step {
	if s.Goal != nil && same(s.Present, s.Goal) {
		return Step{Done: true, Holds: true, Why: "is back"}
	}
	stable, due := s.stable()
	if !stable {
		if len(s.Strays) == 0 {
			return Step{RetryAt: due, Why: waiting(due)}
		}
		return s.become(union(s.Later, s.only(s.Strays)), Step{Holds: true, RetryAt: due, Why: "waits for the earlier group"})
	}
	both := union(s.Goal, s.Later)
	for _, t := range s.Goal {
		if !slices.ContainsFunc(s.Present, func(p workv1alpha2.TargetCluster) bool { return p.Name == t.Name }) {
			return s.become(both, Step{Holds: true, Why: "is added in the earlier group"})
		}
	}
	for _, t := range s.Goal {
		if !s.healthy(t) {
			return s.become(both, Step{Holds: true, Why: "waits for " + t.Name})
		}
	}
	return Step{Clusters: slices.Clone(s.Goal), Done: true, Holds: true, Why: "is back"}
}

// become writes a placement, unless it is the present one.
func (s *State) become(to []workv1alpha2.TargetCluster, step Step) Step {
	if !same(s.Present, to) {
		step.Clusters = to
	}
	return step
}

// only are the present targets of these names, as they are to be now.
func (s *State) only(names []string) (out []workv1alpha2.TargetCluster) {
	for _, t := range s.Present {
		if slices.Contains(names, t.Name) {
			if s.Workload {
				t.Replicas = s.Replicas
			}
			out = append(out, t)
		}
	}
	return out
}

// union has the targets of both, as a has them where both do.
func union(a, b []workv1alpha2.TargetCluster) []workv1alpha2.TargetCluster {
	out := slices.Clone(a)
	for _, t := range b {
		if !slices.ContainsFunc(a, func(x workv1alpha2.TargetCluster) bool { return x.Name == t.Name }) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, byName)
	return out
}

func byName(a, b workv1alpha2.TargetCluster) int { return cmp.Compare(a.Name, b.Name) }

// same compares placements whatever their order.
func same(a, b []workv1alpha2.TargetCluster) bool {
	if len(a) != len(b) {
		return false
	}
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, byName)
	slices.SortFunc(b, byName)
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.TargetCluster) bool { return x.Name == y.Name && x.Replicas == y.Replicas })
}

func waiting(due time.Time) string {
	if due.IsZero() {
		return ""
	}
	return "waits until the earlier group is stable"
}
