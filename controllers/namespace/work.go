package namespace

import (
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

var kind = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}

// fill makes a Work the one that holds the namespace for a cluster: obj, which got the overrides that the
// annotations tell of. What others keep on the Work stays. A Work that is as it should be does not change.
func fill(work *workv1alpha1.Work, ns *corev1.Namespace, obj *unstructured.Unstructured, applied map[string]string, newID string) error {
	if work.Labels[names.WorkPermanentID] == "" {
		metav1.SetMetaDataLabel(&work.ObjectMeta, names.WorkPermanentID, newID)
	}
	for _, key := range []string{names.AppliedOverridesAnnotation, names.AppliedClusterOverridesAnnotation} {
		delete(work.Annotations, key)
	}
	for key, value := range applied {
		metav1.SetMetaDataAnnotation(&work.ObjectMeta, key, value)
	}
	metav1.SetMetaDataAnnotation(&work.ObjectMeta, names.ConflictResolutionAnnotation, conflictResolution(ns))
	work.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(ns, kind)}
	if len(work.Finalizers) == 0 {
		work.Finalizers = []string{names.ExecutionFinalizer}
	}
	obj = obj.DeepCopy()
	manifest.Mark(obj, work)
	if holds(work, obj) {
		return nil // as the server writes it, which may be other bytes
	}
	raw, err := json.Marshal(obj.Object)
	if err != nil {
		return fmt.Errorf("encode namespace %s: %w", ns.Name, err)
	}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: raw}}}
	return nil
}

// member is the namespace as a cluster gets it: its labels and annotations, and where it comes from.
func member(ns *corev1.Namespace) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(kind)
	obj.SetName(ns.Name)
	obj.SetLabels(ns.Labels)
	annotations := map[string]string{}
	maps.Copy(annotations, ns.Annotations)
	annotations[names.TemplateUIDAnnotation] = string(ns.UID)
	annotations[names.ConflictResolutionAnnotation] = conflictResolution(ns)
	obj.SetAnnotations(annotations)
	return obj
}

// conflictResolution says whether a namespace that a cluster has already is taken over. There is no policy
// that could say so, the namespace itself can.
func conflictResolution(ns *corev1.Namespace) string {
	if ns.Annotations[names.ConflictResolutionAnnotation] == names.ConflictResolutionOverwrite {
		return names.ConflictResolutionOverwrite
	}
	return names.ConflictResolutionAbort
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
