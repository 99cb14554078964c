package health

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// Reasons of the condition DataPathReachable of a Cluster.
const (
	// ReasonReachable goes with True: requests get through to every application, or to some.
	ReasonReachable = "RequestsGetThrough"
	// ReasonUnreachable goes with False: requests get through to none.
	ReasonUnreachable = "NoRequestGetsThrough"
	// ReasonNotProbed goes with Unknown: no endpoint of the cluster has a verdict.
	ReasonNotProbed = "NotProbed"
)

// DataPath is the condition that says whether requests reach a cluster: False when every endpoint in
// it that has a verdict is down by quorum. A message names applications only where that is news.
func (r *Reports) DataPath(cluster string) metav1.Condition {
	var down []string
	probed := 0
	for plan := range plansIn(r.list, cluster) {
		switch opinion(r.list, plan, cluster).Verdict {
		case trafficv1alpha1.VerdictHealthy:
			probed++
		case trafficv1alpha1.VerdictUnhealthy:
			probed++
			down = append(down, plan.String())
		}
	}
	slices.Sort(down)
	const most = 5
	c := metav1.Condition{Type: trafficv1alpha1.ClusterConditionDataPath}
	switch {
	case probed == 0:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, ReasonNotProbed, "no application in the cluster is probed"
	case len(down) == probed:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, ReasonUnreachable, "requests get through to none of "+some.Of(down, most)
	case len(down) > 0:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, ReasonReachable, "requests get through, but not to "+some.Of(down, most)
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, ReasonReachable, "requests get through"
	}
	return c
}

func plansIn(reports []*report, cluster string) sets.Set[types.NamespacedName] {
	out := sets.New[types.NamespacedName]()
	for _, rep := range reports {
		if !rep.fresh {
			continue
		}
		for key, p := range rep.plans {
			if verdictOn(p, cluster).Verdict != "" {
				out.Insert(key)
			}
		}
	}
	return out
}
