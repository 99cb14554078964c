// Package view reads the state of the federation once, for commands that show it.
package view

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// View is the federation at one moment. Lists are sorted by namespace and name.
type View struct {
	Now        time.Time
	Clusters   []clusterv1alpha1.Cluster
	Zones      []trafficv1alpha1.Zone
	RegionMaps []trafficv1alpha1.RegionMap
	Policies   []trafficv1alpha1.TrafficPolicy
	Plans      []trafficv1alpha1.TrafficPlan
	Health     []trafficv1alpha1.EndpointHealth
	Bindings   []workv1alpha2.ResourceBinding
}

// Read fetches everything. An error names the kind that could not be read: most often a hub on
// which Seaway is not installed.
func Read(ctx context.Context, c client.Client) (View, error) {
	var (
		clusters clusterv1alpha1.ClusterList
		zones    trafficv1alpha1.ZoneList
		maps     trafficv1alpha1.RegionMapList
		policies trafficv1alpha1.TrafficPolicyList
		plans    trafficv1alpha1.TrafficPlanList
		health   trafficv1alpha1.EndpointHealthList
		bindings workv1alpha2.ResourceBindingList
	)
	for _, l := range []struct {
		what string
		list client.ObjectList
	}{
		{"clusters", &clusters}, {"zones", &zones}, {"region maps", &maps}, {"traffic policies", &policies},
		{"traffic plans", &plans}, {"endpoint health", &health}, {"resource bindings", &bindings},
	} {
		if err := c.List(ctx, l.list); err != nil {
			if meta.IsNoMatchError(err) {
				return View{}, fmt.Errorf("the hub does not serve %s: is Seaway installed there? (%w)", l.what, err)
			}
			return View{}, fmt.Errorf("list %s: %w", l.what, err)
		}
	}
	return View{
		Now: time.Now(), Clusters: clusters.Items, Zones: zones.Items, RegionMaps: maps.Items, Policies: policies.Items,
		Plans: plans.Items, Health: health.Items, Bindings: bindings.Items,
	}, nil
}

// Plan is the plan of a policy, nil when there is none yet.
func (v View) Plan(p *trafficv1alpha1.TrafficPolicy) *trafficv1alpha1.TrafficPlan {
	for i := range v.Plans {
		if v.Plans[i].Namespace == p.Namespace && v.Plans[i].Name == p.Name {
			return &v.Plans[i]
		}
	}
	return nil
}

// Server is a name server as its reports show it.
type Server struct {
	Name string
	// Age of the newest report.
	Age time.Duration
	// Fresh says that the server has reported within its lease.
	Fresh bool
	Plans []trafficv1alpha1.PlanHealth
	Zones []trafficv1alpha1.ZoneServed
}

// Servers are the name servers that have ever reported, by name.
func (v View) Servers() []Server {
	byName := map[string]*Server{}
	for _, h := range v.Health {
		age := v.Now.Sub(h.Spec.RenewTime.Time)
		s, ok := byName[h.Spec.VantagePoint]
		if !ok {
			s = &Server{Name: h.Spec.VantagePoint, Age: age}
			byName[s.Name] = s
		}
		s.Age = min(s.Age, age)
		s.Fresh = s.Fresh || age <= time.Duration(h.Spec.LeaseDurationSeconds)*time.Second
		s.Plans = append(s.Plans, h.Spec.Plans...)
		s.Zones = append(s.Zones, h.Spec.Zones...)
	}
	out := make([]Server, 0, len(byName))
	for _, s := range byName {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Server) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// InForce counts the plans of which the server has taken over the newest generation.
func (s Server) InForce(plans []trafficv1alpha1.TrafficPlan) int {
	n := 0
	for _, p := range plans {
		for _, h := range s.Plans {
			if h.Namespace == p.Namespace && h.Name == p.Name && h.Generation == p.Generation {
				n++
				break
			}
		}
	}
	return n
}

// Condition finds a condition; one of status Unknown and reason Missing when there is none.
func Condition(conditions []metav1.Condition, conditionType string) metav1.Condition {
	if c := meta.FindStatusCondition(conditions, conditionType); c != nil {
		return *c
	}
	return metav1.Condition{Type: conditionType, Status: metav1.ConditionUnknown, Reason: "Missing", Message: "no controller has judged it yet"}
}
