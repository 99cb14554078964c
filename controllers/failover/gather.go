package failover

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

type clientBinding = client.Object

// survey takes stock of all clusters.
func (h *hands) survey(ctx context.Context) (failover.Survey, error) {
	h.started.Do(func() { h.watching = h.clock.Now() })
	var clusters clusterv1alpha1.ClusterList
	if err := h.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return failover.Survey{}, fmt.Errorf("list clusters: %w", err)
	}
	seen := make([]failover.Cluster, 0, len(clusters.Items))
	for i := range clusters.Items {
		seen = append(seen, failover.ClusterOf(&clusters.Items[i]))
	}
	return failover.NewSurvey(h.clock.Now(), seen).WatchedSince(h.watching), nil
}

// about is what policies and people say of a binding.
func (h *hands) about(ctx context.Context, b workv1alpha2.Binding, clusters int) (failover.Binding, error) {
	out := failover.Binding{Terms: failover.DefaultTerms(), MoveNow: list(b.GetAnnotations()[names.MoveNowAnnotation])}
	found, err := h.policies.Of(ctx, b)
	if err != nil {
		return out, err
	}
	for i, p := range found {
		if terms := failover.TermsOf(p); i == 0 {
			out.Terms = terms
		} else {
			out.Terms = out.Terms.Stricter(terms, clusters)
		}
		out.MoveNow = append(out.MoveNow, list(p.Annotations[names.MoveNowAnnotation])...)
		if until, why, ordered := policies.HoldOf(p); ordered {
			out.Hold = longer(out.Hold, &failover.Pause{Until: until, Why: why})
		}
	}
	out.InTraffic, err = h.inTraffic(ctx, found)
	return out, err
}

// longer is the one of two holds that ends later; one without an end does.
func longer(a, b *failover.Pause) *failover.Pause {
	if a == nil || !a.Until.IsZero() && (b.Until.IsZero() || b.Until.After(a.Until)) {
		return b
	}
	return a
}

func list(text string) (out []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
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
