//go:build linux

package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet"
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
			a, err := Ask(ctx, d.in.Client, Port53(server), Host, places[0].Subnet, time.Second)
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
	cluster, err := d.fleet.Cluster(name)
	if err != nil {
		return err
	}
	c, err := d.member(name)
	if err != nil {
		return err
	}
	left, err := managed(ctx, cluster)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("left: %s", strings.Join(left, ", "))
	}
	var ns corev1.Namespace
	if err := c.Get(ctx, client.ObjectKey{Name: Namespace}, &ns); !apierrors.IsNotFound(err) {
		return errors.Join(err, fmt.Errorf("namespace %s is left", Namespace))
	}
	return nil
}

// managed lists every object of the shop, of any kind that the cluster serves, that the federation has
// put there.
func managed(ctx context.Context, c *fleet.Cluster) ([]string, error) {
	config := c.InsideConfig()
	config.WarningHandler = rest.NoWarnings{} // some kinds are deprecated; they are looked at all the same
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	served, err := kinds.ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	var left []string
	for _, list := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, served) {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			found, err := objects.Resource(gv.WithResource(r.Name)).List(ctx, metav1.ListOptions{LabelSelector: names.ManagedLabel})
			if err != nil {
				return nil, err
			}
			for _, o := range found.Items {
				if o.Namespace == Namespace || o.Name == Namespace {
					left = append(left, fmt.Sprintf("%s %s/%s", r.Kind, o.Namespace, o.Name))
				}
			}
		}
	}
	return left, nil
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
