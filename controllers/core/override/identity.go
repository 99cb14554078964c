package override

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

const ownership = "the labels and annotations that say who owns the object (" + names.ManagedLabel +
	", the permanent ids, work.karmada.io/… and those that name policy, binding and template)"

// identityFields make an object the one it is, with the marks of ownership.
var identityFields = [][]string{{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}, {"metadata", "uid"}}

// ownershipKeys says, for the two maps of metadata, which keys tell who owns an object.
var ownershipKeys = map[string]func(key string) bool{"labels": names.IsOwnershipLabel, "annotations": names.IsOwnershipAnnotation}

// Identity is what makes an object the one it is: apiVersion, kind, name, namespace and UID, and the
// labels and annotations that say who owns it. No override changes it.
type Identity struct {
	fields []any
	marks  map[string]any
}

// IdentityOf reads the identity of an object.
func IdentityOf(obj *unstructured.Unstructured) Identity {
	id := Identity{fields: fieldsOf(obj), marks: map[string]any{}}
	for what, owns := range ownershipKeys {
		for key, value := range metadataMap(obj, what) {
			if owns(key) {
				id.marks[what+"/"+key] = scalar(value)
			}
		}
	}
	return id
}

func fieldsOf(obj *unstructured.Unstructured) []any {
	fields := make([]any, 0, len(identityFields))
	for _, path := range identityFields {
		// an error means that the way there is no object; so there is no value
		value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, path...)
		fields = append(fields, scalar(value))
	}
	return fields
}

// metadataMap returns the labels or annotations themselves, nil when there are none.
func metadataMap(obj *unstructured.Unstructured, what string) map[string]any {
	value, _, _ := unstructured.NestedFieldNoCopy(obj.Object, "metadata", what)
	m, _ := value.(map[string]any)
	return m
}

// scalar makes a value comparable. Any object or list is as wrong as another in these places.
func scalar(value any) any {
	switch value.(type) {
	case map[string]any, []any:
		return describe(value)
	}
	return value
}

// Difference names the first thing in which two identities differ; "" if they are the same.
func (id Identity) Difference(other Identity) string {
	if part := differentField(id.fields, other.fields); part != "" {
		return part
	}
	if !maps.Equal(id.marks, other.marks) {
		return ownership
	}
	return ""
}

func differentField(a, b []any) string {
	for i, path := range identityFields {
		if a[i] != b[i] {
			return strings.Join(path, ".")
		}
	}
	return ""
}

// Verify says what is wrong with a manifest that is about to be written for a binding: it must be the
// object that the binding refers to, whatever made the manifest.
func Verify(obj *unstructured.Unstructured, template workv1alpha2.ObjectReference) error {
	for _, part := range []struct{ name, is, must string }{
		{"apiVersion", obj.GetAPIVersion(), template.APIVersion},
		{"kind", obj.GetKind(), template.Kind},
		{"metadata.namespace", obj.GetNamespace(), template.Namespace},
		{"metadata.name", obj.GetName(), template.Name},
	} {
		if part.is != part.must {
			return fmt.Errorf("the manifest is another object than its template: %s is %q and must be %q; it is not written", part.name, part.is, part.must)
		}
	}
	return nil
}

// marks are the labels and annotations of ownership of an object, while they are kept out of reach.
type marks map[string]map[string]any

// takeMarks takes the marks of ownership off an object, so that nothing that is done to the rest can
// change them.
func takeMarks(obj *unstructured.Unstructured) marks {
	taken := marks{}
	for what, owns := range ownershipKeys {
		present := metadataMap(obj, what)
		for key, value := range present {
			if !owns(key) {
				continue
			}
			if taken[what] == nil {
				taken[what] = map[string]any{}
			}
			taken[what][key] = value
			delete(present, key)
		}
	}
	return taken
}

// putBack puts the marks onto the object again.
func (m marks) putBack(obj *unstructured.Unstructured) {
	metadata, ok := obj.Object["metadata"].(map[string]any)
	if !ok {
		return
	}
	for what, taken := range m {
		present, ok := metadata[what].(map[string]any)
		if !ok {
			metadata[what] = taken
			continue
		}
		maps.Copy(present, taken)
	}
}

// reaches says which part of the identity a write through the pointer can reach; "" if none. A write
// to an object reaches all that is in it, but for the marks of ownership, which are not in it then.
func (p pointer) reaches() string {
	for _, path := range identityFields {
		shared := min(len(p), len(path))
		if slices.Equal(p[:shared], path[:shared]) {
			return strings.Join(path, ".")
		}
	}
	if what := p.mark(); what != "" && len(p) >= 3 && ownershipKeys[what](p[2]) {
		return ownership
	}
	return ""
}

// mark says whether the pointer is to "labels" or "annotations" of the object or into them; "" if not.
func (p pointer) mark() string {
	if len(p) >= 2 && p[0] == "metadata" && ownershipKeys[p[1]] != nil {
		return p[1]
	}
	return ""
}
