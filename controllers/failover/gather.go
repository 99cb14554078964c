package failover

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

type clientBinding = client.Object

// gather reads what the decision needs. While no cluster of the binding is lost and it is away from
// none, those clusters are all that is looked at: there is nothing to decide, however large the fleet.
func (r *reconciler) gather(ctx context.Context, b workv1alpha2.Binding) (failover.Survey, failover.Binding, error) {
	judged := failover.Binding{Away: away(b), Placed: clusterNames(b.GetBindingSpec().Clusters), Terms: failover.DefaultTerms()}
	r.started.Do(func() { r.watching = r.clock.Now() })
	if len(judged.Away) == 0 {
		if lost, err := r.anyLost(ctx, judged.Placed); err != nil || !lost {
			return failover.Survey{}, judged, err
		}
	}
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return failover.Survey{}, failover.Binding{}, fmt.Errorf("list clusters: %w", err)
	}
	seen := make([]failover.Cluster, 0, len(clusters.Items))
	for i := range clusters.Items {
		seen = append(seen, signals(&clusters.Items[i]))
	}
	survey := failover.NewSurvey(r.clock.Now(), seen).WatchedSince(r.watching)
	policies, err := r.policies.Of(ctx, b)
	if err != nil {
		return failover.Survey{}, failover.Binding{}, err
	}
	for i, p := range policies {
		if terms := termsOf(p); i == 0 {
			judged.Terms = terms
		} else {
			judged.Terms = judged.Terms.Stricter(terms, len(seen))
		}
	}
	judged.InTraffic, err = r.inTraffic(ctx, policies)
	return survey, judged, err
}

// anyLost says whether one of the clusters is lost now. One that does not exist is not.
func (r *reconciler) anyLost(ctx context.Context, names []string) (bool, error) {
	for _, name := range names {
		var c clusterv1alpha1.Cluster
		err := r.client.Get(ctx, client.ObjectKey{Name: name}, &c, client.UnsafeDisableDeepCopy)
		if client.IgnoreNotFound(err) != nil {
			return false, fmt.Errorf("get cluster %s: %w", name, err)
		}
		if err == nil && signals(&c).Lost() {
			return true, nil
		}
	}
	return false, nil
}

func signals(c *clusterv1alpha1.Cluster) failover.Cluster {
	return failover.Cluster{
		Name:         c.Name,
		ControlPlane: signal(c, clusterv1alpha1.ClusterConditionReady),
		DataPath:     signal(c, trafficv1alpha1.ClusterConditionDataPath),
	}
}

// signal reads a condition. For the control plane Unknown is a lost lease and as bad as False; the
// core tells the two signals apart.
func signal(c *clusterv1alpha1.Cluster, conditionType string) failover.Signal {
	cond := meta.FindStatusCondition(c.Status.Conditions, conditionType)
	if cond == nil {
		return failover.Signal{State: failover.Unknown, Since: c.CreationTimestamp.Time}
	}
	s := failover.Signal{Since: cond.LastTransitionTime.Time}
	switch cond.Status {
	case metav1.ConditionTrue:
		s.State = failover.Up
	case metav1.ConditionFalse:
		s.State = failover.Down
	}
	return s
}

// inTraffic says of each cluster whether all plans of the policies have it back in full.
func (r *reconciler) inTraffic(ctx context.Context, policies []*trafficv1alpha1.TrafficPolicy) (map[string]bool, error) {
	out := map[string]bool{}
	for _, p := range policies {
		var plan trafficv1alpha1.TrafficPlan
		if err := r.client.Get(ctx, client.ObjectKeyFromObject(p), &plan, client.UnsafeDisableDeepCopy); err != nil {
			if apierrors.IsNotFound(err) {
				continue
			}
			return nil, fmt.Errorf("get traffic plan: %w", err)
		}
		for _, e := range plan.Spec.Endpoints {
			if e.State == trafficv1alpha1.EndpointExcluded {
				continue
			}
			before, known := out[e.Cluster]
			out[e.Cluster] = backInTraffic(e) && (before || !known)
		}
	}
	return out, nil
}

func backInTraffic(e trafficv1alpha1.PlanEndpoint) bool {
	return e.State == trafficv1alpha1.EndpointServing && e.SharePercent == 100
}

func termsOf(p *trafficv1alpha1.TrafficPolicy) failover.Terms {
	t := failover.DefaultTerms()
	f := p.Spec.Failover
	set(&t.MoveAfter, f.MoveWorkloadsAfter)
	set(&t.StableFor, f.Failback.StableFor)
	if f.MaxUnavailableClusters != nil {
		t.MaxUnavailable = *f.MaxUnavailableClusters
	}
	return t
}

func set(to *time.Duration, from *metav1.Duration) {
	if from != nil {
		*to = from.Duration
	}
}

// away are the clusters that this controller has moved the binding out of.
func away(b workv1alpha2.Binding) []string {
	var out []string
	for _, t := range b.GetBindingSpec().GracefulEvictionTasks {
		if t.Producer == workv1alpha2.EvictionProducerFailover {
			out = append(out, t.FromCluster)
		}
	}
	return out
}
