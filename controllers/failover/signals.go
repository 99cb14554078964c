package failover

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// signals are those by which it was decided that an application leaves clusters: of the whole cluster, and
// what each vantage point says of the application in it. Speaking are the policies that speak for it.
func (h *hands) signals(clusters []clusterv1alpha1.Cluster, speaking []*trafficv1alpha1.TrafficPolicy, moves []failover.Move) (out []trafficv1alpha1.DecisionInput) {
	if h.record == nil {
		return nil
	}
	for _, move := range moves {
		for _, p := range speaking {
			if h.health != nil {
				out = append(out, decision.Witnessed(move.Cluster, h.health.Witnesses(client.ObjectKeyFromObject(p), move.Cluster))...)
			}
		}
		for i := range clusters {
			if c := &clusters[i]; c.Name == move.Cluster {
				out = append(append(out, decision.DataPath(c)...), decision.ControlPlane(c)...)
			}
		}
	}
	return out
}
