package v1alpha1

// GetEpoch is the epoch of the plan's writer; 0 for a plan from before there were any.
func (p *TrafficPlan) GetEpoch() int64 { return p.Spec.Epoch }
