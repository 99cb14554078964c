package traffic

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// regionMaps says in the status of RegionMaps what became of them.
type regionMaps struct {
	client client.Client
}

// Reconcile judges one RegionMap among all.
func (r *regionMaps) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	m := &trafficv1alpha1.RegionMap{}
	if err := r.client.Get(ctx, req.NamespacedName, m); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	others, err := validMaps(ctx, r.client)
	if err != nil {
		return ctrl.Result{}, err
	}
	accepted := acceptedMap(m, others)
	_, err = hub.PatchStatus(ctx, r.client, m, func(m *trafficv1alpha1.RegionMap) {
		hub.SetCondition(&m.Status.Conditions, m.Generation, accepted)
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// acceptedMap is the condition of a RegionMap among the valid ones.
func acceptedMap(m *trafficv1alpha1.RegionMap, valid []*trafficv1alpha1.RegionMap) metav1.Condition {
	c := metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}
	if errs := validation.ValidateRegionMap(m, nil); len(errs) > 0 {
		c.Reason, c.Message = trafficv1alpha1.ReasonInvalid, errs.ToAggregate().Error()
		return c
	}
	among := []*trafficv1alpha1.RegionMap{m}
	for _, other := range valid {
		if other.Name != m.Name {
			among = append(among, other)
		}
	}
	if _, unused := traffic.MergeRegionMaps(among); len(unused[m.Name]) > 0 {
		c.Reason, c.Message = trafficv1alpha1.ReasonOverlap, strings.Join(unused[m.Name], "; ")+"; the others of its regions are in force"
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionTrue, trafficv1alpha1.ReasonAccepted, "all regions are in force"
	return c
}

// validMaps lists the RegionMaps that were not found to be invalid. They are the cache's own.
func validMaps(ctx context.Context, c client.Reader) ([]*trafficv1alpha1.RegionMap, error) {
	var list trafficv1alpha1.RegionMapList
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list region maps: %w", err)
	}
	var out []*trafficv1alpha1.RegionMap
	for i := range list.Items {
		m := &list.Items[i]
		accepted := meta.FindStatusCondition(m.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if accepted == nil || accepted.Reason != trafficv1alpha1.ReasonInvalid {
			out = append(out, m)
		}
	}
	return out, nil
}
