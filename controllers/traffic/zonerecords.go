package traffic

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// zoneRecords says in the status of ZoneRecords what became of them.
type zoneRecords struct {
	client client.Client
	health verdicts
}

// Reconcile judges one object, by itself, by its Zone and by what name servers say of it.
func (r *zoneRecords) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	records := &trafficv1alpha1.ZoneRecords{}
	if err := r.client.Get(ctx, req.NamespacedName, records); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	zone := &trafficv1alpha1.Zone{}
	err := r.client.Get(ctx, types.NamespacedName{Name: records.Spec.Zone}, zone)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("get zone %s: %w", records.Spec.Zone, err)
	}
	if apierrors.IsNotFound(err) {
		zone = nil
	}
	accepted := acceptedRecords(records, zone, r.health.Problems(trafficv1alpha1.ZoneObject{Kind: trafficv1alpha1.KindZoneRecords, Name: records.Name}))
	_, err = hub.PatchStatus(ctx, r.client, records, func(z *trafficv1alpha1.ZoneRecords) {
		hub.SetCondition(&z.Status.Conditions, z.Generation, accepted)
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// acceptedRecords is the condition of ZoneRecords. zone is nil when there is none; problems are what name
// servers leave out, which is the truth as far as older objects are concerned.
func acceptedRecords(records *trafficv1alpha1.ZoneRecords, zone *trafficv1alpha1.Zone, problems []trafficv1alpha1.ZoneProblem) metav1.Condition {
	c := metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}
	if zone == nil {
		c.Reason, c.Message = trafficv1alpha1.ReasonNoZone, fmt.Sprintf("there is no Zone %q: name one, or make it", records.Spec.Zone)
		return c
	}
	if z := meta.FindStatusCondition(zone.Status.Conditions, trafficv1alpha1.ConditionAccepted); z != nil && z.Reason == trafficv1alpha1.ReasonOverlap {
		c.Reason, c.Message = trafficv1alpha1.ReasonNoZone, fmt.Sprintf("Zone %q is not served: %s", zone.Name, z.Message)
		return c
	}
	errs := validation.ValidateZoneRecords(records, nil)
	if len(errs) == 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, trafficv1alpha1.ReasonAccepted, "the records are well formed, and no name server leaves one out"
		return traffic.PartlyServed(c, problems)
	}
	c.Reason, c.Message = trafficv1alpha1.ReasonInvalid, errs.ToAggregate().Error()+"; the other records are served"
	problems = slices.DeleteFunc(slices.Clone(problems), func(p trafficv1alpha1.ZoneProblem) bool {
		return slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Field == p.Field })
	})
	if len(problems) > 0 {
		c.Message += ", but for " + traffic.Tell(problems)
	}
	return c
}
