package failback

import (
	"encoding/json"
	"slices"
	"time"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// share is what one cluster has and is to have.
type share struct {
	has, goal int32
	ready     int32
}

// kept is what stays, surplus what goes in the end, and gap what is to come.
func (x share) kept() int32    { return min(x.has, x.goal) }
func (x share) surplus() int32 { return x.has - x.kept() }
func (x share) gap() int32     { return x.goal - x.kept() }

// book adds up a divided workload.
type book struct {
	shares             map[string]share
	has, kept, gap     int64
	keptReady, surplus int64
}

func (s *State) book() book {
	b := book{shares: map[string]share{}}
	for _, t := range s.Present {
		b.shares[t.Name] = share{has: max(t.Replicas, 0), ready: s.ready(t)}
	}
	for _, t := range s.Goal {
		x := b.shares[t.Name]
		x.goal = max(t.Replicas, 0)
		b.shares[t.Name] = x
	}
	for _, x := range b.shares {
		b.has += int64(x.has)
		b.kept += int64(x.kept())
		b.gap += int64(x.gap())
		b.surplus += int64(x.surplus())
		b.keptReady += int64(min(x.ready, x.kept()))
	}
	return b
}

// divided is the next step of a divided workload. What the placement holds more than is wanted are
// the replicas of the step under way.
func (s *State) divided() Step {
	stable, due := s.stable()
	b := s.book()
	begun := b.kept > 0 || len(s.Strays) > 0
	more := b.has - int64(s.Replicas)
	switch {
	case s.Goal == nil && more > 0 && begun:
		return s.giveUp(b, more)
	case s.Goal == nil:
		return Step{}
	case b.gap == 0 && b.surplus == 0:
		return Step{Done: true, Holds: true, Why: "is back"}
	case more > 0 && begun:
		return s.take(b, more, stable)
	case !stable:
		return Step{RetryAt: due, Why: waiting(due)}
	case more < 0: // nobody waits for a step to get what is missing
		return Step{Clusters: s.changed(b.divide(-more, share.gap, 1)), Holds: true, Why: "is scaled in the earlier group"}
	}
	if next := s.LastStep.Add(s.Terms.StepEvery); begun && s.Now.Before(next) {
		return Step{Holds: true, RetryAt: next, Why: "waits for the next step"}
	}
	return Step{Clusters: s.changed(b.divide(s.size(), share.gap, 1)), Holds: true, Why: "is added in the earlier group"}
}

// size is how many replicas a step moves.
func (s *State) size() int64 {
	return max((int64(s.Replicas)*int64(s.Terms.StepPercent)+99)/100, 1)
}

// take ends a step: as many as were added leave the later group, those that are not ready first.
// When somebody scales down in the middle there is more to take than was added: what the ready ones
// can spare goes at once.
func (s *State) take(b book, more int64, stable bool) Step {
	spare := b.keptReady + b.surplus - int64(s.Replicas)
	n := min(more, spare, b.surplus)
	if n < more && more <= s.size() || n <= 0 {
		if !stable {
			return s.giveUp(b, more)
		}
		step := Step{Holds: true, Why: "waits for the replicas in the earlier group"}
		if trusted := s.trusted(); s.Now.Before(trusted) {
			step.RetryAt = trusted
		}
		return step
	}
	unready := func(x share) int32 { return min(max(x.has-x.ready, 0), x.surplus()) }
	take := b.divide(n, unready, -1)
	var taken int64
	for name, d := range take {
		x := b.shares[name]
		x.has += d
		b.shares[name] = x
		taken -= int64(d)
	}
	for name, d := range b.divide(n-taken, share.surplus, -1) {
		take[name] += d
	}
	to := s.changed(take)
	return Step{Clusters: to, Done: same(to, s.Goal), Holds: true, Why: "leaves the later group"}
}

// giveUp takes back what was added in the earlier group and is not ready. Where that is less than is
// to go, the later group gives the rest, and in the end the earlier one.
func (s *State) giveUp(b book, more int64) Step {
	inEarlier := func(name string, x share) bool { return slices.Contains(s.Strays, name) || x.goal > 0 }
	change, left := map[string]int32{}, more
	for _, part := range []func(string, share) int32{
		func(name string, x share) int32 {
			if inEarlier(name, x) {
				return max(x.has-x.ready, 0)
			}
			return 0
		},
		func(name string, x share) int32 {
			if inEarlier(name, x) {
				return 0
			}
			return x.has
		},
		func(name string, x share) int32 { return x.has + change[name] },
	} {
		amounts := map[string]int32{}
		for name, x := range b.shares {
			amounts[name] = part(name, x)
		}
		for name, d := range divide(left, amounts) {
			change[name] -= d
			left -= int64(d)
		}
	}
	return Step{Clusters: s.changed(change), Holds: true, Why: "gives up what the earlier group does not run"}
}

// divide spreads n, or as much as there is, over the clusters in proportion to a part of their shares.
func (b *book) divide(n int64, part func(share) int32, sign int32) map[string]int32 {
	amounts := map[string]int32{}
	for name, x := range b.shares {
		amounts[name] = part(x)
	}
	out := divide(n, amounts)
	for name := range out {
		out[name] *= sign
	}
	return out
}

// divide gives no cluster more than its amount: the method never gives a party fewer for a larger
// sum, and exactly its weight when all is given.
func divide(n int64, amounts map[string]int32) map[string]int32 {
	var shares []placement.Share
	var sum int64
	for name, most := range amounts {
		if most > 0 {
			shares = append(shares, placement.Share{Cluster: name, Weight: int64(most)})
			sum += int64(most)
		}
	}
	out := map[string]int32{}
	if n = min(n, sum); n <= 0 {
		return out
	}
	placement.Divide(int32(n), shares, false)
	for _, x := range shares {
		if x.Replicas > 0 {
			out[x.Cluster] = x.Replicas
		}
	}
	return out
}

// changed is the present placement with changes.
func (s *State) changed(by map[string]int32) []workv1alpha2.TargetCluster {
	out := []workv1alpha2.TargetCluster{} // nil would be nothing to write
	for _, t := range s.Present {
		t.Replicas += by[t.Name]
		delete(by, t.Name)
		if t.Replicas > 0 {
			out = append(out, t)
		}
	}
	for name, n := range by {
		if n > 0 {
			out = append(out, workv1alpha2.TargetCluster{Name: name, Replicas: n})
		}
	}
	slices.SortFunc(out, byName)
	return out
}

// ready is how many replicas of a target are ready, never more than it is to have. Where they are not
// counted, health tells; but it may be that of the replicas before the last step, so it has to last.
func (s *State) ready(t workv1alpha2.TargetCluster) int32 {
	item := s.report(t.Name)
	if item == nil || !item.Applied {
		return 0
	}
	if n, ok := counted(item); ok {
		return int32(min(max(n, 0), int64(max(t.Replicas, 0))))
	}
	if item.Health == workv1alpha2.ResourceHealthy && !s.Now.Before(s.trusted()) {
		return max(t.Replicas, 0)
	}
	return 0
}

// trusted is from when on health is that of the present replicas.
func (s *State) trusted() time.Time { return s.LastStep.Add(s.Terms.StepEvery) }

// healthy says whether a target that is not divided does what it should.
func (s *State) healthy(t workv1alpha2.TargetCluster) bool {
	item := s.report(t.Name)
	if item == nil || !item.Applied {
		return false
	}
	if !s.Workload {
		return item.Health != workv1alpha2.ResourceUnhealthy
	}
	n, ok := counted(item)
	return item.Health == workv1alpha2.ResourceHealthy && (!ok || n >= int64(t.Replicas))
}

func (s *State) report(cluster string) *workv1alpha2.AggregatedStatusItem {
	i := slices.IndexFunc(s.Reports, func(x workv1alpha2.AggregatedStatusItem) bool { return x.ClusterName == cluster })
	if i < 0 {
		return nil
	}
	return &s.Reports[i]
}

// counted reads how many replicas a status counts as ready. A status that counts replicas and leaves
// out the ready ones has none of them.
func counted(item *workv1alpha2.AggregatedStatusItem) (int64, bool) {
	if item.Status == nil {
		return 0, false
	}
	var status struct {
		Replicas, ReadyReplicas *int64
	}
	if json.Unmarshal(item.Status.Raw, &status) != nil {
		return 0, false
	}
	switch {
	case status.ReadyReplicas != nil:
		return *status.ReadyReplicas, true
	case status.Replicas != nil:
		return 0, true
	}
	return 0, false
}
