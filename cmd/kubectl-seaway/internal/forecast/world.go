// Package forecast says what would become of requests if clusters were drained, for commands that do so
// or only ask. It reads the hub, and has controllers/core/drill predict.
package forecast

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/controllers/core/demand"
	"github.com/seaway-io/seaway/controllers/core/drill"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// Read reads what a prediction depends on.
func Read(ctx context.Context, c client.Client) (*drill.World, error) {
	v, err := view.Read(ctx, c)
	if err != nil {
		return nil, err
	}
	var namespaces corev1.NamespaceList
	if err := c.List(ctx, &namespaces); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var drills trafficv1alpha1.DrillList
	if err := c.List(ctx, &drills); err != nil {
		return nil, fmt.Errorf("list drills: %w", err)
	}
	return World(v, namespaces.Items, drills.Items), nil
}

// World is the view of a federation, as a prediction wants it. What is asked for is what the planner was
// last told: a command measures nothing.
func World(v view.View, namespaces []corev1.Namespace, drills []trafficv1alpha1.Drill) *drill.World {
	w := &drill.World{Now: v.Now}
	for i := range v.Clusters {
		w.Clusters = append(w.Clusters, &v.Clusters[i])
	}
	var regions []*trafficv1alpha1.RegionMap
	for i := range v.RegionMaps {
		if view.Condition(v.RegionMaps[i].Status.Conditions, trafficv1alpha1.ConditionAccepted).Reason != trafficv1alpha1.ReasonInvalid {
			regions = append(regions, &v.RegionMaps[i])
		}
	}
	w.Regions, _ = traffic.MergeRegionMaps(regions)
	walls := map[string]residency.Wall{}
	for i := range namespaces {
		walls[namespaces[i].Name], _ = residency.Of(namespaces[i].Annotations) // what can not be read lets nothing in
	}
	for i := range v.Policies {
		plan := v.Plan(&v.Policies[i])
		if plan == nil {
			continue
		}
		policy := v.Policies[i].DeepCopy()
		validation.DefaultPolicy(policy)
		w.Apps = append(w.Apps, drill.App{Policy: policy, Plan: plan, Wall: walls[policy.Namespace], Demand: told(w, plan)})
	}
	for _, b := range v.Bindings {
		if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionFailoverHeld); c != nil && c.Status == metav1.ConditionTrue {
			w.HeldFailovers = append(w.HeldFailovers, fmt.Sprintf("%s/%s (%s)", b.Namespace, b.Name, c.Reason))
		}
	}
	for _, s := range v.Servers() {
		if s.Fresh {
			w.NameServers++
		}
	}
	for _, d := range drills {
		if d.Status.Phase.InProgress() {
			w.Others = append(w.Others, drill.Other{Name: d.Name, Clusters: d.Spec.Clusters})
		}
	}
	return w
}

// told is the demand that a plan tells of; nil when it tells of none.
func told(w *drill.World, plan *trafficv1alpha1.TrafficPlan) *traffic.Demand {
	load := map[string]float64{}
	for _, e := range plan.Spec.Endpoints {
		if e.Demand != nil {
			load[e.Cluster] = e.Demand.AsApproximateFloat64()
		}
	}
	if len(load) == 0 {
		return nil
	}
	var e demand.Estimate
	e.Observe(w.Now, load, demand.Told(&plan.Spec), 0)
	return &traffic.Demand{At: w.Now, Clusters: e.Clusters(), Clients: e.Clients()}
}
