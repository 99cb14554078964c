package traffic

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// zoneRecords says in the status of ZoneRecords what became of them.
type zoneRecords struct {
	client client.Client
}

// Reconcile judges one object and looks for its Zone.
func (r *zoneRecords) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	records := &trafficv1alpha1.ZoneRecords{}
	if err := r.client.Get(ctx, req.NamespacedName, records); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	err := r.client.Get(ctx, types.NamespacedName{Name: records.Spec.Zone}, &trafficv1alpha1.Zone{})
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("get zone %s: %w", records.Spec.Zone, err)
	}
	accepted := acceptedRecords(records, !apierrors.IsNotFound(err))
	_, err = hub.PatchStatus(ctx, r.client, records, func(z *trafficv1alpha1.ZoneRecords) {
		hub.SetCondition(&z.Status.Conditions, z.Generation, accepted)
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

func acceptedRecords(records *trafficv1alpha1.ZoneRecords, hasZone bool) metav1.Condition {
	c := metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}
	switch errs := validation.ValidateZoneRecords(records, nil); {
	case !hasZone:
		c.Reason, c.Message = trafficv1alpha1.ReasonNoZone, fmt.Sprintf("there is no Zone %q: name one, or make it", records.Spec.Zone)
	case len(errs) > 0:
		c.Reason, c.Message = trafficv1alpha1.ReasonInvalid, errs.ToAggregate().Error()+"; the other records are served"
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, trafficv1alpha1.ReasonAccepted, "the records are well formed"
	}
	return c
}
