package interpret

import (
	"fmt"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// section decodes a part of an object into its typed form. The part may be missing; it must not be
// of another shape. Only the part is decoded, for the whole of an object would cost many times more.
func section[T any](obj *unstructured.Unstructured, path ...string) (out T, found bool, err error) {
	value, found, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	if err != nil || !found || value == nil {
		return out, false, err
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return out, false, fmt.Errorf("%s: must be an object, is %T", strings.Join(path, "."), value)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &out); err != nil {
		return out, false, fmt.Errorf("%s: %w", strings.Join(path, "."), err)
	}
	return out, true, nil
}

// integer reads a whole number. Depending on how it was written, JSON decodes into int64 or float64.
func integer(object map[string]any, path ...string) (value int64, found bool, err error) {
	field, found, err := unstructured.NestedFieldNoCopy(object, path...)
	if err != nil || !found || field == nil {
		return 0, false, err
	}
	switch n := field.(type) {
	case int64:
		return n, true, nil
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), true, nil
		}
	}
	return 0, false, fmt.Errorf("%s: must be a whole number, is %T", strings.Join(path, "."), field)
}

// replicaField reads a number of replicas, which is what Kubernetes makes of it when it is not set.
func replicaField(obj *unstructured.Unstructured, unset int32, path ...string) (int32, error) {
	n, found, err := integer(obj.Object, path...)
	if err != nil || !found {
		return unset, err
	}
	if n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s: must be between 0 and %d, is %d", strings.Join(path, "."), math.MaxInt32, n)
	}
	return int32(n), nil
}

// withStatus returns the object with another status. Everything else is shared.
func withStatus(obj *unstructured.Unstructured, status map[string]any) *unstructured.Unstructured {
	object := make(map[string]any, len(obj.Object)+1)
	for key, value := range obj.Object {
		object[key] = value
	}
	object["status"] = status
	return &unstructured.Unstructured{Object: object}
}
