package cluster

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

// worthALook passes what the reconciler acts on: the spec, the finalizers, the start of
// a deletion, and the condition Ready. Everything else in a status changes often.
func worthALook() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		return before.Generation != after.Generation ||
			!equality.Semantic.DeepEqual(before.Finalizers, after.Finalizers) ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			readyStatus(before) != readyStatus(after)
	}}
}

func readyStatus(c *clusterv1alpha1.Cluster) metav1.ConditionStatus {
	if ready := readyCondition(c); ready != nil {
		return ready.Status
	}
	return ""
}

func readyCondition(c *clusterv1alpha1.Cluster) *metav1.Condition {
	return meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
}

// credentials passes Secrets in the namespace joins write them to. A Secret elsewhere
// is read when its Cluster is reconciled for another reason.
func credentials() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(obj client.Object) bool {
		return obj.GetNamespace() == names.ClusterNamespace
	})
}

// usersOfSecret maps a Secret to the Clusters that refer to it.
func (r *reconciler) usersOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters); err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range clusters.Items {
		c := &clusters.Items[i]
		if ref := c.Spec.SecretRef; ref != nil && ref.Namespace == secret.GetNamespace() && ref.Name == secret.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: key(c.Name)})
		}
	}
	return requests
}

// retryDelays are short: a Cluster that cannot be reconciled is not usable.
func retryDelays() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](100*time.Millisecond, 10*time.Second)
}
