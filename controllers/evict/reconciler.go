package evict

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/evict"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// heldRetry is how soon what is held is judged again: room elsewhere, or the return of a cluster that the
// binding has nothing to do with, wakes nobody here.
const heldRetry = 30 * time.Second

type reconciler struct {
	Options
	client   client.Client
	policies policies.Finder // asked only when a taint evicts
	recorder record.EventRecorder
	empty    func() workv1alpha2.Binding
	timers   *timers
	pace     *pace
}

// Reconcile judges one binding and carries the judgement out.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty() // the cache's own: it is copied before it is changed
	if err := r.client.Get(ctx, req.NamespacedName, b.(client.Object), client.UnsafeDisableDeepCopy); err != nil {
		r.forget(req)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if b.GetDeletionTimestamp() != nil || validation.ValidateReach(b) != nil {
		r.forget(req)
		return ctrl.Result{}, nil // of the latter the binding's condition Rendered tells
	}
	in, err := r.gather(ctx, b, req)
	if err != nil {
		return ctrl.Result{}, err
	}
	decision := evict.Decide(in)
	if decision.Idle() && heldNow(b) == nil {
		r.pace.giveBack(req.NamespacedName)
		return ctrl.Result{RequeueAfter: wait(decision.RetryAt, in.Now)}, nil
	}
	b = b.DeepCopyObject().(workv1alpha2.Binding)
	again, err := r.apply(ctx, req, b, &decision, in.Now)
	if err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	return hub.Result(ctrl.Result{RequeueAfter: again}, hub.TellHeld(ctx, r.client, r.recorder, b, workv1alpha2.ConditionEvictionHeld, "Cluster %s is not left: %s", decision.Held))
}

func (r *reconciler) forget(req ctrl.Request) {
	r.timers.forget(req.NamespacedName)
	r.pace.giveBack(req.NamespacedName)
}

// apply carries the decision out and says when to look again; 0 when only an event can change anything.
func (r *reconciler) apply(ctx context.Context, req ctrl.Request, b workv1alpha2.Binding, d *evict.Decision, now time.Time) (time.Duration, error) {
	to, err := r.place(ctx, b, d)
	if err != nil {
		return 0, err
	}
	var again time.Duration // until the next look
	if len(d.Evict) == 0 {
		r.pace.giveBack(req.NamespacedName)
	} else if again = r.pace.turn(req.NamespacedName, now); again > 0 {
		d.Held = append(d.Held, evict.Hold{Cluster: d.Evict[0].FromCluster, Reason: evict.ReasonPaced,
			Message: d.Evict[0].Message + "; by --resource-eviction-rate its turn comes later"})
		d.Evict = nil
	}
	if len(d.Held) > 0 && again == 0 {
		again = heldRetry
	}
	if w := wait(d.RetryAt, now); w > 0 && (again == 0 || w < again) {
		again = w
	}
	if len(d.Evict) == 0 && len(d.Drop) == 0 && !d.Stamp {
		return again, nil
	}
	if len(d.Evict) > 0 {
		if err := hub.UseAffinity(ctx, r.client, b, to.AffinityName); err != nil {
			return 0, err
		}
	}
	before := b.GetBindingSpec().Clusters
	changed, err := hub.Patch(ctx, r.client, b.(client.Object), func(client.Object) { d.Apply(b.GetBindingSpec(), to.Clusters, now) })
	if changed {
		r.pace.giveBack(req.NamespacedName)
		r.tell(b, d, to.Clusters)
		r.keep(b, d, before, now)
	}
	return again, err
}

// wait is how long it is to a time; 0 when there is none.
func wait(at, now time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(at.Sub(now), time.Millisecond)
}

// place finds where the template goes without the clusters it has to leave. When nothing fits it leaves none:
// a copy that fails, or is not wanted where it is, is better than none. What another scheduler places, or
// nobody for now, it only takes out of the clusters: the tasks keep the copies until there are others.
func (r *reconciler) place(ctx context.Context, b workv1alpha2.Binding, d *evict.Decision) (placement.Result, error) {
	spec := b.GetBindingSpec()
	as := b.GetBindingStatus().SchedulerObservedAffinityName
	if len(d.Evict) == 0 || !placedHere(spec) {
		return placement.Result{Clusters: d.Without(spec.Clusters), AffinityName: as}, nil
	}
	leave := sets.New[string]()
	for _, task := range d.Evict {
		leave.Insert(task.FromCluster)
	}
	to, why, err := r.Place(ctx, b, leave)
	if err != nil {
		return to, fmt.Errorf("place without %v: %w", sets.List(leave), err)
	}
	if why != "" {
		for _, task := range d.Evict {
			d.Held = append(d.Held, evict.Hold{Cluster: task.FromCluster, Reason: failover.ReasonNoClusterFits, Message: task.Message + "; but " + why})
		}
		d.Evict = nil
	}
	return to, nil
}

// placedHere says whether the scheduler of this process places the template.
func placedHere(spec *workv1alpha2.ResourceBindingSpec) bool {
	suspended := spec.Suspension != nil && spec.Suspension.Scheduling != nil && *spec.Suspension.Scheduling
	return (spec.SchedulerName == "" || spec.SchedulerName == policyv1alpha1.DefaultSchedulerName) && spec.Placement != nil && !suspended
}

// tell records what was done.
func (r *reconciler) tell(b workv1alpha2.Binding, d *evict.Decision, to []workv1alpha2.TargetCluster) {
	for _, task := range d.Evict {
		hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadSucceed, "Evicted from cluster %s (%s): %s; placed on %s",
			task.FromCluster, task.PurgeMode, task.Message, placement.Targets(to))
	}
	for _, drop := range d.Drop {
		hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonEvictWorkloadSucceed, "The eviction from cluster %s is complete: %s", drop.Cluster, drop.Message)
	}
}

// keep has the evictions that were written kept as a Decision.
func (r *reconciler) keep(b workv1alpha2.Binding, d *evict.Decision, before []workv1alpha2.TargetCluster, now time.Time) {
	if r.Keep == nil || len(d.Evict) == 0 {
		return
	}
	why := map[string]string{}
	for _, task := range d.Evict {
		why[task.FromCluster] = task.Message
	}
	after := b.GetBindingSpec().Clusters
	r.Keep(decision.Moved(decision.Move{
		Binding: b, Controller: "evict", Cause: d.Evict[0].Reason, Before: before, After: after, Why: why, Now: now,
		Message: "placed on " + placement.Targets(after),
	}), nil)
}

func heldNow(b workv1alpha2.Binding) *metav1.Condition {
	return meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.ConditionEvictionHeld)
}
