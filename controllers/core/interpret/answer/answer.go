// Package answer checks what others say about kinds: scripts and webhooks explain objects, and what
// they return is as trustworthy as its writer. An answer may change what an object says, never which
// object it is.
package answer

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// identity are the fields that make an object the one it is.
var identity = [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}, {"metadata", "uid"}}

// SameObject says which part of the identity of an object an answer has changed, if any: what it is
// called, or the labels that say whose it is.
func SameObject(before, after *unstructured.Unstructured) error {
	for _, path := range identity {
		was, _, _ := unstructured.NestedFieldNoCopy(before.Object, path...)
		is, _, _ := unstructured.NestedFieldNoCopy(after.Object, path...)
		if was == nil {
			was = ""
		}
		if is == nil {
			is = ""
		}
		if !reflect.DeepEqual(was, is) {
			return fmt.Errorf("%s: was changed; an interpreter may change what an object says, not which one it is", strings.Join(path, "."))
		}
	}
	was, is := owners(before), owners(after)
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if is[key] != was[key] {
			return fmt.Errorf("metadata.labels[%s]: was changed; it says whose the object is", key)
		}
	}
	if len(is) > len(was) {
		return fmt.Errorf("metadata.labels: a label was added that says whose the object is")
	}
	return nil
}

func owners(obj *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	for key, value := range obj.GetLabels() {
		if names.IsOwnershipLabel(key) {
			out[key] = value
		}
	}
	return out
}

// Status returns the template with the status of the answer and nothing else of it: the template itself
// when that changes nothing, otherwise an object that shares everything but the status with it.
func Status(template, answered *unstructured.Unstructured) *unstructured.Unstructured {
	status, has := answered.Object["status"]
	was, had := template.Object["status"]
	if has == had && reflect.DeepEqual(status, was) {
		return template
	}
	object := maps.Clone(template.Object)
	delete(object, "status")
	if has {
		object["status"] = status
	}
	return &unstructured.Unstructured{Object: object}
}

// Dependencies says which reference does not name anything, and returns the others' list sorted by
// kind, namespace and name, each once.
func Dependencies(references []configv1alpha1.DependentObjectReference) ([]configv1alpha1.DependentObjectReference, error) {
	for i := range references {
		r := &references[i]
		switch {
		case r.APIVersion == "" || r.Kind == "":
			return nil, fmt.Errorf("dependencies[%d]: apiVersion and kind are needed", i)
		case r.Name == "" && r.LabelSelector == nil:
			return nil, fmt.Errorf("dependencies[%d]: name or labelSelector is needed", i)
		case r.Name != "" && r.LabelSelector != nil:
			return nil, fmt.Errorf("dependencies[%d]: name and labelSelector exclude each other", i)
		}
	}
	sorted := slices.Clone(references)
	slices.SortStableFunc(sorted, func(a, b configv1alpha1.DependentObjectReference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.APIVersion, b.APIVersion))
	})
	return slices.CompactFunc(sorted, func(a, b configv1alpha1.DependentObjectReference) bool { return reflect.DeepEqual(a, b) }), nil
}
