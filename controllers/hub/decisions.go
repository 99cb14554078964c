package hub

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// KeepFunc takes note of a decision, without blocking. What finish adds is asked for when it is written;
// it may be nil.
type KeepFunc func(spec trafficv1alpha1.DecisionSpec, finish func(context.Context, *trafficv1alpha1.DecisionSpec))

// LastEditor is the field manager that wrote a field last, such as "f:spec"; empty when that can not be found
// out. It must read past the cache, which does not keep who changed what.
func LastEditor(ctx context.Context, live client.Reader, key client.ObjectKey, apiVersion, kind string, path ...string) string {
	obj := &metav1.PartialObjectMetadata{}
	obj.APIVersion, obj.Kind = apiVersion, kind
	if err := live.Get(ctx, key, obj); err != nil {
		return "" // it is for people, and not worth another attempt
	}
	return editorOf(obj.ManagedFields, path...)
}

// editorOf is who wrote a field last.
func editorOf(entries []metav1.ManagedFieldsEntry, path ...string) (who string) {
	var last time.Time
	for _, e := range entries {
		if e.Subresource != "" || e.FieldsV1 == nil || e.Time == nil || e.Time.Time.Before(last) || !holds(e.FieldsV1.GetRawBytes(), path) {
			continue
		}
		who, last = e.Manager, e.Time.Time
	}
	return who
}

// holds says whether a set of fields has one at a path.
func holds(fields []byte, path []string) bool {
	for _, name := range path {
		var level map[string]json.RawMessage
		if json.Unmarshal(fields, &level) != nil {
			return false
		}
		next, ok := level[name]
		if !ok {
			return false
		}
		fields = next
	}
	return len(strings.TrimSpace(string(fields))) > 0
}
