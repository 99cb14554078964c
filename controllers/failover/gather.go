package failover

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

type clientBinding = client.Object

// clusters are all clusters. They are the cache's own.
func (h *hands) clusters(ctx context.Context) ([]clusterv1alpha1.Cluster, error) {
	var clusters clusterv1alpha1.ClusterList
	if err := h.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	return clusters.Items, nil
}

// survey takes stock of all clusters.
func (h *hands) survey(clusters []clusterv1alpha1.Cluster) failover.Survey {
	h.started.Do(func() { h.watching = h.clock.Now() })
	seen := make([]failover.Cluster, 0, len(clusters))
	for i := range clusters {
		seen = append(seen, failover.ClusterOf(&clusters[i]))
	}
	return failover.NewSurvey(h.clock.Now(), seen).WatchedSince(h.watching)
}

// about is what policies and people say of a binding, and which policies speak for it.
func (h *hands) about(ctx context.Context, b workv1alpha2.Binding, clusters int) (failover.Binding, []*trafficv1alpha1.TrafficPolicy, error) {
	speaking, err := h.policies.Of(ctx, b)
	if err != nil {
		return failover.Binding{}, nil, err
	}
	out := policies.Orders(b, speaking, clusters)
	out.InTraffic, err = h.inTraffic(ctx, speaking)
	return out, speaking, err
}

// anyLost says whether one of the clusters is lost now. One that does not exist is not.
func (h *hands) anyLost(ctx context.Context, clusters []string) (bool, error) {
	for _, name := range clusters {
		var c clusterv1alpha1.Cluster
		err := h.client.Get(ctx, client.ObjectKey{Name: name}, &c, client.UnsafeDisableDeepCopy)
		if client.IgnoreNotFound(err) != nil {
			return false, fmt.Errorf("get cluster %s: %w", name, err)
		}
		if err == nil && failover.ClusterOf(&c).Lost() {
			return true, nil
		}
	}
	return false, nil
}

// inTraffic says of each cluster whether all plans of the policies have it back in full.
func (h *hands) inTraffic(ctx context.Context, policies []*trafficv1alpha1.TrafficPolicy) (map[string]bool, error) {
	var plans []*trafficv1alpha1.TrafficPlan
	for _, p := range policies {
		var plan trafficv1alpha1.TrafficPlan
		if err := h.client.Get(ctx, client.ObjectKeyFromObject(p), &plan, client.UnsafeDisableDeepCopy); err != nil {
			if apierrors.IsNotFound(err) {
				continue
			}
			return nil, fmt.Errorf("get traffic plan: %w", err)
		}
		plans = append(plans, &plan)
	}
	return failover.InTraffic(plans...), nil
}
