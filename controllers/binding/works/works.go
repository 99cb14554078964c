// Package works finds the Works of a binding, the binding of a Work, and writes the status of Works.
// It decides nothing.
package works

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

// IndexByBinding finds the Works of a binding by what they are annotated with: the binding's name. The
// permanent id is a label that whoever may write the binding may change: to go by it would hand him the
// Works of any other.
const IndexByBinding = "metadata.annotations.binding"

// SetupIndex adds the index to the manager's cache. It is called once, before the controllers of
// bindings and of status are set up.
func SetupIndex(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &workv1alpha1.Work{}, IndexByBinding, Keys); err != nil {
		return fmt.Errorf("index Works by binding: %w", err)
	}
	return nil
}

// Keys are the values of the index for a Work.
func Keys(work client.Object) []string {
	key, global, ok := Binding(work)
	if !ok {
		return nil
	}
	return []string{indexKey(key, global)}
}

func indexKey(binding types.NamespacedName, global bool) string {
	if global {
		return binding.Name // no name has a slash, so none is that of a ResourceBinding
	}
	return binding.String()
}

// Of returns the Works of a binding as the cache has them. They are shared with the cache: copy
// before changing.
func Of(ctx context.Context, c client.Reader, binding workv1alpha2.Binding) ([]workv1alpha1.Work, error) {
	key := client.ObjectKeyFromObject(binding)
	var list workv1alpha1.WorkList
	if err := c.List(ctx, &list, client.MatchingFields{IndexByBinding: indexKey(key, key.Namespace == "")}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the Works of binding %s: %w", key, err)
	}
	return list.Items, nil
}

// OfKind calls do for the Works of the bindings of all templates of a kind, as the cache has them. A Work
// that somebody wrote by hand is not among them.
func OfKind(ctx context.Context, c client.Reader, kind schema.GroupVersionKind, do func(*workv1alpha1.Work)) error {
	bindings, err := hub.Bindings(ctx, c, client.MatchingFields{hub.IndexBindingByTemplate: hub.TemplateKind(kind)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		list, err := Of(ctx, c, b)
		if err != nil {
			return err
		}
		for i := range list {
			do(&list[i])
		}
	}
	return nil
}

// Names says whether a Work is that of the binding.
func Names(work client.Object, binding client.Object) bool {
	key, global, ok := Binding(work)
	return ok && key == client.ObjectKeyFromObject(binding) && global == (key.Namespace == "")
}

// Binding returns the binding that a Work names in its annotations, and whether that is a
// ClusterResourceBinding. ok is false for a Work without one.
func Binding(work client.Object) (key types.NamespacedName, global, ok bool) {
	annotations := work.GetAnnotations()
	if name := annotations[names.ClusterResourceBindingNameAnnotation]; name != "" {
		return types.NamespacedName{Name: name}, true, true
	}
	key = types.NamespacedName{
		Namespace: annotations[names.ResourceBindingNamespaceAnnotation],
		Name:      annotations[names.ResourceBindingNameAnnotation],
	}
	return key, false, key.Namespace != "" && key.Name != ""
}

// Created remembers Works that were created until the cache shows them. A binding that drops a
// cluster, or goes, right after it got its Works must not overlook them.
type Created struct {
	mu    sync.Mutex
	works map[types.NamespacedName]map[types.NamespacedName]struct{}
}

// Note remembers a Work of a binding.
func (c *Created) Note(binding types.NamespacedName, work *workv1alpha1.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.works == nil {
		c.works = map[types.NamespacedName]map[types.NamespacedName]struct{}{}
	}
	if c.works[binding] == nil {
		c.works[binding] = map[types.NamespacedName]struct{}{}
	}
	c.works[binding][client.ObjectKeyFromObject(work)] = struct{}{}
}

// Complete adds to the Works that the cache knows those that it does not show yet, read live. One that
// has become another binding's by now is not added.
func (c *Created) Complete(ctx context.Context, live client.Reader, binding client.Object, known []workv1alpha1.Work) ([]workv1alpha1.Work, error) {
	key := client.ObjectKeyFromObject(binding)
	for _, at := range c.unseen(key, known) {
		var work workv1alpha1.Work
		err := live.Get(ctx, at, &work)
		switch {
		case err == nil && Names(&work, binding):
			known = append(known[:len(known):len(known)], work)
		case err == nil, apierrors.IsNotFound(err):
			c.forget(key, at)
		default:
			return nil, fmt.Errorf("read Work %s: %w", at, err)
		}
	}
	return known, nil
}

func (c *Created) unseen(binding types.NamespacedName, known []workv1alpha1.Work) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	noted := c.works[binding]
	for i := range known {
		delete(noted, client.ObjectKeyFromObject(&known[i]))
	}
	if len(noted) == 0 {
		delete(c.works, binding)
		return nil
	}
	unseen := make([]types.NamespacedName, 0, len(noted))
	for key := range noted {
		unseen = append(unseen, key)
	}
	return unseen
}

func (c *Created) forget(binding, work types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.works[binding], work)
}
