package override

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
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

// image changes the image at a path, or those of all containers.
func (a *application) image(o *policyv1alpha1.ImageOverrider, path *field.Path) error {
	if o.Predicate != nil {
		return a.change(o.Predicate.Path, path.Child("predicate", "path"), func(name string) (string, error) {
			// what is there may be anything, also a secret; so its place is told, not its name
			return changeImage(name, "at "+o.Predicate.Path, o, path)
		})
	}
	all := containers(a.obj)
	if err := a.spend(containerCost*len(all), path); err != nil {
		return err
	}
	for _, container := range all {
		name, _ := container["image"].(string)
		if name == "" {
			continue
		}
		changed, err := changeImage(name, name, o, path)
		if err != nil {
			return err
		}
		container["image"] = changed
	}
	return nil
}

// What it costs to look at a container and at a word, see workLimit.
const containerCost, wordCost = 256, 16

// words changes the command or the arguments of a container.
func (a *application) words(what string, o *policyv1alpha1.CommandArgsOverrider, path *field.Path) error {
	if o.Operator != policyv1alpha1.OverriderOpAdd && o.Operator != policyv1alpha1.OverriderOpRemove {
		return field.NotSupported(path.Child("operator"), o.Operator,
			[]policyv1alpha1.OverriderOperator{policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpRemove})
	}
	all := containers(a.obj)
	if err := a.spend(wordCost*len(all), path); err != nil {
		return err
	}
	for _, container := range all {
		if container["name"] != o.ContainerName {
			continue
		}
		words, _ := container[what].([]any)
		if o.Operator == policyv1alpha1.OverriderOpAdd {
			for _, word := range o.Value {
				words = append(words, word)
			}
		} else {
			if err := a.spend(wordCost*(len(words)+len(o.Value)), path); err != nil {
				return err
			}
			unwanted := sets.New(o.Value...)
			words = slices.DeleteFunc(words, func(word any) bool {
				text, isText := word.(string)
				return isText && unwanted.Has(text)
			})
		}
		if len(words) == 0 {
			delete(container, what)
			continue
		}
		container[what] = words
	}
	return nil
}
