package drill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/drill"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// world reads what a Drill depends on, from the cache. Lists are not copied: nobody changes them.
func (r *reconciler) world(ctx context.Context, d *trafficv1alpha1.Drill) (*drill.World, error) {
	w := &drill.World{Now: r.clock.Now(), NameServers: r.health.VantagePoints()}
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	for i := range clusters.Items {
		w.Clusters = append(w.Clusters, &clusters.Items[i])
	}
	for _, read := range []func(context.Context, *trafficv1alpha1.Drill, *drill.World) error{r.regions, r.apps, r.heldFailovers, r.others} {
		if err := read(ctx, d, w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// regions merges the RegionMaps that were not found to be invalid.
func (r *reconciler) regions(ctx context.Context, _ *trafficv1alpha1.Drill, w *drill.World) error {
	var list trafficv1alpha1.RegionMapList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list region maps: %w", err)
	}
	var valid []*trafficv1alpha1.RegionMap
	for i := range list.Items {
		accepted := meta.FindStatusCondition(list.Items[i].Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if accepted == nil || accepted.Reason != trafficv1alpha1.ReasonInvalid {
			valid = append(valid, &list.Items[i])
		}
	}
	w.Regions, _ = traffic.MergeRegionMaps(valid)
	return nil
}

// apps reads the applications with an endpoint in the clusters of the drill.
func (r *reconciler) apps(ctx context.Context, d *trafficv1alpha1.Drill, w *drill.World) error {
	var plans trafficv1alpha1.TrafficPlanList
	if err := r.client.List(ctx, &plans, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list traffic plans: %w", err)
	}
	for i := range plans.Items {
		plan := &plans.Items[i]
		if !slices.ContainsFunc(plan.Spec.Endpoints, func(e trafficv1alpha1.PlanEndpoint) bool { return slices.Contains(d.Spec.Clusters, e.Cluster) }) {
			continue
		}
		key := client.ObjectKeyFromObject(plan)
		policy := &trafficv1alpha1.TrafficPolicy{}
		if err := r.client.Get(ctx, key, policy); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get traffic policy: %w", err)
		} else if err != nil || policy.DeletionTimestamp != nil {
			continue // its plan is about to go
		}
		var ns corev1.Namespace
		if err := r.client.Get(ctx, client.ObjectKey{Name: key.Namespace}, &ns, client.UnsafeDisableDeepCopy); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get namespace: %w", err)
		}
		validation.DefaultPolicy(policy)
		app := drill.App{Policy: policy, Plan: plan, Demand: r.demand.Of(key)}
		app.Wall, _ = residency.Of(ns.Annotations) // what can not be read lets nothing in
		w.Apps = append(w.Apps, app)
	}
	return nil
}

// heldFailovers lists the workloads that should have moved and do not.
func (r *reconciler) heldFailovers(ctx context.Context, _ *trafficv1alpha1.Drill, w *drill.World) error {
	bindings, err := hub.Bindings(ctx, r.client, client.UnsafeDisableDeepCopy)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if c := meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.ConditionFailoverHeld); c != nil && c.Status == metav1.ConditionTrue {
			w.HeldFailovers = append(w.HeldFailovers, fmt.Sprintf("%s (%s)", strings.TrimPrefix(b.GetNamespace()+"/"+b.GetName(), "/"), c.Reason))
		}
	}
	slices.Sort(w.HeldFailovers)
	return nil
}

// others are the Drills in progress, as they are this moment: the cache may not know yet of one that
// began in the round before. They matter only to one that is about to begin.
func (r *reconciler) others(ctx context.Context, d *trafficv1alpha1.Drill, w *drill.World) error {
	if d.Status.Phase.InProgress() {
		return nil
	}
	var list trafficv1alpha1.DrillList
	if err := r.live.List(ctx, &list); err != nil {
		return fmt.Errorf("list drills: %w", err)
	}
	for _, o := range list.Items {
		if o.Name != d.Name && o.Status.Phase.InProgress() {
			w.Others = append(w.Others, drill.Other{Name: o.Name, Clusters: o.Spec.Clusters})
		}
	}
	return nil
}
