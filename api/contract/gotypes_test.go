package contract

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// flattenType adds the fields of a Go struct to out, as flatten does with a schema.
// Only type and required are known of a Go field.
func flattenType(t reflect.Type, path string, out fields) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			flattenType(f.Type, path, out)
			continue
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		typ := f.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		row := field{Type: goTypeOf(typ)}
		flags := strings.Split(options, ",")
		if !slices.Contains(flags, "omitempty") && !slices.Contains(flags, "omitzero") {
			row.Required = "required"
		}
		out[at] = row
		if typ.Kind() == reflect.Slice {
			typ, at = typ.Elem(), at+"[]"
		}
		if goTypeOf(typ) == "object" {
			flattenType(typ, at, out)
		}
	}
}

func goTypeOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		return "quantity"
	case reflect.TypeFor[metav1.Time]():
		return "string(date-time)"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return goTypeOf(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Uint, reflect.Int32:
		return "integer(int32)"
	case reflect.Int64:
		return "integer(int64)"
	case reflect.Slice:
		return "[]" + goTypeOf(t.Elem())
	case reflect.Map:
		return "map[string]" + goTypeOf(t.Elem())
	case reflect.Struct:
		return "object"
	}
	return t.Kind().String()
}
