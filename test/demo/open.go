//go:build linux

package demo

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// theFleet looks at what is running.
func (d *demo) theFleet(ctx context.Context) {
	d.Step("A hub and three clusters: real etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok nodes")
	for _, name := range d.members() {
		var c clusterv1alpha1.Cluster
		err := d.await(ctx, 20*time.Second, func(ctx context.Context) error {
			if err := d.in.Hub.Get(ctx, client.ObjectKey{Name: name}, &c); err != nil {
				return err
			}
			if n := c.Status.NodeSummary; !install.Ready(&c) || n == nil || n.ReadyNum != int32(d.fleet.Members[name].Spec.Nodes) {
				return fmt.Errorf("nodes %+v, conditions %v", n, c.Status.Conditions)
			}
			return nil
		})
		d.CheckNoError(err, "%s is Ready: region %s, Kubernetes %s, %d nodes", name, c.Spec.Region, c.Status.KubernetesVersion, d.fleet.Members[name].Spec.Nodes)
	}
}

func (d *demo) members() []string { return slices.Sorted(maps.Keys(d.fleet.Members)) }

// openTheShop applies the shop and waits until it runs everywhere. It says whether it does.
func (d *demo) openTheShop(ctx context.Context) bool {
	d.Step("A shop: Deployment and Service, a PropagationPolicy that divides %d replicas over three clusters, an OverridePolicy with an image registry for each, a TrafficPolicy for %s", Replicas, Host)
	began := time.Now()
	for _, obj := range shop(quickFailback()) {
		if err := d.in.Hub.Create(ctx, obj); err != nil && !apierrors.IsAlreadyExists(err) {
			return d.CheckNoError(err, "apply %T %s", obj, obj.GetName())
		}
	}
	ok := d.CheckNoError(d.await(ctx, 30*time.Second, func(ctx context.Context) error { return d.placed(ctx, map[string]int32{"fra": 2, "iad": 2, "sin": 2}) }),
		"placed 2:2:2")
	ok = d.CheckNoError(d.await(ctx, 30*time.Second, func(ctx context.Context) error { return d.ready(ctx, Replicas) }),
		"the template on the hub says %d ready replicas", Replicas) && ok
	for _, name := range d.members() {
		ok = d.CheckNoError(d.await(ctx, 30*time.Second, func(ctx context.Context) error { return d.runsIn(ctx, name) }),
			"%s runs it with the image of %s and has a load balancer", name, registries[name]) && ok
	}
	ok = d.CheckNoError(d.await(ctx, 30*time.Second, func(ctx context.Context) error { return d.answeredBy(ctx, nil) }),
		"every name server answers for %s", Host) && ok
	ok = d.CheckNoError(d.await(ctx, 30*time.Second, d.programmed), "the policy and the zone say that they are programmed") && ok
	d.Say("from apply to answers: %.1f s", time.Since(began).Seconds())
	return ok
}

// programmed says whether every live name server has taken over the newest plan.
func (d *demo) programmed(ctx context.Context) error {
	var p trafficv1alpha1.TrafficPolicy
	if err := d.in.Hub.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: "shop"}, &p); err != nil {
		return err
	}
	var z trafficv1alpha1.Zone
	if err := d.in.Hub.Get(ctx, client.ObjectKey{Name: "apps"}, &z); err != nil {
		return err
	}
	for what, conditions := range map[string][]metav1.Condition{"policy": p.Status.Conditions, "zone": z.Status.Conditions} {
		if c := meta.FindStatusCondition(conditions, trafficv1alpha1.ConditionProgrammed); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Errorf("condition Programmed of the %s is %+v", what, c)
		}
	}
	return nil
}

// placed compares the binding's clusters.
func (d *demo) placed(ctx context.Context, want map[string]int32) error {
	var rb workv1alpha2.ResourceBinding
	if err := d.in.Hub.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: names.BindingName("Deployment", App)}, &rb); err != nil {
		return err
	}
	got := map[string]int32{}
	for _, c := range rb.Spec.Clusters {
		got[c.Name] = c.Replicas
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("placed %v, want %v (conditions %v)", got, want, rb.Status.Conditions)
	}
	return nil
}

