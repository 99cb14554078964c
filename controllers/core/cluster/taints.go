package cluster

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
)

// Taints returns the taints a cluster has after its condition Ready (nil: none yet)
// was looked at. Only two taints are put and taken here, both NoSchedule: not-ready
// while Ready is False or absent, unreachable while it is Unknown. All others stay as
// they are, also those with the same keys and another effect.
func Taints(present []corev1.Taint, ready *metav1.Condition) []corev1.Taint {
	status := metav1.ConditionFalse
	if ready != nil {
		status = ready.Status
	}
	taints := slices.Clone(present)
	taints = put(taints, names.TaintClusterNotReady, status == metav1.ConditionFalse)
	return put(taints, names.TaintClusterUnreachable, status == metav1.ConditionUnknown)
}

func put(taints []corev1.Taint, key string, wanted bool) []corev1.Taint {
	same := func(t corev1.Taint) bool { return t.Key == key && t.Effect == corev1.TaintEffectNoSchedule }
	switch present := slices.ContainsFunc(taints, same); {
	case wanted && !present:
		return append(taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
	case !wanted && present:
		return slices.DeleteFunc(taints, same)
	}
	return taints
}
