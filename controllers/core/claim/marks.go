package claim

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

// Marks are what a claim leaves on a template and its binding.
type Marks struct {
	// Namespace is that of a PropagationPolicy; empty for a ClusterPropagationPolicy.
	Namespace string
	Name      string
	// ID is the policy's permanent id. It, not the name, ties the objects together.
	ID string
}

// MarksOf reads the claim on an object. It is false when there is none or only a part of one. The
// marks of a namespaced policy count first.
func MarksOf(obj metav1.Object) (Marks, bool) {
	l, a := obj.GetLabels(), obj.GetAnnotations()
	m := Marks{
		Namespace: a[names.PropagationPolicyNamespaceAnnotation],
		Name:      a[names.PropagationPolicyNameAnnotation],
		ID:        l[names.PropagationPolicyPermanentID],
	}
	if m.Namespace != "" && m.Name != "" && m.ID != "" {
		return m, true
	}
	m = Marks{Name: a[names.ClusterPropagationPolicyNameAnnotation], ID: l[names.ClusterPropagationPolicyPermanentID]}
	return m, m.Name != "" && m.ID != ""
}

// Names says whether the marks are those of the policy. A policy that was deleted and made again
// under the same name is another one.
func (m Marks) Names(p policyv1alpha1.Propagation) bool {
	return m.Namespace == p.GetNamespace() && m.Name == p.GetName() && m.ID == IDOf(p)
}

// IDOf is the permanent id of a policy; empty until admission or its reconciler has set it.
func IDOf(p policyv1alpha1.Propagation) string {
	return p.GetLabels()[validation.PropagationIDLabel(p)]
}

var (
	markLabels = []string{names.PropagationPolicyPermanentID, names.ClusterPropagationPolicyPermanentID}

	markAnnotations = []string{
		names.PropagationPolicyNamespaceAnnotation, names.PropagationPolicyNameAnnotation,
		names.ClusterPropagationPolicyNameAnnotation,
	}
)

// MarkedKeys are the labels and annotations of any claim that the object carries.
func MarkedKeys(obj metav1.Object) (keys []string) {
	for _, k := range markLabels {
		if _, ok := obj.GetLabels()[k]; ok {
			keys = append(keys, k)
		}
	}
	for _, k := range markAnnotations {
		if _, ok := obj.GetAnnotations()[k]; ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// Mark leaves the marks of the policy on the object, and none of any other; a nil policy leaves
// none at all. The object's maps are replaced, not changed.
func Mark(obj metav1.Object, p policyv1alpha1.Propagation) {
	l, a := without(obj.GetLabels(), markLabels), without(obj.GetAnnotations(), markAnnotations)
	if p != nil {
		l[validation.PropagationIDLabel(p)] = IDOf(p)
		if p.GetNamespace() != "" {
			a[names.PropagationPolicyNamespaceAnnotation] = p.GetNamespace()
			a[names.PropagationPolicyNameAnnotation] = p.GetName()
		} else {
			a[names.ClusterPropagationPolicyNameAnnotation] = p.GetName()
		}
	}
	obj.SetLabels(orNil(l))
	obj.SetAnnotations(orNil(a))
}

// MarkPatch is what a JSON merge patch (RFC 7386) says of labels and annotations to leave the marks
// of the policy and none of any other; none at all for nil.
func MarkPatch(p policyv1alpha1.Propagation) (labels, annotations map[string]any) {
	marked := &metav1.ObjectMeta{}
	if p != nil {
		Mark(marked, p)
	}
	return orNull(markLabels, marked.Labels), orNull(markAnnotations, marked.Annotations)
}

// orNull takes the keys from m; null removes one that is not there.
func orNull(keys []string, m map[string]string) map[string]any {
	out := make(map[string]any, len(keys))
	for _, k := range keys {
		out[k] = nil
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}

func without(m map[string]string, keys []string) map[string]string {
	out := maps.Clone(m)
	if out == nil {
		out = map[string]string{}
	}
	for _, k := range keys {
		delete(out, k)
	}
	return out
}

func orNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return m
}
