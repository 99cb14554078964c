package interpret

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func health(healthy bool) workv1alpha2.ResourceHealth {
	if healthy {
		return workv1alpha2.ResourceHealthy
	}
	return workv1alpha2.ResourceUnhealthy
}

// counts reads numbers of a status; one that is missing is 0, as Kubernetes leaves zeros out.
func counts(obj *unstructured.Unstructured, fields ...string) (map[string]int64, error) {
	out := make(map[string]int64, len(fields))
	for _, field := range fields {
		n, _, err := integer(obj.Object, "status", field)
		if err != nil {
			return nil, err
		}
		out[field] = n
	}
	return out, nil
}

// current says whether the member's controllers have seen the object as it is now.
func current(obj *unstructured.Unstructured, status map[string]int64) bool {
	return status["observedGeneration"] == obj.GetGeneration()
}

// deploymentHealth is also that of a StatefulSet: the rollout has reached every replica, and what
// was rolled out is available.
func deploymentHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return "", err
	}
	status, err := counts(obj, "observedGeneration", "updatedReplicas", "availableReplicas")
	if err != nil {
		return "", err
	}
	return health(current(obj, status) &&
		status["updatedReplicas"] >= int64(replicas) &&
		status["availableReplicas"] >= status["updatedReplicas"]), nil
}

func replicaSetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return "", err
	}
	status, err := counts(obj, "observedGeneration", "availableReplicas")
	if err != nil {
		return "", err
	}
	return health(current(obj, status) && status["availableReplicas"] >= int64(replicas)), nil
}

func daemonSetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	status, err := counts(obj, "observedGeneration", "updatedNumberScheduled", "desiredNumberScheduled", "numberAvailable")
	if err != nil {
		return "", err
	}
	return health(current(obj, status) &&
		status["updatedNumberScheduled"] >= status["desiredNumberScheduled"] &&
		status["numberAvailable"] >= status["updatedNumberScheduled"]), nil
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
	status, _, err := section[corev1.ServiceStatus](obj, "status")
	if err != nil {
		return "", err
	}
	for _, ingress := range status.LoadBalancer.Ingress {
		if ingress.IP != "" || ingress.Hostname != "" {
			return workv1alpha2.ResourceHealthy, nil
		}
	}
	return workv1alpha2.ResourceUnhealthy, nil
}

func ingressHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	status, _, err := section[networkingv1.IngressStatus](obj, "status")
	if err != nil {
		return "", err
	}
	for _, ingress := range status.LoadBalancer.Ingress {
		if ingress.IP != "" || ingress.Hostname != "" {
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

func disruptionBudgetHealth(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	status, err := counts(obj, "currentHealthy", "desiredHealthy")
	if err != nil {
		return "", err
	}
	return health(status["currentHealthy"] >= status["desiredHealthy"]), nil
}
