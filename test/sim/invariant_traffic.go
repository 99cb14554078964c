package sim

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

func key(app, cluster string) verdict.Key {
	return verdict.Key{Namespace: namespace, Plan: app, Cluster: cluster}
}

// podsFirst is invariant 8. An endpoint that was out gets requests again only with ready pods behind
// it; and, unless the outage was a blip or nobody else serves, only stableFor after the plan last said
// that it was down. Pods return to a cluster for good, and their stand-ins go, only when the cluster
// has its requests back in full.
type podsFirst struct {
	before  map[string]*v1.TrafficPlan
	outages map[string]outage // by application and cluster
}

type outage struct{ began, ended time.Time }

func (*podsFirst) Name() string { return "8 pods before traffic" }

func (c *podsFirst) Check(w *World) error {
	if c.before == nil {
		c.before, c.outages = map[string]*v1.TrafficPlan{}, map[string]outage{}
	}
	for _, x := range w.Written {
		if x.Kind != WroteReturn {
			continue
		}
		for _, name := range x.Sites {
			if e := endpoint(c.before[x.App], name); e != nil && (e.State != v1.EndpointServing || e.SharePercent < 100) {
				return fmt.Errorf("%s returns to %s, which is %s with %d %% of its requests", x.App, name, e.State, e.SharePercent)
			}
		}
	}
	for _, a := range w.Store.Apps {
		if a.Plan == nil || a.Plan == c.before[a.Name] {
			continue
		}
		for i := range a.Plan.Spec.Endpoints {
			if err := c.returned(w, a, &a.Plan.Spec.Endpoints[i]); err != nil {
				return err
			}
		}
		c.before[a.Name] = a.Plan
	}
	return nil
}

func endpoint(p *v1.TrafficPlan, cluster string) *v1.PlanEndpoint {
	if p == nil {
		return nil
	}
	for i := range p.Spec.Endpoints {
		if p.Spec.Endpoints[i].Cluster == cluster {
			return &p.Spec.Endpoints[i]
		}
	}
	return nil
}

func (c *podsFirst) returned(w *World, a *App, e *v1.PlanEndpoint) error {
	at := a.Name + " " + e.Cluster
	o := c.outages[at]
	if e.State == v1.EndpointDown && e.FirstHealthy != nil {
		if o.began.IsZero() || !e.Since.Time.Equal(o.began.Truncate(time.Second)) {
			o.began = e.Since.Time
		}
		o.ended = w.Now
		c.outages[at] = o
		return nil
	}
	old := endpoint(c.before[a.Name], e.Cluster)
	if old == nil || old.SharePercent > 0 || e.SharePercent == 0 || old.FirstHealthy == nil {
		return nil
	}
	if e.ReadyReplicas == 0 {
		return fmt.Errorf("%s gets %d %% of its requests with no ready pod", e.Cluster, e.SharePercent)
	}
	f := a.Policy.Spec.Failover
	blip := w.Now.Sub(o.began) <= f.MoveWorkloadsAfter.Duration+time.Second
	if old.State == v1.EndpointDown && !blip && !alone(a.Plan, e.Cluster) {
		return fmt.Errorf("%s goes from Down to %d %% at once, after an outage of %s", e.Cluster, e.SharePercent, w.Now.Sub(o.began))
	}
	if w.Now.Sub(o.ended) < f.Failback.StableFor.Duration-2*time.Second && !blip && !alone(a.Plan, e.Cluster) {
		return fmt.Errorf("%s gets requests %s after it was down", e.Cluster, w.Now.Sub(o.ended))
	}
	return nil
}

// alone says whether no endpoint serves but those that came back before their time.
func alone(p *v1.TrafficPlan, cluster string) bool {
	for _, e := range p.Spec.Endpoints {
		if e.Cluster != cluster && (e.State == v1.EndpointServing || e.State == v1.EndpointSuspect) {
			return false
		}
	}
	return true
}

// userFirst is invariant 9. Within two steps after a person has asked for another number of replicas,
// as many are placed, whatever is in flight, if there is room where the application may be.
type userFirst struct {
	wanted map[string]int32
	since  map[string]time.Time
}

func (*userFirst) Name() string { return "9 a person's edit first" }

func (c *userFirst) Check(w *World) error {
	if c.wanted == nil {
		c.wanted, c.since = map[string]int32{}, map[string]time.Time{}
	}
	for _, a := range w.Store.Apps {
		b := &a.Binding.Spec
		if b.Replicas != c.wanted[a.Name] || w.Hub == nil || len(b.Clusters) == 0 {
			c.wanted[a.Name], c.since[a.Name] = b.Replicas, w.Now
		}
		var placed int32
		for _, t := range b.Clusters {
			placed += t.Replicas
		}
		if w.Now.Sub(c.since[a.Name]) > Step && !a.duplicated() && placed != b.Replicas && w.room(a) >= b.Replicas*int32(len(w.Store.Apps)) {
			return fmt.Errorf("%s is placed with %d replicas, and %d were asked for %s ago", a.Name, placed, b.Replicas, w.Now.Sub(c.since[a.Name]))
		}
	}
	return nil
}

