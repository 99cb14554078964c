package drill

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Obstacle is what keeps a drill from starting, or from going on.
type Obstacle struct{ Reason, Message string }

func obstacle(reason, format string, args ...any) *Obstacle {
	return &Obstacle{reason, fmt.Sprintf(format, args...)}
}

// shown is how many names a message has room for.
const shown = 5

func some(list []string) string {
	if more := len(list) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), more)
	}
	return strings.Join(list, ", ")
}

// Check says what keeps a drill with this prediction from starting; nil when nothing does.
func Check(w *World, d *trafficv1alpha1.Drill, p *Prediction) *Obstacle {
	if o := w.missing(p.Clusters); o != nil {
		return o
	}
	for _, name := range p.Clusters {
		if why, drained := w.cluster(name).Annotations[names.DrainAnnotation]; drained {
			return obstacle(trafficv1alpha1.DrillReasonAlreadyDrained, "cluster %s is drained already (%s)", name, why)
		}
	}
	if o := w.crowded(d); o != nil {
		return o
	}
	if o := w.unwell(p.Clusters); o != nil {
		return o
	}
	if !p.Serving() {
		return obstacle(trafficv1alpha1.DrillReasonNothingToDrain, "no application has requests in %s", some(p.Clusters))
	}
	if d.Spec.Force {
		return nil
	}
	if left := p.NobodyLeft(); len(left) > 0 {
		return obstacle(trafficv1alpha1.DrillReasonNobodyLeft, "no other cluster would answer for %s; spec.force leaves such applications where they are", some(left))
	}
	return tooMuch(p.Over(*d.Spec.Abort.UtilizationAbove), "would get")
}

// Watch says what keeps a drill from going on; nil when nothing does.
func Watch(w *World, d *trafficv1alpha1.Drill) *Obstacle {
	if o := w.missing(d.Spec.Clusters); o != nil {
		return o
	}
	if o := w.unwell(d.Spec.Clusters); o != nil {
		return o
	}
	for _, a := range w.concerned(d.Spec.Clusters) {
		if a.elsewhere(d.Spec.Clusters) && a.Plan.Spec.FailOpen {
			return obstacle(trafficv1alpha1.DrillReasonNobodyLeft, "%s has no healthy endpoint in any other cluster", a.Name())
		}
	}
	return tooMuch(w.Over(d), "gets")
}

func tooMuch(over []Over, verb string) *Obstacle {
	if len(over) == 0 {
		return nil
	}
	var each []string
	for _, o := range over {
		each = append(each, fmt.Sprintf("%s in %s %.1f of %.1f requests/s", o.Application, o.Cluster, o.Load, o.Capacity))
	}
	return obstacle(trafficv1alpha1.DrillReasonOverCapacity, "a survivor %s more than it may: %s", verb, some(each))
}

// missing says which cluster is not there, or will not be for long.
func (w *World) missing(clusters []string) *Obstacle {
	for _, name := range clusters {
		switch c := w.cluster(name); {
		case c == nil:
			return obstacle(trafficv1alpha1.DrillReasonClusterNotFound, "there is no cluster %s", name)
		case c.DeletionTimestamp != nil:
			return obstacle(trafficv1alpha1.DrillReasonClusterLeaving, "cluster %s is being deleted", name)
		}
	}
	return nil
}

// crowded says which other drill is in the way.
func (w *World) crowded(d *trafficv1alpha1.Drill) *Obstacle {
	for _, o := range w.Others {
		if o.Name == d.Name {
			continue
		}
		if slices.ContainsFunc(o.Clusters, func(c string) bool { return slices.Contains(d.Spec.Clusters, c) }) {
			return obstacle(trafficv1alpha1.DrillReasonOtherDrill, "drill %s has requests out of the same cluster", o.Name)
		}
		if !d.Spec.AllowConcurrent {
			return obstacle(trafficv1alpha1.DrillReasonOtherDrill, "drill %s is in progress; spec.allowConcurrent allows two at once", o.Name)
		}
	}
	return nil
}

// unwell says what is wrong with the federation already: nobody rehearses an outage in one.
func (w *World) unwell(clusters []string) *Obstacle {
	if w.NameServers == 0 {
		return obstacle(trafficv1alpha1.DrillReasonNoServers, "no name server is alive")
	}
	apps := w.concerned(clusters)
	involved := map[string]bool{}
	for _, a := range apps {
		for i := range a.Plan.Spec.Endpoints {
			if e := &a.Plan.Spec.Endpoints[i]; e.State != trafficv1alpha1.EndpointExcluded {
				involved[e.Cluster] = true
			}
		}
	}
	for _, c := range w.Clusters {
		api, data := status(c, clusterv1alpha1.ClusterConditionReady), status(c, trafficv1alpha1.ClusterConditionDataPath)
		switch {
		case api != metav1.ConditionTrue && data == metav1.ConditionFalse:
			return obstacle(trafficv1alpha1.DrillReasonClusterNotWhole, "cluster %s is lost", c.Name)
		case involved[c.Name] && api != metav1.ConditionTrue:
			return obstacle(trafficv1alpha1.DrillReasonClusterNotWhole, "the control plane of cluster %s is lost", c.Name)
		case involved[c.Name] && data == metav1.ConditionFalse:
			return obstacle(trafficv1alpha1.DrillReasonClusterNotWhole, "no request gets through to cluster %s", c.Name)
		}
	}
	if len(w.HeldFailovers) > 0 {
		return obstacle(trafficv1alpha1.DrillReasonFailoverHeld, "workloads that should move do not: %s", some(w.HeldFailovers))
	}
	for _, a := range apps {
		if a.held(w.Now) {
			return obstacle(trafficv1alpha1.DrillReasonHeld, "%s is held until %s, and requests would not return", a.Name(), a.Policy.Spec.Hold.Until.UTC().Format("2006-01-02T15:04:05Z"))
		}
	}
	return nil
}

func status(c *clusterv1alpha1.Cluster, conditionType string) metav1.ConditionStatus {
	if cond := meta.FindStatusCondition(c.Status.Conditions, conditionType); cond != nil {
		return cond.Status
	}
	return metav1.ConditionUnknown
}

// Over are the applications of a drill that get more in a cluster that is left than they may, as
// measured, the worst first.
func (w *World) Over(d *trafficv1alpha1.Drill) []Over {
	var out []Over
	for _, a := range w.concerned(d.Spec.Clusters) {
		if !fresh(a.Demand, w.Now) {
			continue
		}
		for _, e := range a.Plan.Spec.Endpoints {
			if e.Capacity == nil || slices.Contains(d.Spec.Clusters, e.Cluster) {
				continue
			}
			load, capacity := a.Demand.Clusters[e.Cluster], e.Capacity.AsApproximateFloat64()
			if above(load, capacity, *d.Spec.Abort.UtilizationAbove) {
				out = append(out, Over{a.Name(), e.Cluster, load, capacity})
			}
		}
	}
	sortOver(out)
	return out
}

// Seen is what all applications of a drill together get in each cluster that is left, as measured.
func (w *World) Seen(d *trafficv1alpha1.Drill) map[string]float64 {
	out := map[string]float64{}
	for _, a := range w.concerned(d.Spec.Clusters) {
		if !fresh(a.Demand, w.Now) {
			continue
		}
		for _, e := range a.Plan.Spec.Endpoints {
			if e.Capacity != nil && e.State != trafficv1alpha1.EndpointExcluded && !slices.Contains(d.Spec.Clusters, e.Cluster) {
				out[e.Cluster] += a.Demand.Clusters[e.Cluster]
			}
		}
	}
	return out
}
