package drill

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Followers remembers from which generation on each plan says what a phase of a drill waits for, so that
// a name server that has taken over that one is known to follow, however often the plan changes later.
// Without the memory, as after a restart, it waits for the present generations instead. The zero value
// is ready for use.
type Followers struct {
	phase trafficv1alpha1.DrillPhase
	since map[types.NamespacedName]int64
}

// Behind says who does not do yet what the phase of a drill waits for: Draining, that nobody answers with
// the clusters, or Restoring, that their endpoints have their full share again. served are the
// generations of a plan that are in force at the live name servers.
func (f *Followers) Behind(w *World, d *trafficv1alpha1.Drill, served func(types.NamespacedName) map[string]int64) []string {
	phase := d.Status.Phase
	if f.phase != phase || f.since == nil {
		f.phase, f.since = phase, map[types.NamespacedName]int64{}
	}
	var out []string
	for _, a := range w.concerned(d.Spec.Clusters) {
		key := types.NamespacedName{Namespace: a.Policy.Namespace, Name: a.Policy.Name}
		since, said := f.since[key]
		if !said {
			if why := a.unsettled(w, d, phase); why != "" {
				out = append(out, why)
				continue
			}
			since = a.Plan.Generation
			f.since[key] = since
		}
		for server, generation := range served(key) {
			if generation < since {
				out = append(out, fmt.Sprintf("name server %s (%s)", server, a.Name()))
			}
		}
	}
	slices.Sort(out)
	return out
}

// unsettled says why the plan of an application does not say yet what a phase waits for.
func (a *App) unsettled(w *World, d *trafficv1alpha1.Drill, phase trafficv1alpha1.DrillPhase) string {
	for i := range a.Plan.Spec.Endpoints {
		e := &a.Plan.Spec.Endpoints[i]
		if !in(d.Spec.Clusters, e) {
			continue
		}
		switch {
		case phase == trafficv1alpha1.DrillDraining && e.SharePercent > 0:
			return fmt.Sprintf("the planner (%s)", a.Name())
		case phase == trafficv1alpha1.DrillRestoring && !a.held(w.Now) && a.waits(w, d, e):
			return fmt.Sprintf("%s in %s (%s, %d %%)", a.Name(), e.Cluster, e.State, e.SharePercent)
		}
	}
	return ""
}

// waits says whether an endpoint is on its way back from a drill. What keeps it away for another reason
// is not waited for.
func (a *App) waits(w *World, d *trafficv1alpha1.Drill, e *trafficv1alpha1.PlanEndpoint) bool {
	switch e.State {
	case trafficv1alpha1.EndpointRecovering:
		return e.SharePercent < 100
	case trafficv1alpha1.EndpointDraining:
		return e.Reason == trafficv1alpha1.EndpointReasonDrained && !a.drainedOtherwise(w, d, e.Cluster)
	}
	return false
}

func (a *App) drainedOtherwise(w *World, d *trafficv1alpha1.Drill, cluster string) bool {
	if c := w.cluster(cluster); c != nil {
		if why, drained := c.Annotations[names.DrainAnnotation]; drained && why != Mark(d.Name) {
			return true
		}
	}
	return slices.ContainsFunc(a.Policy.Spec.Drain, func(o trafficv1alpha1.Drain) bool { return o.Cluster == cluster })
}

// returnWithin is the longest that the way back may take for an application of a drill: the whole ramp,
// should its endpoint have had an outage, and what name servers may take.
func (w *World) returnWithin(d *trafficv1alpha1.Drill) time.Duration {
	var most time.Duration
	for _, a := range w.concerned(d.Spec.Clusters) {
		f := a.Policy.Spec.Failover.Failback
		steps := time.Duration((100 + *f.StepPercent - 1) / *f.StepPercent)
		most = max(most, f.StableFor.Duration+steps*f.StepEvery.Duration)
	}
	return most + d.Spec.Abort.AnswersWithin.Duration
}
