package drain

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// shops has web in two clusters and alone in one.
func shops() client.Client {
	b := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	for _, name := range []string{"fra", "iad"} {
		b.WithObjects(&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kept": "yes"}}})
	}
	since := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	for name, clusters := range map[string][]string{"web": {"fra", "iad"}, "alone": {"iad"}} {
		meta := metav1.ObjectMeta{Namespace: "shop", Name: name}
		plan := &v1.TrafficPlan{ObjectMeta: meta, Spec: v1.TrafficPlanSpec{Hostnames: []string{name + ".example.com"}}}
		for _, c := range clusters {
			plan.Spec.Endpoints = append(plan.Spec.Endpoints, v1.PlanEndpoint{Cluster: c, Addresses: []string{"192.0.2.1"}, Port: 80, ReadyReplicas: 3,
				State: v1.EndpointServing, Reason: v1.EndpointReasonReady, Since: since, SharePercent: 100, FirstHealthy: &since})
		}
		b.WithObjects(plan, &v1.TrafficPolicy{ObjectMeta: meta, Spec: v1.TrafficPolicySpec{Hostnames: plan.Spec.Hostnames, TargetRefs: []v1.TargetRef{{Name: name}}}})
	}
	return b.Build()
}

func TestDrains(t *testing.T) {
	cluster := func(name string) func(*wish, client.Client, io.Writer) error {
		return func(o *wish, c client.Client, w io.Writer) error {
			return o.drainCluster(context.Background(), c, w, name)
		}
	}
	app := func(name string) func(*wish, client.Client, io.Writer) error {
		return func(o *wish, c client.Client, w io.Writer) error { return o.drainApp(context.Background(), c, w, name) }
	}
	drainedFor := func(why string) func(*testing.T, client.Client) {
		return func(t *testing.T, c client.Client) {
			var fra clusterv1alpha1.Cluster
			get(t, c, client.ObjectKey{Name: "fra"}, &fra)
			fra.Annotations = map[string]string{names.DrainAnnotation: why}
			if err := c.Update(context.Background(), &fra); err != nil {
				t.Fatal(err)
			}
		}
	}
	drains := func(list ...v1.Drain) func(*testing.T, client.Client) {
		return func(t *testing.T, c client.Client) {
			var p v1.TrafficPolicy
			get(t, c, client.ObjectKey{Namespace: "shop", Name: "web"}, &p)
			p.Spec.Drain = list
			if err := c.Update(context.Background(), &p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tc := range map[string]struct {
		given func(*testing.T, client.Client)
		wish  wish
		do    func(*wish, client.Client, io.Writer) error
		// says and fails are parts of what is printed, and of the error.
		says, fails string
		clusters    map[string]string // reasons of drains
		drains      []v1.Drain        // of web
	}{
		"a cluster":                  {nil, wish{reason: "repairs"}, cluster("fra"), "cluster fra drained", "", map[string]string{"fra": "repairs"}, nil},
		"a cluster, dry":             {nil, wish{reason: "repairs", dryRun: true}, cluster("fra"), "would be drained (dry run)", "", nil, nil},
		"the last of an application": {nil, wish{}, cluster("iad"), "stay: no other cluster would answer", "no other cluster would answer for shop/alone", nil, nil},
		"the last, forced":           {nil, wish{force: true}, cluster("iad"), "cluster iad drained", "", map[string]string{"iad": ""}, nil},
		"no such cluster":            {nil, wish{}, cluster("lhr"), "", "there is no cluster lhr", nil, nil},
		"a drill's reason":           {nil, wish{reason: "drill/mine"}, cluster("fra"), "", "--reason", nil, nil},
		"for another reason":         {drainedFor("a"), wish{reason: "b", force: true}, cluster("fra"), "drained already (a)", "", map[string]string{"fra": "b"}, nil},
		"out of a drill":             {drainedFor("drill/x"), wish{reason: "b", force: true}, cluster("fra"), "drill x has requests out of it", "", map[string]string{"fra": "b"}, nil},
		"undrain":                    {drainedFor("a"), wish{undrain: true}, cluster("fra"), "cluster fra undrained", "", nil, nil},
		"undrain, dry":               {drainedFor("a"), wish{undrain: true, dryRun: true}, cluster("fra"), "would be undrained", "", map[string]string{"fra": "a"}, nil},
		"undrain what is not":        {nil, wish{undrain: true}, cluster("fra"), "cluster fra is not drained", "", nil, nil},
		"undrain ends a drill":       {drainedFor("drill/x"), wish{undrain: true}, cluster("fra"), "drill x has requests out of it, and ends with this", "", nil, nil},

		"an app":                      {nil, wish{cluster: "fra", reason: "bad"}, app("shop/web"), "shop/web in fra drained", "", nil, []v1.Drain{{Cluster: "fra", Reason: "bad"}}},
		"an app, beside another":      {drains(v1.Drain{Cluster: "sin"}), wish{cluster: "fra"}, app("shop/web"), "drained", "", nil, []v1.Drain{{Cluster: "sin"}, {Cluster: "fra"}}},
		"an app, for another reason":  {drains(v1.Drain{Cluster: "fra", Reason: "a"}), wish{cluster: "fra", reason: "b"}, app("shop/web"), "drained", "", nil, []v1.Drain{{Cluster: "fra", Reason: "b"}}},
		"an app, dry":                 {nil, wish{cluster: "fra", dryRun: true}, app("shop/web"), "would be drained", "", nil, nil},
		"an app from where":           {nil, wish{}, app("shop/web"), "", "--cluster", nil, nil},
		"an app from nowhere":         {nil, wish{cluster: "lhr"}, app("shop/web"), "", "there is no cluster lhr", nil, nil},
		"an app that is nowhere else": {nil, wish{cluster: "iad"}, app("shop/alone"), "", "no other cluster would answer", nil, nil},
		"no such app":                 {nil, wish{cluster: "fra"}, app("shop/none"), "", "there is no TrafficPolicy shop/none", nil, nil},
		"no name of an app":           {nil, wish{cluster: "fra"}, app("a/b/c"), "", "no NAMESPACE/POLICY", nil, nil},
		"undrain an app":              {drains(v1.Drain{Cluster: "fra"}, v1.Drain{Cluster: "sin"}), wish{undrain: true}, app("shop/web"), "shop/web in fra, sin undrained", "", nil, nil},
		"undrain an app in one":       {drains(v1.Drain{Cluster: "fra"}, v1.Drain{Cluster: "sin"}), wish{undrain: true, cluster: "sin"}, app("shop/web"), "undrained", "", nil, []v1.Drain{{Cluster: "fra"}}},
		"undrain an app that is not":  {nil, wish{undrain: true, cluster: "fra"}, app("shop/web"), "shop/web is not drained", "", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := shops()
			if tc.given != nil {
				tc.given(t, c)
			}
			var out bytes.Buffer
			err := tc.do(&tc.wish, c, &out)
			if (err == nil) != (tc.fails == "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("error %v, want %q", err, tc.fails)
			}
			if !strings.Contains(out.String(), tc.says) {
				t.Errorf("it says\n%s, want %q", out.String(), tc.says)
			}
			if tc.fails == "" || tc.given == nil {
				after(t, c, tc.clusters, tc.drains)
			}
		})
	}
}

// after compares what is drained in the end.
func after(t *testing.T, c client.Client, clusters map[string]string, drains []v1.Drain) {
	t.Helper()
	var list clusterv1alpha1.ClusterList
	if err := c.List(context.Background(), &list); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	for _, item := range list.Items {
		if why, drained := item.Annotations[names.DrainAnnotation]; drained {
			if got == nil {
				got = map[string]string{}
			}
			got[item.Name] = why
		}
		if item.Labels["kept"] != "yes" {
			t.Errorf("%s has lost its labels", item.Name)
		}
	}
	if diff := cmp.Diff(clusters, got); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	var p v1.TrafficPolicy
	get(t, c, client.ObjectKey{Namespace: "shop", Name: "web"}, &p)
	if diff := cmp.Diff(drains, p.Spec.Drain); diff != "" {
		t.Errorf("drains of web (-want +got):\n%s", diff)
	}
}

func get(t *testing.T, c client.Client, key client.ObjectKey, obj client.Object) {
	t.Helper()
	if err := c.Get(context.Background(), key, obj); err != nil {
		t.Fatal(err)
	}
}

func TestCommands(t *testing.T) {
	for _, cmd := range []interface{ Name() string }{Command(), Undrain()} {
		if cmd.Name() == "" {
			t.Error("a command has no name")
		}
	}
	cmd := Command()
	cmd.SetArgs([]string{"app", "shop/web", "--kubeconfig", "/nowhere"})
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	if err := cmd.Execute(); err == nil {
		t.Error("there is no hub, and it is drained")
	}
}
