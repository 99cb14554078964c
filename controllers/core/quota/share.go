package quota

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// Shares are the static assignments by cluster. Of two for one cluster, which admission refuses, the
// first counts.
func Shares(spec *policyv1alpha1.FederatedResourceQuotaSpec) map[string]corev1.ResourceList {
	out := make(map[string]corev1.ResourceList, len(spec.StaticAssignments))
	for i := range spec.StaticAssignments {
		a := &spec.StaticAssignments[i]
		if _, twice := out[a.ClusterName]; !twice {
			out[a.ClusterName] = a.Hard
		}
	}
	return out
}

// WorkName is the name of the Works of a quota, in the execution namespaces of its clusters.
func WorkName(q metav1.Object) string {
	return names.WorkName("ResourceQuota", q.GetName(), q.GetNamespace())
}

// Fill makes a Work the one that brings a cluster its share: a ResourceQuota of the quota's namespace and
// name. What others keep on the Work stays; one that is as it should be does not change. A Work that has
// no permanent id gets newID.
func Fill(work *workv1alpha1.Work, q *policyv1alpha1.FederatedResourceQuota, hard corev1.ResourceList, newID string) error {
	if work.Labels[names.WorkPermanentID] == "" {
		metav1.SetMetaDataLabel(&work.ObjectMeta, names.WorkPermanentID, newID)
	}
	metav1.SetMetaDataLabel(&work.ObjectMeta, names.FederatedResourceQuotaNamespace, q.Namespace)
	metav1.SetMetaDataLabel(&work.ObjectMeta, names.FederatedResourceQuotaName, q.Name)
	metav1.SetMetaDataLabel(&work.ObjectMeta, names.ManagedLabel, "true")
	if len(work.Finalizers) == 0 {
		work.Finalizers = []string{names.ExecutionFinalizer}
	}
	limits := map[string]any{}
	for name, amount := range hard {
		limits[string(name)] = amount.String()
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ResourceQuota",
		"metadata": map[string]any{"namespace": q.Namespace, "name": q.Name},
		"spec":     map[string]any{"hard": limits},
	}}
	manifest.Mark(obj, work)
	if holds(work, obj) {
		return nil // as the server writes it, which may be other bytes
	}
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		return fmt.Errorf("encode ResourceQuota %s/%s: %w", q.Namespace, q.Name, err)
	}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: raw}}}
	return nil
}

func holds(work *workv1alpha1.Work, obj *unstructured.Unstructured) bool {
	if len(work.Spec.Workload.Manifests) != 1 {
		return false
	}
	var present map[string]any
	if json.Unmarshal(work.Spec.Workload.Manifests[0].Raw, &present) != nil {
		return false
	}
	return equality.Semantic.DeepEqual(present, obj.Object)
}
