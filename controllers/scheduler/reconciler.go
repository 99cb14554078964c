package scheduler

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

const (
	// unplacedRetry looks again at a binding that could not be placed, should no event tell that it can.
	unplacedRetry = 5 * time.Minute
	// catchUp is how long the cache is given to show what was written.
	catchUp = 20 * time.Millisecond
	// overtaken is how often a decision may be overtaken by others before it is made alone.
	overtaken = 3
)

type reconciler struct {
	client   client.Client
	live     client.Reader
	recorder record.EventRecorder
	placer   *Placer
	record   RecordFunc
	clock    clock.PassiveClock
	name     string
	empty    func() workv1alpha2.Binding
	own      *own
	returns  *returns
	refusals *refusals
	policies policies.Finder
	// failback is how long an earlier affinity group must be stable by default; 0 turns failback off.
	failback time.Duration
}

// Reconcile places a binding when that is due.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty() // the cache's own: it is copied before it is changed
	if err := r.client.Get(ctx, req.NamespacedName, b.(client.Object), client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.mine(b) {
		return ctrl.Result{}, nil
	}
	if r.own.behind(req.NamespacedName, b.GetResourceVersion()) {
		return ctrl.Result{RequeueAfter: catchUp}, nil
	}
	clusters, err := r.placer.clusters.now(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	within, err := r.placer.enclosure(ctx, b, clusters)
	if err != nil {
		return ctrl.Result{}, err
	}
	cause := placement.Due(b.GetBindingSpec(), b.GetBindingStatus(), b.GetAnnotations()[names.AppliedPlacementAnnotation], clusters.terminating, within.outside)
	again, done, err := r.goBack(ctx, b, cause, within)
	if done || err != nil {
		return result(again, true, err)
	}
	if cause == placement.NotDue {
		return hub.Result(again, r.observe(ctx, b, within))
	}
	fits, err := r.place(ctx, b, cause, request{binding: b, spec: b.GetBindingSpec(), status: b.GetBindingStatus()}, nil)
	return result(again, fits, err)
}

// result says when to look again. What a quota had no room for is woken when it has, and until then is
// like anything else that could not be placed.
func result(again ctrl.Result, fits bool, err error) (ctrl.Result, error) {
	switch {
	case errors.Is(err, errRoomAgain):
		return ctrl.Result{RequeueAfter: catchUp}, nil
	case errors.Is(err, errNoQuota):
		fits, err = false, nil
	}
	if !fits && (again.RequeueAfter == 0 || again.RequeueAfter > unplacedRetry) {
		again.RequeueAfter = unplacedRetry
	}
	return hub.Result(again, err)
}

var (
	// errNoQuota: a quota has no room for what was decided.
	errNoQuota = errors.New("the placement waits for a quota")
	// errRoomAgain: it had none, and has had some since.
	errRoomAgain = errors.New("a quota has room again")
)

// place makes a decision and writes it. Amend, when it is not nil, changes what placement came to.
func (r *reconciler) place(ctx context.Context, b workv1alpha2.Binding, cause placement.Cause, req request, amend func(*decision)) (fits bool, err error) {
	start := r.clock.Now()
	d, err := r.decide(ctx, b, req, amend)
	if err != nil {
		return false, err
	}
	algorithm.WithLabelValues("Place").Observe(r.clock.Since(start).Seconds())
	err = r.apply(ctx, b, cause, &d)
	count(cause, r.clock.Since(start), d.diagnosis.Fits() && err == nil)
	if err == nil && r.record != nil {
		r.record(b, cause, d.input, d.result, d.diagnosis)
	}
	return d.diagnosis.Fits(), err
}

// decide makes a decision and commits it.
func (r *reconciler) decide(ctx context.Context, b workv1alpha2.Binding, req request, amend func(*decision)) (decision, error) {
	return r.placer.committed(ctx, b, req, amend, r.clock.Now)
}

// mine says whether this scheduler places the binding at all. One without a placement follows other
// bindings; one that speaks of what it may not is nobody's, as its condition Rendered tells.
func (r *reconciler) mine(b workv1alpha2.Binding) bool {
	name := b.GetBindingSpec().SchedulerName
	if name == "" {
		name = policyv1alpha1.DefaultSchedulerName
	}
	return b.GetDeletionTimestamp() == nil && name == r.name && b.GetBindingSpec().Placement != nil &&
		claim.Claimed(b) && !claim.Suspended(b) && validation.ValidateReach(b) == nil
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
	var out []types.NamespacedName
	for _, b := range bindings {
		if r.global() == (b.GetNamespace() == "") {
			out = append(out, keyOf(b))
		}
	}
	return out
}

func (r *reconciler) global() bool {
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	return global
}
