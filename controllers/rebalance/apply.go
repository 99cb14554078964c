package rebalance

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

// toObserve are the workloads of the status, with the results they have: one item for each workload of
// the spec, and those that left the spec after their order was given. After an edit, those that failed
// are tried once more. Items are sorted by apiVersion, kind, namespace and name.
func toObserve(order *appsv1alpha1.WorkloadRebalancer) []appsv1alpha1.ObservedWorkload {
	left := sets.New(order.Spec.Workloads...)
	edited := order.Generation != order.Status.ObservedGeneration
	var out []appsv1alpha1.ObservedWorkload
	for _, o := range order.Status.ObservedWorkloads {
		if o.Result == appsv1alpha1.RebalanceSuccessful || left.Has(o.Workload) && !edited {
			out = append(out, o)
			left.Delete(o.Workload)
		}
	}
	for workload := range left {
		out = append(out, appsv1alpha1.ObservedWorkload{Workload: workload})
	}
	slices.SortFunc(out, func(a, b appsv1alpha1.ObservedWorkload) int {
		x, y := a.Workload, b.Workload
		return cmp.Or(cmp.Compare(x.APIVersion, y.APIVersion), cmp.Compare(x.Kind, y.Kind),
			cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return out
}

// trigger gives the orders that have no result yet, and sets their results. The error, if any, is about
// those to be tried again. Workloads that share a binding, since its name has neither group nor version,
// share the order.
func (r *reconciler) trigger(ctx context.Context, at metav1.Time, observed []appsv1alpha1.ObservedWorkload) error {
	var keys []types.NamespacedName
	items := map[types.NamespacedName][]*appsv1alpha1.ObservedWorkload{}
	for i := range observed {
		o := &observed[i]
		if o.Result != "" {
			continue
		}
		key := types.NamespacedName{Namespace: o.Workload.Namespace, Name: names.BindingName(o.Workload.Kind, o.Workload.Name)}
		if items[key] == nil {
			keys = append(keys, key)
		}
		items[key] = append(items[key], o)
	}
	errs := make([]error, len(keys))
	var group errgroup.Group
	group.SetLimit(r.parallel)
	for i, key := range keys {
		group.Go(func() error {
			errs[i] = r.triggerOne(ctx, key, at)
			for _, o := range items[key] {
				record(o, errs[i])
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept by binding: one does not end the others
	return again(errs)
}

// record sets the result of a workload; none when it is to be tried again.
func record(o *appsv1alpha1.ObservedWorkload, err error) {
	switch {
	case err == nil:
		o.Result = appsv1alpha1.RebalanceSuccessful
	case apierrors.IsNotFound(err):
		o.Result, o.Reason = appsv1alpha1.RebalanceFailed, appsv1alpha1.RebalanceObjectNotFound
	}
}

// again sums up what is to be tried again; nil when nothing is. Of many errors it names one, a conflict
// only when there is nothing else: conflicts alone are tried again at once.
func again(errs []error) error {
	var worst error
	n := 0
	for _, err := range errs {
		if err == nil || apierrors.IsNotFound(err) {
			continue
		}
		n++
		if worst == nil || apierrors.IsConflict(worst) {
			worst = err
		}
	}
	if worst == nil {
		return nil
	}
	return fmt.Errorf("%d of %d bindings are to be tried again: %w", n, len(errs), worst)
}

// triggerOne asks for a reschedule of one binding, unless somebody has asked later than at.
func (r *reconciler) triggerOne(ctx context.Context, key types.NamespacedName, at metav1.Time) error {
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if key.Namespace == "" {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	obj := b.(client.Object)
	err := r.client.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		// Failed is final, and the cache may not have a binding that was made just now.
		err = r.reader.Get(ctx, key, obj)
	}
	if err != nil {
		return err
	}
	_, err = hub.Patch(ctx, r.client, obj, func(client.Object) {
		if spec := b.GetBindingSpec(); spec.RescheduleTriggeredAt == nil || spec.RescheduleTriggeredAt.Before(&at) {
			spec.RescheduleTriggeredAt = &at
		}
	})
	return err
}
