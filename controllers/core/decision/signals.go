package decision

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
)

// Witnessed is what vantage points say of the endpoint in a cluster.
func Witnessed(cluster string, seen []health.Witness) []trafficv1alpha1.DecisionInput {
	var out []trafficv1alpha1.DecisionInput
	for _, w := range seen {
		since := w.Since
		out = append(out, trafficv1alpha1.DecisionInput{
			Cluster: cluster, Signal: trafficv1alpha1.SignalDataPath, By: w.VantagePoint, Value: string(w.Verdict), Since: &since, Message: w.Message,
		})
	}
	return out
}

// ControlPlane is the condition Ready of a cluster; nothing where it has none.
func ControlPlane(c *clusterv1alpha1.Cluster) []trafficv1alpha1.DecisionInput {
	ready := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	if ready == nil {
		return nil
	}
	return []trafficv1alpha1.DecisionInput{{
		Cluster: c.Name, Signal: trafficv1alpha1.SignalControlPlane, Value: string(ready.Status), Since: since(ready), Message: ready.Reason,
	}}
}

// DataPath is what all vantage points together say of a cluster as a whole; nothing where they do not say.
func DataPath(c *clusterv1alpha1.Cluster) []trafficv1alpha1.DecisionInput {
	path := meta.FindStatusCondition(c.Status.Conditions, trafficv1alpha1.ClusterConditionDataPath)
	if path == nil || path.Status == metav1.ConditionUnknown {
		return nil
	}
	verdict := trafficv1alpha1.VerdictHealthy
	if path.Status == metav1.ConditionFalse {
		verdict = trafficv1alpha1.VerdictUnhealthy
	}
	return []trafficv1alpha1.DecisionInput{{
		Cluster: c.Name, Signal: trafficv1alpha1.SignalQuorum, Value: string(verdict), Since: since(path), Message: path.Message,
	}}
}

// inputs are signals within bounds.
func inputs(signals []trafficv1alpha1.DecisionInput) []trafficv1alpha1.DecisionInput {
	out := slices.Clone(signals[:min(len(signals), maxInputs)])
	for i := range out {
		out[i].Message = cut(out[i].Message, maxDetail)
	}
	return out
}

func since(c *metav1.Condition) *metav1.MicroTime {
	at := metav1.NewMicroTime(c.LastTransitionTime.Time)
	return &at
}
