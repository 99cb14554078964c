package sim

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

const namespace = "shop"

// Store is what the hub's API server has. It survives every hub.
type Store struct {
	Clusters []*clusterv1alpha1.Cluster // as the sites
	Apps     []*App
	Reports  map[string]*v1.EndpointHealth
	Zone     *v1.Zone
	Regions  *v1.RegionMap

	world *World
}

// App is an application: its objects on the hub.
type App struct {
	Name    string
	Policy  *v1.TrafficPolicy
	Plan    *v1.TrafficPlan // nil until there is one
	Binding *workv1alpha2.ResourceBinding
	// applied is the placement that the binding was last placed by.
	applied string
	held    string // what was said last of what is held
}

func (a *App) duplicated() bool {
	return a.Binding.Spec.Placement.ReplicaScheduling.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDuplicated
}

// Strategy of placement.
type Strategy string

// Strategies.
const (
	ByRoom     Strategy = "by room"
	Equally    Strategy = "equally"
	Aggregated Strategy = "aggregated"
	Duplicated Strategy = "duplicated"
)

func newSite(i int, text string, room int32) *Site {
	name, region, _ := strings.Cut(text, "/")
	return &Site{Name: name, Region: region, Address: fmt.Sprintf("192.0.2.%d", i+1), Room: room}
}

func newStore(w *World, o Options) *Store {
	s := &Store{world: w, Reports: map[string]*v1.EndpointHealth{}}
	created := metav1.NewTime(Start)
	s.Zone = &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps", UID: "zone", Generation: 1, CreationTimestamp: created}, Spec: v1.ZoneSpec{
		Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.apps.example.com", Addresses: []string{"192.0.2.250"}}}}}
	s.Regions = &v1.RegionMap{ObjectMeta: metav1.ObjectMeta{Name: "clients", UID: "regions", Generation: 1, CreationTimestamp: created}}
	for i, site := range w.Sites {
		s.Clusters = append(s.Clusters, newCluster(site))
		if !hasRegion(s.Regions, site.Region) {
			s.Regions.Spec.Regions = append(s.Regions.Spec.Regions, v1.Region{
				Name: site.Region, Location: locations[site.Region], Clients: &v1.RegionClients{Networks: []string{fmt.Sprintf("10.%d.0.0/16", i)}}})
		}
	}
	for i := range o.Apps {
		s.Apps = append(s.Apps, newApp(i, o))
	}
	return s
}

var locations = map[string]*v1.Coordinates{
	"eu": {Latitude: "50.11", Longitude: "8.68"}, "us": {Latitude: "38.95", Longitude: "-77.45"},
	"west": {Latitude: "45.84", Longitude: "-119.7"}, "ap": {Latitude: "1.35", Longitude: "103.82"},
}

func hasRegion(m *v1.RegionMap, name string) bool {
	for _, r := range m.Spec.Regions {
		if r.Name == name {
			return true
		}
	}
	return false
}

func newCluster(s *Site) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, CreationTimestamp: metav1.NewTime(Start)},
		Spec:       clusterv1alpha1.ClusterSpec{Region: s.Region},
		Status: clusterv1alpha1.ClusterStatus{
			APIEnablements: []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}},
			ResourceSummary: &clusterv1alpha1.ResourceSummary{
				Allocatable: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(int64(s.Room), resource.DecimalSI)},
			},
		},
	}
}

func newApp(i int, o Options) *App {
	name := "web"
	if i > 0 {
		name = fmt.Sprintf("web%d", i+1)
	}
	created := metav1.NewTime(Start)
	a := &App{Name: name}
	a.Policy = &v1.TrafficPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), Generation: 1, CreationTimestamp: created},
		Spec:       v1.TrafficPolicySpec{Hostnames: []string{name + ".apps.example.com"}, TargetRefs: []v1.TargetRef{{Name: name}}},
	}
	if back := &a.Policy.Spec.Failover.Failback; o.StableFor > 0 {
		back.StableFor, back.StepEvery = &metav1.Duration{Duration: o.StableFor}, &metav1.Duration{Duration: o.StepEvery}
	}
	validation.DefaultPolicy(a.Policy)
	a.Binding = &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name + "-deployment", Generation: 1, CreationTimestamp: created}}
	a.Binding.Spec = workv1alpha2.ResourceBindingSpec{
		Resource:  workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name, UID: types.UID(name)},
		Replicas:  o.Replicas,
		Placement: placementOf(o.Strategy),
	}
	if o.Ranked {
		a.Binding.Spec.SchedulePriority = &workv1alpha2.SchedulePriority{Priority: int32(10 * i)}
	}
	return a
}

