package placement

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// mostRounds bounds how often one placement is made. Hardly any that might not rest changes when it is
// made again; none is known that takes more than three rounds.
const mostRounds = 4

// settle makes a placement, and where it might not rest makes it again from its own result, until the
// result is its own: what is placed by one decision is not moved by the next. When no placement is found
// from there, the one that was found stays.
func settle(in Input) (Result, Diagnosis) {
	result, diagnosis, rests := once(in)
	for round := 1; round < mostRounds && !rests; round++ {
		in = in.after(result)
		again, d, settled := once(in)
		if !d.Fits() || again.equal(result) {
			break
		}
		d.Previous, d.Passing = diagnosis.Previous, result.Clusters
		result, diagnosis, rests = again, d, settled
	}
	return result, diagnosis
}

func (r Result) equal(other Result) bool {
	return r.AffinityName == other.AffinityName && slices.EqualFunc(r.Clusters, other.Clusters, func(a, b workv1alpha2.TargetCluster) bool {
		return a.Name == b.Name && a.Replicas == b.Replicas
	})
}

// after is the input as it is when a result of it is in place: what is new is assumed.
func (in *Input) after(r Result) Input {
	out, spec := *in, *in.Spec
	spec.Clusters, spec.RescheduleTriggeredAt = r.Clusters, nil
	out.Spec, out.Fresh = &spec, false
	out.Status = &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: r.AffinityName}
	out.Assumed, out.Estimates = maps.Clone(in.Assumed), maps.Clone(in.Estimates)
	d, had := demandOf(in.Spec), replicasByName(in.Spec.Clusters)
	for _, t := range r.Clusters {
		before, was := had[t.Name]
		more := int64(t.Replicas) - int64(max(before, 0))
		if d.inSets() {
			more = 1
			if was {
				more = 0
			}
		}
		if more <= 0 {
			continue
		}
		if out.Assumed == nil {
			out.Assumed = map[string]corev1.ResourceList{}
		}
		out.Assumed[t.Name] = d.onTopOf(out.Assumed[t.Name], more)
		if estimate, ok := out.Estimates[t.Name]; ok && estimate >= 0 {
			out.Estimates[t.Name] = int32(max(int64(estimate)-more, 0))
		}
	}
	return out
}

// onTopOf adds what so many units of the demand take.
func (d *demand) onTopOf(list corev1.ResourceList, units int64) corev1.ResourceList {
	pods, each := int64(1), d.each
	if d.inSets() {
		pods, each = d.set()
	}
	out := maps.Clone(list)
	if out == nil {
		out = corev1.ResourceList{}
	}
	for _, a := range append([]amount{{corev1.ResourcePods, pods}}, each...) {
		out[a.name] = asQuantity(a.name, add(of(list, a.name), times(a.n, units)))
	}
	return out
}

// rests says whether a placement is its own result beyond doubt, so that it need not be made again. In
// doubt are those that were made with the help of a present target that is gone then, or of the room it
// took: for the groups used, for the order, or as a reason to use this affinity. So are those that leave
// selected clusters without replicas.
func (p *placer) rests(selected []candidate, targets []workv1alpha2.TargetCluster, t *term) bool {
	leaves, shrinks := p.compare(targets)
	advised := len(p.advice.advice) > 0
	switch {
	case len(targets) == 0:
		return len(p.present) == 0
	case !p.selects:
		return true
	case len(t.tiers) > 1, advised && shrinks:
		return false // tiers, and advice, come before what is present
	case p.byRegionAlone() && p.workload && !p.divides() && leaves:
		return false // the room of what leaves counted for its region
	case len(targets) == len(selected):
		return true // which are preferred from now on, and were as good before
	}
	return len(p.spread.groupings) == 0 && !advised && !leaves
}

// compare says whether a present target is left, and whether one loses replicas.
func (p *placer) compare(targets []workv1alpha2.TargetCluster) (leaves, shrinks bool) {
	for name, had := range p.present {
		i, stays := find(targets, name)
		leaves = leaves || !stays
		shrinks = shrinks || !stays || targets[i].Replicas < had
	}
	return leaves, shrinks
}
