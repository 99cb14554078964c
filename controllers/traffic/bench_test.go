package traffic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/leader"
)

// cached answers as a manager's cache does: with copies unless it is told not to, and nothing else is
// done than that. What is written it keeps.
type cached struct {
	client.Client
	objects  []client.Object
	clusters []runtime.Object
}

func (c *cached) Get(_ context.Context, key client.ObjectKey, out client.Object, opts ...client.GetOption) error {
	var o client.GetOptions
	for _, opt := range opts {
		opt.ApplyToGet(&o)
	}
	shared := o.UnsafeDisableDeepCopy != nil && *o.UnsafeDisableDeepCopy
	for _, obj := range c.objects {
		if fmt.Sprintf("%T", obj) != fmt.Sprintf("%T", out) || client.ObjectKeyFromObject(obj) != key {
			continue
		}
		switch out := out.(type) {
		case *v1.TrafficPolicy:
			copyOf(obj.(*v1.TrafficPolicy), out, shared)
		case *v1.TrafficPlan:
			copyOf(obj.(*v1.TrafficPlan), out, shared)
		case *corev1.Namespace:
			copyOf(obj.(*corev1.Namespace), out, shared)
		case *corev1.Service:
			copyOf(obj.(*corev1.Service), out, shared)
		}
		return nil
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func copyOf[T any, P interface {
	*T
	DeepCopyInto(*T)
}](from, to P, shared bool) {
	if shared {
		*to = *from
	} else {
		from.DeepCopyInto(to)
	}
}

func (c *cached) List(_ context.Context, out client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	switch out := out.(type) {
	case *clusterv1alpha1.ClusterList:
		return meta.SetList(out, c.clusters)
	case *v1.TrafficPolicyList:
		return meta.SetList(out, c.of(&v1.TrafficPolicy{}))
	case *v1.ZoneList:
		if strings.HasSuffix(o.FieldSelector.String(), "=apps.example.com") {
			return meta.SetList(out, c.of(&v1.Zone{}))
		}
	}
	return nil
}

func (c *cached) of(kind client.Object) (out []runtime.Object) {
	for _, obj := range c.objects {
		if fmt.Sprintf("%T", obj) == fmt.Sprintf("%T", kind) {
			out = append(out, obj)
		}
	}
	return out
}

func (c *cached) keep(obj client.Object) error {
	for i, old := range c.objects {
		if fmt.Sprintf("%T", obj) == fmt.Sprintf("%T", old) && client.ObjectKeyFromObject(obj) == client.ObjectKeyFromObject(old) {
			c.objects[i] = obj.DeepCopyObject().(client.Object)
			return nil
		}
	}
	c.objects = append(c.objects, obj.DeepCopyObject().(client.Object))
	return nil
}

func (c *cached) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	return c.keep(obj)
}

func (c *cached) Patch(_ context.Context, obj client.Object, _ client.Patch, _ ...client.PatchOption) error {
	return c.keep(obj)
}

func (c *cached) Status() client.SubResourceWriter { return &cachedStatus{c: c} }

type cachedStatus struct {
	client.SubResourceWriter
	c *cached
}

func (s *cachedStatus) Patch(_ context.Context, obj client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.c.keep(obj)
}

// fleet is an application in a number of clusters, and what is known of it.
type fleet struct {
	*health.Reports
	found map[string]discovery.Endpoint
}

func (f *fleet) Lookup(cluster, _, _ string) (discovery.Endpoint, bool) {
	e, known := f.found[cluster]
	return e, known
}
func (f *fleet) VantagePoints() int { return len(f.Live()) }
func (f *fleet) Verdict(plan types.NamespacedName, cluster string) health.Opinion {
	return f.Opinion(plan, cluster)
}

// BenchmarkReconcile is one look at an application of which nothing has changed, with three name servers.
func BenchmarkReconcile(b *testing.B) {
	for _, clusters := range []int{3, 10, 30, 100} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) {
			now := noon
			f := &fleet{Reports: health.NewReports(), found: map[string]discovery.Endpoint{}}
			hub := &cached{objects: []client.Object{
				&v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps"}, Spec: v1.ZoneSpec{Domain: "apps.example.com"},
					Status: v1.ZoneStatus{Conditions: []metav1.Condition{{Type: v1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1.ReasonAccepted}}}},
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
				&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}}},
				&v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop", UID: "u", Generation: 1},
					Spec: v1.TrafficPolicySpec{Hostnames: []string{"shop.apps.example.com"}, TargetRefs: []v1.TargetRef{{Kind: "Service", Name: "web"}}}},
			}}
			plan := v1.PlanHealth{Namespace: "shop", Name: "shop", Generation: 1}
			for i := range clusters {
				name := fmt.Sprintf("c%03d", i)
				c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{Region: fmt.Sprintf("region-%d", i%30)}}
				meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"})
				hub.clusters = append(hub.clusters, c)
				f.found[name] = discovery.Endpoint{Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i)}, Ports: []discovery.Port{{Number: 80}}, ReadyReplicas: 3}
				plan.Endpoints = append(plan.Endpoints, v1.EndpointVerdict{Cluster: name, Verdict: v1.VerdictHealthy})
			}
			for i := range 3 {
				name := fmt.Sprint("ns", i)
				f.Observe(&v1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.EndpointHealthSpec{
					VantagePoint: name, RenewTime: metav1.NewMicroTime(now), LeaseDurationSeconds: 30, Plans: []v1.PlanHealth{plan}}}, now)
			}
			r := &policies{client: hub, clock: clocktesting.NewFakeClock(now), recorder: record.NewFakeRecorder(1000), endpoints: f, health: f, term: (*leader.Term)(nil)}
			request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "shop", Name: "shop"}}
			for range 2 {
				if _, err := r.Reconcile(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
			if got := len(hub.of(&v1.TrafficPlan{})); got != 1 {
				b.Fatal(got)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Reconcile(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
