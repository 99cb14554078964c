package taint

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/taint"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
	clock    clock.PassiveClock
	// allowNoExecute is that of Options.
	allowNoExecute bool
}

// Reconcile writes the taints of one cluster.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := r.client.Get(ctx, req.NamespacedName, cluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cluster.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	policies, err := r.policies(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	taints := taint.Taints(cluster, policies, r.clock.Now())
	if taint.Equal(cluster.Spec.Taints, taints) {
		return ctrl.Result{}, nil
	}
	_, err = hub.Patch(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) { c.Spec.Taints = taints })
	switch {
	case err == nil:
		r.recorder.Eventf(cluster, corev1.EventTypeNormal, names.EventReasonTaintClusterSucceed, "Taints follow the conditions, as ClusterTaintPolicies ask: %s", text(taints))
	case !apierrors.IsConflict(err):
		r.recorder.Event(cluster, corev1.EventTypeWarning, names.EventReasonTaintClusterFailed, err.Error())
	}
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// policies are those that admission would let through. They are the cache's own.
func (r *reconciler) policies(ctx context.Context) ([]*policyv1alpha1.ClusterTaintPolicy, error) {
	var list policyv1alpha1.ClusterTaintPolicyList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list ClusterTaintPolicies: %w", err)
	}
	var out []*policyv1alpha1.ClusterTaintPolicy
	for i := range list.Items {
		p := &list.Items[i]
		if errs := validation.ValidateClusterTaintPolicy(p, r.allowNoExecute); len(errs) > 0 {
			r.recorder.Eventf(p, corev1.EventTypeWarning, names.EventReasonTaintClusterFailed, "Nothing is done for this policy: %v", errs.ToAggregate())
			continue
		}
		out = append(out, p)
	}
	return out, nil
}

func text(taints []corev1.Taint) string {
	if len(taints) == 0 {
		return "none"
	}
	parts := make([]string, len(taints))
	for i := range taints {
		parts[i] = taints[i].ToString()
	}
	return strings.Join(parts, ", ")
}
