package override

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// containerPaths are where the containers of a kind are. Other kinds have none that an override
// finds by itself.
var containerPaths = map[schema.GroupVersionKind][]string{
	{Version: "v1", Kind: "Pod"}:                        {"spec", "containers"},
	{Group: "apps", Version: "v1", Kind: "Deployment"}:  {"spec", "template", "spec", "containers"},
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"}:  {"spec", "template", "spec", "containers"},
	{Group: "apps", Version: "v1", Kind: "DaemonSet"}:   {"spec", "template", "spec", "containers"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}: {"spec", "template", "spec", "containers"},
	{Group: "batch", Version: "v1", Kind: "Job"}:        {"spec", "template", "spec", "containers"},
}

// containers returns the containers themselves, not copies.
func containers(obj *unstructured.Unstructured) []map[string]any {
	path, known := containerPaths[obj.GroupVersionKind()]
	if !known {
		return nil
	}
	value, _, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	if err != nil {
		return nil
	}
	list, _ := value.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if container, ok := item.(map[string]any); ok {
			out = append(out, container)
		}
	}
	return out
}

// overrideImage changes the image at a path, or those of all containers.
func overrideImage(obj *unstructured.Unstructured, o *policyv1alpha1.ImageOverrider, path *field.Path) error {
	if o.Predicate == nil {
		for _, container := range containers(obj) {
			name, _ := container["image"].(string)
			if name == "" {
				continue
			}
			changed, err := changeImage(name, o, path)
			if err != nil {
				return err
			}
			container["image"] = changed
		}
		return nil
	}
	at := path.Child("predicate", "path")
	return changeString(obj, o.Predicate.Path, at, func(name string) (string, error) { return changeImage(name, o, path) })
}

// changeString replaces the string at a pointer.
func changeString(obj *unstructured.Unstructured, text string, at *field.Path, change func(string) (string, error)) error {
	p, err := parse(text)
	if err != nil {
		return field.Invalid(at, text, err.Error())
	}
	if part := p.reaches(); part != "" {
		return forbidden(at, part)
	}
	value, set, bad := p.resolve(any(obj.Object))
	if bad != nil {
		return field.Invalid(at, text, bad.text)
	}
	before, ok := value.(string)
	if !ok {
		return field.Invalid(at, text, "is "+describe(value)+" in the object, must be a string; correct the path")
	}
	after, err := change(before)
	if err != nil {
		return err
	}
	set(after)
	return nil
}

// overrideWords changes the command or the arguments of a container.
func overrideWords(obj *unstructured.Unstructured, what string, o *policyv1alpha1.CommandArgsOverrider, path *field.Path) error {
	if o.Operator != policyv1alpha1.OverriderOpAdd && o.Operator != policyv1alpha1.OverriderOpRemove {
		return field.NotSupported(path.Child("operator"), o.Operator,
			[]policyv1alpha1.OverriderOperator{policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpRemove})
	}
	for _, container := range containers(obj) {
		if container["name"] != o.ContainerName {
			continue
		}
		present, _ := container[what].([]any)
		// a new list: the old one may have room behind it that somebody else uses
		words := make([]any, 0, len(present)+len(o.Value))
		for _, word := range present {
			text, isText := word.(string)
			if o.Operator == policyv1alpha1.OverriderOpRemove && isText && slices.Contains(o.Value, text) {
				continue
			}
			words = append(words, word)
		}
		if o.Operator == policyv1alpha1.OverriderOpAdd {
			for _, word := range o.Value {
				words = append(words, word)
			}
		}
		if len(words) == 0 {
			delete(container, what)
			continue
		}
		container[what] = words
	}
	return nil
}
