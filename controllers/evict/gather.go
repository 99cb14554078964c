package evict

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/evict"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// gather reads what the decision needs. While none of the binding's clusters has a taint that evicts, those
// clusters are all that is looked at, however large the fleet.
func (r *reconciler) gather(ctx context.Context, b workv1alpha2.Binding, req ctrl.Request) (evict.Input, error) {
	spec := b.GetBindingSpec()
	in := evict.Input{
		Now: r.Clock.Now(), Binding: b, Clusters: map[string]*clusterv1alpha1.Cluster{},
		Taints: r.Taints, TaintPurgeMode: r.TaintPurgeMode, Timeout: r.Timeout,
	}
	if r.PreserveState {
		in.State = readState
	}
	in.UnhealthySince = r.timers.observe(req.NamespacedName, evict.Unhealthy(b), in.Now)
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
	if !tainted || !r.Taints {
		return in, nil
	}
	var err error
	in.Brake, err = r.brake(ctx, b)
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

// brake takes stock of the whole fleet.
func (r *reconciler) brake(ctx context.Context, b workv1alpha2.Binding) (evict.Brake, error) {
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return evict.Brake{}, fmt.Errorf("list clusters: %w", err)
	}
	var taints policyv1alpha1.ClusterTaintPolicyList
	if err := r.client.List(ctx, &taints, client.UnsafeDisableDeepCopy); err != nil {
		return evict.Brake{}, fmt.Errorf("list ClusterTaintPolicies: %w", err)
	}
	limit, err := r.limit(ctx, b, len(clusters.Items))
	if err != nil {
		return evict.Brake{}, err
	}
	all := make([]*clusterv1alpha1.Cluster, 0, len(clusters.Items))
	seen := make([]failover.Cluster, 0, len(clusters.Items))
	for i := range clusters.Items {
		c := &clusters.Items[i]
		all, seen = append(all, c), append(seen, failover.Cluster{Name: c.Name, ControlPlane: controlPlane(c)})
	}
	follows := make([]*policyv1alpha1.ClusterTaintPolicy, 0, len(taints.Items))
	for i := range taints.Items {
		follows = append(follows, &taints.Items[i])
	}
	return evict.NewBrake(all, follows, limit, failover.NewSurvey(r.Clock.Now(), seen).Isolated()), nil
}

// limit is how many clusters may be lost together, as the most careful TrafficPolicy of the binding says.
func (r *reconciler) limit(ctx context.Context, b workv1alpha2.Binding, clusters int) (intstr.IntOrString, error) {
	speaking, err := r.policies.Of(ctx, b)
	if err != nil {
		return intstr.IntOrString{}, err
	}
	terms, said := failover.DefaultTerms(), false
	for _, p := range speaking {
		own := failover.DefaultTerms()
		if most := p.Spec.Failover.MaxUnavailableClusters; most != nil {
			own.MaxUnavailable = *most
		}
		if said {
			own = terms.Stricter(own, clusters)
		}
		terms, said = own, true
	}
	return terms.MaxUnavailable, nil
}

// controlPlane is the API server of a cluster as the hub sees it.
func controlPlane(c *clusterv1alpha1.Cluster) failover.Signal {
	ready := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	switch {
	case ready == nil:
		return failover.Signal{State: failover.Unknown, Since: c.CreationTimestamp.Time}
	case ready.Status == metav1.ConditionTrue:
		return failover.Signal{State: failover.Up, Since: ready.LastTransitionTime.Time}
	}
	return failover.Signal{State: failover.Down, Since: ready.LastTransitionTime.Time}
}
