package traffic

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// zones says in the status of Zones what became of them.
type zones struct {
	client client.Client
	health verdicts
}

// Reconcile judges one Zone among all.
func (r *zones) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	zone := &trafficv1alpha1.Zone{}
	if err := r.client.Get(ctx, req.NamespacedName, zone); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var all trafficv1alpha1.ZoneList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, fmt.Errorf("list zones: %w", err)
	}
	accepted := acceptedZone(zone, traffic.OverlappingZones(pointers(all.Items))[zone.Name])
	programmed := traffic.Programmed(0, nil, "the zone is not accepted")
	hosts := int32(0)
	if accepted.Reason != trafficv1alpha1.ReasonOverlap {
		var err error
		if hosts, err = r.hosts(ctx, zone.Spec.Domain); err != nil {
			return ctrl.Result{}, err
		}
		programmed = traffic.Programmed(zone.Generation, served(r.health.ZoneGenerations(zone.Spec.Domain)), "")
		programmed = traffic.PartlyServed(programmed, r.health.Problems(trafficv1alpha1.ZoneObject{Kind: trafficv1alpha1.KindZone, Name: zone.Name}))
	}
	_, err := hub.PatchStatus(ctx, r.client, zone, func(z *trafficv1alpha1.Zone) {
		hub.SetCondition(&z.Status.Conditions, z.Generation, accepted)
		hub.SetCondition(&z.Status.Conditions, z.Generation, programmed)
		z.Status.Hosts = hosts
	})
	return hub.Result(ctrl.Result{}, client.IgnoreNotFound(err))
}

// acceptedZone is the condition of a Zone. overlap is what is wrong with it among all, if anything.
func acceptedZone(zone *trafficv1alpha1.Zone, overlap string) metav1.Condition {
	c := metav1.Condition{Type: trafficv1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}
	switch errs := validation.ValidateZone(zone, nil); {
	case overlap != "":
		c.Reason, c.Message = trafficv1alpha1.ReasonOverlap, overlap
	case len(errs) > 0:
		c.Reason, c.Message = trafficv1alpha1.ReasonInvalid, errs.ToAggregate().Error()+"; the rest of the zone is served"
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, trafficv1alpha1.ReasonAccepted, "the zone is in force"
	}
	return c
}

// hosts counts the host names that plans serve in a zone.
func (r *zones) hosts(ctx context.Context, domain string) (n int32, err error) {
	var plans trafficv1alpha1.TrafficPlanList
	if err := r.client.List(ctx, &plans, client.MatchingFields{byDomain: domain}, client.UnsafeDisableDeepCopy); err != nil {
		return 0, fmt.Errorf("list plans of %s: %w", domain, err)
	}
	for i := range plans.Items {
		for _, host := range plans.Items[i].Spec.Hostnames {
			for d := range traffic.Domains(host) {
				if d == domain {
					n++
				}
			}
		}
	}
	return n, nil
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}
