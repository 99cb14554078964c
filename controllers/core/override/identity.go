package override

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"
)

const ownership = "the labels that say who owns the object (" + names.ManagedLabel + " and the permanent ids)"

// identityFields make an object the one it is, with the ownership labels.
var identityFields = [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}, {"metadata", "uid"}}

// identity is what no override changes.
type identity struct {
	fields []any
	owners map[string]any
}

func identityOf(obj *unstructured.Unstructured) identity {
	id := identity{owners: map[string]any{}}
	for _, path := range identityFields {
		// an error means that the way there is no object; so there is no value
		value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
		id.fields = append(id.fields, scalar(value))
	}
	found, _, _ := unstructured.NestedFieldNoCopy(obj.Object, "metadata", "labels")
	labels, _ := found.(map[string]any)
	for key, value := range labels {
		if names.IsOwnershipLabel(key) {
			id.owners[key] = scalar(value)
		}
	}
	return id
}

// scalar makes a value comparable. Any object or list is as wrong as another in these places.
func scalar(value any) any {
	switch value.(type) {
	case map[string]any, []any:
		return describe(value)
	}
	return value
}

// difference names the first field that differs.
func (id identity) difference(other identity) string {
	for i, path := range identityFields {
		if id.fields[i] != other.fields[i] {
			return strings.Join(path, ".")
		}
	}
	if !maps.Equal(id.owners, other.owners) {
		return ownership
	}
	return ""
}

// reaches says which part of the identity a write through the pointer can reach; "" if none. A write
// to an object reaches all that is in it.
func (p pointer) reaches() string {
	for _, path := range identityFields {
		shared := min(len(p), len(path))
		if slices.Equal(p[:shared], path[:shared]) {
			return strings.Join(path, ".")
		}
	}
	if len(p) >= 3 && p[0] == "metadata" && p[1] == "labels" && names.IsOwnershipLabel(p[2]) {
		return ownership
	}
	return ""
}
