package placement

import (
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Strategy is how replicas are given to clusters.
type Strategy string

const (
	// Duplicated gives every selected cluster all replicas.
	Duplicated Strategy = "Duplicated"
	// StaticWeight divides by fixed weights.
	StaticWeight Strategy = "StaticWeight"
	// DynamicWeight divides by the room the clusters have.
	DynamicWeight Strategy = "DynamicWeight"
	// Aggregated divides over as few clusters as have room.
	Aggregated Strategy = "Aggregated"
)

// StrategyOf reads the strategy of a placement. Divided without a preference is Weighted, and
// Weighted without a dynamic weight is static; no replicaScheduling at all is Duplicated.
func StrategyOf(p *policyv1alpha1.Placement) Strategy {
	rs := p.ReplicaScheduling
	switch {
	case rs == nil || rs.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDuplicated:
		return Duplicated
	case rs.ReplicaDivisionPreference == policyv1alpha1.ReplicaDivisionPreferenceAggregated:
		return Aggregated
	case rs.WeightPreference != nil && rs.WeightPreference.DynamicWeight != "":
		return DynamicWeight
	default:
		return StaticWeight
	}
}

// byCapacity says whether the strategy divides by the room clusters have.
func (s Strategy) byCapacity() bool { return s == DynamicWeight || s == Aggregated }

// ignoresSpread says whether spread constraints only filter and do not select: static weights name
// the clusters themselves. An empty weightPreference names none, so there they count.
func ignoresSpread(p *policyv1alpha1.Placement) bool {
	if len(p.SpreadConstraints) == 0 {
		return true
	}
	if StrategyOf(p) != StaticWeight {
		return false
	}
	w := p.ReplicaScheduling.WeightPreference
	return w == nil || len(w.StaticWeightList) > 0
}
