package ledger

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Amounts are quantities of resources: CPU in millis, everything else in its own unit. A change makes
// a new one, so that they can be shared.
type Amounts []amount

type amount struct {
	name corev1.ResourceName
	n    int64
}

// UnitOf is what one more replica of a workload takes: its requests and a pod. For a workload of
// several components it is what one set of all of them takes.
func UnitOf(spec *workv1alpha2.ResourceBindingSpec) Amounts {
	if len(spec.Components) == 0 {
		if spec.ReplicaRequirements == nil {
			return requested(nil)
		}
		return requested(spec.ReplicaRequirements.ResourceRequest)
	}
	var unit Amounts
	for i := range spec.Components {
		c := &spec.Components[i]
		var requests corev1.ResourceList
		if c.ReplicaRequirements != nil {
			requests = c.ReplicaRequirements.ResourceRequest
		}
		n := int64(max(c.Replicas, 0))
		if len(spec.Components) == 1 {
			n = 1
		}
		unit = unit.plus(requested(requests), n)
	}
	return unit
}

// requested are the requests of one pod, and the pod.
func requested(requests corev1.ResourceList) Amounts {
	out := make(Amounts, 0, len(requests)+1)
	for name, q := range requests {
		n := q.Value()
		if name == corev1.ResourceCPU {
			n = q.MilliValue()
		}
		if n > 0 && name != corev1.ResourcePods {
			out = append(out, amount{name, n})
		}
	}
	return append(out, amount{corev1.ResourcePods, 1})
}

// plus adds times b; times may be negative.
func (a Amounts) plus(b Amounts, times int64) Amounts {
	out := slices.Clone(a)
	for _, add := range b {
		i := slices.IndexFunc(out, func(x amount) bool { return x.name == add.name })
		if i < 0 {
			out, i = append(out, amount{name: add.name}), len(out)
		}
		out[i].n = saturated(out[i].n, add.n, times)
	}
	return slices.DeleteFunc(out, func(x amount) bool { return x.n == 0 })
}

// most bounds every amount: requests come from users, and may be absurd.
const most = 1 << 62

func saturated(n, each, times int64) int64 {
	sum := float64(n) + float64(each)*float64(times)
	switch {
	case sum >= most:
		return most
	case sum <= -most:
		return -most
	}
	return n + each*times
}

// units is how many units of this size at the most no longer fit when other has been taken away.
func (a Amounts) units(other Amounts) int64 {
	var most int64
	for _, x := range other {
		i := slices.IndexFunc(a, func(y amount) bool { return y.name == x.name })
		if i >= 0 && a[i].n > 0 && x.n > 0 {
			most = max(most, (x.n-1)/a[i].n+1)
		}
	}
	return most
}

// list is the form that placement reads.
func (a Amounts) list() corev1.ResourceList {
	out := make(corev1.ResourceList, len(a))
	for _, x := range a {
		switch {
		case x.n <= 0:
		case x.name == corev1.ResourceCPU:
			out[x.name] = *resource.NewMilliQuantity(x.n, resource.DecimalSI)
		default:
			out[x.name] = *resource.NewQuantity(x.n, resource.DecimalSI)
		}
	}
	return out
}
