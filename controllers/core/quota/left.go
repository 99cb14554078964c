package quota

import (
	corev1 "k8s.io/api/core/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Left is what the quotas of a namespace have left, of every resource that one of them bounds: less than
// 0 when more is used than there may be. It is false while the use of one is not counted. What is not
// among the resources is not bounded.
func Left(quotas []policyv1alpha1.FederatedResourceQuota) (corev1.ResourceList, bool) {
	out := corev1.ResourceList{}
	for i := range quotas {
		q := &quotas[i]
		if q.DeletionTimestamp != nil {
			continue
		}
		ledger, ok := Read(q)
		if !ok {
			return nil, false
		}
		total := ledger.Total()
		for key, limit := range q.Spec.Overall {
			name, ok := Requested(key)
			if !ok {
				continue
			}
			left := limit.DeepCopy()
			left.Sub(total[name])
			if least, known := out[name]; !known || left.Cmp(least) < 0 {
				out[name] = left
			}
		}
	}
	return out, true
}

// MoreLeft says whether there is more left of anything than before.
func MoreLeft(before, after corev1.ResourceList) bool {
	for name, was := range before {
		if is, bounded := after[name]; !bounded || is.Cmp(was) > 0 {
			return true
		}
	}
	return false
}

// Growth is what a binding would use beyond what it has.
func Growth(had, wants corev1.ResourceList) corev1.ResourceList { return beyond(wants, had) }

// Fits says whether what is left is enough for a growth.
func Fits(growth, left corev1.ResourceList) bool {
	for name, more := range growth {
		if has, bounded := left[name]; bounded && more.Cmp(has) > 0 {
			return false
		}
	}
	return true
}

// Take takes a growth from what is left, in place.
func Take(growth, left corev1.ResourceList) {
	for name, more := range growth {
		if has, bounded := left[name]; bounded {
			has.Sub(more)
			left[name] = has
		}
	}
}
