package cluster

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

// removalPoll is how often a cluster that is being removed is looked at. What it waits
// for is the work of others: Works leave the member, the scheduler places anew.
const removalPoll = time.Second

// remove lets a cluster go, in this order: its execution namespace, and with it all
// Works, whose finalizers take the objects out of the member; then the bindings that
// still name it; then the finalizer. The connection stays up to the end, since the Works
// need it. A member that is away for good keeps its Works, and so the Cluster, until
// somebody forces the removal.
func (r *reconciler) remove(ctx context.Context, cluster *clusterv1alpha1.Cluster) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(cluster, names.ClusterFinalizer) {
		return ctrl.Result{}, nil
	}
	gone, err := r.removeExecutionNamespace(ctx, cluster)
	if err != nil {
		r.recorder.Event(cluster, corev1.EventTypeWarning, names.EventReasonRemoveExecutionSpaceFailed, err.Error())
		return ctrl.Result{}, err
	}
	if !gone {
		return ctrl.Result{RequeueAfter: removalPoll}, nil
	}
	named, err := r.namedByBinding(ctx, cluster.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if named {
		return ctrl.Result{RequeueAfter: removalPoll}, nil
	}
	_, err = hub.Patch(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) {
		controllerutil.RemoveFinalizer(c, names.ClusterFinalizer)
	})
	if err == nil || apierrors.IsNotFound(err) {
		r.forget(cluster.Name)
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// removeExecutionNamespace deletes the namespace and reports whether it is gone.
func (r *reconciler) removeExecutionNamespace(ctx context.Context, cluster *clusterv1alpha1.Cluster) (gone bool, err error) {
	name := names.ExecutionNamespace(cluster.Name)
	namespace := &corev1.Namespace{}
	// Not from the cache: "gone" must be true.
	if err := r.reader.Get(ctx, key(name), namespace); err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	if !namespace.DeletionTimestamp.IsZero() {
		return false, nil
	}
	if err := r.client.Delete(ctx, namespace, client.Preconditions{UID: &namespace.UID}); err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	r.recorder.Eventf(cluster, corev1.EventTypeNormal, names.EventReasonRemoveExecutionSpaceSucceed, "Removed execution namespace %s", name)
	return false, nil
}

// namedByBinding reports whether any binding places something in the cluster. A task
// that evicts from it does not count: with its Works there is nothing left to evict.
func (r *reconciler) namedByBinding(ctx context.Context, name string) (bool, error) {
	bindings, err := hub.Bindings(ctx, r.client, client.MatchingFields{hub.IndexBindingByCluster: name})
	if err != nil {
		return false, err
	}
	for _, b := range bindings {
		if targets(b, name) {
			return true, nil
		}
	}
	return false, nil
}

func targets(b workv1alpha2.Binding, cluster string) bool {
	for _, target := range b.GetBindingSpec().Clusters {
		if target.Name == cluster {
			return true
		}
	}
	return false
}
