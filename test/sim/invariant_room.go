package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// inTime is invariant 6. A cluster that is lost for longer than moveWorkloadsAfter, and a second, before
// the eyes of a hub that leads, is left by everything that is placed there, unless that is held for a
// reason it tells; and no cluster is given more pods than it has room for. The time begins anew when the
// brake or the isolation of the hub ends, and when another cluster comes back that may have put the brake on:
// also one whose data path nobody looks at any more, since what it was before is not known then.
type inTime struct {
	lost, whole map[string]bool
	data        map[string]metav1.ConditionStatus
	ready       []int // by step
	anew        time.Time
}

func (*inTime) Name() string { return "6 in time and within room" }

// begin notes whether the time begins anew.
func (c *inTime) begin(w *World) {
	lost, whole, paths, n := map[string]bool{}, map[string]bool{}, map[string]metav1.ConditionStatus{}, 0
	for i, s := range w.Sites {
		ready, data := conditions(w.Store.Clusters[i])
		since, isLost := lostSince(w.Store.Clusters[i])
		lost[s.Name], whole[s.Name] = isLost, is(ready, metav1.ConditionTrue) && !is(data, metav1.ConditionFalse)
		if is(ready, metav1.ConditionTrue) {
			n++
		}
		if data != nil {
			paths[s.Name] = data.Status
		}
		unwatched := paths[s.Name] == metav1.ConditionUnknown && c.data[s.Name] != paths[s.Name]
		together, most := w.together(since)
		if isLost && together > most || c.lost[s.Name] && !isLost || whole[s.Name] && !c.whole[s.Name] || unwatched {
			c.anew = w.Now
		}
	}
	c.lost, c.whole, c.data, c.ready = lost, whole, paths, append(c.ready, n)
	if earlier := max(0, len(c.ready)-1-int(time.Minute/Step)); n == 0 || n*2 < slices.Max(c.ready[earlier:]) {
		c.anew = w.Now
	}
}

func (c *inTime) Check(w *World) error {
	c.begin(w)
	for _, x := range w.Written {
		if x.Kind != WroteEvict && x.Kind != WroteReturn {
			continue
		}
		for _, s := range w.Sites {
			if n := placedIn(w, s.Name); n > s.Room {
				return fmt.Errorf("%d pods are placed in %s, which has room for %d", n, s.Name, s.Room)
			}
		}
	}
	if w.Hub == nil || w.StoreDown {
		return nil
	}
	for _, a := range w.Store.Apps {
		for _, t := range a.Binding.Spec.Clusters {
			since, lost := lostSince(w.cluster(t.Name))
			for _, from := range []time.Time{w.Hub.watching, c.anew} {
				if since.Before(from) {
					since = from
				}
			}
			late := w.Now.Sub(since) - a.Policy.Spec.Failover.MoveWorkloadsAfter.Duration
			if lost && late > time.Second && a.held == "" && roomElsewhere(w, a, t) {
				return fmt.Errorf("%s is still placed in %s, %s after it should have left", a.Name, t.Name, late)
			}
		}
	}
	return nil
}

func placedIn(w *World, site string) (n int32) {
	for _, a := range w.Store.Apps {
		for _, t := range a.Binding.Spec.Clusters {
			if t.Name == site {
				n += t.Replicas
			}
		}
	}
	return n
}

// roomElsewhere says whether what is placed in a cluster would fit into another that is not lost.
func roomElsewhere(w *World, a *App, t workv1alpha2.TargetCluster) bool {
	if a.duplicated() {
		return false // it runs everywhere already
	}
	for i, s := range w.Sites {
		ready, data := conditions(w.Store.Clusters[i])
		if s.Name != t.Name && is(ready, metav1.ConditionTrue) && !is(data, metav1.ConditionFalse) && placedIn(w, s.Name)+t.Replicas <= s.Room {
			return true
		}
	}
	return false
}

// importantFirst is the other half of invariant 6. Nobody leaves a lost cluster for room that a more
// important application waits for and that would do for it.
type importantFirst struct{}

func (importantFirst) Name() string { return "6 the most important first" }

func (importantFirst) Check(w *World) error {
	for _, a := range w.Store.Apps {
		if !strings.HasSuffix(a.held, failover.ReasonNoRoom) {
			continue
		}
		need, room := a.Binding.Spec.Replicas, int32(0)
		for i, s := range w.Sites {
			n := replicasIn(a.Binding.Spec.Clusters, s.Name)
			if _, lost := lostSince(w.Store.Clusters[i]); n != nil && !lost {
				need -= *n
			}
			room += w.usable(i, a)
		}
		for _, x := range w.Written {
			other := w.Store.app(x.App)
			if x.Kind != WroteEvict || failover.PriorityOf(&other.Binding.Spec) >= failover.PriorityOf(&a.Binding.Spec) {
				continue
			}
			for i, s := range w.Sites {
				if more := gained(x, s.Name); more > 0 && w.takes(i, a) {
					room += more
				}
			}
			if room >= need {
				return fmt.Errorf("%s is placed on %s, and %s, which is more important, waits for %d replicas where there was room for %d", x.App, placement.Targets(x.After), a.Name, need, room)
			}
		}
	}
	return nil
}

func gained(x Write, site string) (n int32) {
	if after := replicasIn(x.After, site); after != nil {
		n = *after
	}
	if before := replicasIn(x.Before, site); before != nil {
		n -= *before
	}
	return n
}

// takes says whether an application may get more in a site.
func (w *World) takes(site int, a *App) bool {
	ready, _ := conditions(w.Store.Clusters[site])
	return is(ready, metav1.ConditionTrue) && !slices.Contains(away(a.Binding), w.Sites[site].Name)
}

// usable is the room for an application in a site, as far as its reports and what was placed say.
func (w *World) usable(site int, a *App) int32 {
	if !w.takes(site, a) {
		return 0
	}
	s := w.Sites[site]
	counted := w.Store.Clusters[site].Status.ResourceSummary.Allocated[corev1.ResourcePods]
	return max(s.Room-max(placedIn(w, s.Name)+awaitedIn(w, s.Name), int32(counted.Value())), 0)
}
