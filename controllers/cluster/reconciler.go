package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/member"
)

type reconciler struct {
	client   client.Client
	reader   client.Reader // not cached: Secrets are read one at a time
	members  *member.Pool
	recorder record.EventRecorder
}

// Reconcile brings one Cluster's surroundings in line with it.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := r.client.Get(ctx, req.NamespacedName, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.Name)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, err
	}
	if !cluster.DeletionTimestamp.IsZero() {
		return hub.Result(r.remove(ctx, cluster))
	}
	if err := r.mark(ctx, cluster); err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	if err := r.createExecutionNamespace(ctx, cluster); err != nil {
		return ctrl.Result{}, err
	}
	return hub.Result(ctrl.Result{}, r.connect(ctx, cluster))
}

// mark puts the finalizer and the taints that the condition Ready asks for.
func (r *reconciler) mark(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	taints := corecluster.Taints(cluster.Spec.Taints, readyCondition(cluster))
	tainted := !equality.Semantic.DeepEqual(taints, cluster.Spec.Taints)
	_, err := hub.Patch(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) {
		controllerutil.AddFinalizer(c, names.ClusterFinalizer)
		c.Spec.Taints = taints
	})
	switch {
	case err != nil && tainted && !apierrors.IsConflict(err):
		r.recorder.Event(cluster, corev1.EventTypeWarning, names.EventReasonTaintClusterFailed, err.Error())
	case err == nil && tainted:
		r.recorder.Eventf(cluster, corev1.EventTypeNormal, names.EventReasonTaintClusterSucceed, "Taints follow the condition Ready, which is %s", describe(readyCondition(cluster)))
	}
	return err
}

func describe(ready *metav1.Condition) string {
	if ready == nil {
		return "not known yet"
	}
	return string(ready.Status)
}

func (r *reconciler) createExecutionNamespace(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	name := names.ExecutionNamespace(cluster.Name)
	namespace := &corev1.Namespace{}
	err := r.client.Get(ctx, key(name), namespace)
	if err == nil {
		if namespace.DeletionTimestamp.IsZero() {
			return nil
		}
		// A cluster of this name was just removed; its namespace must be gone before
		// this one can have its own.
		return fmt.Errorf("namespace %s of an earlier cluster of this name is still being deleted", name)
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	namespace = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   name,
		Labels: map[string]string{names.SystemLabel: "true"},
	}}
	if err := r.client.Create(ctx, namespace); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return nil // the cache is behind
		}
		r.recorder.Event(cluster, corev1.EventTypeWarning, names.EventReasonCreateExecutionSpaceFailed, err.Error())
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	r.recorder.Eventf(cluster, corev1.EventTypeNormal, names.EventReasonCreateExecutionSpaceSucceed, "Created execution namespace %s", name)
	return nil
}

// connect makes the connection of a push cluster, anew when its spec or its Secret
// changed. A cluster that cannot be connected is not Ready, for a reason that names the
// field; its next edit brings it back here.
func (r *reconciler) connect(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	if cluster.Spec.SyncMode != clusterv1alpha1.Push {
		r.members.Remove(cluster.Name)
		return nil
	}
	secret, err := r.secret(ctx, cluster)
	if err != nil {
		return err
	}
	if err := r.members.Set(cluster, secret); err != nil {
		r.members.Remove(cluster.Name)
		_, err = hub.PatchStatus(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) {
			hub.SetCondition(&c.Status.Conditions, c.Generation, corecluster.NotConnectable(err.Error()))
		})
		return err
	}
	return nil
}

// secret returns the credentials of a cluster, nil when there are none.
func (r *reconciler) secret(ctx context.Context, cluster *clusterv1alpha1.Cluster) (*corev1.Secret, error) {
	ref := cluster.Spec.SecretRef
	if ref == nil {
		return nil, nil
	}
	secret := &corev1.Secret{}
	err := r.reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	return secret, nil
}

// forget drops what the process holds of a cluster that is gone.
func (r *reconciler) forget(name string) {
	r.members.Remove(name)
	dropMetrics(name)
}
