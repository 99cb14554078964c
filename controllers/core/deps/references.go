package deps

import (
	"errors"
	"fmt"
	"path"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Key names a dependency: an object of the hub. The version of its kind does not matter.
type Key struct {
	schema.GroupKind
	types.NamespacedName
}

// String is for logs and messages.
func (k Key) String() string { return k.Kind + " " + k.NamespacedName.String() }

// KeyOf names the template of a binding.
func KeyOf(b *workv1alpha2.ResourceBinding) Key {
	ref := b.Spec.Resource
	return Key{
		schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind(),
		types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name},
	}
}

// Reference is one thing that a template refers to, in the namespace of the template.
type Reference struct {
	schema.GroupKind
	// Name of the object; empty when Selector picks.
	Name string
	// Selector picks the objects of the kind; nil when there is a name.
	Selector labels.Selector
}

// References reads what the interpreter found in the template of the parent. A reference of the
// template to itself is left out. One that leads out of the namespace, or makes no sense, is refused:
// each has its error, and the others stand.
func References(parent *workv1alpha2.ResourceBinding, found []configv1alpha1.DependentObjectReference) (accepted []Reference, refused []error) {
	self := KeyOf(parent)
	for _, d := range found {
		ref, err := reference(parent.Namespace, d)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		if ref.GroupKind != self.GroupKind || ref.Selector != nil || ref.Name != self.Name {
			accepted = append(accepted, ref)
		}
	}
	return accepted, refused
}

func reference(namespace string, d configv1alpha1.DependentObjectReference) (Reference, error) {
	refuse := func(why error) (Reference, error) {
		return Reference{}, fmt.Errorf("dependency %s %s: %w", d.Kind, path.Join(d.Namespace, d.Name), why)
	}
	gv, err := schema.ParseGroupVersion(d.APIVersion)
	switch {
	case err != nil:
		return refuse(fmt.Errorf("apiVersion: %w", err))
	case d.APIVersion == "" || d.Kind == "":
		return refuse(errors.New("apiVersion and kind must be set"))
	case d.Namespace == "":
		return refuse(fmt.Errorf("namespace must be %q, that of the template: what has no namespace can not follow a template that has one; give it a policy of its own", namespace))
	case d.Namespace != namespace:
		return refuse(fmt.Errorf("namespace must be %q, that of the template: only what lies beside a template can follow it", namespace))
	case d.Name != "":
		return Reference{GroupKind: schema.GroupKind{Group: gv.Group, Kind: d.Kind}, Name: d.Name}, nil
	case d.LabelSelector == nil:
		return refuse(errors.New("name or labelSelector must be set"))
	}
	selector, err := metav1.LabelSelectorAsSelector(d.LabelSelector)
	if err != nil {
		return refuse(fmt.Errorf("labelSelector: %w", err))
	}
	return Reference{GroupKind: schema.GroupKind{Group: gv.Group, Kind: d.Kind}, Selector: selector}, nil
}
