package estimate

import (
	"maps"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Amounts are quantities of resources as whole numbers: CPU in thousandths, everything else in units.
// Pods are counted apart. The zero value is nothing of anything. Amounts that were handed on are not
// changed any more.
type Amounts struct {
	cpu, memory, storage int64
	other                map[corev1.ResourceName]int64
}

const (
	// most is more than a single node offers of anything: 8 PiB, or nine trillion cores.
	most = 1 << 53
	// mostOfPod is more than a single pod asks for: 16 TiB, or 17 billion cores. The sum over half a
	// million such pods still fits in 64 bits.
	mostOfPod = 1 << 44
)

// offered is what a node or a quota gives: rounded down, nothing where it is negative or absurd.
func offered(list corev1.ResourceList) Amounts {
	var a Amounts
	for name, q := range list {
		if n := floor(name, q); n > 0 && n <= most {
			a.set(name, n)
		}
	}
	return a
}

// asked is what a pod takes: rounded up. The second result is true when it asks for more than can be
// reckoned with; such a pod takes a whole node.
func asked(list corev1.ResourceList) (a Amounts, huge bool) {
	for name, q := range list {
		n := ceil(name, q)
		if n > mostOfPod {
			n, huge = mostOfPod, true
		}
		if n > 0 && name != corev1.ResourcePods {
			a.set(name, n)
		}
	}
	return a, huge
}

// ceil is at least the quantity, at most the largest number there is.
func ceil(name corev1.ResourceName, q resource.Quantity) int64 {
	if q.Sign() <= 0 {
		return 0
	}
	if q.CmpInt64(math.MaxInt64/1000) > 0 {
		return math.MaxInt64
	}
	if name == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}

// floor is at most the quantity.
func floor(name corev1.ResourceName, q resource.Quantity) int64 {
	n := ceil(name, q)
	exact := resource.NewQuantity(n, resource.DecimalSI)
	if name == corev1.ResourceCPU {
		exact = resource.NewMilliQuantity(n, resource.DecimalSI)
	}
	if n > 0 && exact.Cmp(q) > 0 {
		n--
	}
	return n
}

func (a *Amounts) get(name corev1.ResourceName) int64 {
	switch name {
	case corev1.ResourceCPU:
		return a.cpu
	case corev1.ResourceMemory:
		return a.memory
	case corev1.ResourceEphemeralStorage:
		return a.storage
	}
	return a.other[name]
}

func (a *Amounts) set(name corev1.ResourceName, n int64) {
	switch name {
	case corev1.ResourceCPU:
		a.cpu = n
	case corev1.ResourceMemory:
		a.memory = n
	case corev1.ResourceEphemeralStorage:
		a.storage = n
	default:
		if a.other == nil {
			a.other = map[corev1.ResourceName]int64{}
		}
		if a.other[name] = n; n == 0 {
			delete(a.other, name)
		}
	}
}

// add adds b a number of times, which may be negative.
func (a *Amounts) add(b *Amounts, times int64) {
	a.cpu += times * b.cpu
	a.memory += times * b.memory
	a.storage += times * b.storage
	for name, n := range b.other {
		a.set(name, a.other[name]+times*n)
	}
}

// Equal says whether two amounts are the same.
func (a Amounts) Equal(b Amounts) bool {
	return a.cpu == b.cpu && a.memory == b.memory && a.storage == b.storage && maps.Equal(a.other, b.other)
}

// List returns the amounts in the API's own form.
func (a Amounts) List() corev1.ResourceList {
	out := corev1.ResourceList{}
	for _, name := range a.names() {
		if n := a.get(name); name == corev1.ResourceCPU {
			out[name] = *resource.NewMilliQuantity(n, resource.DecimalSI)
		} else {
			out[name] = *resource.NewQuantity(n, resource.DecimalSI)
		}
	}
	return out
}

// names of the resources there is something of, sorted.
func (a *Amounts) names() []corev1.ResourceName {
	names := slices.Collect(maps.Keys(a.other))
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		if a.get(name) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// portion is how much of one resource a single replica asks for; never 0.
type portion struct {
	name   corev1.ResourceName
	amount int64
}

// portions are what a replica asks for.
func portions(list corev1.ResourceList) []portion {
	var out []portion
	for name, q := range list {
		if n := ceil(name, q); n > 0 && name != corev1.ResourcePods {
			out = append(out, portion{name, n})
		}
	}
	slices.SortFunc(out, func(a, b portion) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}

// perEach divides and rounds up; each is positive.
func perEach(n, each int64) int64 {
	if n <= 0 {
		return 0
	}
	return (n-1)/each + 1
}

// times multiplies numbers that are not negative, up to the largest there is.
func times(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

// plus adds numbers that are not negative, up to the largest there is.
func plus(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

func clamp(n int64) int32 { return int32(max(0, min(n, math.MaxInt32))) }
