package remedy

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/remedy"
	"github.com/seaway-io/seaway/controllers/hub"
)

// reasonIgnored is the reason of the event on a Remedy that makes no sense.
const reasonIgnored = "RemedyIgnored"

type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
}

// Reconcile writes the actions of one cluster.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := r.client.Get(ctx, req.NamespacedName, cluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cluster.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	remedies, err := r.remedies(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	actions := remedy.Actions(cluster, remedies)
	if slices.Equal(cluster.Status.RemedyActions, actions) {
		return ctrl.Result{}, nil
	}
	_, err = hub.PatchStatus(ctx, r.client, cluster, func(c *clusterv1alpha1.Cluster) { c.Status.RemedyActions = actions })
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// remedies are those that make sense. They are the cache's own.
func (r *reconciler) remedies(ctx context.Context) ([]*remedyv1alpha1.Remedy, error) {
	var list remedyv1alpha1.RemedyList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Remedies: %w", err)
	}
	var out []*remedyv1alpha1.Remedy
	for i := range list.Items {
		x := &list.Items[i]
		if errs := validation.ValidateRemedy(x); len(errs) > 0 {
			r.recorder.Eventf(x, corev1.EventTypeWarning, reasonIgnored, "Nothing is done for this Remedy: %v", errs.ToAggregate())
			continue
		}
		out = append(out, x)
	}
	return out, nil
}
