package execution

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/hub"
)

// remove takes the objects of a Work out of its member, then lets the Work go. The Work of a cluster
// that does not answer waits for it, or what it made would stay behind; unless the cluster itself is
// on its way out.
func (r *reconciler) remove(ctx context.Context, work *workv1alpha1.Work, cluster *clusterv1alpha1.Cluster) error {
	if !controllerutil.ContainsFinalizer(work, names.ExecutionFinalizer) {
		return nil
	}
	if cluster == nil {
		return r.release(ctx, work)
	}
	m, err := r.member(cluster.Name, cluster)
	if err != nil {
		if cluster.DeletionTimestamp != nil {
			return r.release(ctx, work)
		}
		return err // what it waits for wakes it
	}
	var errs []error
	for i := range work.Spec.Workload.Manifests {
		desired, err := decode(work.Spec.Workload.Manifests[i])
		if err != nil {
			continue // it never was applied
		}
		if err := (&application{reconciler: r, member: m, cluster: cluster.Name, work: work, desired: desired}).remove(ctx); err != nil {
			errs = append(errs, fmt.Errorf("remove %s %s from cluster %q: %w", desired.GetKind(), client.ObjectKeyFromObject(desired), cluster.Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		if !errors.Is(err, errFilling) {
			r.recorder.Eventf(work, "Warning", names.EventReasonSyncWorkloadFailed, "%s", describe(err))
		}
		return err
	}
	return r.release(ctx, work)
}

func (r *reconciler) release(ctx context.Context, work *workv1alpha1.Work) error {
	r.written.Delete(client.ObjectKeyFromObject(work))
	_, err := hub.Patch(ctx, r.client, work.DeepCopy(), func(w *workv1alpha1.Work) {
		controllerutil.RemoveFinalizer(w, names.ExecutionFinalizer)
	})
	return client.IgnoreNotFound(err)
}

// remove deletes the object in the member, or gives it away if it is to be preserved. An object that
// is not ours, or no longer, is left alone.
func (a *application) remove(ctx context.Context) error {
	resource, objects, err := a.resource()
	if meta.IsNoMatchError(err) || errors.Is(err, errScope) {
		return nil // with the kind, all its objects are gone; in the wrong scope there never was one
	}
	if err != nil {
		return err
	}
	observed, exists := objects.Get(a.desired.GetNamespace(), a.desired.GetName())
	if !exists {
		if objects.State() == managed.Filling {
			return errFilling
		}
		// asked for certain: it may have been created a moment ago
		observed, err = resource.Get(ctx, a.desired.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if !a.holds(observed) {
		return nil
	}
	if preserve := a.work.Spec.PreserveResourcesOnDeletion; preserve != nil && *preserve {
		_, err = resource.Update(ctx, preserved(observed), metav1.UpdateOptions{})
		if apierrors.IsConflict(err) {
			if observed, err = resource.Get(ctx, a.desired.GetName(), metav1.GetOptions{}); err == nil && a.holds(observed) {
				_, err = resource.Update(ctx, preserved(observed), metav1.UpdateOptions{})
			}
		}
		return ignoreNotFound(err)
	}
	background, uid := metav1.DeletePropagationBackground, observed.GetUID()
	err = resource.Delete(ctx, a.desired.GetName(), metav1.DeleteOptions{
		PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &uid},
	})
	a.count("delete", observed, err)
	return ignoreNotFound(err)
}

// holds says whether the object in the member is that of this Work.
func (a *application) holds(observed *unstructured.Unstructured) bool {
	if observed.GetLabels()[names.ManagedLabel] != "true" {
		return false
	}
	holder := holderOf(observed)
	return holder.Name == "" || holder == (types.NamespacedName{Namespace: a.work.Namespace, Name: a.work.Name})
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
