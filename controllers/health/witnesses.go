package health

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/controllers/core/health"
)

// Witnesses returns what each vantage point that counts says of the endpoint of a plan in a cluster.
func (v *View) Witnesses(plan types.NamespacedName, cluster string) []health.Witness {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.reports.Witnesses(plan, cluster)
}
