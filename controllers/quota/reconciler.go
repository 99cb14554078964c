package quota

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/quota"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	client   client.Client
	live     client.Reader
	recorder record.EventRecorder
	clock    clock.PassiveClock
	enforce  bool
}

// Reconcile brings the shares, the ledger and the status of one quota up to date. What fails of them does not
// keep the others.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	q := &policyv1alpha1.FederatedResourceQuota{}
	err := r.client.Get(ctx, req.NamespacedName, q)
	gone := apierrors.IsNotFound(err) || err == nil && q.DeletionTimestamp != nil
	if err != nil && !gone {
		return ctrl.Result{}, err
	}
	works, err := r.works(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if gone {
		return ctrl.Result{}, r.withdraw(ctx, works, nil)
	}
	shared := r.share(ctx, q, works)
	ledger, counted := r.count(ctx, q)
	if counted != nil {
		r.tellFailed(q, names.EventReasonCollectOverallStatusFailed, counted)
		return hub.Result(ctrl.Result{}, errors.Join(shared, counted))
	}
	err = errors.Join(shared, r.report(ctx, q, ledger, works))
	var again ctrl.Result
	if ledger != nil && len(ledger.Pending) > 0 {
		again.RequeueAfter = max(settle, ledger.Lapses().Sub(r.clock.Now()))
	}
	return hub.Result(again, err)
}

// works are the Works of a quota. They are the cache's own.
func (r *reconciler) works(ctx context.Context, key client.ObjectKey) ([]workv1alpha1.Work, error) {
	var list workv1alpha1.WorkList
	if err := r.client.List(ctx, &list, client.MatchingFields{IndexWorkByQuota: key.String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the Works of quota %s: %w", key, err)
	}
	return list.Items, nil
}

// countTries is how often bindings are counted when others are admitted meanwhile.
const countTries = 5

// count brings the ledger up to date with what the bindings use; nil when the whole is not enforced. Q is
// afterwards as the server has it.
func (r *reconciler) count(ctx context.Context, q *policyv1alpha1.FederatedResourceQuota) (*quota.Ledger, error) {
	if !r.enforce {
		return nil, nil
	}
	var bindings workv1alpha2.ResourceBindingList
	if err := r.client.List(ctx, &bindings, client.InNamespace(q.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the bindings of namespace %s: %w", q.Namespace, err)
	}
	counted := make([]quota.Counted, len(bindings.Items))
	for i := range bindings.Items {
		b := &bindings.Items[i]
		counted[i] = quota.Counted{UID: b.UID, Generation: b.Generation, Usage: quota.Usage(&b.Spec)}
	}
	for try := 1; ; try++ {
		before, _ := quota.Read(q)
		after := quota.Recount(before, q.Spec.Overall, counted, r.clock.Now())
		var failed error
		_, err := hub.Patch(ctx, r.client, q, func(q *policyv1alpha1.FederatedResourceQuota) { failed = after.Write(q) })
		if err = errors.Join(failed, err); err == nil {
			return &after, nil
		}
		if !apierrors.IsConflict(err) || try == countTries {
			return nil, err
		}
		fresh := &policyv1alpha1.FederatedResourceQuota{}
		if err := r.live.Get(ctx, client.ObjectKeyFromObject(q), fresh); err != nil {
			return nil, err
		}
		*q = *fresh
	}
}

// report writes the status.
func (r *reconciler) report(ctx context.Context, q *policyv1alpha1.FederatedResourceQuota, ledger *quota.Ledger, works []workv1alpha1.Work) error {
	assigned := quota.Shares(&q.Spec)
	var of []workv1alpha1.Work
	for i := range works {
		cluster, _ := names.ClusterFromExecutionNamespace(works[i].Namespace)
		if _, ok := assigned[cluster]; ok {
			of = append(of, works[i])
		}
	}
	clusters, unread := quota.Aggregate(of)
	before := q.Status.DeepCopy()
	_, err := hub.PatchStatus(ctx, r.client, q, func(q *policyv1alpha1.FederatedResourceQuota) {
		q.Status.Overall = q.Spec.Overall
		q.Status.AggregatedStatus = clusters
		if used := quota.OverallUsed(q.Spec.Overall, ledger, clusters); !equalKeys(used, q.Status.OverallUsed) || !quota.Equal(used, q.Status.OverallUsed) {
			q.Status.OverallUsed = used
		}
	})
	if err != nil && !apierrors.IsConflict(err) {
		r.tellFailed(q, names.EventReasonCollectOverallStatusFailed, err)
		return errors.Join(err, unread)
	}
	if unread != nil {
		r.tellFailed(q, names.EventReasonAggregateStatusFailed, unread)
	}
	if err == nil && !equality.Semantic.DeepEqual(before.AggregatedStatus, q.Status.AggregatedStatus) {
		r.recorder.Eventf(q, corev1.EventTypeNormal, names.EventReasonAggregateStatusSucceed, "Collected the use of its share from %d clusters", len(clusters))
	}
	if err == nil && (!equality.Semantic.DeepEqual(before.Overall, q.Status.Overall) || !equality.Semantic.DeepEqual(before.OverallUsed, q.Status.OverallUsed)) {
		r.recorder.Event(q, corev1.EventTypeNormal, names.EventReasonCollectOverallStatusSucceed, "Collected the overall use")
	}
	return err // what a cluster says wrongly is not cured by looking again
}

func equalKeys(a, b corev1.ResourceList) bool {
	for name := range a {
		if _, ok := b[name]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

// tellFailed records what went wrong; a conflict is not wrong.
func (r *reconciler) tellFailed(q *policyv1alpha1.FederatedResourceQuota, reason string, err error) {
	if !apierrors.IsConflict(err) {
		r.recorder.Event(q, corev1.EventTypeWarning, reason, err.Error())
	}
}

// valid says what admission would have, had it been there.
func valid(q *policyv1alpha1.FederatedResourceQuota) error {
	if errs := validation.ValidateFederatedResourceQuota(q); len(errs) > 0 {
		return fmt.Errorf("no shares are sent to clusters: %w", errs.ToAggregate())
	}
	return nil
}
