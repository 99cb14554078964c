package traffic

import (
	"k8s.io/apimachinery/pkg/api/resource"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// dampedPercent is how far the weight of an endpoint may be off before it follows the ready replicas,
// so that one pod more or less among many moves no client.
const dampedPercent = 10

// weigh gives every endpoint its weight where strategies go by ready replicas. Weights follow when they
// are off by more than dampedPercent, and all of them when a cluster comes or goes, since clients are
// moved then in any case. An endpoint without ready replicas keeps the weight it had, by which it is
// missed.
func (p *planner) weigh() {
	anew := !p.held && p.cameOrWent()
	for i := range p.endpoints {
		e := &p.endpoints[i]
		switch {
		case !p.steering.byReplicas():
			e.Weight = 0
		case e.ReadyReplicas <= 0:
		case e.Weight == 0, anew, !p.held && off(int64(e.Weight), int64(e.ReadyReplicas)):
			e.Weight = e.ReadyReplicas
		}
	}
}

func off(is, should int64) bool {
	d := (should - is) * 100
	return d > is*dampedPercent || -d > is*dampedPercent
}

// cameOrWent says whether the set of endpoints that receive requests has changed.
func (p *planner) cameOrWent() bool {
	served := p.servedBefore()
	for i := range p.endpoints {
		had := p.subjects[i].served()
		if had != (p.endpoints[i].SharePercent > 0) {
			return true
		}
		if had {
			served--
		}
	}
	return served != 0
}

// lostOne says whether an endpoint that received requests does so no longer.
func (p *planner) lostOne() bool {
	served := p.servedBefore()
	for i := range p.endpoints {
		if p.subjects[i].served() {
			if p.endpoints[i].SharePercent == 0 {
				return true
			}
			served--
		}
	}
	return served != 0
}

// servedBefore is how many endpoints received requests.
func (p *planner) servedBefore() (n int) {
	for i := range p.previous {
		if p.previous[i].SharePercent > 0 {
			n++
		}
	}
	return n
}

func (s subject) served() bool { return s.before != nil && s.before.SharePercent > 0 }

// rate fills in what every endpoint can take, and what it is asked for.
func (p *planner) rate() {
	declared := p.in.Policy.Spec.Capacity
	var perReplica int64
	if declared != nil {
		perReplica = declared.RequestsPerSecondPerReplica.MilliValue()
	}
	for i := range p.endpoints {
		e := &p.endpoints[i]
		could, was := e.Capacity, e.Demand
		e.Capacity, e.Demand = nil, nil
		if declared == nil {
			continue
		}
		milli := perReplica * int64(e.ReadyReplicas)
		if e.Capacity = could; could == nil || could.MilliValue() != milli {
			e.Capacity = resource.NewMilliQuantity(milli, resource.DecimalSI)
		}
		if p.demand == nil {
			continue
		}
		demand, measured := p.demand.Clusters[e.Cluster]
		if !measured {
			continue
		}
		e.Demand = settled(was, demand, float64(milli)/1000)
		p.wakeAt(p.demand.At.Add(demandFresh))
	}
}

// settled is a measured number of requests per second, or the one that was told before while they are
// less than a tenth of the capacity apart: numbers that change with every measurement would have
// everybody read the plan again each time.
func settled(was *resource.Quantity, is, capacity float64) *resource.Quantity {
	if was != nil {
		if d := is - was.AsApproximateFloat64(); max(d, -d)*10 <= capacity {
			return was
		}
	}
	return resource.NewMilliQuantity(int64(is*10+0.5)*100, resource.DecimalSI) // to a tenth
}

// capacityOf is what an endpoint can take in requests per second; 0 when it is not known.
func capacityOf(e *trafficv1alpha1.PlanEndpoint) float64 {
	if e.Capacity == nil {
		return 0
	}
	return float64(e.Capacity.MilliValue()) / 1000
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
