package failover

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// ReasonNoRoom: the survivors have not enough room.
const ReasonNoRoom = "NoRoom"

// Amounts are quantities of resources: CPU in millis, everything else in its own unit.
type Amounts map[corev1.ResourceName]int64

// most bounds an amount well before the bounds of int64: requests come from users.
const most = 1 << 50

// AmountsOf reads a list, as far as amounts are bounded.
func AmountsOf(list corev1.ResourceList) Amounts {
	out := make(Amounts, len(list))
	for name, q := range list {
		n := max(min(q.Value(), most), -most)
		if name == corev1.ResourceCPU && n < most/1000 && n > -most/1000 {
			n = q.MilliValue()
		}
		out[name] = n
	}
	return out
}

// OfReplica is what one replica takes: its requests, and a pod.
func OfReplica(requests corev1.ResourceList) Amounts {
	out := AmountsOf(requests)
	maps.DeleteFunc(out, func(_ corev1.ResourceName, n int64) bool { return n <= 0 })
	out[corev1.ResourcePods] = 1
	return out
}

// Add adds times b.
func (a Amounts) Add(b Amounts, times int64) {
	for name, n := range b {
		a[name] += n * times
	}
}

// Fits is how many of each fit.
func (a Amounts) Fits(each Amounts) int32 {
	var n int64 = 1 << 30
	for name, takes := range each {
		n = min(n, max(a[name], 0)/takes)
	}
	return int32(n)
}

func (a Amounts) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		q := resource.NewQuantity(a[name], resource.DecimalSI)
		switch name {
		case corev1.ResourcePods:
			continue // everybody knows
		case corev1.ResourceCPU:
			q = resource.NewMilliQuantity(a[name], resource.DecimalSI)
		case corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
			q = resource.NewQuantity(a[name], resource.BinarySI)
		}
		parts = append(parts, q.String()+" "+string(name))
	}
	if len(parts) == 0 {
		return "a pod"
	}
	return strings.Join(parts, " and ")
}

// Shortage says what is missing to place a binding.
type Shortage struct {
	// Replicas are to be placed anew.
	Replicas int32
	// Each is what one of them takes.
	Each Amounts
	// Free is how many of them each cluster has room for that may take them.
	Free map[string]int32
}

// Message says it in words.
func (s *Shortage) Message() string {
	var free int32
	var where []string
	for _, name := range slices.Sorted(maps.Keys(s.Free)) {
		free += s.Free[name]
		where = append(where, fmt.Sprintf("%s %d", name, s.Free[name]))
	}
	if more := len(where) - Shown; more > 0 {
		where = append(where[:Shown], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d replicas need %s each, and the survivors have room for %d (%s)", s.Replicas, s.Each, free, strings.Join(where, ", "))
}
