package aggregate

import (
	"bytes"
	"encoding/json"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// SameStatuses says whether two lists of statuses tell the same of the same objects, in the same order.
func SameStatuses(a, b []workv1alpha1.ManifestStatus) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Identifier != b[i].Identifier || a[i].Health != b[i].Health || !SameJSON(a[i].Status, b[i].Status) {
			return false
		}
	}
	return true
}

// SameJSON compares what two documents say, not how they are written.
func SameJSON(a, b *runtime.RawExtension) bool {
	if a == nil || b == nil || len(a.Raw) == 0 || len(b.Raw) == 0 {
		return (a == nil || len(a.Raw) == 0) == (b == nil || len(b.Raw) == 0)
	}
	if bytes.Equal(a.Raw, b.Raw) {
		return true
	}
	var x, y any
	return json.Unmarshal(a.Raw, &x) == nil && json.Unmarshal(b.Raw, &y) == nil && reflect.DeepEqual(x, y)
}
