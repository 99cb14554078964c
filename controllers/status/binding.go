package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/hub"
)

// bindingReconciler gathers the Works of a binding into its status, and that into the template's.
type bindingReconciler struct {
	client client.Client
	// live reads templates, which are not cached
	live        client.Reader
	bindings    *fresh.Reader
	recorder    record.EventRecorder
	interpreter *interpret.Interpreter
	// interpretations says by which version of the interpreter a status was made
	interpretations *hub.Interpretations
	pace            *pacer
	empty           func() workv1alpha2.Binding
	global          bool

	// settled remembers, as a hash, from what the template's status was last made, so that templates
	// are not read for nothing.
	mu      sync.Mutex
	settled map[reconcile.Request]uint64
	// opened is since when reports are waited for.
	opened map[reconcile.Request]time.Time
}

// Reconcile gathers the status of one binding.
func (r *bindingReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	b := r.empty()
	if err := r.bindings.Get(ctx, req.NamespacedName, b); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if b.GetDeletionTimestamp() != nil || validation.ValidateReach(b) != nil {
		return ctrl.Result{}, nil // of the latter the condition Rendered tells
	}
	list, err := works.Of(ctx, r.client, b)
	if err != nil {
		return ctrl.Result{}, err
	}
	if len(list) == 0 && neverPlaced(b) {
		return ctrl.Result{}, nil
	}
	ready, err := r.readiness(ctx, list)
	if err != nil {
		return ctrl.Result{}, err
	}
	items := aggregate.Items(list, func(cluster string) bool { return ready[cluster] })
	tooLarge := aggregate.FitItems(items)
	if wait := r.wait(req, aggregate.Open(b.GetBindingSpec(), items, func(cluster string) bool { return ready[cluster] })); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if left := r.pace.left(req); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	if tooLarge != nil {
		r.tell(b, "Warning", names.EventReasonAggregateStatusFailed, tooLarge.Error())
	}
	b, err = r.writeBinding(ctx, req, b, items)
	if err != nil {
		return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
	}
	return hub.Result(ctrl.Result{}, r.writeTemplate(ctx, req, b, items))
}

// patience is how long reports that are open are waited for. They come one by one and soon; to write
// each of them would be several writes for one piece of news. While some stay open, what is known by
// then is written at this pace.
const patience = 2 * time.Second

// wait says how long to wait for reports that are still open; 0 when there are none, or long enough
// has been waited for them. The report that is the last wakes the binding at once.
func (r *bindingReconciler) wait(req ctrl.Request, open bool) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !open {
		delete(r.opened, req)
		return 0
	}
	since, ok := r.opened[req]
	if !ok {
		since = r.pace.clock.Now()
		r.opened[req] = since
	}
	return max(0, patience-r.pace.clock.Since(since))
}

// wrote begins the window, and the patience with what is still open.
func (r *bindingReconciler) wrote(req ctrl.Request, began time.Time) {
	r.pace.wrote(req, began)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, open := r.opened[req]; open {
		r.opened[req] = r.pace.clock.Now()
	}
}

// neverPlaced says whether there is nothing to tell yet, not even that there is nothing.
func neverPlaced(b workv1alpha2.Binding) bool {
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	return len(spec.Clusters)+len(spec.RequiredBy) == 0 && len(status.AggregatedStatus) == 0 &&
		status.SchedulerObservedGeneration != b.GetGeneration() &&
		meta.FindStatusCondition(status.Conditions, workv1alpha2.FullyApplied) == nil
}

// readiness says which of the Works' clusters answer. One that does not exist does not.
func (r *bindingReconciler) readiness(ctx context.Context, list []workv1alpha1.Work) (map[string]bool, error) {
	out := make(map[string]bool, len(list))
	for i := range list {
		name, ok := names.ClusterFromExecutionNamespace(list[i].Namespace)
		if !ok {
			continue
		}
		cluster := &clusterv1alpha1.Cluster{}
		err := r.client.Get(ctx, types.NamespacedName{Name: name}, cluster, client.UnsafeDisableDeepCopy)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("read cluster %q: %w", name, err)
		}
		out[name] = err == nil && ready(cluster)
	}
	return out, nil
}

