package sim

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Checker holds one invariant against the world after every step.
type Checker interface {
	Name() string
	Check(w *World) error
}

// Invariants are all of them, anew. A checker remembers what it has seen and belongs to one world.
func Invariants() []Checker {
	return []Checker{
		&neverEmpty{}, &lastCopy{}, &blastRadius{}, &isolatedHub{}, &oneMove{}, &inTime{}, importantFirst{}, &sameBreath{}, &podsFirst{}, &userFirst{}, &withoutHub{}, &neverBack{},
	}
}

// Watch has the world checked from now on.
func (w *World) Watch(checks ...Checker) *World {
	w.checks = append(w.checks, checks...)
	return w
}

// neverEmpty is invariant 1. A name server that runs and holds a plan with an endpoint that has an
// address and is not excluded answers every client of it with an endpoint. It never answers with one
// that it takes for unhealthy while it takes another for healthy that is neither drained nor excluded.
// And a plan in which no endpoint has a share, but one has an address, has tiers and says that it fails
// open.
type neverEmpty struct{}

func (neverEmpty) Name() string { return "1 never empty" }

func (neverEmpty) Check(w *World) error {
	for _, a := range w.Store.Apps {
		if a.Plan != nil {
			if err := planned(&a.Plan.Spec); err != nil {
				return err
			}
		}
		for _, s := range w.Servers {
			if plan, ok := s.Plan(a.Name); ok {
				if err := answered(w, s, a.Name, plan); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func planned(spec *v1.TrafficPlanSpec) error {
	shares, addresses := 0, 0
	for _, e := range spec.Endpoints {
		if e.SharePercent > 0 {
			shares++
		}
		if len(e.Addresses) > 0 {
			addresses++
		}
	}
	if addresses > 0 && (len(spec.Tiers) == 0 || shares == 0 && !spec.FailOpen) {
		return fmt.Errorf("the plan has %d endpoints with an address, %d with a share, %d tiers and says fail open: %t", addresses, shares, len(spec.Tiers), spec.FailOpen)
	}
	return nil
}

func answered(w *World, s *Server, app string, plan *v1.TrafficPlan) (err error) {
	verdicts := map[string]v1.Verdict{}
	usable, healthy := 0, ""
	for _, e := range plan.Spec.Endpoints {
		verdicts[e.Cluster] = s.Verdict(key(app, e.Cluster))
		if len(e.Addresses) == 0 || e.State == v1.EndpointExcluded {
			continue
		}
		usable++
		if verdicts[e.Cluster] == v1.VerdictHealthy && e.State != v1.EndpointDraining {
			healthy = e.Cluster
		}
	}
	if usable == 0 {
		return nil
	}
	ask := func(number int, region string) {
		for _, c := range clients(number) {
			to, known := s.Answer(app, c)
			switch {
			case !known || to == "":
				err = fmt.Errorf("%s answers clients of %s nothing for %s, and holds a plan with %d endpoints", s.Name, region, app, usable)
			case verdicts[to] == v1.VerdictUnhealthy && healthy != "":
				err = fmt.Errorf("%s sends clients of %s to %s, which it takes for unhealthy, and %s for healthy", s.Name, region, to, healthy)
			}
		}
	}
	w.eachRegion(ask)
	ask(-1, "no known region")
	return err
}

// lastCopy is invariant 2. When ready pods are taken away from a site, another site has ready pods as
// far as the hub can know: it had when it was last read, and requests reach it, or nobody probes it and
// its API server is ready. A placement that was made is never empty; and a cluster that failover takes out of
// it is remembered, so that nothing is deleted there.
//
// A person who asks for fewer replicas has said so: a site that is given fewer then may be told so at any
// time after, as when its API server is back. But what is divided by room is not given up in a site that is
// whole while one whose API server is lost keeps any.
type lastCopy struct{ placed, asked map[string]bool }

func (*lastCopy) Name() string { return "2 last copy" }

func (c *lastCopy) Check(w *World) error {
	if c.placed == nil {
		c.placed, c.asked = map[string]bool{}, map[string]bool{}
	}
	for _, a := range w.Store.Apps {
		if len(a.Binding.Spec.Clusters) > 0 {
			c.placed[a.Name] = true
		} else if c.placed[a.Name] {
			return fmt.Errorf("the placement of %s is empty", a.Name)
		}
	}
	for _, x := range w.Written {
		c.ask(w, x)
		if err := fewer(w, x); err != nil {
			return err
		}
		if x.Kind == WroteEvict {
			left := map[string]bool{}
			for _, t := range w.Store.app(x.App).Binding.Spec.GracefulEvictionTasks {
				left[t.FromCluster] = true
			}
			for _, name := range x.Sites {
				if !left[name] {
					return fmt.Errorf("%s left %s without a task that keeps its copy", x.App, name)
				}
			}
		}
		if x.Kind == WroteLess && x.Ready > 0 && !c.asked[x.App+" "+x.Sites[0]] && !readyElsewhere(w, x) {
			return fmt.Errorf("%d ready pods of %s are taken away from %s and no other site is known to have any", x.Ready, x.App, x.Sites[0])
		}
	}
	return nil
}

// ask takes note of which sites are given less on purpose.
func (c *lastCopy) ask(w *World, x Write) {
	if x.Kind == WroteLess || x.Kind == WrotePlan {
		return
	}
	for _, s := range w.Sites {
		before, after := replicasIn(x.Before, s.Name), replicasIn(x.After, s.Name)
		at := x.App + " " + s.Name
		switch {
		case after != nil && (before == nil || *after >= *before):
			delete(c.asked, at)
		case x.Kind == WrotePlace:
			c.asked[at] = true
		}
	}
}

// fewer looks at a write of the scheduler's that takes replicas away.
func fewer(w *World, x Write) error {
	if s := placement.StrategyOf(w.Store.app(x.App).Binding.Spec.Placement); x.Kind != WrotePlace || s != placement.DynamicWeight && s != placement.Aggregated {
		return nil // the person has said how many go where
	}
	for i, s := range w.Sites {
		ready, data := conditions(w.Store.Clusters[i])
		before, after := replicasIn(x.Before, s.Name), replicasIn(x.After, s.Name)
		if before == nil || after != nil && *after >= *before || !is(ready, metav1.ConditionTrue) || is(data, metav1.ConditionFalse) {
			continue
		}
		for j, other := range w.Sites {
			if lost, _ := conditions(w.Store.Clusters[j]); is(lost, metav1.ConditionFalse) && replicasIn(x.After, other.Name) != nil {
				return fmt.Errorf("%s is placed on %s: fewer in %s, which is whole, and some still in %s, whose API is lost", x.App, placement.Targets(x.After), s.Name, other.Name)
			}
		}
	}
	return nil
}

func readyElsewhere(w *World, x Write) bool {
	for i, s := range w.Sites {
		if s.Name == x.Sites[0] {
			if s.Ready(x.App) > 0 {
				return true // fewer, but not none
			}
			continue
		}
		left := x.By.found[i][x.App].ReadyReplicas
		ready, data := conditions(w.Store.Clusters[i])
		if left > 0 && (is(data, metav1.ConditionTrue) || is(ready, metav1.ConditionTrue) && !is(data, metav1.ConditionFalse)) {
			return true
		}
	}
	return false
}

func conditions(c *clusterv1alpha1.Cluster) (ready, data *metav1.Condition) {
	return meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady),
		meta.FindStatusCondition(c.Status.Conditions, v1.ClusterConditionDataPath)
}

func is(c *metav1.Condition, s metav1.ConditionStatus) bool { return c != nil && c.Status == s }

// lostSince is since when both signals of a cluster are False; ok if they are.
func lostSince(c *clusterv1alpha1.Cluster) (since time.Time, ok bool) {
	ready, data := conditions(c)
	if !is(ready, metav1.ConditionFalse) || !is(data, metav1.ConditionFalse) {
		return since, false
	}
	since = ready.LastTransitionTime.Time
	if data.LastTransitionTime.After(since) {
		since = data.LastTransitionTime.Time
	}
	return since, true
}

// blastRadius is invariant 3. No workload leaves a cluster while more than a third of all clusters,
// but at least one, are lost that were lost within ten minutes of it; nor right after that.
type blastRadius struct{ braked map[string]time.Time }

func (*blastRadius) Name() string { return "3 blast radius" }

// together is how many clusters are lost that were lost within ten minutes of a time, and how many may be.
func (w *World) together(at time.Time) (n, most int) {
	for _, c := range w.Store.Clusters {
		if since, lost := lostSince(c); lost && since.Sub(at).Abs() <= 10*time.Minute {
			n++
		}
	}
	return n, max(1, len(w.Sites)*34/100)
}

// again is how long a loss is looked at at least when what held it back is over: the time that
// moveWorkloadsAfter is by default, less what the hub takes to notice that it is over.
const again = 15*time.Second - noticed

func (c *blastRadius) Check(w *World) error {
	if c.braked == nil {
		c.braked = map[string]time.Time{}
	}
	for _, s := range w.Sites {
		if at, lost := lostSince(w.cluster(s.Name)); lost {
			if n, most := w.together(at); n > most {
				c.braked[s.Name] = w.Now
			}
		} else {
			delete(c.braked, s.Name)
		}
	}
	for _, x := range w.Written {
		if x.Kind != WroteEvict {
			continue
		}
		for _, name := range x.Sites {
			at, ok := lostSince(w.cluster(name))
			if !ok {
				return fmt.Errorf("%s leaves %s, of which not both signals are lost", x.App, name)
			}
			if n, most := w.together(at); n > most {
				return fmt.Errorf("%s leaves %s while %d of %d clusters are lost together", x.App, name, n, len(w.Sites))
			}
			if last, ok := c.braked[name]; ok && w.Now.Sub(last) < again {
				return fmt.Errorf("%s leaves %s %s after the brake ended", x.App, name, w.Now.Sub(last))
			}
		}
	}
	return nil
}

func (w *World) cluster(name string) *clusterv1alpha1.Cluster {
	for _, c := range w.Store.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// isolatedHub is invariant 4. No workload leaves a cluster while the hub has reached no member, or
// fewer than half of those it reached a minute ago, for as long as it takes to notice. What it reaches
// is taken from the world, not from what the hub thinks. Nor right after it reaches more again.
type isolatedHub struct{ reached []int } // by step

func (*isolatedHub) Name() string { return "4 isolated hub" }

// noticed is how long the hub takes at most to notice that an API server is away: a sample every 2 s
// that must fail for 5 s.
const noticed = 8 * time.Second

func (c *isolatedHub) Check(w *World) error {
	n := 0
	for _, s := range w.Sites {
		if w.reaches(s) {
			n++
		}
	}
	c.reached = append(c.reached, n)
	moved := false
	for _, x := range w.Written {
		moved = moved || x.Kind == WroteEvict
	}
	if !moved {
		return nil
	}
	if len(c.reached) <= int((time.Minute+again)/Step) {
		return nil // a minute ago there was nothing
	}
	now, before := c.around(0)
	if cut(now, before) {
		return fmt.Errorf("workloads are moved by a hub that reaches %d members and reached %d a minute earlier", now, before)
	}
	// What ends because it began a minute ago is no return.
	if was, earlier := c.around(again); now > was && cut(was, earlier) && cut(was, before) {
		return fmt.Errorf("workloads are moved by a hub that reached %d members %s ago, and %d a minute earlier", was, again, earlier)
	}
	return nil
}

// cut says whether a hub that reaches so many members, and so many a minute earlier, is cut off.
func cut(now, before int) bool { return now == 0 || now*2 < before }

// around is how many members the hub may have known to reach so long ago, and how many it did for sure a
// minute earlier.
func (c *isolatedHub) around(ago time.Duration) (now, before int) {
	return slices.Max(c.last(ago, ago+noticed)), slices.Min(c.last(ago+time.Minute-4*time.Second, ago+time.Minute+4*time.Second))
}

// last is what was reached from one time ago to another.
func (c *isolatedHub) last(from, to time.Duration) []int {
	n := len(c.reached)
	return c.reached[max(0, n-int(to/Step)):max(0, n-int(from/Step))]
}

// oneMove is invariant 5. An application leaves one cluster at most once within the time that failover
// waits before it returns anything; so a cluster that flaps is left once.
type oneMove struct{ left map[string]time.Time }

func (*oneMove) Name() string { return "5 one move" }

func (c *oneMove) Check(w *World) error {
	if c.left == nil {
		c.left = map[string]time.Time{}
	}
	for _, x := range w.Written {
		if x.Kind != WroteEvict {
			continue
		}
		stable := w.Store.app(x.App).Policy.Spec.Failover.Failback.StableFor.Duration
		for _, name := range x.Sites {
			at := x.App + " " + name
			if last, ok := c.left[at]; ok && w.Now.Sub(last) < stable {
				return fmt.Errorf("%s leaves %s again after %s", x.App, name, w.Now.Sub(last))
			}
			c.left[at] = w.Now
		}
	}
	return nil
}

// sameBreath is invariant 7 as far as pods go. The write that takes an application out of a cluster
// gives the survivors all that it had there: together they are to run as many as are wanted. And neither
// that nor a return gives any more to a cluster whose API server is lost, which could not start them.
type sameBreath struct{}

func (sameBreath) Name() string { return "7 scaled up in the same write" }

func (sameBreath) Check(w *World) error {
	for _, x := range w.Written {
		a := w.Store.app(x.App)
		if x.Kind != WroteEvict && x.Kind != WroteReturn || a.duplicated() {
			continue
		}
		for i, s := range w.Sites {
			before, after := replicasIn(x.Before, s.Name), replicasIn(x.After, s.Name)
			if ready, _ := conditions(w.Store.Clusters[i]); is(ready, metav1.ConditionFalse) && after != nil && (before == nil || *after > *before) {
				return fmt.Errorf("%s is placed on %s, more in %s than before, whose API is lost", x.App, placement.Targets(x.After), s.Name)
			}
		}
		if x.Kind == WroteReturn {
			continue
		}
		var n int32
		for _, t := range x.After {
			n += t.Replicas
		}
		if want := a.Binding.Spec.Replicas; n != want {
			return fmt.Errorf("%s leaves %v and is placed with %d replicas, %d are wanted", x.App, x.Sites, n, want)
		}
	}
	return nil
}
