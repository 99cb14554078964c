// Package tenant holds the promise to those who share a hub: whoever has rights in one of its namespaces
// alone changes nothing in any member but what lies in that namespace. It is a table of attacks, each made
// by an impersonated user on real API servers with RBAC, with admission and without.
package tenant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	webhookserver "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/binding"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/cluster"
	"github.com/seaway-io/seaway/controllers/conversion"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/dependency"
	"github.com/seaway-io/seaway/controllers/execution"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/yield"
	"github.com/seaway-io/seaway/controllers/member"
	"github.com/seaway-io/seaway/controllers/namespace"
	"github.com/seaway-io/seaway/controllers/quota"
	"github.com/seaway-io/seaway/controllers/scheduler"
	"github.com/seaway-io/seaway/controllers/status"
	"github.com/seaway-io/seaway/controllers/template"
	"github.com/seaway-io/seaway/controllers/webhook"
)

// world is a hub with the controllers of `seaway controller` that write to members, and one member.
type world struct {
	testing.TB
	hub, member *hubtest.ControlPlane
	// eve is the tenant.
	eve client.Client
	// tenant is her namespace, victim that of others. Their names are such that objects of one kind and
	// name in the two have Works of one name.
	tenant, victim string
	admission      bool
	fences         int
}

func start(t *testing.T, admission bool) *world {
	ctrl.SetLogger(klog.Background())
	w := &world{TB: t, admission: admission}
	w.tenant, w.victim = colliding(t)
	w.hub, w.member = hubtest.Start(t, hubtest.Options{Hub: true}), hubtest.Start(t, hubtest.Options{})
	w.install()
	w.run()
	w.join()
	w.invite()
	w.furnish()
	return w
}

