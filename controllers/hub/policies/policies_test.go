package policies

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func policy(namespace, kind, target string) *trafficv1alpha1.TrafficPolicy {
	p := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: strings.ToLower(kind) + "-" + target}}
	group := ""
	if kind == "Deployment" {
		group = "apps"
	}
	p.Spec.TargetRefs = []trafficv1alpha1.TargetRef{{Group: group, Kind: kind, Name: target}}
	return p
}

func service(name string, selector map[string]string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
}

func binding(namespace, apiVersion, kind, name string) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	return b
}

func hub(t *testing.T, reads *int, objs ...client.Object) client.Client {
	t.Helper()
	s := scheme.New()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(s).WithObjects(objs...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			*reads++
			return c.Get(ctx, key, obj, opts...)
		},
	}).Build()
}

func TestOf(t *testing.T) {
	app := map[string]string{"app": "web"}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	deployment.Spec.Template.Labels = map[string]string{"app": "web", "tier": "front"}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "one", Labels: app}}
	another := policy("shop", "Deployment", "web")
	another.Name, another.Spec.TargetRefs[0].Group = "of-another-group", "example.com"
	objs := []client.Object{
		another,
		deployment, pod, service("web", app), service("other", map[string]string{"app": "other"}), service("bare", nil),
		policy("shop", "Service", "web"), policy("shop", "Service", "other"), policy("shop", "Service", "bare"), policy("shop", "Service", "gone"),
		policy("shop", "Deployment", "web"), policy("away", "Service", "web"),
	}
	for name, tt := range map[string]struct {
		binding workv1alpha2.Binding
		want    []string
		unread  bool
	}{
		"by its name, and by the Service of its pods": {binding: binding("shop", "apps/v1", "Deployment", "web"), want: []string{"deployment-web", "service-web"}},
		"a Pod is its own pod":                        {binding: binding("shop", "v1", "Pod", "one"), want: []string{"service-web"}},
		"a template that is gone":                     {binding: binding("shop", "apps/v1", "Deployment", "gone")},
		"what has no pods":                            {binding: binding("shop", "v1", "Service", "bare"), want: []string{"service-bare"}},
		"a namespace without policies reads nothing":  {binding: binding("calm", "apps/v1", "Deployment", "web"), unread: true},
		"what is in no namespace":                     {binding: &workv1alpha2.ClusterResourceBinding{}, unread: true},
	} {
		t.Run(name, func(t *testing.T) {
			reads := 0
			c := hub(t, &reads, objs...)
			found, err := Finder{Cached: c, Live: c}.Of(t.Context(), tt.binding)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range found {
				got = append(got, p.Name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.unread && reads > 0 {
				t.Errorf("%d reads", reads)
			}
		})
	}
}

func TestOfSaysWhatCouldNotBeRead(t *testing.T) {
	broken := errors.New("broken")
	reads := 0
	c := hub(t, &reads, policy("shop", "Service", "web"))
	failing := interceptor.NewClient(c.(client.WithWatch), interceptor.Funcs{
		Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return broken
		},
	})
	_, err := Finder{Cached: c, Live: failing}.Of(t.Context(), binding("shop", "apps/v1", "Deployment", "web"))
	if !errors.Is(err, broken) || err.Error() != "get Deployment shop/web: broken" {
		t.Errorf("error %v", err)
	}
}
