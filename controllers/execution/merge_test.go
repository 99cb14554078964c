package execution

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/api/manifest"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

func TestMerge(t *testing.T) {
	desired := object(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: shop
  name: settings
  labels: {ours: new, karmada.io/managed: "true"}
  annotations: {note: new, resourcetemplate.karmada.io/managed-labels: "karmada.io/managed,ours"}
data: {a: "1"}
`)
	observed := object(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: shop
  name: settings
  uid: u1
  resourceVersion: "7"
  finalizers: [example.com/theirs]
  ownerReferences: [{apiVersion: v1, kind: X, name: x, uid: x}]
  labels: {ours: old, dropped: x, theirs: x}
  annotations:
    note: old
    gone: x
    theirs: x
    resourcetemplate.karmada.io/managed-labels: dropped,ours
    resourcetemplate.karmada.io/managed-annotations: gone,note
data: {b: "2"}
status: {seen: true}
`)
	want := object(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: shop
  name: settings
  uid: u1
  resourceVersion: "7"
  finalizers: [example.com/theirs]
  ownerReferences: [{apiVersion: v1, kind: X, name: x, uid: x}]
  labels: {ours: new, theirs: x, karmada.io/managed: "true"}
  annotations:
    note: new
    theirs: x
    resourcetemplate.karmada.io/managed-labels: "karmada.io/managed,ours"
    resourcetemplate.karmada.io/managed-annotations: gone,note
data: {a: "1"}
status: {seen: true}
`)
	got := merge(desired, observed)
	if diff := cmp.Diff(want.Object, got.Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSame(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"equal":                         {`{a: 1, b: [x, {c: true}]}`, `{b: [x, {c: true}], a: 1}`, true},
		"a null is not there":           {`{a: 1, b: null, c: {d: null}}`, `{a: 1, c: {}}`, true},
		"a null on the other side":      {`{a: 1}`, `{a: 1, b: null}`, true},
		"an empty object is there":      {`{a: {}}`, `{}`, false},
		"a number as integer and float": {`{a: 3}`, `{a: 3.0}`, true},
		"other numbers":                 {`{a: 3}`, `{a: 3.5}`, false},
		"a number and a string":         {`{a: 3}`, `{a: "3"}`, false},
		"a field more":                  {`{a: 1}`, `{a: 1, b: 2}`, false},
		"a field less":                  {`{a: 1, b: 2}`, `{a: 1}`, false},
		"a longer list":                 {`{a: [1]}`, `{a: [1, 2]}`, false},
		"another order":                 {`{a: [1, 2]}`, `{a: [2, 1]}`, false},
		"other kinds of values":         {`{a: {b: 1}}`, `{a: [1]}`, false},
		"a scalar and an object":        {`{a: x}`, `{a: {}}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := object(t, tt.a).Object, object(t, tt.b).Object
			if got := same(a, b); got != tt.want {
				t.Errorf("same = %v, want %v", got, tt.want)
			}
			if got := same(b, a); got != tt.want {
				t.Errorf("the other way round: same = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestMergeComesToRest: what was written compares equal to itself, and merging it again changes
// nothing, whatever labels and annotations there are.
func TestMergeComesToRest(t *testing.T) {
	keys := rapid.SampledFrom([]string{"a", "b", "c", "resourcetemplate.karmada.io/managed-labels", "resourcetemplate.karmada.io/managed-annotations"})
	marks := rapid.MapOf(keys, rapid.SampledFrom([]string{"", "a", "a,b", "b,c,"}))
	any := rapid.Custom(func(t *rapid.T) *unstructured.Unstructured {
		obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
		obj.SetLabels(marks.Draw(t, "labels"))
		obj.SetAnnotations(marks.Draw(t, "annotations"))
		obj.Object["data"] = map[string]any{"k": rapid.SampledFrom([]any{nil, "x", int64(1), 1.0}).Draw(t, "value")}
		return obj
	})
	rapid.Check(t, func(t *rapid.T) {
		desired := any.Draw(t, "desired")
		manifest.Mark(desired, &workv1alpha1.Work{})
		once := merge(desired, any.Draw(t, "observed"))
		twice := merge(desired, once)
		if !same(comparableOf(once), comparableOf(twice)) {
			t.Fatalf("not at rest:\n%s", cmp.Diff(once.Object, twice.Object))
		}
	})
}

// TestOddShapes: whatever JSON a manifest or a member's object is, comparing them ends.
func TestOddShapes(t *testing.T) {
	interpreter := interpret.New()
	odd := []string{
		`{}`, `{metadata: x}`, `{metadata: {labels: [1], annotations: {a: 1}}}`, `{spec: [1], status: 3}`, `{spec: {ports: [1], clusterIP: 7}}`,
		`{spec: {template: {metadata: {labels: 4}}}, data: [x]}`, `{metadata: {finalizers: x, ownerReferences: [3], resourceVersion: 1}}`,
	}
	kinds := []string{"v1/Service", "v1/Pod", "v1/Secret", "v1/ServiceAccount", "v1/PersistentVolumeClaim", "apps/v1/Deployment", "batch/v1/Job", "example.com/v1/Any"}
	for _, kind := range kinds {
		for _, a := range odd {
			for _, b := range odd {
				desired, observed := object(t, a), object(t, b)
				i := strings.LastIndex(kind, "/")
				desired.Object["apiVersion"], desired.Object["kind"] = kind[:i], kind[i+1:]
				app := &application{reconciler: &reconciler{interpreter: interpreter}, desired: desired}
				if _, _, _, err := app.compare(observed); err == nil {
					preserved(observed)
				}
			}
		}
	}
}
