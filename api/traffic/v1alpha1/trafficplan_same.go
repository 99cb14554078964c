package v1alpha1

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Same says whether two plans say the same: times and quantities count by what they mean, and a list
// that is empty is none. A planner asks this each time it has planned, so that it is written out and
// not left to reflection, which takes longer than the plan.
func (p *TrafficPlanSpec) Same(o *TrafficPlanSpec) bool {
	return p.Policy == o.Policy && p.Epoch == o.Epoch && p.TTLSeconds == o.TTLSeconds && p.MaxAnswers == o.MaxAnswers &&
		p.Check == o.Check && p.FailOpen == o.FailOpen && slices.Equal(p.Hostnames, o.Hostnames) &&
		each(p.Endpoints, o.Endpoints, (*PlanEndpoint).same) && each(p.Regions, o.Regions, (*PlanRegion).same) &&
		each(p.Tiers, o.Tiers, (*PlanTier).same) && both(p.Spill, o.Spill, (*Spill).same) && both(p.Load, o.Load, (*Load).same)
}

func (e *PlanEndpoint) same(o *PlanEndpoint) bool {
	return e.Cluster == o.Cluster && e.Region == o.Region && slices.Equal(e.Addresses, o.Addresses) && e.Hostname == o.Hostname &&
		e.Port == o.Port && e.ReadyReplicas == o.ReadyReplicas && e.State == o.State && e.Reason == o.Reason && e.Message == o.Message &&
		e.Since.Equal(&o.Since) && e.SharePercent == o.SharePercent && e.Weight == o.Weight &&
		e.FirstHealthy.Equal(o.FirstHealthy) && e.LastDown.Equal(o.LastDown) && e.StableSince.Equal(o.StableSince) &&
		both(e.Capacity, o.Capacity, sameQuantity) && both(e.Demand, o.Demand, sameQuantity)
}

func (r *PlanRegion) same(o *PlanRegion) bool {
	return r.Name == o.Name && both(r.Location, o.Location, func(a, b *Coordinates) bool { return *a == *b }) &&
		both(r.Spill, o.Spill, (*Spill).same) && each(r.Tiers, o.Tiers, (*PlanTier).same)
}

func (t *PlanTier) same(o *PlanTier) bool { return slices.Equal(t.Clusters, o.Clusters) }

func (s *Spill) same(o *Spill) bool {
	return s.Since.Equal(&o.Since) && s.Shrinking == o.Shrinking && slices.Equal(s.Shifts, o.Shifts)
}

func (l *Load) same(o *Load) bool {
	return l.Reason == o.Reason && l.Message == o.Message && l.Since.Equal(&o.Since) && each(l.Overload, o.Overload, (*Overload).same)
}

func (l *Overload) same(o *Overload) bool {
	return l.Name == o.Name && sameQuantity(&l.RequestsPerSecond, &o.RequestsPerSecond)
}

func sameQuantity(a, b *resource.Quantity) bool { return a.Cmp(*b) == 0 }

// each compares lists whose items are too large to be handed over by value.
func each[T any](a, b []T, same func(a, b *T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

func both[T any](a, b *T, same func(a, b *T) bool) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	return same(a, b)
}
