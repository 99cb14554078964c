package template

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	clock       clock.PassiveClock
	client      client.Client
	dynamic     dynamic.Interface
	recorder    record.EventRecorder
	interpreter Interpreter
	rules       *claim.Rules
	watcher     *watcher

	// causes are the templates queued because of a policy, not because of an edit.
	causes sync.Map // of Key to cause
	// asleep are the templates a lazy policy claimed before they ever had a binding, with the state
	// in which they wait for an edit.
	asleep sync.Map // of Key to claim.Stamp.Edit
}

// cause is why a template was queued.
type cause int

const (
	// edited: its user did something.
	edited cause = iota
	// seenAgain: after a restart. Its policy may have changed in the meantime.
	seenAgain
	// policyChanged: a policy changed, the template did not.
	policyChanged
)

// Reconcile finds the owner of a template and keeps marks and binding in line with it.
func (r *reconciler) Reconcile(ctx context.Context, key Key) (ctrl.Result, error) {
	why := edited
	if c, ok := r.causes.LoadAndDelete(key); ok {
		why = c.(cause)
	}
	obj, ok := r.watcher.get(key)
	if !ok || r.rules.Skips(key.GroupVersionKind, obj) {
		return ctrl.Result{}, nil
	}
	start := r.clock.Now()
	in, err := r.gather(ctx, key, obj)
	if err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	in.PolicyChanged = why != edited
	decision := claim.Decide(in)
	matchDuration.Observe(r.clock.Since(start).Seconds())

	switch decision.Action {
	case claim.Release:
		err = r.release(ctx, key, obj)
	case claim.Claim, claim.Keep, claim.Preempt:
		err = r.applyPolicy(ctx, key, obj, decision, why)
	}
	if err != nil && why != edited {
		r.causes.Store(key, why)
	}
	return hub.Result(ctrl.Result{}, err)
}

func (r *reconciler) applyPolicy(ctx context.Context, key Key, obj metav1.Object, d claim.Decision, why cause) error {
	start := r.clock.Now()
	changed, err := r.adopt(ctx, key, obj, d, why)
	if changed || err != nil {
		applyDuration.Observe(r.clock.Since(start).Seconds())
		r.tell(key, obj, d, err)
	}
	return err
}

// wake queues templates that a change of a policy concerns. What users do goes first.
func (r *reconciler) wake(templates []claim.Template) {
	keys := make([]Key, 0, len(templates))
	for _, t := range templates {
		key := keyOf(t.GVK, t)
		r.causes.Store(key, policyChanged)
		keys = append(keys, key)
	}
	r.watcher.add(handler.LowPriority, keys...)
}

// seen notes a template that is there when the watch begins.
func (r *reconciler) seen(key Key, obj metav1.Object) {
	if _, claimed := claim.MarksOf(obj); claimed {
		r.causes.LoadOrStore(key, seenAgain)
	}
}

func (r *reconciler) forget(key Key) {
	r.causes.Delete(key)
	r.asleep.Delete(key)
}

// sleeps says whether a template stays without a binding for now: a lazy policy claimed it, and its
// user has not touched it since.
func (r *reconciler) sleeps(key Key, p policyv1alpha1.Propagation, stamp claim.Stamp, why cause) bool {
	if !claim.Lazy(p) {
		return false
	}
	if why == policyChanged {
		r.asleep.Store(key, stamp.Edit)
		return true
	}
	edit, ok := r.asleep.Load(key)
	return ok && edit == stamp.Edit
}
