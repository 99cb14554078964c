package scheduler

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// unschedulableRetry looks again at a binding that lacked room, should no cluster report a change.
const unschedulableRetry = 5 * time.Minute

type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
	placer   *Placer
	clock    clock.PassiveClock
	name     string
	empty    func() workv1alpha2.Binding
}

// Reconcile places a binding when that is due.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty()
	if err := r.client.Get(ctx, req.NamespacedName, b.(client.Object)); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.mine(b) {
		return ctrl.Result{}, nil
	}
	clusters, err := r.placer.clusters.now(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	cause := placement.Due(b.GetBindingSpec(), b.GetBindingStatus(), b.GetAnnotations()[names.AppliedPlacementAnnotation], clusters.terminating)
	if cause == placement.NotDue {
		return hub.Result(ctrl.Result{}, r.observe(ctx, b))
	}
	start := r.clock.Now()
	result, diagnosis, err := r.placer.Place(ctx, b, nil, false)
	if err != nil {
		return ctrl.Result{}, err
	}
	algorithm.WithLabelValues("Place").Observe(r.clock.Since(start).Seconds())

	err = r.apply(ctx, b, cause, result, &diagnosis)
	count(cause, r.clock.Since(start), diagnosis.Fits() && err == nil)
	if diagnosis.Reason == workv1alpha2.ReasonUnschedulable {
		return hub.Result(ctrl.Result{RequeueAfter: unschedulableRetry}, err)
	}
	return hub.Result(ctrl.Result{}, err)
}

// mine says whether this scheduler places the binding at all. One without a placement follows other
// bindings.
func (r *reconciler) mine(b workv1alpha2.Binding) bool {
	name := b.GetBindingSpec().SchedulerName
	if name == "" {
		name = policyv1alpha1.DefaultSchedulerName
	}
	return b.GetDeletionTimestamp() == nil && name == r.name && b.GetBindingSpec().Placement != nil &&
		claim.Claimed(b) && !claim.Suspended(b)
}

// adopted says whether a binding became a scheduler's concern without a change of its spec.
func adopted(before, after workv1alpha2.Binding) bool {
	return !claim.Claimed(before) && claim.Claimed(after)
}

func count(cause placement.Cause, took time.Duration, success bool) {
	result := "scheduled"
	if !success {
		result = "error"
	}
	attempts.WithLabelValues(result, string(cause)).Inc()
	duration.WithLabelValues(result, string(cause)).Observe(took.Seconds())
}

// targetedAt are the bindings of this kind that are placed in a cluster, or are leaving it.
func (r *reconciler) targetedAt(ctx context.Context, cluster string) []types.NamespacedName {
	bindings, err := hub.Bindings(ctx, r.client, client.MatchingFields{hub.IndexBindingByCluster: cluster})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the bindings of a cluster that is being deleted", "cluster", cluster)
		return nil
	}
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	var out []types.NamespacedName
	for _, b := range bindings {
		if global == (b.GetNamespace() == "") {
			out = append(out, types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()})
		}
	}
	return out
}
