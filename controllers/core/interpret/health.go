package interpret

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func health(healthy bool) workv1alpha2.ResourceHealth {
	if healthy {
		return workv1alpha2.ResourceHealthy
	}
	return workv1alpha2.ResourceUnhealthy
}

// judged reads numbers of a status, and has them judged if the member's controllers have seen the
// object as it is now: until then the numbers are about something else. A number that is missing is
// 0, as Kubernetes leaves zeros out.
func judged(obj *unstructured.Unstructured, judge func(status map[string]int64) bool, fields ...string) (workv1alpha2.ResourceHealth, error) {
	status := make(map[string]int64, len(fields)+1)
	for _, field := range append(fields, fieldObservedGeneration) {
		n, _, err := integer(obj.Object, "status", field)
		if err != nil {
			return "", err
		}
		status[field] = n
	}
	return health(status[fieldObservedGeneration] == obj.GetGeneration() && judge(status)), nil
}

// deploymentHealth: the rollout has reached every replica, and what was rolled out is available.
func deploymentHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return "", err
	}
	return judged(obj, func(status map[string]int64) bool {
		return status["updatedReplicas"] >= int64(replicas) && status["availableReplicas"] >= status["updatedReplicas"]
	}, "updatedReplicas", "availableReplicas")
}

// statefulSetHealth: as of a Deployment. A rollout that the user stops at a partition is complete
// with the replicas from there on; those below it must be available all the same.
func statefulSetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return "", err
	}
	partition, err := replicaField(obj, 0, "spec", "updateStrategy", "rollingUpdate", "partition")
	if err != nil {
		return "", err
	}
	return judged(obj, func(status map[string]int64) bool {
		return status["updatedReplicas"] >= int64(replicas-partition) &&
			status["availableReplicas"] >= max(status["updatedReplicas"], int64(replicas))
	}, "updatedReplicas", "availableReplicas")
}

func replicaSetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return "", err
	}
	return judged(obj, func(status map[string]int64) bool { return status["availableReplicas"] >= int64(replicas) }, "availableReplicas")
}

func daemonSetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	return judged(obj, func(status map[string]int64) bool {
		return status["updatedNumberScheduled"] >= status["desiredNumberScheduled"] &&
			status["numberAvailable"] >= status["updatedNumberScheduled"]
	}, "updatedNumberScheduled", "desiredNumberScheduled", "numberAvailable")
}

// serviceHealth: only a Service of type LoadBalancer has something to wait for.
func serviceHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	serviceType, _, err := unstructured.NestedString(obj.Object, "spec", "type")
	if err != nil {
		return "", err
	}
	if serviceType != string(corev1.ServiceTypeLoadBalancer) {
		return workv1alpha2.ResourceHealthy, nil
	}
	return addressHealth(obj)
}

// addressHealth is that of what waits for an address to be reached at: an Ingress, or a Service of
// type LoadBalancer.
func addressHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	addresses, err := items(obj, "status", "loadBalancer", "ingress")
	if err != nil {
		return "", err
	}
	for _, address := range addresses {
		ip, _ := address["ip"].(string)
		hostname, _ := address["hostname"].(string)
		if ip != "" || hostname != "" {
			return workv1alpha2.ResourceHealthy, nil
		}
	}
	return workv1alpha2.ResourceUnhealthy, nil
}

func volumeClaimHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	phase, _, err := unstructured.NestedString(obj.Object, "status", "phase")
	if err != nil {
		return "", err
	}
	return health(phase == string(corev1.ClaimBound)), nil
}

func podHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	status, _, err := section[corev1.PodStatus](obj, "status")
	if err != nil {
		return "", err
	}
	if status.Phase == corev1.PodSucceeded {
		return workv1alpha2.ResourceHealthy, nil
	}
	if status.Phase != corev1.PodRunning {
		return workv1alpha2.ResourceUnhealthy, nil
	}
	for _, condition := range status.Conditions {
		if condition.Type == corev1.PodReady {
			return health(condition.Status == corev1.ConditionTrue), nil
		}
	}
	return workv1alpha2.ResourceUnhealthy, nil
}

// disruptionBudgetHealth does not ask for the generation: the numbers are about the pods there are,
// and every change of those is new.
func disruptionBudgetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	healthy, _, err := integer(obj.Object, "status", "currentHealthy")
	if err != nil {
		return "", err
	}
	desired, _, err := integer(obj.Object, "status", "desiredHealthy")
	if err != nil {
		return "", err
	}
	return health(healthy >= desired), nil
}
