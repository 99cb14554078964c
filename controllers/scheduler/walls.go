package scheduler

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/residency"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// wall is the wall around a binding's namespace. One that can not be read lets nothing in, and what it
// says in a diagnosis is what was written.
func (p *Placer) wall(ctx context.Context, b workv1alpha2.Binding) (residency.Wall, error) {
	if b.GetNamespace() == "" {
		return residency.Wall{}, nil
	}
	var ns corev1.Namespace
	if err := p.clusters.reader.Get(ctx, client.ObjectKey{Name: b.GetNamespace()}, &ns, client.UnsafeDisableDeepCopy); client.IgnoreNotFound(err) != nil {
		return residency.Wall{}, fmt.Errorf("get namespace: %w", err)
	}
	wall, err := residency.Of(ns.Annotations)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "nothing is placed for a namespace whose wall can not be read", "namespace", ns.Name)
	}
	return wall, nil
}

// enclosure is the wall around a binding and the clusters on its other side.
type enclosure struct {
	wall    residency.Wall
	outside sets.Set[string] // nil where there is no wall
}

func enclose(wall residency.Wall, clusters []*clusterv1alpha1.Cluster) enclosure {
	e := enclosure{wall: wall}
	if !wall.Stands() {
		return e
	}
	e.outside = sets.New[string]()
	for _, c := range clusters {
		if !wall.Inside(c) {
			e.outside.Insert(c.Name)
		}
	}
	return e
}

// enclosure is that of a binding.
func (p *Placer) enclosure(ctx context.Context, b workv1alpha2.Binding, clusters *snapshot) (enclosure, error) {
	wall, err := p.wall(ctx, b)
	return enclose(wall, clusters.all), err
}

// resident is the condition of a binding that says whether all of it runs inside; nil where it always
// did. What a wall was drawn around runs on outside until there is a place inside: nothing is deleted
// that may be the last copy.
func (e enclosure) resident(b workv1alpha2.Binding) *metav1.Condition {
	spec := b.GetBindingSpec()
	beyond := sets.New[string]()
	for _, t := range spec.Clusters {
		beyond.Insert(t.Name)
	}
	for _, t := range spec.GracefulEvictionTasks {
		beyond.Insert(t.FromCluster)
	}
	if beyond = beyond.Intersection(e.outside); len(beyond) > 0 {
		return &metav1.Condition{Type: names.ConditionResident, Status: metav1.ConditionFalse, Reason: names.ReasonResidencyViolated,
			Message: fmt.Sprintf("runs outside of the namespace's wall (%s: %s) in %s, until there is a place inside",
				names.ResidencyAnnotation, e.wall, strings.Join(sets.List(beyond), ", "))}
	}
	if meta.FindStatusCondition(b.GetBindingStatus().Conditions, names.ConditionResident) == nil {
		return nil
	}
	return &metav1.Condition{Type: names.ConditionResident, Status: metav1.ConditionTrue, Reason: names.ReasonResidencyKept, Message: "nothing runs outside of a wall"}
}

// violated says whether a binding is found outside of a wall that was not before.
func violated(b workv1alpha2.Binding, resident *metav1.Condition) bool {
	return resident != nil && resident.Status == metav1.ConditionFalse &&
		!meta.IsStatusConditionFalse(b.GetBindingStatus().Conditions, names.ConditionResident)
}

// walls queues the bindings of a namespace whose wall was moved.
func (f *follower) walls(reader client.Reader) handler.EventHandler {
	return plainFuncs{handler.Funcs{
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			before, drew := e.ObjectOld.GetAnnotations()[names.ResidencyAnnotation]
			after, draws := e.ObjectNew.GetAnnotations()[names.ResidencyAnnotation]
			if drew == draws && before == after {
				return
			}
			var bindings workv1alpha2.ResourceBindingList
			if err := reader.List(ctx, &bindings, client.InNamespace(e.ObjectNew.GetName()), client.UnsafeDisableDeepCopy); err != nil {
				ctrl.LoggerFrom(ctx).Error(err, "list the bindings of a namespace whose wall was moved", "namespace", e.ObjectNew.GetName())
				return
			}
			incoming.WithLabelValues("WallChange").Add(float64(len(bindings.Items)))
			for i := range bindings.Items {
				b := &bindings.Items[i]
				enqueue(q, priorityOf(b), keyOf(b))
			}
		},
	}}
}
