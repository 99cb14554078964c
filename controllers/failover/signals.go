package failover

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// explain gives everybody who leaves the signals by which that was decided: of the whole cluster, and what
// each vantage point says of the application in it.
func (e *evacuator) explain(clusters []clusterv1alpha1.Cluster, movers []*mover) {
	if e.record == nil {
		return
	}
	of := make(map[string]*clusterv1alpha1.Cluster, len(clusters))
	for i := range clusters {
		of[clusters[i].Name] = &clusters[i]
	}
	for _, m := range movers {
		for _, move := range m.decision.Evict {
			for _, p := range m.speaking {
				if e.health != nil {
					m.signals = append(m.signals, decision.Witnessed(move.Cluster, e.health.Witnesses(client.ObjectKeyFromObject(p), move.Cluster))...)
				}
			}
			if c := of[move.Cluster]; c != nil {
				m.signals = append(append(m.signals, decision.DataPath(c)...), decision.ControlPlane(c)...)
			}
		}
	}
}
