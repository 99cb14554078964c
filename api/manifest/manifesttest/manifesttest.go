// Package manifesttest reads manifests from YAML for tests, with the types that a client of an API
// server would get.
package manifesttest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// TB is what is needed of testing.TB, so that rapid's T serves too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Value reads YAML into what JSON decodes to, whole numbers as int64.
func Value(t TB, text string) any {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	var out any
	if err := utiljson.Unmarshal(data, &out); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return out
}

// Object reads YAML into an object.
func Object(t TB, text string) *unstructured.Unstructured {
	t.Helper()
	fields, ok := Value(t, text).(map[string]any)
	if !ok {
		t.Fatalf("no object:\n%s", text)
	}
	return &unstructured.Unstructured{Object: fields}
}

// Merged is the object with the fields of a merge patch (RFC 7386): null removes a field, lists are
// replaced. Neither is changed.
func Merged(object *unstructured.Unstructured, patch map[string]any) *unstructured.Unstructured {
	out := object.DeepCopy()
	merge(out.Object, runtime.DeepCopyJSON(patch))
	return out
}

func merge(into, patch map[string]any) {
	for key, value := range patch {
		if value == nil {
			delete(into, key)
			continue
		}
		fields, ok := value.(map[string]any)
		if !ok {
			into[key] = value
			continue
		}
		present, ok := into[key].(map[string]any)
		if !ok {
			present = map[string]any{}
			into[key] = present
		}
		merge(present, fields)
	}
}
