package placement

import (
	"fmt"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// weights are the static weights of a policy. Most rules name clusters and nothing else; those are
// looked up, the others are asked.
type weights struct {
	named map[string]int64
	rules []weightRule
}

type weightRule struct {
	affinity.Matcher
	weight int64
}

func newWeights(policy *policyv1alpha1.Placement) (w weights) {
	if StrategyOf(policy) != StaticWeight || policy.ReplicaScheduling.WeightPreference == nil {
		return w
	}
	rules := policy.ReplicaScheduling.WeightPreference.StaticWeightList
	for i := range rules {
		r, set := &rules[i], &rules[i].TargetCluster
		if len(set.ClusterNames) == 0 || set.LabelSelector != nil || set.FieldSelector != nil || len(set.ExcludeClusters) > 0 {
			w.rules = append(w.rules, weightRule{affinity.New(set), r.Weight})
			continue
		}
		if w.named == nil {
			w.named = make(map[string]int64, len(rules))
		}
		for _, name := range set.ClusterNames {
			w.named[name] = max(w.named[name], r.Weight)
		}
	}
	return w
}

// of is the weight of a cluster: that of the heaviest rule that matches it, 0 without one.
func (w *weights) of(c *clusterv1alpha1.Cluster) int64 {
	weight := w.named[c.Name]
	for i := range w.rules {
		if r := &w.rules[i]; r.weight > weight && r.Matches(c) {
			weight = r.weight
		}
	}
	return weight
}

// divideByWeight divides all replicas from scratch by static weight. A cluster without a weight gets
// nothing, unless none has any: then all are equal. What is frozen has what it has, and the others share the
// rest.
func (p *placer) divideByWeight(selected []candidate) (*Division, *refusal) {
	all := make([]*candidate, len(selected))
	for i := range selected {
		all[i] = &selected[i]
	}
	pinned, all, n := p.pin(all, int64(p.demand.replicas))
	if len(all) == 0 && n > 0 {
		return nil, &refusal{workv1alpha2.ReasonUnschedulable, fmt.Sprintf("nothing can be started in any of %d clusters", len(selected))}
	}
	shares := make([]Share, 0, len(all))
	for _, c := range all {
		if weight := p.weights.of(c.Cluster); weight > 0 {
			shares = append(shares, Share{Cluster: c.Name, Weight: weight})
		}
	}
	if len(shares) == 0 {
		for _, c := range all {
			shares = append(shares, Share{Cluster: c.Name, Weight: 1})
		}
	}
	Divide(int32(n), shares, p.descend)
	return &Division{Strategy: StaticWeight, Mode: FromScratch, Replicas: p.demand.replicas, Descend: p.descend, Shares: append(pinned, shares...)}, nil
}
