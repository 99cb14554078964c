package template

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

type reconciler struct {
	clock       clock.PassiveClock
	client      client.Client
	dynamic     dynamic.Interface
	recorder    record.EventRecorder
	interpreter Interpreter
	// interpretations says whether kinds were explained anew in the life of this process
	interpretations *hub.Interpretations
	rules           *claim.Rules
	watcher         *watcher

	causes   causes
	prepared prepared
	written  written
	// asleep are the templates a lazy policy claimed before they ever had a binding, with the state
	// in which they wait for an edit.
	asleep sync.Map // of Key to claim.Stamp.Edit
}

// Reconcile finds the owner of a template and keeps marks and binding in line with it.
func (r *reconciler) Reconcile(ctx context.Context, key Key) (ctrl.Result, error) {
	why := r.causes.take(key)
	obj, ok := r.watcher.get(key)
	if !ok || r.rules.Skips(key.GroupVersionKind, obj) {
		return ctrl.Result{}, nil
	}
	start := r.clock.Now()
	in, err := r.gather(ctx, key, obj)
	if err == nil {
		in.PolicyChanged = why.policyChanged
		decision := claim.Decide(in)
		matchDuration.Observe(r.clock.Since(start).Seconds())
		err = r.act(ctx, key, obj, decision, why)
	}
	if err != nil {
		r.causes.add(key, why) // it comes back, for the same reason
	}
	return hub.Result(ctrl.Result{}, err)
}

func (r *reconciler) act(ctx context.Context, key Key, obj metav1.Object, d claim.Decision, why cause) error {
	switch d.Action {
	case claim.Release:
		return r.release(ctx, key, obj)
	case claim.Claim, claim.Keep, claim.Preempt:
		return r.applyPolicy(ctx, key, obj, d, why)
	}
	return nil
}

func (r *reconciler) applyPolicy(ctx context.Context, key Key, obj metav1.Object, d claim.Decision, why cause) error {
	start := r.clock.Now()
	changed, err := r.adopt(ctx, key, obj, d, why)
	if apierrors.IsConflict(err) {
		return err // nothing has been decided yet
	}
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
		r.causes.add(key, cause{policyChanged: true})
		keys = append(keys, key)
	}
	r.watcher.add(handler.LowPriority, keys...)
}

// changed notes that a template appeared or was changed. One that is there when the watch begins may
// have had its policy changed in the meantime, or its kind explained in another way.
func (r *reconciler) changed(key Key, initial bool) {
	anew := initial && r.interpretations.Version(key.GroupVersionKind) > 0
	r.causes.add(key, cause{edited: true, policyChanged: initial, reinterpreted: anew})
}

// ofKind are the templates of a kind, which is explained in another way from now on.
func (r *reconciler) ofKind(_ context.Context, kind schema.GroupVersionKind) ([]Key, error) {
	var keys []Key
	for _, t := range r.watcher.candidates(search{GroupVersionKind: kind}) {
		if !r.rules.Skips(kind, t) {
			keys = append(keys, keyOf(kind, t))
		}
	}
	for _, key := range keys {
		r.causes.add(key, cause{reinterpreted: true})
	}
	return keys, nil
}

func (r *reconciler) forget(key Key) {
	r.causes.take(key)
	r.asleep.Delete(key)
	r.written.forget(key)
}

// sleeps says whether a template stays without a binding for now: a lazy policy claimed it, and its
// user has not touched it since.
func (r *reconciler) sleeps(key Key, p *claim.Policy, stamp claim.Stamp, why cause) bool {
	if !p.Lazy() {
		return false
	}
	if !why.edited {
		r.asleep.Store(key, stamp.Edit)
		return true
	}
	edit, ok := r.asleep.Load(key)
	return ok && edit == stamp.Edit
}
