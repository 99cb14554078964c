package lua

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
)

// anyJSON draws what an object may hold.
func anyJSON(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.StringMatching(`[a-zé0-9]{0,6}`).AsAny(),
		rapid.Int64().AsAny(),
		rapid.Float64Range(-1e12, 1e12).AsAny(),
		rapid.Bool().AsAny(),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(
		leaf,
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z0-9./]{1,4}`), anyJSON(depth-1), 0, 4), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 4), func(s []any) any { return s }),
	)
}

// TestObjectsSurviveScripts: what a script hands back untouched is what it was given, to the last bit:
// whole numbers beyond 53 bits, numbers with a fraction of zero, empty lists and empty objects.
func TestObjectsSurviveScripts(t *testing.T) {
	h := hooks(t, `function Retain(desired, observed) return desired end function ReviseReplica(obj, n) local copy = {} for k, v in pairs(obj) do copy[k] = v end return copy end`)
	rapid.Check(t, func(rt *rapid.T) {
		object := map[string]any{"apiVersion": "example.io/v1", "kind": "Fleet", "spec": anyJSON(4).Draw(rt, "spec")}
		want := (&unstructured.Unstructured{Object: object}).DeepCopy()
		obj := &unstructured.Unstructured{Object: object}
		for name, ask := range map[string]func() (*unstructured.Unstructured, error){
			"retain": func() (*unstructured.Unstructured, error) {
				return h.Retain(obj, &unstructured.Unstructured{Object: map[string]any{}})
			},
			"revise": func() (*unstructured.Unstructured, error) { return h.ReviseReplica(obj, 1) },
		} {
			got, err := ask()
			if err != nil {
				rt.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want.Object, got.Object); diff != "" {
				rt.Fatalf("%s: %s", name, diff)
			}
		}
		if diff := cmp.Diff(want.Object, object); diff != "" {
			rt.Fatalf("the argument was changed: %s", diff)
		}
	})
}

func TestEmptyTables(t *testing.T) {
	desired := `{apiVersion: example.io/v1, kind: Fleet, metadata: {name: a}, spec: {list: [1], map: {a: b}, inner: [{list: [x]}]}}`
	observed := `{apiVersion: example.io/v1, kind: Fleet, metadata: {name: a}, spec: {seen: [1]}}`
	h := hooks(t, `
		function Retain(desired, observed)
			desired.spec.list, desired.spec.map, desired.spec.seen, desired.spec.new = {}, {}, {}, {}
			desired.spec.inner[1].list = {}
			desired.spec.rows = { {}, { a = {} } }
			return desired
		end`)
	got, err := h.Retain(object(t, desired), object(t, observed))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"list": []any{}, "map": map[string]any{}, // as in the desired object
		"seen":  []any{},                                   // as in the observed one
		"inner": []any{map[string]any{"list": []any{}}},    // at the same place in a list
		"rows":  []any{map[string]any{}, map[string]any{}}, // nobody knows: left out where that is possible
	}
	if diff := cmp.Diff(want, got.Object["spec"]); diff != "" {
		t.Error(diff)
	}
}

// TestLargeObjectsPass: an object as large as the API server takes it fits through a script.
func TestLargeObjectsPass(t *testing.T) {
	items := make([]any, 20000)
	for i := range items {
		items[i] = map[string]any{"name": strings.Repeat("x", 50), "value": int64(i)}
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.io/v1", "kind": "Fleet",
		"spec": map[string]any{"items": items, "text": strings.Repeat("y", 1<<20)},
	}}
	h := hooks(t, `function ReviseReplica(obj, n) obj.spec.replicas = n return obj end`)
	got, err := h.ReviseReplica(obj, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := obj.DeepCopy()
	want.Object["spec"].(map[string]any)["replicas"] = int64(3)
	if diff := cmp.Diff(want.Object, got.Object); diff != "" {
		t.Error("the object was changed")
	}
}
