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
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/hub"
)

// IndexByBinding finds the Works of a binding by the binding's permanent id.
const IndexByBinding = "metadata.labels.binding"

// SetupIndex adds the index to the manager's cache. It is called once, before the controllers of
// bindings and of status are set up.
func SetupIndex(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &workv1alpha1.Work{}, IndexByBinding, bindingIDs); err != nil {
		return fmt.Errorf("index Works by binding: %w", err)
	}
	return nil
}

func bindingIDs(work client.Object) []string {
	var ids []string
	for _, label := range []string{names.ResourceBindingPermanentID, names.ClusterResourceBindingPermanentID} {
		if value := work.GetLabels()[label]; value != "" {
			ids = append(ids, value)
		}
	}
	return ids
}

// Of returns the Works of a binding as the cache has them. They are shared with the cache: copy
// before changing. A binding without a permanent id has none.
func Of(ctx context.Context, c client.Reader, binding workv1alpha2.Binding) ([]workv1alpha1.Work, error) {
	value := binding.GetLabels()[render.BindingIDLabel(binding)]
	if value == "" {
		return nil, nil
	}
	var list workv1alpha1.WorkList
	if err := c.List(ctx, &list, client.MatchingFields{IndexByBinding: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the Works of binding %s: %w", client.ObjectKeyFromObject(binding), err)
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
	works map[string]map[types.NamespacedName]struct{}
}

// Note remembers a Work of the binding with the given permanent id.
func (c *Created) Note(bindingID string, work *workv1alpha1.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.works == nil {
		c.works = map[string]map[types.NamespacedName]struct{}{}
	}
	if c.works[bindingID] == nil {
		c.works[bindingID] = map[types.NamespacedName]struct{}{}
	}
	c.works[bindingID][client.ObjectKeyFromObject(work)] = struct{}{}
}

// Complete adds to the Works that the cache knows those that it does not show yet, read live.
func (c *Created) Complete(ctx context.Context, live client.Reader, bindingID string, known []workv1alpha1.Work) ([]workv1alpha1.Work, error) {
	for _, key := range c.unseen(bindingID, known) {
		var work workv1alpha1.Work
		err := live.Get(ctx, key, &work)
		switch {
		case err == nil:
			known = append(known[:len(known):len(known)], work)
		case apierrors.IsNotFound(err):
			c.forget(bindingID, key)
		default:
			return nil, fmt.Errorf("read Work %s: %w", key, err)
		}
	}
	return known, nil
}

func (c *Created) unseen(bindingID string, known []workv1alpha1.Work) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	noted := c.works[bindingID]
	for i := range known {
		delete(noted, client.ObjectKeyFromObject(&known[i]))
	}
	if len(noted) == 0 {
		delete(c.works, bindingID)
		return nil
	}
	unseen := make([]types.NamespacedName, 0, len(noted))
	for key := range noted {
		unseen = append(unseen, key)
	}
	return unseen
}

func (c *Created) forget(bindingID string, key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.works[bindingID], key)
}
