//go:build linux

package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// closeTheShop deletes everything and looks for what was left behind.
func (d *demo) closeTheShop(ctx context.Context) {
	d.Step("Everything is deleted; nothing may be left behind")
	objects := shop(quickFailback())
	for i := len(objects) - 1; i >= 0; i-- {
		if err := d.in.Hub.Delete(ctx, objects[i]); err != nil && !apierrors.IsNotFound(err) {
			d.CheckNoError(err, "delete %T %s", objects[i], objects[i].GetName())
		}
	}
	for _, name := range d.members() {
		d.CheckNoError(d.await(ctx, time.Minute, func(ctx context.Context) error { return d.noOrphans(ctx, name) }), "no orphan in %s", name)
	}
	d.CheckNoError(d.await(ctx, time.Minute, d.noWorks), "no Work of the shop on the hub")
	d.CheckNoError(d.await(ctx, 30*time.Second, func(ctx context.Context) error {
		for _, server := range d.in.NameServers {
			a, err := ask(ctx, d.in.Client, port53(server), Host, places[0].Subnet, time.Second)
			if a.Message == nil {
				return err
			}
			if a.Address.IsValid() {
				return fmt.Errorf("%s still answers %s", server.Name, a.Address)
			}
		}
		return nil
	}), "the name is gone from every name server")
}

func (d *demo) noOrphans(ctx context.Context, name string) error {
	c, err := d.member(name)
	if err != nil {
		return err
	}
	managed, err := labels.NewRequirement(names.ManagedLabel, selection.Exists, nil)
	if err != nil {
		return err
	}
	var deployments appsv1.DeploymentList
	var services corev1.ServiceList
	for _, list := range []client.ObjectList{&deployments, &services} {
		if err := c.List(ctx, list, client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*managed)}); err != nil {
			return err
		}
	}
	if n := len(deployments.Items) + len(services.Items); n > 0 {
		return fmt.Errorf("%d objects are left", n)
	}
	var ns corev1.Namespace
	if err := c.Get(ctx, client.ObjectKey{Name: Namespace}, &ns); !apierrors.IsNotFound(err) {
		return errors.Join(err, fmt.Errorf("namespace %s is left", Namespace))
	}
	return nil
}

func (d *demo) noWorks(ctx context.Context) error {
	for _, name := range d.members() {
		var works workv1alpha1.WorkList
		if err := d.in.Hub.List(ctx, &works, client.InNamespace(names.ExecutionNamespace(name))); err != nil {
			return err
		}
		for _, w := range works.Items {
			if w.Annotations[names.ResourceBindingNamespaceAnnotation] == Namespace {
				return fmt.Errorf("%s is left in %s", w.Name, w.Namespace)
			}
		}
	}
	var plans trafficv1alpha1.TrafficPlanList
	if err := d.in.Hub.List(ctx, &plans, client.InNamespace(Namespace)); err != nil {
		return err
	}
	if len(plans.Items) > 0 {
		return fmt.Errorf("%d traffic plans are left", len(plans.Items))
	}
	return nil
}
