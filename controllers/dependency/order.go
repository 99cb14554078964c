package dependency

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
)

// Order knows what has to be in a cluster before a workload. It asks memory alone. Without the
// controllers of this package it would have to wait for what nobody brings.
type Order struct {
	// Client reads from the cache.
	Client      client.Reader
	Interpreter Interpreter
	Objects     Objects
}

// Before returns the Works, by cluster, that have to be applied before the template of the binding is
// sent to the given clusters, and are not. Clusters in which nothing is missing are left out.
//
// Nothing is waited for that does not come by waiting: a dependency that the hub does not have, and one
// whose Work is suspended there. Nor is anything if the dependencies can not be told, which the
// controller of parents reports.
func (o Order) Before(ctx context.Context, b workv1alpha2.Binding, template *unstructured.Unstructured, clusters []string) (map[string][]types.NamespacedName, error) {
	parent, ok := b.(*workv1alpha2.ResourceBinding)
	if !ok || !deps.Leads(parent) {
		return nil, nil
	}
	needed := o.needed(parent, template)
	out := map[string][]types.NamespacedName{}
	for _, cluster := range clusters {
		for key := range needed {
			work := types.NamespacedName{Namespace: names.ExecutionNamespace(cluster), Name: names.WorkName(key.Kind, key.Name, key.Namespace)}
			there, err := o.settled(ctx, work)
			if err != nil {
				return nil, err
			}
			if !there {
				out[cluster] = append(out[cluster], work)
			}
		}
	}
	return out, nil
}

func (o Order) needed(parent *workv1alpha2.ResourceBinding, template *unstructured.Unstructured) sets.Set[deps.Key] {
	found, err := o.Interpreter.Dependencies(template)
	if err != nil {
		return nil
	}
	references, _ := deps.References(parent, found)
	return onHub(o.Objects, parent, references)
}

// settled says whether a Work needs no waiting for.
func (o Order) settled(ctx context.Context, key types.NamespacedName) (bool, error) {
	work := &workv1alpha1.Work{}
	if err := o.Client.Get(ctx, key, work, client.UnsafeDisableDeepCopy); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return false, nil
		}
		return false, fmt.Errorf("read Work %s: %w", key, err)
	}
	if work.DeletionTimestamp != nil {
		return false, nil
	}
	return ptr.Deref(work.Spec.SuspendDispatching, false) || meta.IsStatusConditionTrue(work.Status.Conditions, workv1alpha1.WorkApplied), nil
}