// colliding returns two names of namespaces that the hash in the names of Works does not tell apart.
func colliding(t *testing.T) (tenant, victim string) {
	seen := map[string]string{}
	for i := range 1 << 18 {
		name := fmt.Sprintf("tenant-%d", i)
		seen[names.WorkName("ConfigMap", "accounts", name)] = name
	}
	for i := range 1 << 18 {
		name := fmt.Sprintf("bank-%d", i)
		if other := seen[names.WorkName("ConfigMap", "accounts", name)]; other != "" {
			return other, name
		}
	}
	t.Fatal("no two names share a hash")
	return "", ""
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// parse reads YAML with $T for the tenant's namespace, and $V for the victim's.
func (w *world) parse(text string) []*unstructured.Unstructured {
	w.Helper()
	text = strings.NewReplacer("$T", w.tenant, "$V", w.victim).Replace(text)
	var out []*unstructured.Unstructured
	for one := range strings.SplitSeq(text, "\n---\n") {
		obj := &unstructured.Unstructured{}
		w.must(yaml.Unmarshal([]byte(one), &obj.Object))
		out = append(out, obj)
	}
	return out
}

// create creates objects, up to the first that is refused.
func (w *world) create(c client.Client, text string) error {
	for _, obj := range w.parse(text) {
		if err := c.Create(w.Context(), obj); err != nil {
			return fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
		}
	}
	return nil
}

func (w *world) install() {
	for _, home := range []*hubtest.ControlPlane{w.hub, w.member} {
		scope := "Namespaced"
		if home == w.member {
			scope = "Cluster" // somebody installed another version there
		}
		w.must(w.create(home.Client, strings.ReplaceAll(widgets, "$S", scope)))
	}
	w.must(fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		return errors.Join(yaml.Unmarshal(text, &crd.Object), w.hub.Client.Create(w.Context(), crd))
	}))
	w.eventually("every kind is served", func(ctx context.Context) error {
		var errs []error
		for _, gvk := range []string{"policy.karmada.io/v1alpha1 PropagationPolicy", "work.karmada.io/v1alpha1 ResourceBinding", "work.karmada.io/v1alpha2 ResourceBinding",
			"work.karmada.io/v1alpha1 Work", "traffic.seaway.dev/v1alpha1 TrafficPolicy", "example.com/v1 Widget"} {
			apiVersion, kind, _ := strings.Cut(gvk, " ")
			list := &unstructured.UnstructuredList{}
			list.SetAPIVersion(apiVersion)
			list.SetKind(kind + "List")
			errs = append(errs, w.hub.Client.List(ctx, list))
		}
		return errors.Join(errs...)
	})
	for _, name := range []string{names.ClusterNamespace, w.tenant, w.victim} {
		w.must(w.hub.Client.Create(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
}

const widgets = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, spec: {group: example.com, scope: $S,
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`

// run starts the controllers as `seaway controller` does.
func (w *world) run() {
	w.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	port, dir := listener.Addr().(*net.TCPAddr).Port, w.TempDir()
	w.must(listener.Close())
	mgr, err := ctrl.NewManager(w.hub.Config, ctrl.Options{
		Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller:    config.Controller{SkipNameValidation: ptr.To(true)}, // there are two managers, one after the other
		Client:        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		WebhookServer: webhookserver.NewServer(webhookserver.Options{Host: "127.0.0.1", Port: port, CertDir: dir}),
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	w.must(errors.Join(hub.SetupIndexes(ctx, mgr.GetFieldIndexer()), works.SetupIndex(ctx, mgr.GetFieldIndexer())))
	clk, kinds, objects := clock.RealClock{}, interpret.New(), &template.Objects{}
	members := member.NewPool(member.Options{Clock: clk})
	following := managed.New(managed.Pool(members), clk)
	placer, err := scheduler.NewPlacer(mgr)
	w.must(err)
	desk, err := reports.Setup(mgr, yield.New(clk))
	w.must(err)
	order := dependency.Order{Client: mgr.GetClient(), Interpreter: kinds, Objects: objects}
	w.must(errors.Join(
		cluster.Setup(mgr, cluster.Options{Members: members, StatusUpdateFrequency: 200 * time.Millisecond, SuccessThreshold: 200 * time.Millisecond}),
		namespace.Setup(mgr, namespace.Options{}),
		quota.Setup(mgr, quota.Options{}),
		template.Setup(mgr, template.Options{Interpreter: kinds, Objects: objects}),
		dependency.Setup(mgr, dependency.Options{Interpreter: kinds, Objects: objects}),
		scheduler.Setup(mgr, scheduler.Options{Placer: placer}),
		binding.Setup(mgr, binding.Options{Interpreter: kinds, Before: order.Before}),
		execution.Setup(mgr, execution.Options{Managed: following, Reports: desk, Interpreter: kinds}),
		status.Setup(mgr, status.Options{Managed: following, Reports: desk, Interpreter: kinds}),
	))
	wanted := webhook.Protection()
	if w.admission {
		base := &url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", port)}
		trusted, err := webhook.Certificate(dir, base)
		w.must(err)
		webhook.Setup(mgr, webhook.Options{})
		mgr.GetWebhookServer().Register(conversion.Path, conversion.Handler())
		w.must(conversion.Announce(ctx, w.hub.Client, base, trusted))
		wanted = webhook.Configurations(base, trusted, "")
	}
	for _, obj := range wanted {
		w.must(w.hub.Client.Create(ctx, obj))
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("manager: %v", err)
		}
	})
	if w.admission {
		w.eventually("admission answers", func(ctx context.Context) error {
			err := w.create(w.hub.Client, `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: $V, name: probe}, spec: {overriders: {plaintext: [{path: /kind, operator: remove}]}}}`)
			if err == nil {
				probe := w.parse(`{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: $V, name: probe}}`)[0]
				return errors.Join(errors.New("let through"), w.hub.Client.Delete(ctx, probe))
			}
			if !strings.Contains(err.Error(), "an override can not change") {
				return err
			}
			return nil
		})
	}
}

// join makes the member one, with an account that may do everything there.
func (w *world) join() {
	ctx := w.Context()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "seaway"}}
	w.must(w.member.Client.Create(ctx, account))
	w.must(w.create(w.member.Client, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: seaway},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, subjects: [{kind: ServiceAccount, namespace: kube-system, name: seaway}]}`))
	token := &authenticationv1.TokenRequest{}
	w.must(w.member.Client.SubResource("token").Create(ctx, account, token))
	w.must(w.hub.Client.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.ClusterNamespace, Name: "fra"}, Data: map[string][]byte{
		names.SecretKeyToken: []byte(token.Status.Token), names.SecretKeyCABundle: w.member.Config.CAData,
	}}))
	w.must(w.hub.Client.Create(ctx, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}, Spec: clusterv1alpha1.ClusterSpec{
		ID: "fra", SyncMode: clusterv1alpha1.Push, APIEndpoint: w.member.Config.Host,
		SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: names.ClusterNamespace, Name: "fra"},
	}}))
	w.eventually("the member is ready", func(ctx context.Context) error {
		var fra clusterv1alpha1.Cluster
		if err := w.hub.Client.Get(ctx, client.ObjectKey{Name: "fra"}, &fra); err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(fra.Status.Conditions, clusterv1alpha1.ClusterConditionReady) {
			return fmt.Errorf("conditions %+v", fra.Status.Conditions)
		}
		return nil
	})
}