func (d *demo) ready(ctx context.Context, want int32) error {
	var template appsv1.Deployment
	if err := d.in.Hub.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: App}, &template); err != nil {
		return err
	}
	if template.Status.ReadyReplicas != want {
		return fmt.Errorf("%d ready replicas, want %d", template.Status.ReadyReplicas, want)
	}
	return nil
}

// runsIn looks into a member: ready pods, their image, the load balancer's address.
func (d *demo) runsIn(ctx context.Context, name string) error {
	c, err := d.member(name)
	if err != nil {
		return err
	}
	pods, err := readyPods(ctx, c)
	if err != nil {
		return err
	}
	if len(pods) < 2 {
		return fmt.Errorf("%d pods are ready", len(pods))
	}
	for _, p := range pods {
		if want := registries[name] + "/shop:1.0"; p.Spec.Containers[0].Image != want {
			return fmt.Errorf("pod %s has image %s, want %s", p.Name, p.Spec.Containers[0].Image, want)
		}
	}
	var svc corev1.Service
	if err := c.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: App}, &svc); err != nil {
		return err
	}
	if len(svc.Status.LoadBalancer.Ingress) == 0 {
		return fmt.Errorf("the load balancer has no address yet")
	}
	d.gateways[name], err = netip.ParseAddr(svc.Status.LoadBalancer.Ingress[0].IP)
	return err
}

func (d *demo) member(name string) (client.Client, error) {
	c, err := d.fleet.Cluster(name)
	if err != nil {
		return nil, err
	}
	return client.New(c.InsideConfig(), client.Options{Scheme: d.in.Hub.Scheme()})
}

func readyPods(ctx context.Context, c client.Client) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(Namespace), client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(labels.Set{"app": App})}); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		return p.DeletionTimestamp != nil || !slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}), nil
}

// answeredBy says whether every name server sends the clients of every place to the cluster that want
// names for the place, its nearest where want names none.
func (d *demo) answeredBy(ctx context.Context, want map[string]string) error {
	for _, server := range d.in.NameServers {
		for _, place := range places {
			expected, ok := want[place.Name]
			if !ok {
				expected = place.Nearest
			}
			a, err := Ask(ctx, d.in.Client, Port53(server), Host, place.Subnet, time.Second)
			if err != nil {
				return err
			}
			if got := d.cluster(a.Address); got != expected {
				return fmt.Errorf("%s sends clients of %s to %s, want %s", server.Name, place.Name, got, expected)
			}
		}
	}
	return nil
}

// nearest shows what clients of three places are answered, and that it leads there.
func (d *demo) nearest(ctx context.Context) {
	d.Step("The nearest cluster: questions with client subnets of three places, then HTTP to what was answered")
	for _, place := range places {
		for _, server := range d.in.NameServers {
			a, err := Ask(ctx, d.in.Client, Port53(server), Host, place.Subnet, time.Second)
			if !d.Check(err == nil && d.cluster(a.Address) == place.Nearest, "%s: dig @%s %s +subnet=%s -> %s (%s), ttl %d, scope /%d",
				place.Name, server.Name, Host, place.Subnet, a.Address, d.cluster(a.Address), a.TTL, a.Scope) {
				d.Say("%v", err)
			}
		}
		address := d.gateways[place.Nearest]
		pod, err := Get(ctx, d.in.Client, address, Host, 2*time.Second)
		d.Check(err == nil && pod.Cluster == place.Nearest && strings.HasPrefix(pod.Image, registries[place.Nearest]),
			"curl http://%s/ at %s -> pod %s in %s, image %s (error %v)", Host, address, pod.Pod, pod.Cluster, pod.Image, err)
	}
}

// explained shows the commands a person would use.
func (d *demo) explained(ctx context.Context) {
	d.Step("What a person sees: kubectl seaway status, explain, check")
	for _, args := range [][]string{{"status"}, {"explain", "dns", Host, "--from", places[0].Subnet.Addr().String()}, {"check"}} {
		out, err := d.in.Kubectl(ctx, args...)
		d.CheckNoError(err, "kubectl seaway %s", strings.Join(args, " "))
		d.Say("%s", out)
	}
}

func (d *demo) await(ctx context.Context, within time.Duration, done func(context.Context) error) error {
	return install.Await(ctx, within, done)
}
