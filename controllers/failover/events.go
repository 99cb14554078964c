package failover

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub"
)

// pass asks for one pass over everything that has to leave.
func pass(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{{}} }

// inTrouble asks for a pass when a binding is placed in a lost cluster.
func (e *evacuator) inTrouble(ctx context.Context, obj client.Object) []reconcile.Request {
	lost, err := e.anyLost(ctx, clusterNames(obj.(workv1alpha2.Binding).GetBindingSpec().Clusters))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "look at the clusters of a binding")
	}
	if !lost {
		return nil
	}
	return pass(ctx, obj)
}

// placedIn maps a cluster to the bindings that place something in it or are leaving it.
func (r *reconciler) placedIn(ctx context.Context, cluster client.Object) []reconcile.Request {
	return r.requests(ctx, client.MatchingFields{hub.IndexBindingByCluster: cluster.GetName()})
}

// awayFrom maps a plan to the bindings of its namespace: requests that are back in a cluster let
// the workloads return.
func (r *reconciler) awayFrom(ctx context.Context, plan client.Object) []reconcile.Request {
	var out []reconcile.Request
	for _, e := range plan.(*trafficv1alpha1.TrafficPlan).Spec.Endpoints {
		if failover.BackInTraffic(&e) {
			out = append(out, r.requests(ctx, client.InNamespace(plan.GetNamespace()), client.MatchingFields{hub.IndexBindingAway: e.Cluster})...)
		}
	}
	return out
}

// spokenFor maps a policy to the bindings of its namespace: its terms count from the moment they are
// written, also for a move that is due.
func (r *reconciler) spokenFor(ctx context.Context, policy client.Object) []reconcile.Request {
	return r.requests(ctx, client.InNamespace(policy.GetNamespace()))
}

func (r *reconciler) requests(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	out, err := hub.BindingRequests(ctx, r.client, global, opts...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the bindings that an event is about")
	}
	return out
}

// edited passes changes of what a person wrote.
var edited = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: byPerson,
}

func byPerson(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || said(e.ObjectOld) != said(e.ObjectNew)
}

// said is what annotations say about failover.
func said(obj client.Object) (out [3]string) {
	for i, key := range []string{names.HoldUntilAnnotation, names.MoveNowAnnotation, names.FencedAnnotation} {
		out[i] = obj.GetAnnotations()[key]
	}
	return out
}

// rewritten passes bindings that may have come into a lost cluster, or of which a person said something.
var rewritten = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }, // clusters begin a pass then
	UpdateFunc: byPerson,
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

// bindingMoved passes what can change a decision about the way back: the placement, or, for a binding
// that is away from a cluster, the health of its copies.
var bindingMoved = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || len(failover.Away(e.ObjectNew.(workv1alpha2.Binding).GetBindingSpec())) > 0
	},
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

// clusterChanged passes what signalChanged does, and room for what waits for it.
func (e *evacuator) clusterChanged() predicate.Funcs {
	out := signalChanged
	out.UpdateFunc = func(ev event.UpdateEvent) bool {
		before, after := ev.ObjectOld.(*clusterv1alpha1.Cluster), ev.ObjectNew.(*clusterv1alpha1.Cluster)
		return signalChanged.Update(ev) || said(before) != said(after) ||
			e.waiting.Load() && !equality.Semantic.DeepEqual(before.Status.ResourceSummary, after.Status.ResourceSummary)
	}
	return out
}

// signalChanged passes clusters one of whose two signals changed, or that begin to leave.
var signalChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		if (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil) {
			return true
		}
		for _, t := range []string{clusterv1alpha1.ClusterConditionReady, trafficv1alpha1.ClusterConditionDataPath} {
			if status(before, t) != status(after, t) {
				return true
			}
		}
		return false
	},
}

func status(c *clusterv1alpha1.Cluster, conditionType string) metav1.ConditionStatus {
	if cond := meta.FindStatusCondition(c.Status.Conditions, conditionType); cond != nil {
		return cond.Status
	}
	return metav1.ConditionUnknown
}
