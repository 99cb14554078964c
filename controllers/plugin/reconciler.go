package plugin

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/plugin"
	"github.com/seaway-io/seaway/controllers/hub"
)

// tokenEvery is how often the token of an endpoint is read again.
const tokenEvery = time.Minute

// reconciler takes PlacementPlugins into use and says in their status how they do.
type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
	advisor  *Advisor
	clock    clock.PassiveClock
}

// Reconcile looks at one plugin: after it was changed, when there is news of it, and every minute when
// it has a token.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	p := &trafficv1alpha1.PlacementPlugin{}
	if err := r.client.Get(ctx, req.NamespacedName, p); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.advisor.drop(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	alg := r.advisor.put(ctx, p)
	now := r.clock.Now()
	before := meta.FindStatusCondition(p.Status.Conditions, trafficv1alpha1.ConditionPluginReady).DeepCopy()
	state := alg.state(now, before, p.Generation)
	_, err := hub.PatchStatus(ctx, r.client, p, func(p *trafficv1alpha1.PlacementPlugin) {
		hub.SetCondition(&p.Status.Conditions, p.Generation, accepted(alg.refused))
		hub.SetCondition(&p.Status.Conditions, p.Generation, condition(state))
	})
	if err != nil {
		return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
	}
	r.tell(p, before, state)
	again := alg.told(now, state)
	if h := p.Spec.HTTP; h != nil && h.TokenSecretRef != nil && (again == 0 || again > tokenEvery) {
		again = tokenEvery
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

func accepted(refused plugin.State) metav1.Condition {
	if refused.Reason != "" {
		return metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse, Reason: refused.Reason, Message: refused.Message}
	}
	return metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: trafficv1alpha1.ReasonAccepted, Message: "its spec can be used"}
}

func condition(s plugin.State) metav1.Condition {
	status := metav1.ConditionFalse
	if s.Ready {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{Type: trafficv1alpha1.ConditionPluginReady, Status: status, Reason: s.Reason, Message: s.Message}
}

// tell counts the state, and makes an event of it when the plugin has come into or out of use.
func (r *reconciler) tell(p *trafficv1alpha1.PlacementPlugin, before *metav1.Condition, s plugin.State) {
	if s.Ready {
		ready.WithLabelValues(p.Name).Set(1)
	} else {
		ready.WithLabelValues(p.Name).Set(0)
	}
	wasReady := before == nil || before.Status == metav1.ConditionTrue
	switch {
	case wasReady && !s.Ready:
		r.recorder.Event(p, corev1.EventTypeWarning, trafficv1alpha1.EventPluginPassedOver, s.Message)
	case !wasReady && s.Ready:
		r.recorder.Event(p, corev1.EventTypeNormal, trafficv1alpha1.EventPluginInUse, s.Message)
	}
}

// state is what the condition Ready should say. Nobody has asked the plugin yet after a start of this
// process: then what was found out before it holds.
func (a *algorithm) state(now time.Time, before *metav1.Condition, generation int64) plugin.State {
	if a.refused.Reason != "" {
		return plugin.State{Reason: trafficv1alpha1.ReasonPluginNotAccepted, Message: "decisions pass it over: see the condition " + trafficv1alpha1.ConditionAccepted}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unavailable != "" {
		return plugin.State{Reason: trafficv1alpha1.ReasonPluginSecretUnavailable, Message: "decisions pass it over: " + a.unavailable}
	}
	if !a.health.Asked() && before != nil && before.ObservedGeneration == generation &&
		(before.Reason == trafficv1alpha1.ReasonPluginSlow || before.Reason == trafficv1alpha1.ReasonPluginFailing) {
		return plugin.State{Reason: before.Reason, Message: before.Message}
	}
	s, _ := a.health.State(now)
	return s
}

// told notes that the status says so, and returns in how long it has to be looked at again.
func (a *algorithm) told(now time.Time, s plugin.State) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.health.Told(now, s)
	return a.health.Recheck(now)
}
