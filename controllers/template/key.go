package template

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Key names a template.
type Key struct {
	schema.GroupVersionKind
	types.NamespacedName
}

// String is for logs.
func (k Key) String() string { return k.Kind + "." + k.Group + " " + k.NamespacedName.String() }

func keyOf(gvk schema.GroupVersionKind, obj metav1.Object) Key {
	return Key{gvk, types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}}
}
