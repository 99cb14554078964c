package interpret

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// reflectDisruptionBudget leaves out the conditions, which are about one cluster only.
func reflectDisruptionBudget(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	status, found, err := section[policyv1.PodDisruptionBudgetStatus](obj, "status")
	if err != nil || !found {
		return nil, err
	}
	status.Conditions, status.ObservedGeneration = nil, 0
	return raw(status)
}

// aggregateDisruptionBudget adds the budgets up. A disrupted pod is named with its cluster, for
// names of pods are unique in one cluster only.
func aggregateDisruptionBudget(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	var sum policyv1.PodDisruptionBudgetStatus
	disrupted := map[string]metav1.Time{}
	err := each(items, func(cluster string, status *policyv1.PodDisruptionBudgetStatus) {
		if status == nil {
			return
		}
		sum.CurrentHealthy += status.CurrentHealthy
		sum.DesiredHealthy += status.DesiredHealthy
		sum.ExpectedPods += status.ExpectedPods
		sum.DisruptionsAllowed += status.DisruptionsAllowed
		for pod, since := range status.DisruptedPods {
			disrupted[cluster+"/"+pod] = since
		}
	})
	if err != nil {
		return nil, err
	}
	return setStatus(template, map[string]any{
		"currentHealthy":     sum.CurrentHealthy,
		"desiredHealthy":     sum.DesiredHealthy,
		"expectedPods":       sum.ExpectedPods,
		"disruptionsAllowed": sum.DisruptionsAllowed,
		"disruptedPods":      disrupted,
	})
}
