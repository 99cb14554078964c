package template

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
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

// templateOf names the template of a binding.
func templateOf(b workv1alpha2.Binding) Key {
	ref := b.GetBindingSpec().Resource
	return Key{schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind), types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}}
}
