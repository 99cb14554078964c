package placement

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// amount is so much of a resource: in millis for CPU, else in units.
type amount struct {
	name corev1.ResourceName
	n    int64
}

// demand is what is to be placed: replicas, or one whole set of several components.
type demand struct {
	replicas int32
	each     []amount // what one replica requests
	parts    []part   // of a set; nil for replicas
}

// part is one component of a set.
type part struct {
	pods int64
	each []amount
}

// demandOf reads a binding. A single component is a workload with the replicas of that component.
func demandOf(spec *workv1alpha2.ResourceBindingSpec) demand {
	if len(spec.Components) > 1 {
		d := demand{parts: make([]part, 0, len(spec.Components))}
		for i := range spec.Components {
			c := &spec.Components[i]
			p := part{pods: max(int64(c.Replicas), 0)}
			if c.ReplicaRequirements != nil {
				p.each = amounts(c.ReplicaRequirements.ResourceRequest)
			}
			if p.pods > 0 {
				d.parts = append(d.parts, p)
			}
		}
		return d
	}
	d := demand{replicas: replicasOf(spec)}
	if len(spec.Components) == 1 && spec.Components[0].ReplicaRequirements != nil {
		d.each = amounts(spec.Components[0].ReplicaRequirements.ResourceRequest)
	} else if spec.ReplicaRequirements != nil {
		d.each = amounts(spec.ReplicaRequirements.ResourceRequest)
	}
	return d
}

// replicasOf is how many replicas are divided; none of a workload of several components.
func replicasOf(spec *workv1alpha2.ResourceBindingSpec) int32 {
	switch len(spec.Components) {
	case 0:
		return spec.Replicas
	case 1:
		return spec.Components[0].Replicas
	}
	return 0
}

// amounts reads what is requested, without what nothing is requested of, sorted by name.
func amounts(list corev1.ResourceList) []amount {
	if len(list) == 0 {
		return nil
	}
	out := make([]amount, 0, len(list))
	for name, q := range list {
		if n := quantity(name, &q); n > 0 {
			out = append(out, amount{name, n})
		}
	}
	slices.SortFunc(out, func(a, b amount) int { return cmp.Compare(a.name, b.name) })
	return out
}

// inSets says whether whole sets are placed instead of replicas.
func (d *demand) inSets() bool { return d.parts != nil }

// units is how many are wanted of what is placed.
func (d *demand) units() int64 {
	if d.inSets() {
		return 1
	}
	return int64(d.replicas)
}

// nothing says whether no pod is wanted: then no room is asked for.
func (d *demand) nothing() bool { return d.replicas == 0 && len(d.parts) == 0 }

// set adds up the pods and requests of one set.
func (d *demand) set() (pods int64, sum []amount) {
	for _, p := range d.parts {
		pods = add(pods, p.pods)
		for _, a := range p.each {
			i := slices.IndexFunc(sum, func(s amount) bool { return s.name == a.name })
			if i < 0 {
				i = len(sum)
				sum = append(sum, amount{name: a.name})
			}
			sum[i].n = add(sum[i].n, times(a.n, p.pods))
		}
	}
	return pods, sum
}

// String says what is to be placed.
func (d *demand) String() string {
	if !d.inSets() {
		return fmt.Sprintf("%d replicas", d.replicas)
	}
	pods, _ := d.set()
	return fmt.Sprintf("a set of %d components with %d pods", len(d.parts), pods)
}

// names are the resources that are requested of.
func (d *demand) names() (names []corev1.ResourceName) {
	note := func(each []amount) {
		for _, a := range each {
			if !slices.Contains(names, a.name) {
				names = append(names, a.name)
			}
		}
	}
	note(d.each)
	for _, p := range d.parts {
		note(p.each)
	}
	return names
}

// add and times stop at the bounds of int64.
func add(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

func times(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	if p := a * b; p/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64) {
		return p
	}
	if (a < 0) == (b < 0) {
		return math.MaxInt64
	}
	return math.MinInt64
}
