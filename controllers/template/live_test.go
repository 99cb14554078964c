package template

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// tally counts requests that write, by method and resource, and the conflicts among them.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func (t *tally) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil && req.Method != http.MethodGet {
			t.count(req, resp)
		}
		return resp, err
	})
}

func (t *tally) count(req *http.Request, resp *http.Response) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, resource := range []string{"deployments", "configmaps", "widgets", "resourcebindings"} {
		if slices.Contains(strings.Split(req.URL.Path, "/"), resource) {
			t.counts[req.Method+" "+resource]++
			if resp.StatusCode == http.StatusConflict {
				t.counts["conflicts"]++
			}
		}
	}
}

// take returns what was counted since the last time.
func (t *tally) take() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.counts
	t.counts = map[string]int{}
	return out
}

// TestOnARealAPIServer counts what reaches the hub, with its caches and watches in between.
func TestOnARealAPIServer(t *testing.T) {
	const n = 40
	home := hubtest.Start(t, hubtest.Options{})
	writes := &tally{counts: map[string]int{}}
	install(t, home)
	run(t, home, writes)

	create := func(objs ...client.Object) {
		t.Helper()
		for _, obj := range objs {
			if err := home.Client.Create(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
		}
	}
	bound := func(what string, count int, right func(*workv1alpha2.ResourceBinding) bool) {
		t.Helper()
		home.Eventually(what, func(ctx context.Context) error {
			var list workv1alpha2.ResourceBindingList
			if err := home.Client.List(ctx, &list); err != nil {
				return err
			}
			found := 0
			for i := range list.Items {
				if right(&list.Items[i]) {
					found++
				}
			}
			if found != count {
				return fmt.Errorf("%d of %d bindings", found, count)
			}
			return nil
		})
	}
	counted := func(step string, want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, writes.take()); diff != "" {
			t.Errorf("%s: writes (-want +got):\n%s", step, diff)
		}
	}

	p := policy("p", func(p *policyv1alpha1.PropagationPolicy) {
		p.Labels, p.Finalizers = nil, nil
		p.Spec.ResourceSelectors = append(p.Spec.ResourceSelectors,
			policyv1alpha1.ResourceSelector{APIVersion: "v1", Kind: "ConfigMap"},
			policyv1alpha1.ResourceSelector{APIVersion: "example.com/v1", Kind: "Widget"})
	})
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, p)
	for i := range n {
		create(native("apps/v1", "Deployment", i), native("v1", "ConfigMap", i))
	}
	any := func(*workv1alpha2.ResourceBinding) bool { return true }
	bound("every template has its binding", 2*n, any)

	// A kind that the policy waits for appears. What the steps before still had to write is done by
	// then.
	create(widgets())
	home.Eventually("the kind is served", func(context.Context) error {
		return home.Client.Create(t.Context(), native("example.com/v1", "Widget", 0))
	})
	bound("the new kind is claimed", 2*n+1, any)
	counted("new templates", map[string]int{
		"PATCH deployments": n, "PATCH configmaps": n, "PATCH widgets": 1, "POST resourcebindings": 2*n + 1,
	})

	edit := func(change func(*policyv1alpha1.PropagationPolicy)) {
		t.Helper()
		before := p.DeepCopy()
		change(p)
		if err := home.Client.Patch(t.Context(), p, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}
	})
	bound("the edit reaches every binding", 2*n+1, func(b *workv1alpha2.ResourceBinding) bool { return b.Spec.Placement.ClusterAffinity != nil })
	counted("an edit of the policy", map[string]int{"PATCH resourcebindings": 2*n + 1})

	edit(func(p *policyv1alpha1.PropagationPolicy) { p.Spec.ResourceSelectors = p.Spec.ResourceSelectors[:1] })
	bound("what is no longer selected is let go", n, func(b *workv1alpha2.ResourceBinding) bool {
		return b.Labels["propagationpolicy.karmada.io/permanent-id"] != ""
	})
	home.Eventually("the templates too", func(ctx context.Context) error {
		var configs corev1.ConfigMapList
		if err := home.Client.List(ctx, &configs, client.InNamespace("shop"), client.HasLabels{"propagationpolicy.karmada.io/permanent-id"}); err != nil || len(configs.Items) > 0 {
			return fmt.Errorf("%d are marked: %w", len(configs.Items), err)
		}
		return nil
	})
	counted("a narrower selection", map[string]int{"PATCH resourcebindings": n + 1, "PATCH configmaps": n, "PATCH widgets": 1})
}

// install puts the kinds that the detector reads and writes into the hub.
func install(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	err := fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil || !bytes.Contains(text, []byte("group: policy.karmada.io")) && !bytes.Contains(text, []byte("group: work.karmada.io")) &&
			!bytes.Contains(text, []byte("group: config.karmada.io")) {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return home.Client.Create(t.Context(), crd)
	})
	if err != nil {
		t.Fatal(err)
	}
	home.Eventually("the APIs are served", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{
			&policyv1alpha1.PropagationPolicyList{}, &policyv1alpha1.ClusterPropagationPolicyList{}, &policyv1alpha1.OverridePolicyList{},
			&policyv1alpha1.ClusterOverridePolicyList{}, &workv1alpha2.ResourceBindingList{}, &workv1alpha2.ClusterResourceBindingList{},
			&configv1alpha1.ResourceInterpreterCustomizationList{}, &configv1alpha1.ResourceInterpreterWebhookConfigurationList{},
		} {
			if err := home.Client.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}

// run starts the detector, with its writes counted.
func run(t *testing.T, home *hubtest.ControlPlane, writes *tally, setups ...func(context.Context, ctrl.Manager, *Options) error) {
	t.Helper()
	config := rest.CopyConfig(home.Config)
	config.QPS = -1
	config.Wrap(writes.wrap)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Interpreter: interpret.New()}
	for _, setup := range setups {
		if err := setup(t.Context(), mgr, &o); err != nil {
			t.Fatal(err)
		}
	}
	if err := Setup(mgr, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// native is a template in the namespace shop.
func native(apiVersion, kind string, i int) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	if kind == "Deployment" {
		u.Object["spec"] = map[string]any{
			"replicas": int64(2), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": "web"}}},
			},
		}
	}
	u.SetNamespace("shop")
	u.SetName(fmt.Sprintf("web-%d", i))
	return u
}

func widgets() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		},
	}}
}
