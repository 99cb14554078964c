package manifest

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// Mark ties a manifest to its Work, whose permanent id is set: it labels the object as
// managed, names the Work, and records which labels and annotations are ours, so that
// one we drop later is removed from the member and one of the member's is kept.
func Mark(obj *unstructured.Unstructured, work *workv1alpha1.Work) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[names.ManagedLabel] = "true"
	labels[names.WorkPermanentID] = work.Labels[names.WorkPermanentID]
	obj.SetLabels(labels)

	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[names.WorkNamespaceAnnotation] = work.Namespace
	annotations[names.WorkNameAnnotation] = work.Name
	// The list of annotations holds both records, so they exist before it is made.
	annotations[names.ManagedLabelsAnnotation] = joinKeys(labels)
	annotations[names.ManagedAnnotationsAnnotation] = ""
	annotations[names.ManagedAnnotationsAnnotation] = joinKeys(annotations)
	obj.SetAnnotations(annotations)
}

func joinKeys(m map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ",")
}
