package placement

import corev1 "k8s.io/api/core/v1"

// Tolerates says whether a toleration is about a taint, by Kubernetes' rule for nodes. For how long it
// tolerates a taint that evicts is not its business.
func Tolerates(t corev1.Toleration, taint *corev1.Taint) bool { return tolerates(t, taint) }
