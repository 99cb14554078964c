package quota

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Usage is what a binding asks of its clusters altogether: requests × the replicas assigned. Clusters
// that a workload is leaving (spec.gracefulEvictionTasks) do not count, as in Karmada.
func Usage(spec *workv1alpha2.ResourceBindingSpec) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := range spec.Clusters {
		target := &spec.Clusters[i]
		if len(spec.Components) == 0 {
			if spec.ReplicaRequirements != nil {
				add(out, times(spec.ReplicaRequirements.ResourceRequest, target.Replicas))
			}
			continue
		}
		for j := range spec.Components {
			if c := &spec.Components[j]; c.ReplicaRequirements != nil {
				add(out, times(c.ReplicaRequirements.ResourceRequest, replicasOf(spec, c, target)))
			}
		}
	}
	return out
}

// replicasOf is how many replicas of a component run in a cluster. Only a workload of one component is
// divided; of others a cluster has one whole set, unless it says otherwise.
func replicasOf(spec *workv1alpha2.ResourceBindingSpec, c *workv1alpha2.Component, target *workv1alpha2.TargetCluster) int32 {
	for i := range target.Components {
		if target.Components[i].Name == c.Name {
			return target.Components[i].Replicas
		}
	}
	if len(spec.Components) == 1 && target.Replicas > 0 {
		return target.Replicas
	}
	return c.Replicas
}

// Requested is the name under which pods request what a quota bounds: "cpu" for "requests.cpu". It is
// false for what no request tells, such as limits, or numbers of objects: clusters enforce those, by
// their shares.
func Requested(bounded corev1.ResourceName) (corev1.ResourceName, bool) {
	name := strings.TrimPrefix(string(bounded), corev1.DefaultResourceRequestsPrefix)
	switch corev1.ResourceName(name) {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return corev1.ResourceName(name), true
	}
	if strings.HasPrefix(name, corev1.ResourceHugePagesPrefix) {
		return corev1.ResourceName(name), true
	}
	domain, _, extended := strings.Cut(name, "/")
	if !extended || domain == "count" || strings.HasSuffix(domain, ".storageclass.storage.k8s.io") || strings.HasPrefix(name, "limits.") {
		return "", false
	}
	return corev1.ResourceName(name), true
}

// Grows says whether a binding that used had would use more of anything.
func Grows(had, wants corev1.ResourceList) bool {
	for name, q := range wants {
		before := had[name]
		if q.Cmp(before) > 0 {
			return true
		}
	}
	return false
}

// bounded is the part of a use that a quota bounds, without zeros.
func bounded(list, overall corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	for key := range overall {
		if name, ok := Requested(key); ok {
			if q, used := list[name]; used && !q.IsZero() {
				out[name] = q.DeepCopy()
			}
		}
	}
	return out
}

func times(list corev1.ResourceList, n int32) corev1.ResourceList {
	out := corev1.ResourceList{}
	if n <= 0 {
		return out
	}
	for name, q := range list {
		if q.Sign() <= 0 {
			continue // no quota is enlarged by a request
		}
		q := q.DeepCopy()
		q.Mul(int64(n))
		out[name] = q
	}
	return out
}

// add adds to a list in place.
func add(to, list corev1.ResourceList) {
	for name, q := range list {
		sum := to[name].DeepCopy()
		sum.Add(q)
		to[name] = sum
	}
}

// beyond is what there is more in one list than in another.
func beyond(more, less corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	for name, q := range more {
		q := q.DeepCopy()
		q.Sub(less[name])
		if q.Sign() > 0 {
			out[name] = q
		}
	}
	return out
}

// larger has of each resource what is more.
func larger(a, b corev1.ResourceList) corev1.ResourceList {
	out := a.DeepCopy()
	if out == nil {
		out = corev1.ResourceList{}
	}
	for name, q := range b {
		if have := out[name]; q.Cmp(have) > 0 {
			out[name] = q.DeepCopy()
		}
	}
	return out
}

// Equal compares lists by value: 1 is 1000m, and nothing is 0.
func Equal(a, b corev1.ResourceList) bool {
	return !Grows(a, b) && !Grows(b, a)
}

// canonical writes amounts in one way, so that equal lists are equal text whatever the order in which
// they were added up.
func canonical(list corev1.ResourceList) corev1.ResourceList {
	out := make(corev1.ResourceList, len(list))
	for name, q := range list {
		var same resource.Quantity
		same.Add(q)
		same.Format = resource.DecimalSI
		if text := string(name); strings.Contains(text, "memory") || strings.Contains(text, "storage") || strings.Contains(text, "hugepages-") {
			same.Format = resource.BinarySI
		}
		out[name] = same
	}
	return out
}