// writeBinding writes the binding's status if it changed, and returns the binding as it is then.
func (r *bindingReconciler) writeBinding(ctx context.Context, req ctrl.Request, b workv1alpha2.Binding, items []workv1alpha2.AggregatedStatusItem) (workv1alpha2.Binding, error) {
	condition := aggregate.FullyApplied(b.GetBindingSpec(), items)
	before := meta.FindStatusCondition(b.GetBindingStatus().Conditions, workv1alpha2.FullyApplied)
	b = b.DeepCopyObject().(workv1alpha2.Binding) // the one that was read is the cache's
	began := r.pace.clock.Now()
	changed, err := hub.PatchStatus(ctx, r.client, b, func(b workv1alpha2.Binding) {
		status := b.GetBindingStatus()
		if !sameItems(status.AggregatedStatus, items) {
			status.AggregatedStatus = items
		}
		if !told(status.Conditions, condition) {
			hub.SetCondition(&status.Conditions, b.GetGeneration(), condition)
		}
	})
	if err != nil || !changed {
		return b, err
	}
	r.bindings.Wrote(b)
	r.wrote(req, began)
	if before == nil || before.Status != condition.Status {
		r.tell(b, "Normal", names.EventReasonAggregateStatusSucceed, "Aggregated the status of all clusters: "+condition.Message)
	}
	return b, nil
}

// told says whether the conditions say it already. A new generation for which the same holds is not
// worth a write of its own: Works, scheduler and template have generations that say more.
func told(conditions []metav1.Condition, c metav1.Condition) bool {
	present := meta.FindStatusCondition(conditions, c.Type)
	return present != nil && present.Status == c.Status && present.Reason == c.Reason && present.Message == c.Message
}

func sameItems(a, b []workv1alpha2.AggregatedStatusItem) bool {
	return slices.EqualFunc(a, b, func(a, b workv1alpha2.AggregatedStatusItem) bool {
		return a.ClusterName == b.ClusterName && a.Applied == b.Applied && a.AppliedMessage == b.AppliedMessage &&
			a.Health == b.Health && aggregate.SameJSON(a.Status, b.Status)
	})
}

// writeTemplate writes the template's status if what it is made of changed and it comes out otherwise.
func (r *bindingReconciler) writeTemplate(ctx context.Context, req ctrl.Request, b workv1alpha2.Binding, items []workv1alpha2.AggregatedStatusItem) error {
	spec := b.GetBindingSpec()
	ref := spec.Resource
	template := &unstructured.Unstructured{}
	template.SetAPIVersion(ref.APIVersion)
	template.SetKind(ref.Kind)
	if !r.interpreter.Handles(template.GroupVersionKind(), configv1alpha1.InterpreterOperationAggregateStatus) {
		return nil
	}
	counted := aggregate.Counted(spec, items)
	if len(counted) == 0 && b.GetBindingStatus().SchedulerObservedGeneration != b.GetGeneration() {
		return nil // it is about to be placed
	}
	made, err := hashOf(b, counted, r.interpretations.Version(template.GroupVersionKind()))
	if err != nil || r.isSettled(req, made) {
		return err
	}
	err = r.live.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, template)
	if apierrors.IsNotFound(err) {
		return nil // the binding goes with it
	}
	if err != nil {
		return fmt.Errorf("read the template %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	if override.Verify(template, ref) != nil {
		return nil // a kind without namespaces, of which a binding with one does not speak
	}
	aggregated, err := r.interpreter.AggregateStatus(template, counted)
	if err != nil {
		r.tell(b, "Warning", names.EventReasonAggregateStatusFailed, err.Error())
		if errors.Is(err, interpret.ErrUnanswered) {
			return err
		}
		return reconcile.TerminalError(err) // the same again until an item changes
	}
	if aggregated != template {
		began := r.pace.clock.Now()
		_, err := hub.PatchStatus(ctx, r.client, template, func(t *unstructured.Unstructured) { t.Object["status"] = aggregated.Object["status"] })
		if apierrors.IsInvalid(err) || apierrors.IsRequestEntityTooLargeError(err) {
			r.tell(b, "Warning", names.EventReasonAggregateStatusFailed, err.Error())
			return reconcile.TerminalError(err)
		}
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		r.pace.wrote(req, began)
	}
	r.settle(req, made)
	return nil
}

// hashOf identifies what a template's status is made of.
func hashOf(b workv1alpha2.Binding, counted []workv1alpha2.AggregatedStatusItem, interpretation uint64) (uint64, error) {
	hash := fnv.New64a()
	err := json.NewEncoder(hash).Encode(struct {
		UID            types.UID
		Generation     int64
		Items          []workv1alpha2.AggregatedStatusItem
		Interpretation uint64
	}{b.GetUID(), b.GetGeneration(), counted, interpretation})
	return hash.Sum64(), err
}

func (r *bindingReconciler) isSettled(req ctrl.Request, hash uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	present, ok := r.settled[req]
	return ok && present == hash
}

func (r *bindingReconciler) settle(req ctrl.Request, hash uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled[req] = hash
}

func (r *bindingReconciler) forget(req ctrl.Request) {
	r.pace.forget(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.settled, req)
	delete(r.opened, req)
}

// tell records an event on the binding and on its template.
func (r *bindingReconciler) tell(b workv1alpha2.Binding, kind, reason, message string) {
	hub.Tell(r.recorder, b, kind, reason, "%s", hub.Brief(message))
}
