package estimate

import (
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Quota is what counts of a ResourceQuota: what is left, and for whom.
type Quota struct {
	// free is by the resource that a pod requests; pods are how many may still come.
	free map[corev1.ResourceName]int64
	pods int64
	// scoped quotas are for pods that one of the scopes fits
	scoped bool
	scopes []corev1.ScopedResourceSelectorRequirement
}

// QuotaOf reduces a ResourceQuota. Limits are left out, as nothing is known of a replica's limits, and
// so is everything that pods do not request. A resource counts when the quota's status has both the
// bound and the use. A quota without scopes is for all pods; one with scopes is for pods that a
// PriorityClass scope fits, and is passed over when it has none: the other scopes depend on what is
// not known of a replica.
func QuotaOf(in *corev1.ResourceQuota) Quota {
	q := Quota{pods: math.MaxInt64}
	for name, hard := range in.Status.Hard {
		used, known := in.Status.Used[name]
		if !known || strings.HasPrefix(string(name), "limits.") {
			continue
		}
		left := hard.DeepCopy()
		left.Sub(used)
		resource := corev1.ResourceName(strings.TrimPrefix(string(name), "requests."))
		if resource == corev1.ResourcePods || resource == "count/pods" {
			q.pods = min(q.pods, floor(resource, left))
			continue
		}
		free := floor(resource, left)
		if present, twice := q.free[resource]; twice {
			free = min(free, present)
		}
		if q.free == nil {
			q.free = map[corev1.ResourceName]int64{}
		}
		q.free[resource] = free
	}
	for _, scope := range in.Spec.Scopes {
		q.scope(corev1.ScopedResourceSelectorRequirement{ScopeName: scope, Operator: corev1.ScopeSelectorOpExists})
	}
	if in.Spec.ScopeSelector != nil {
		for _, r := range in.Spec.ScopeSelector.MatchExpressions {
			q.scope(r)
		}
	}
	return q
}

func (q *Quota) scope(r corev1.ScopedResourceSelectorRequirement) {
	q.scoped = true
	if r.ScopeName == corev1.ResourceQuotaScopePriorityClass {
		q.scopes = append(q.scopes, *r.DeepCopy())
	}
}

// counts says whether pods of a priority class are counted; the class is empty for those without.
func (q *Quota) counts(priorityClass string) bool {
	if !q.scoped {
		return true
	}
	return slices.ContainsFunc(q.scopes, func(r corev1.ScopedResourceSelectorRequirement) bool {
		switch r.Operator {
		case corev1.ScopeSelectorOpExists:
			return priorityClass != ""
		case corev1.ScopeSelectorOpDoesNotExist:
			return priorityClass == ""
		case corev1.ScopeSelectorOpIn:
			return priorityClass != "" && slices.Contains(r.Values, priorityClass)
		case corev1.ScopeSelectorOpNotIn:
			return priorityClass == "" || !slices.Contains(r.Values, priorityClass)
		}
		return false
	})
}

// withinQuotas is how many sets of the parts the quotas leave room for. Assumed pods may be of any
// priority class.
func withinQuotas(parts []part, b Bounds) int64 {
	sets := int64(math.MaxInt64)
	for i := range b.Quotas {
		sets = min(sets, b.Quotas[i].sets(parts, b))
	}
	return sets
}

func (q *Quota) sets(parts []part, b Bounds) int64 {
	asks, pods := map[corev1.ResourceName]int64{}, int64(0)
	for _, p := range parts {
		if !q.counts(p.priorityClass) {
			continue
		}
		pods = plus(pods, p.count)
		for _, a := range p.replica {
			asks[a.name] = plus(asks[a.name], times(p.count, a.amount))
		}
	}
	if pods == 0 {
		return math.MaxInt64
	}
	sets := q.left(b, q.pods, func(*Assumed) int64 { return 1 }) / pods
	for name, each := range asks {
		if free, bound := q.free[name]; bound {
			sets = min(sets, q.left(b, free, func(a *Assumed) int64 { return a.Each.get(name) })/each)
		}
	}
	return sets
}

// left is what remains after the assumed pods.
func (q *Quota) left(b Bounds, free int64, each func(*Assumed) int64) int64 {
	for i := range b.Assumed {
		if a := &b.Assumed[i]; free < math.MaxInt64 && (a.Namespace == "" || a.Namespace == b.Namespace) {
			free -= min(free, times(a.Pods, each(a)))
		}
	}
	return free
}