// room for an application in all sites that the hub takes for ready and that it is not leaving. What was
// given up a moment ago is room when the site has said so.
func (w *World) room(a *App) (n int32) {
	for i, s := range w.Sites {
		if ready, _ := conditions(w.Store.Clusters[i]); is(ready, metav1.ConditionTrue) && !slices.Contains(away(a.Binding), s.Name) {
			used := w.Store.Clusters[i].Status.ResourceSummary.Allocated[corev1.ResourcePods]
			n += s.Room - max(0, int32(used.Value())-placedIn(w, s.Name))
		}
	}
	return n
}

// withoutHub is invariant 10. Whatever happened to the hub: a name server that runs and has its network
// holds every plan that it had on its disk; and it finds an endpoint unhealthy that has not answered it
// for four seconds while another has all along.
type withoutHub struct {
	fails, good map[string]time.Time // by server, application and cluster: since when
	had         map[string]bool      // by server and application
}

func (*withoutHub) Name() string { return "10 without the hub" }

// found is how long it takes at most to find out: two rounds, a second apart, and one that began just
// before.
const found = 4 * time.Second

func (c *withoutHub) Check(w *World) error {
	if c.fails == nil {
		c.fails, c.good, c.had = map[string]time.Time{}, map[string]time.Time{}, map[string]bool{}
	}
	for _, s := range w.Servers {
		for _, a := range w.Store.Apps {
			plan, holds := s.Plan(a.Name)
			at := s.Name + " " + a.Name
			if s.Up && !holds && c.had[at] {
				return fmt.Errorf("%s no longer holds the plan of %s", s.Name, a.Name)
			}
			for _, p := range s.disk.plans {
				c.had[at] = c.had[at] || p.Name == a.Name
			}
			if err := c.watch(w, s, a.Name, plan); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *withoutHub) watch(w *World, s *Server, app string, plan *v1.TrafficPlan) error {
	long := func(since map[string]time.Time, at string) bool {
		t, ok := since[at]
		return ok && w.Now.Sub(t) >= found
	}
	another := false
	for _, site := range w.Sites {
		at := s.Name + " " + app + " " + site.Name
		e := endpoint(plan, site.Name)
		if !s.Up || s.Cut || e == nil || len(e.Addresses) == 0 {
			delete(c.fails, at)
			delete(c.good, at)
			continue
		}
		is, not := c.good, c.fails
		if !site.Answers(app) {
			is, not = c.fails, c.good
		}
		delete(not, at)
		if _, ok := is[at]; !ok {
			is[at] = w.Now
		}
		another = another || long(c.good, at)
	}
	for _, site := range w.Sites {
		at := s.Name + " " + app + " " + site.Name
		if v := s.ownVerdict(app, site.Name); another && long(c.fails, at) && v != v1.VerdictUnhealthy {
			return fmt.Errorf("%s finds %s %s, which has not answered for %s", s.Name, site.Name, v, w.Now.Sub(c.fails[at]))
		}
	}
	return nil
}

func (s *Server) ownVerdict(app, cluster string) v1.Verdict {
	if !s.Up {
		return ""
	}
	return s.own[key(app, cluster)].Verdict
}

// neverBack: what a name server holds of a plan never goes back, as long as nobody restores an old
// hub: not in generation, nor to the plan of an earlier writer. And no late writer overwrites the plan
// of a later one.
type neverBack struct {
	held   map[string]*v1.TrafficPlan // by server and application
	stored map[string]*v1.TrafficPlan
}

func (*neverBack) Name() string { return "11 never backwards" }

func (c *neverBack) Check(w *World) error {
	if c.held == nil {
		c.held, c.stored = map[string]*v1.TrafficPlan{}, map[string]*v1.TrafficPlan{}
	}
	for _, a := range w.Store.Apps {
		if before := c.stored[a.Name]; before != nil && a.Plan != nil && a.Plan.Spec.Epoch < before.Spec.Epoch {
			return fmt.Errorf("the plan of %s was written in epoch %d, after one of epoch %d", a.Name, a.Plan.Spec.Epoch, before.Spec.Epoch)
		}
		c.stored[a.Name] = a.Plan
		for _, s := range w.Servers {
			plan, ok := s.Plan(a.Name)
			if !ok {
				continue
			}
			at := s.Name + " " + a.Name
			before := c.held[at]
			if before != nil && before.UID == plan.UID && plan.Generation < before.Generation && !s.restarted {
				return fmt.Errorf("%s held generation %d of %s and now holds %d", s.Name, before.Generation, a.Name, plan.Generation)
			}
			c.held[at] = plan
		}
	}
	return nil
}
