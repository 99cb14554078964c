package template

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	client      client.Client
	dynamic     dynamic.Interface
	recorder    record.EventRecorder
	interpreter Interpreter
	rules       *claim.Rules
	watcher     *watcher

	// touched are the templates queued because a policy changed, not they themselves.
	touched sync.Map // of Key
	// asleep are the templates a lazy policy claimed before they ever had a binding, with the state
	// in which they wait for an edit.
	asleep sync.Map // of Key to claim.Stamp
}

// Reconcile finds the owner of a template and keeps marks and binding in line with it.
func (r *reconciler) Reconcile(ctx context.Context, key Key) (ctrl.Result, error) {
	obj, ok := r.watcher.get(key)
	if !ok || r.rules.Skips(key.GroupVersionKind, obj) {
		return ctrl.Result{}, nil
	}
	start := time.Now()
	in, err := r.gather(ctx, key, obj)
	if err != nil {
		return hub.Result(ctrl.Result{}, err)
	}
	decision := claim.Decide(in)
	matchDuration.Observe(time.Since(start).Seconds())

	err = r.apply(ctx, key, obj, decision)
	return hub.Result(ctrl.Result{}, err)
}

func (r *reconciler) apply(ctx context.Context, key Key, obj metav1.Object, d claim.Decision) error {
	switch d.Action {
	case claim.Wait, claim.Hold:
		return nil
	case claim.Release:
		return r.release(ctx, key, obj)
	}
	_, touched := r.touched.LoadAndDelete(key)
	start := time.Now()
	changed, err := r.adopt(ctx, key, obj, d, touched)
	if err != nil && touched {
		r.touched.Store(key, struct{}{})
	}
	r.tell(key, obj, d, changed, err)
	if changed || err != nil {
		applyDuration.Observe(time.Since(start).Seconds())
	}
	return err
}

// wake queues templates that a policy concerns. What users do goes first.
func (r *reconciler) wake(templates []claim.Template) {
	keys := make([]Key, 0, len(templates))
	for _, t := range templates {
		key := keyOf(t.GVK, t)
		r.touched.Store(key, struct{}{})
		keys = append(keys, key)
	}
	r.watcher.add(lowPriority, keys...)
}

func (r *reconciler) forget(key Key) {
	r.touched.Delete(key)
	r.asleep.Delete(key)
}

// sleeps says whether a template stays without a binding for now: a lazy policy claimed it, and its
// user has not touched it since.
func (r *reconciler) sleeps(key Key, p policyv1alpha1.Propagation, stamp claim.Stamp, touched bool) bool {
	if !claim.Lazy(p) {
		return false
	}
	if touched {
		r.asleep.Store(key, stamp.Edit)
		return true
	}
	edit, ok := r.asleep.Load(key)
	return ok && edit == stamp.Edit
}
