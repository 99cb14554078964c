package drill

import (
	"cmp"
	"slices"
	"strings"
	"time"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// World is the federation at one moment. Nothing in it is changed.
type World struct {
	Now time.Time
	// Clusters are all of the federation.
	Clusters []*clusterv1alpha1.Cluster
	Regions  traffic.Regions
	// Apps are the applications with a plan.
	Apps []App
	// HeldFailovers say of workloads why they do not move although they should.
	HeldFailovers []string
	// NameServers is how many are alive.
	NameServers int
	// Others are the Drills in progress.
	Others []Other
}

// App is an application: a TrafficPolicy with its defaults filled in, and the plan in force.
type App struct {
	Policy *trafficv1alpha1.TrafficPolicy
	Plan   *trafficv1alpha1.TrafficPlan
	// Wall of the policy's namespace.
	Wall residency.Wall
	// Demand that was measured; nil when nobody measures.
	Demand *traffic.Demand
}

// Name is NAMESPACE/NAME.
func (a *App) Name() string { return a.Policy.Namespace + "/" + a.Policy.Name }

// Other is another Drill in progress.
type Other struct {
	Name     string
	Clusters []string
}

// Mark is the value of names.DrainAnnotation that a drill writes.
func Mark(drill string) string { return names.DrillDrainPrefix + drill }

// Marker is the drill that marked a cluster; false when none did.
func Marker(c *clusterv1alpha1.Cluster) (drill string, marked bool) {
	return strings.CutPrefix(c.Annotations[names.DrainAnnotation], names.DrillDrainPrefix)
}

func (w *World) cluster(name string) *clusterv1alpha1.Cluster {
	if i := slices.IndexFunc(w.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == name }); i >= 0 {
		return w.Clusters[i]
	}
	return nil
}

// concerned are the applications that have an endpoint in one of the clusters, by name.
func (w *World) concerned(clusters []string) []*App {
	var out []*App
	for i := range w.Apps {
		if a := &w.Apps[i]; slices.ContainsFunc(a.Plan.Spec.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool { return in(clusters, &e) }) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *App) int { return cmp.Compare(a.Name(), b.Name()) })
	return out
}

// in says whether an endpoint of an application is in one of the clusters. One that is ruled out never
// gets a request.
func in(clusters []string, e *trafficv1alpha1.PlanEndpoint) bool {
	return e.State != trafficv1alpha1.EndpointExcluded && slices.Contains(clusters, e.Cluster)
}

// elsewhere says whether an application has an endpoint in another cluster, whatever its state.
func (a *App) elsewhere(clusters []string) bool {
	return slices.ContainsFunc(a.Plan.Spec.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool {
		return e.State != trafficv1alpha1.EndpointExcluded && !slices.Contains(clusters, e.Cluster)
	})
}

// held says whether somebody holds the application.
func (a *App) held(now time.Time) bool { return a.Policy.Spec.Hold.InForce(now) }
