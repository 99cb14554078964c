package execution

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
)

// merge returns the desired object as it is to be written over the observed one: with its resource
// version and UID, so that it never hits another object; with what belongs to the member's own
// controllers: finalizers, owners, status, and labels and annotations that we neither set now nor
// set before. desired is not changed.
func merge(desired, observed *unstructured.Unstructured) *unstructured.Unstructured {
	merged := desired.DeepCopy()
	merged.SetResourceVersion(observed.GetResourceVersion())
	merged.SetUID(observed.GetUID())
	merged.SetFinalizers(observed.GetFinalizers())
	merged.SetOwnerReferences(observed.GetOwnerReferences())
	if status, ok := observed.Object["status"]; ok {
		merged.Object["status"] = status
	}
	before := observed.GetAnnotations()
	merged.SetLabels(union(desired.GetLabels(), observed.GetLabels(), before[names.ManagedLabelsAnnotation]))
	merged.SetAnnotations(union(desired.GetAnnotations(), before, before[names.ManagedAnnotationsAnnotation]))
	return merged
}

// union adds to ours what the member has besides, but for the keys that were ours before.
func union(ours, theirs map[string]string, wereOurs string) map[string]string {
	dropped := sets.New(strings.Split(wereOurs, ",")...)
	out := maps.Clone(ours)
	for key, value := range theirs {
		if _, set := ours[key]; set || dropped.Has(key) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out
}

// comparableOf returns what of an object is ours to decide.
func comparableOf(obj *unstructured.Unstructured) map[string]any {
	pruned := obj.DeepCopy()
	manifest.Prune(pruned)
	return pruned.Object
}

// same compares two values as an API server would read them: a field that is null is not there.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && sameFields(x, y)
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return sameScalar(a, b)
}

func sameFields(x, y map[string]any) bool {
	for key, value := range x {
		other, ok := y[key]
		if !ok && value == nil {
			continue
		}
		if !ok || !same(value, other) {
			return false
		}
	}
	for key, value := range y {
		if _, ok := x[key]; !ok && value != nil {
			return false
		}
	}
	return true
}

// sameScalar compares numbers by value: 3 may come as an integer or a float.
func sameScalar(a, b any) bool {
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	if a == b {
		return true
	}
	x, isInt := a.(int64)
	y, isFloat := b.(float64)
	if !isInt || !isFloat {
		x, isInt = b.(int64)
		y, isFloat = a.(float64)
	}
	return isInt && isFloat && float64(x) == y
}

// fingerprint identifies an answer of a member: what was written, and what the member made of it.
func fingerprint(written, answered map[string]any) (string, error) {
	hash := sha256.New()
	for _, value := range []map[string]any{written, answered} {
		data, err := json.Marshal(value)
		if err != nil {
			return "", fmt.Errorf("encode: %w", err)
		}
		hash.Write(data)
		hash.Write([]byte{0})
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// preserved returns the observed object without anything of ours: it stays in the member on its own.
func preserved(observed *unstructured.Unstructured) *unstructured.Unstructured {
	out := observed.DeepCopy()
	labels := maps.Clone(out.GetLabels())
	maps.DeleteFunc(labels, func(key, _ string) bool { return names.IsOwnershipLabel(key) })
	out.SetLabels(labels)
	annotations := maps.Clone(out.GetAnnotations())
	for _, key := range []string{
		names.WorkNamespaceAnnotation, names.WorkNameAnnotation, names.ConflictResolutionAnnotation,
		names.ResourceBindingNamespaceAnnotation, names.ResourceBindingNameAnnotation, names.ClusterResourceBindingNameAnnotation,
		names.PropagationPolicyNamespaceAnnotation, names.PropagationPolicyNameAnnotation, names.ClusterPropagationPolicyNameAnnotation,
		names.TemplateUIDAnnotation, names.TemplateGenerationAnnotation,
		names.ManagedAnnotationsAnnotation, names.ManagedLabelsAnnotation,
	} {
		delete(annotations, key)
	}
	out.SetAnnotations(annotations)
	return out
}
