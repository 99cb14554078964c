package hub

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// IndexBindingByCluster finds the bindings that place something in a cluster, are required there by
// others, or are still leaving it: spec.clusters, spec.requiredBy and spec.gracefulEvictionTasks.
const IndexBindingByCluster = "spec.clusters"

// IndexBindingAway finds the bindings that failover has moved out of a cluster.
const IndexBindingAway = "spec.gracefulEvictionTasks.failover"

// IndexBindingByTemplate finds bindings by the kind of their template (TemplateKind), and by kind and
// name (TemplateName).
const IndexBindingByTemplate = "spec.resource"

// TemplateKind is the key of the bindings of all templates of a kind.
func TemplateKind(kind schema.GroupVersionKind) string { return kind.String() }

// TemplateName is the key of the bindings of the templates of a kind and a name, in any namespace.
func TemplateName(kind schema.GroupVersionKind, name string) string {
	return TemplateKind(kind) + " " + name
}

// SetupIndexes adds the shared indexes to the manager's cache. It is called once, before any
// controller is set up.
func SetupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, obj := range []client.Object{&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}} {
		for _, index := range []struct {
			what, field string
			values      client.IndexerFunc
		}{
			{"cluster", IndexBindingByCluster, bindingClusters},
			{"failover", IndexBindingAway, bindingAway},
			{"template", IndexBindingByTemplate, bindingTemplate},
		} {
			if err := indexer.IndexField(ctx, obj, index.field, index.values); err != nil {
				return fmt.Errorf("index %T by %s: %w", obj, index.what, err)
			}
		}
	}
	return nil
}

func bindingClusters(obj client.Object) []string {
	spec := obj.(workv1alpha2.Binding).GetBindingSpec()
	var names []string
	for _, c := range spec.Clusters {
		names = append(names, c.Name)
	}
	for _, required := range spec.RequiredBy {
		for _, c := range required.Clusters {
			names = append(names, c.Name)
		}
	}
	for _, t := range spec.GracefulEvictionTasks {
		names = append(names, t.FromCluster)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func bindingAway(obj client.Object) []string {
	var names []string
	for _, t := range obj.(workv1alpha2.Binding).GetBindingSpec().GracefulEvictionTasks {
		if t.Producer == workv1alpha2.EvictionProducerFailover {
			names = append(names, t.FromCluster)
		}
	}
	return names
}

func bindingTemplate(obj client.Object) []string {
	ref := obj.(workv1alpha2.Binding).GetBindingSpec().Resource
	kind := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
	return []string{TemplateKind(kind), TemplateName(kind, ref.Name)}
}

// Bindings lists ResourceBindings and ClusterResourceBindings as one kind, in no order. The
// objects are the cache's own: copy before changing.
func Bindings(ctx context.Context, c client.Reader, opts ...client.ListOption) ([]workv1alpha2.Binding, error) {
	var namespaced workv1alpha2.ResourceBindingList
	if err := c.List(ctx, &namespaced, opts...); err != nil {
		return nil, fmt.Errorf("list ResourceBindings: %w", err)
	}
	var global workv1alpha2.ClusterResourceBindingList
	if err := c.List(ctx, &global, opts...); err != nil {
		return nil, fmt.Errorf("list ClusterResourceBindings: %w", err)
	}
	out := make([]workv1alpha2.Binding, 0, len(namespaced.Items)+len(global.Items))
	for i := range namespaced.Items {
		out = append(out, &namespaced.Items[i])
	}
	for i := range global.Items {
		out = append(out, &global.Items[i])
	}
	return out, nil
}

// BindingRequests lists the bindings of one kind, ClusterResourceBindings when global, as what to
// reconcile.
func BindingRequests(ctx context.Context, c client.Reader, global bool, opts ...client.ListOption) ([]reconcile.Request, error) {
	var list client.ObjectList = &workv1alpha2.ResourceBindingList{}
	if global {
		list = &workv1alpha2.ClusterResourceBindingList{}
	}
	if err := c.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("list bindings: %w", err)
	}
	var out []reconcile.Request
	err := meta.EachListItem(list, func(obj runtime.Object) error {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(obj.(client.Object))})
		return nil
	})
	return out, err
}
