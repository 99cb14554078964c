package diff

import (
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/controllers/execution"
)

// unified is the difference of two objects in the usual form, "" when there is none. What is not for
// the hub to decide is left out, and what a Secret holds is not shown. Nil is no object.
func unified(from string, before, after *unstructured.Unstructured) (string, error) {
	name := ""
	for _, obj := range []*unstructured.Unstructured{after, before} {
		if obj != nil {
			name = fileName(obj)
		}
	}
	a, b := shown(before), shown(after)
	mask(a, b)
	linesA, err := lines(a)
	if err != nil {
		return "", err
	}
	linesB, err := lines(b)
	if err != nil {
		return "", err
	}
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: linesA, B: linesB, FromFile: from + "/" + name, ToFile: "hub/" + name, Context: 3})
}

// fileName is what `kubectl diff` calls an object.
func fileName(obj *unstructured.Unstructured) string {
	gvk := obj.GroupVersionKind()
	var parts []string
	for _, part := range []string{gvk.Group, gvk.Version, gvk.Kind, obj.GetNamespace(), obj.GetName()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

// shown is the part of an object that is compared.
func shown(obj *unstructured.Unstructured) map[string]any {
	if obj == nil {
		return nil
	}
	out := execution.Comparable(obj)
	dropNulls(out)
	return out
}

// dropNulls takes out fields that are null: to an API server they are not there.
func dropNulls(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			if child == nil {
				delete(v, key)
				continue
			}
			dropNulls(child)
		}
	case []any:
		for _, child := range v {
			dropNulls(child)
		}
	}
}

func lines(obj map[string]any) ([]string, error) {
	if obj == nil {
		return nil, nil
	}
	text, err := yaml.Marshal(obj)
	if err != nil {
		return nil, fmt.Errorf("write as YAML: %w", err)
	}
	return difflib.SplitLines(strings.TrimSuffix(string(text), "\n")), nil
}

// mask hides what Secrets hold, and shows no more than whether it differs.
func mask(a, b map[string]any) {
	if !isSecret(a) && !isSecret(b) {
		return
	}
	for _, name := range []string{"data", "stringData"} {
		maskValues(field(a, name), field(b, name))
	}
	// kubectl keeps a copy of the whole object there
	maskKey(field(a, "metadata", "annotations"), field(b, "metadata", "annotations"), corev1.LastAppliedConfigAnnotation)
}

func isSecret(obj map[string]any) bool { return obj["kind"] == "Secret" && obj["apiVersion"] == "v1" }

func field(obj map[string]any, path ...string) map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(obj, path...)
	m, _ := value.(map[string]any)
	return m
}

func maskValues(a, b map[string]any) {
	for key := range a {
		maskKey(a, b, key)
	}
	for key := range b {
		if _, in := a[key]; !in {
			maskKey(a, b, key)
		}
	}
}

func maskKey(a, b map[string]any, key string) {
	x, inA := a[key]
	y, inB := b[key]
	before, after := "***", "***"
	if inA && inB && fmt.Sprint(x) != fmt.Sprint(y) {
		before, after = "*** (before)", "*** (after)"
	}
	if inA {
		a[key] = before
	}
	if inB {
		b[key] = after
	}
}
