package scheduler

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

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

// outside are the targets of a binding that are on the other side of its namespace's wall.
func (p *Placer) outside(ctx context.Context, b workv1alpha2.Binding, clusters *snapshot) (sets.Set[string], error) {
	wall, err := p.wall(ctx, b)
	if err != nil || !wall.Stands() {
		return nil, err
	}
	out := sets.New[string]()
	for _, c := range clusters.all {
		if !wall.Inside(c) {
			out.Insert(c.Name)
		}
	}
	return out, nil
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
