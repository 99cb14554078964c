package evict

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// Brake is what holds evictions by taint back. The zero Brake holds nothing back.
type Brake struct {
	isolated string
	clusters int
	limit    intstr.IntOrString
	// automatic are the taints that follow from conditions: those that a ClusterTaintPolicy names.
	automatic sets.Set[key]
	// tainted are the clusters that have one, and since when.
	tainted map[string]time.Time
}

// key is what a taint is known by.
type key struct {
	name   string
	effect corev1.TaintEffect
}

// NewBrake takes stock of all clusters and all ClusterTaintPolicies. Isolated is why the hub seems cut off, if
// it does; limit is how many clusters may be lost together.
func NewBrake(clusters []*clusterv1alpha1.Cluster, policies []*policyv1alpha1.ClusterTaintPolicy, limit intstr.IntOrString, isolated string) Brake {
	b := Brake{isolated: isolated, clusters: len(clusters), limit: limit, automatic: sets.New[key](), tainted: map[string]time.Time{}}
	for _, p := range policies {
		for _, t := range p.Spec.Taints {
			b.automatic.Insert(key{t.Key, t.Effect})
		}
	}
	for _, c := range clusters {
		for _, t := range c.Spec.Taints {
			if t.Effect == corev1.TaintEffectNoExecute && b.follows(t) && t.TimeAdded != nil {
				if at, seen := b.tainted[c.Name]; !seen || t.TimeAdded.Time.Before(at) {
					b.tainted[c.Name] = t.TimeAdded.Time
				}
			}
		}
	}
	return b
}

// follows says whether a taint follows from conditions.
func (b *Brake) follows(t corev1.Taint) bool { return b.automatic.Has(key{t.Key, t.Effect}) }

// allFollow says whether all taints follow from conditions. One that no policy names was put by a person.
func (b *Brake) allFollow(taints []corev1.Taint) bool {
	return !slices.ContainsFunc(taints, func(t corev1.Taint) bool { return !b.follows(t) })
}

// hold says why nothing may leave a cluster for taints that follow from conditions now.
func (b *Brake) hold(cluster string) *Hold {
	if b.isolated != "" {
		return &Hold{Cluster: cluster, Reason: failover.ReasonHubIsolated, Message: b.isolated}
	}
	var together []string
	for other, at := range b.tainted {
		if at.Sub(b.tainted[cluster]).Abs() <= failover.Window {
			together = append(together, other)
		}
	}
	if most := failover.Allowed(b.limit, b.clusters); len(together) > most {
		slices.Sort(together)
		return &Hold{Cluster: cluster, Reason: failover.ReasonTooManyClusters, Message: fmt.Sprintf(
			"%d of %d clusters (%s) got taints from ClusterTaintPolicies within %s, more than the %d allowed by maxUnavailableClusters %s",
			len(together), b.clusters, some.Of(together, failover.Shown), failover.Window, most, b.limit.String())}
	}
	return nil
}
