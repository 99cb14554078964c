package manifesttest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMerged(t *testing.T) {
	object := Object(t, `{kind: A, spec: {n: 1, list: [1, 2], gone: x}, text: x}`)
	patch := map[string]any{"spec": map[string]any{"list": []any{int64(3)}, "gone": nil, "new": map[string]any{"a": "b", "not": nil}}, "text": map[string]any{"c": "d"}}
	want := Value(t, `{kind: A, spec: {n: 1, list: [3], new: {a: b}}, text: {c: d}}`)
	if diff := cmp.Diff(want, any(Merged(object, patch).Object)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Object(t, `{kind: A, spec: {n: 1, list: [1, 2], gone: x}, text: x}`), object); diff != "" {
		t.Errorf("the object changed:\n%s", diff)
	}
}
