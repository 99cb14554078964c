package health

import (
	"k8s.io/apimachinery/pkg/types"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Witness is what one vantage point says of an endpoint.
type Witness struct {
	VantagePoint string
	trafficv1alpha1.EndpointVerdict
}

// Witnesses are the vantage points that count and have a verdict on the endpoint of a plan in a cluster,
// sorted by the name of their report.
func (r *Reports) Witnesses(plan types.NamespacedName, cluster string) []Witness {
	var out []Witness
	for _, rep := range r.list {
		p := rep.plans[plan]
		if !rep.fresh || p == nil {
			continue
		}
		if v := verdictOn(p, cluster); v.Verdict != "" {
			out = append(out, Witness{rep.vantagePoint, v})
		}
	}
	return out
}
