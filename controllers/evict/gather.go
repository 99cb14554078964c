package evict

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/evict"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// gather reads what the decision needs. While nothing fails, and none of the binding's clusters has a taint
// that evicts, those clusters are all that is looked at, however large the fleet.
func (r *reconciler) gather(ctx context.Context, b workv1alpha2.Binding, req ctrl.Request) (evict.Input, error) {
	spec := b.GetBindingSpec()
	in := evict.Input{
		Now: r.Clock.Now(), Binding: b, Clusters: map[string]*clusterv1alpha1.Cluster{},
		Taints: r.Taints, TaintPurgeMode: r.TaintPurgeMode, Timeout: r.Timeout,
	}
	if r.PreserveState {
		in.State = readState
	}
	failing := evict.Unhealthy(b)
	in.UnhealthySince = r.timers.observe(req.NamespacedName, failing, in.Now)
	tainted := false
	for _, target := range spec.Clusters {
		c, err := r.cluster(ctx, target.Name, &in)
		if err != nil {
			return in, err
		}
		tainted = tainted || c != nil && evict.HasNoExecute(c.Spec.Taints)
	}
	for _, task := range spec.GracefulEvictionTasks {
		if _, err := r.cluster(ctx, task.FromCluster, &in); err != nil {
			return in, err
		}
	}
	tainted = tainted && r.Taints
	if !tainted && len(failing) == 0 {
		return in, nil
	}
	speaking, err := r.policies.Of(ctx, b)
	if err != nil {
		return in, err
	}
	in.Hold = policies.Orders(b, speaking, 0).Hold
	if tainted {
		in.Brake, err = r.brake(ctx, b, speaking)
	}
	return in, err
}

func (r *reconciler) cluster(ctx context.Context, name string, in *evict.Input) (*clusterv1alpha1.Cluster, error) {
	var c clusterv1alpha1.Cluster
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, &c, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get cluster %s: %w", name, err)
	}
	in.Clusters[name] = &c
	return &c, nil
}

// brake takes stock of the whole fleet. How many clusters may be lost together, the most careful of the
// TrafficPolicies says.
func (r *reconciler) brake(ctx context.Context, b workv1alpha2.Binding, speaking []*trafficv1alpha1.TrafficPolicy) (evict.Brake, error) {
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return evict.Brake{}, fmt.Errorf("list clusters: %w", err)
	}
	var taints policyv1alpha1.ClusterTaintPolicyList
	if err := r.client.List(ctx, &taints, client.UnsafeDisableDeepCopy); err != nil {
		return evict.Brake{}, fmt.Errorf("list ClusterTaintPolicies: %w", err)
	}
	all := make([]*clusterv1alpha1.Cluster, 0, len(clusters.Items))
	seen := make([]failover.Cluster, 0, len(clusters.Items))
	for i := range clusters.Items {
		all, seen = append(all, &clusters.Items[i]), append(seen, failover.ClusterOf(&clusters.Items[i]))
	}
	follows := make([]*policyv1alpha1.ClusterTaintPolicy, 0, len(taints.Items))
	for i := range taints.Items {
		follows = append(follows, &taints.Items[i])
	}
	limit := policies.Orders(b, speaking, len(all)).Terms.MaxUnavailable
	return evict.NewBrake(all, follows, limit, failover.NewSurvey(r.Clock.Now(), seen).Isolated()), nil
}
