package traffic

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/demand"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/leader"
)

// cachePause lets the cache catch up with a plan that was made or deleted a moment ago.
const cachePause = 20 * time.Millisecond

// endpoints is the part of a discovery.Table that is asked.
type endpoints interface {
	Lookup(cluster, namespace, service string) (discovery.Endpoint, bool)
}

// verdicts is the part of a health.View that is asked.
type verdicts interface {
	Verdict(plan types.NamespacedName, cluster string) health.Opinion
	VantagePoints() int
	PlanGenerations(plan types.NamespacedName) map[string]int64
	ZoneGenerations(domain string) map[string]int64
	Problems(object trafficv1alpha1.ZoneObject) []trafficv1alpha1.ZoneProblem
}

// policies makes the plans.
type policies struct {
	client    client.Client
	clock     clock.PassiveClock
	recorder  record.EventRecorder
	endpoints endpoints
	health    verdicts
	demand    *demand.Table
	decisions *decisions
	term      term
	atlas     traffic.Atlas
}

// lateRetry is how soon a planner looks again that found itself too late. It mostly ends before, since
// it does not lead any more.
const lateRetry = 10 * time.Second

// Reconcile plans for one policy.
func (r *policies) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	g, err := r.gather(ctx, req.NamespacedName)
	if err != nil || g == nil {
		return ctrl.Result{}, err
	}
	out := traffic.Plan(g.input)
	if err := r.applyPlan(ctx, g, out); err != nil {
		if errors.Is(err, leader.ErrNotLeading) {
			ctrl.LoggerFrom(ctx).Info("not written", "reason", err.Error())
			return ctrl.Result{RequeueAfter: lateRetry}, nil
		}
		if apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) { // a moment ago; the cache is behind
			return ctrl.Result{RequeueAfter: cachePause}, nil
		}
		return hub.Result(ctrl.Result{}, err)
	}
	if err := r.applyStatus(ctx, g, out); err != nil {
		return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
	}
	return ctrl.Result{RequeueAfter: out.RequeueAfter}, nil
}

// applyPlan writes the plan, when there is one and it differs from the one in force, and then tells
// what changed.
func (r *policies) applyPlan(ctx context.Context, g *gathered, out traffic.Output) error {
	if out.Spec == nil {
		return nil
	}
	changed, err := r.write(ctx, g, out.Spec)
	if err != nil || !changed {
		return err
	}
	for _, e := range out.Events {
		r.recorder.Event(g.policy, e.Type, e.Reason, e.Message)
	}
	r.decisions.record(g, out)
	return nil
}

func (r *policies) write(ctx context.Context, g *gathered, spec *trafficv1alpha1.TrafficPlanSpec) (changed bool, err error) {
	if err := r.stamp(ctx, spec, g.plan); err != nil {
		return false, err
	}
	// A policy of the same name that was made anew takes over the plan of its predecessor.
	owner := *metav1.NewControllerRef(g.policy, trafficv1alpha1.GroupVersion.WithKind("TrafficPolicy"))
	if g.plan == nil {
		g.plan = &trafficv1alpha1.TrafficPlan{
			ObjectMeta: metav1.ObjectMeta{Namespace: g.policy.Namespace, Name: g.policy.Name, OwnerReferences: []metav1.OwnerReference{owner}},
			Spec:       *spec.DeepCopy(),
		}
		return true, r.client.Create(ctx, g.plan)
	}
	if spec.Same(&g.plan.Spec) && equality.Semantic.DeepEqual(g.plan.OwnerReferences, []metav1.OwnerReference{owner}) {
		return false, nil
	}
	// What the hub answers is read into the plan, and must not reach the cache's.
	g.plan = g.plan.DeepCopy()
	return hub.Patch(ctx, r.client, g.plan, func(plan *trafficv1alpha1.TrafficPlan) {
		plan.OwnerReferences = []metav1.OwnerReference{owner}
		plan.Spec = *spec.DeepCopy()
	})
}

// applyStatus writes the policy's status when it changed. The newest plan counts, also when it is the
// one that was left as it is.
func (r *policies) applyStatus(ctx context.Context, g *gathered, out traffic.Output) error {
	programmed := traffic.Programmed(0, nil, g.notInForce())
	if g.plan != nil && g.notInForce() == "" {
		programmed = traffic.Programmed(g.plan.Generation, served(r.health.PlanGenerations(client.ObjectKeyFromObject(g.plan))), "")
		programmed = traffic.PartlyServed(programmed, r.health.Problems(trafficv1alpha1.ZoneObject{
			Kind: trafficv1alpha1.KindTrafficPlan, Namespace: g.plan.Namespace, Name: g.plan.Name}))
	}
	conditions, changed := slices.Clone(g.policy.Status.Conditions), !slices.Equal(g.policy.Status.Clusters, out.Clusters)
	for _, c := range append(out.Conditions, programmed) {
		changed = hub.SetCondition(&conditions, g.policy.Generation, c) || changed
	}
	if !changed {
		return nil
	}
	_, err := hub.PatchStatus(ctx, r.client, g.policy, func(p *trafficv1alpha1.TrafficPolicy) {
		p.Status.Conditions, p.Status.Clusters = conditions, out.Clusters
	})
	return err
}

func served(generations map[string]int64) []traffic.Served {
	var out []traffic.Served
	for vantagePoint, generation := range generations {
		out = append(out, traffic.Served{VantagePoint: vantagePoint, Generation: generation})
	}
	return out
}