func placementOf(s Strategy) *policyv1alpha1.Placement {
	r := &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided}
	switch s {
	case Duplicated:
		r.ReplicaSchedulingType = policyv1alpha1.ReplicaSchedulingTypeDuplicated
	case Aggregated:
		r.ReplicaDivisionPreference = policyv1alpha1.ReplicaDivisionPreferenceAggregated
	case Equally:
		r.ReplicaDivisionPreference = policyv1alpha1.ReplicaDivisionPreferenceWeighted
	default:
		r.ReplicaDivisionPreference = policyv1alpha1.ReplicaDivisionPreferenceWeighted
		r.WeightPreference = &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas}
	}
	return &policyv1alpha1.Placement{ReplicaScheduling: r}
}

// writePlan creates or changes a plan, as an API server does: only what was read is overwritten, and
// a change has a new generation. It says whether it was written.
func (s *Store) writePlan(a *App, read *v1.TrafficPlan, spec *v1.TrafficPlanSpec) bool {
	switch {
	case a.Plan == nil:
		if read != nil {
			return false
		}
		s.world.epochs++ // of UIDs
		a.Plan = &v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: a.Name, UID: types.UID(fmt.Sprint("plan", s.world.epochs)), Generation: 1,
			ResourceVersion: fmt.Sprint(s.world.Steps), CreationTimestamp: metav1.NewTime(s.world.Now),
		}, Spec: *throughAPI(spec)}
	case read == nil || read.UID != a.Plan.UID || read.Generation != a.Plan.Generation:
		return false
	default:
		if equality.Semantic.DeepEqual(&a.Plan.Spec, spec) {
			return false
		}
		next := a.Plan.DeepCopy()
		next.Spec = *throughAPI(spec)
		if equality.Semantic.DeepEqual(&a.Plan.Spec, &next.Spec) {
			return false
		}
		next.Generation++
		next.ResourceVersion = fmt.Sprintf("%s.%d", next.UID, next.Generation)
		a.Plan = next
	}
	plan := a.Plan
	for _, server := range s.world.Servers {
		s.world.post(func() { server.hearPlan(plan) })
	}
	return true
}

// throughAPI is a plan as it is read back: times lose what is below a second. Plans are immutable once
// they are stored.
func throughAPI(spec *v1.TrafficPlanSpec) *v1.TrafficPlanSpec {
	out := spec.DeepCopy()
	cut := func(t *metav1.Time) {
		if t != nil {
			*t = metav1.NewTime(t.Truncate(1e9))
		}
	}
	for i := range out.Endpoints {
		e := &out.Endpoints[i]
		cut(&e.Since)
		cut(e.FirstHealthy)
		cut(e.LastDown)
		cut(e.StableSince)
	}
	return out
}

// writeReport stores a report and tells those who watch.
func (s *Store) writeReport(h *v1.EndpointHealth) {
	s.Reports[h.Name] = h
	for _, server := range s.world.Servers {
		s.world.post(func() { server.hearReport(h) })
	}
	for _, hub := range []*Hub{s.world.Hub, s.world.Old} {
		if hub != nil {
			s.world.post(func() { hub.hearReport(h) })
		}
	}
}

func (s *Store) plans() []*v1.TrafficPlan {
	var out []*v1.TrafficPlan
	for _, a := range s.Apps {
		if a.Plan != nil {
			out = append(out, a.Plan)
		}
	}
	return out
}

func (s *Store) app(name string) *App {
	for _, a := range s.Apps {
		if a.Name == name {
			return a
		}
	}
	return nil
}