// invite gives the tenant what an administrator of a namespace has in Kubernetes, and every right on
// every kind of the federation there.
func (w *world) invite() {
	w.must(w.create(w.hub.Client, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: federation}, rules: [
  {apiGroups: [policy.karmada.io, work.karmada.io, networking.karmada.io, autoscaling.karmada.io, apps.karmada.io, config.karmada.io, remedy.karmada.io, cluster.karmada.io, traffic.seaway.dev, multicluster.x-k8s.io, example.com],
   resources: ["*"], verbs: ["*"]}]}`))
	for _, role := range []string{"system:aggregate-to-admin", "system:aggregate-to-edit", "system:aggregate-to-view", "federation"} {
		w.must(w.hub.Client.Create(w.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.tenant, Name: "eve-" + strings.ReplaceAll(role, ":", "-")},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "eve"}},
		}))
	}
	as := rest.CopyConfig(w.hub.Config)
	as.Impersonate = rest.ImpersonationConfig{UserName: "eve", Groups: []string{"system:authenticated"}}
	var err error
	w.eve, err = client.New(as, client.Options{Scheme: scheme.New()})
	w.must(err)
	w.eventually("the tenant has her rights", func(ctx context.Context) error {
		return w.eve.List(ctx, &corev1.ConfigMapList{}, client.InNamespace(w.tenant))
	})
}

// furnish gives everybody something to lose.
func (w *world) furnish() {
	w.must(w.create(w.hub.Client, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $V, name: accounts}, data: {a: "1"}}
---
{apiVersion: v1, kind: Secret, metadata: {namespace: $V, name: keys}, stringData: {a: "1"}}
---
{apiVersion: v1, kind: Secret, metadata: {namespace: $V, name: unsent}, stringData: {a: "1"}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: auditor}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: unsent}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
---
{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $V, name: all}, spec: {placement: {clusterAffinity: {clusterNames: [fra]}},
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: accounts}, {apiVersion: v1, kind: Secret, name: keys}]}}
---
{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: roles}, spec: {placement: {clusterAffinity: {clusterNames: [fra]}},
  resourceSelectors: [{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: auditor}]}}
---
{apiVersion: policy.karmada.io/v1alpha1, kind: FederatedResourceQuota, metadata: {namespace: $V, name: team}, spec: {overall: {cpu: "10"}, staticAssignments: [{clusterName: fra, hard: {cpu: "5"}}]}}`))
	w.must(w.create(w.eve, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: fence}, data: {n: "0"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: own}, data: {n: "0"}}
---
{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: $T, name: own}, spec: {placement: {clusterAffinity: {clusterNames: [fra]}},
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: fence}, {apiVersion: v1, kind: ConfigMap, name: own}]}}`))
	for _, there := range []string{
		`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $V, name: accounts}}`, `{apiVersion: v1, kind: Secret, metadata: {namespace: $V, name: keys}}`,
		`{apiVersion: v1, kind: ResourceQuota, metadata: {namespace: $V, name: team}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: own}}`,
		`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: auditor}}`,
	} {
		w.inMember(there, nil)
	}
	w.must(w.create(w.member.Client, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $V, name: local}, data: {a: "1"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: local}, data: {a: "1"}}`))
	w.fence()
}

// inMember waits until the member has an object, and check finds nothing wrong with it.
func (w *world) inMember(text string, check func(*unstructured.Unstructured) error) {
	w.Helper()
	obj := w.parse(text)[0]
	w.eventually("the member has it: "+text, func(ctx context.Context) error {
		if err := w.member.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil || check == nil {
			return err
		}
		return check(obj)
	})
}

// fence waits until a change that is made now has gone all the way: what was on the way before it has
// had its turn.
func (w *world) fence() {
	w.Helper()
	w.fences++
	n := fmt.Sprint(w.fences)
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.tenant, Name: "fence"}}
	w.must(w.eve.Patch(w.Context(), own, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"data":{"n":%q}}`, n))))
	w.inMember(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: $T, name: fence}}`, func(obj *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedString(obj.Object, "data", "n"); got != n {
			return fmt.Errorf("it has %s, not %s", got, n)
		}
		return nil
	})
}

// eventually waits until check finds nothing wrong.
func (w *world) eventually(what string, check func(context.Context) error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}
