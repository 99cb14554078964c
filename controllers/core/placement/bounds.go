package placement

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Bounds are beyond what the policy says. They are set by who moves a binding since clusters are lost.
type Bounds struct {
	// Exclude names clusters that must not be used. A present target that is excluded counts as gone.
	Exclude sets.Set[string]

	// Only names the clusters that may be used; all when it is nil.
	Only sets.Set[string]

	// Frozen names clusters in which nothing can be started. They get nothing new; what is divided and
	// runs there stays there, unless less is wanted than all of them have.
	Frozen sets.Set[string]
}

// out says why a cluster is out of the bounds; it is empty when it is not.
func (b *Bounds) out(name string, target bool) string {
	switch {
	case b.Exclude.Has(name):
		return "is lost"
	case b.Only != nil && !b.Only.Has(name):
		return "is neither where it runs nor where it returns to"
	case !target && b.Frozen.Has(name):
		return "is not reached: nothing can be started there"
	}
	return ""
}

// pin gives clusters that are frozen what they have, and returns the others with what is left for them. It
// pins nothing when less is wanted.
func (p *placer) pin(all []*candidate, n int64) (pinned []Share, others []*candidate, left int64) {
	if len(p.in.Frozen) == 0 {
		return nil, all, n
	}
	left = n
	for _, c := range all {
		switch {
		case !p.in.Frozen.Has(c.Name):
			others = append(others, c)
		case c.present > 0:
			pinned = append(pinned, Share{c.Name, int64(c.present), c.present})
			left -= int64(c.present)
		}
	}
	if left < 0 {
		return nil, all, n
	}
	return pinned, others, left
}

// trouble is how badly off a cluster is by its conditions: 0 when it is whole, or nothing is known of it
// yet; 1 when requests do not get through; 2 when its API server is lost; 3 when both are so.
func trouble(c *clusterv1alpha1.Cluster) (n int) {
	for i := range c.Status.Conditions {
		switch is := &c.Status.Conditions[i]; {
		case is.Type == clusterv1alpha1.ClusterConditionReady && (is.Status == metav1.ConditionFalse || is.Status == metav1.ConditionUnknown):
			n += 2
		case is.Type == trafficv1alpha1.ClusterConditionDataPath && is.Status == metav1.ConditionFalse:
			n++
		}
	}
	return n
}
