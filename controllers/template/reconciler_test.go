package template

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

func TestClaimsAndBinds(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(nil))
	body := w.reconcile(web)
	if got := body.GetLabels()[names.PropagationPolicyPermanentID]; got != "p-id" {
		t.Errorf("the template carries the id %q", got)
	}
	b := w.binding("web-deployment")
	if b.Spec.Replicas != 3 || b.Labels[names.PropagationPolicyPermanentID] != "p-id" || b.Labels[names.ResourceBindingPermanentID] == "" {
		t.Errorf("binding %+v", b)
	}
	if w.writes != 1 || w.requests("patch") != 1 || w.requests("get") != 0 {
		t.Errorf("%d binding writes, %d template patches, %d template reads; want 1, 1, 0", w.writes, w.requests("patch"), w.requests("get"))
	}
	want := []string{"Normal GetReplicasSucceed the replicas are known", "Normal ApplyPolicySucceed PropagationPolicy shop/p is applied"}
	if diff := cmp.Diff(want, w.said()); diff != "" {
		t.Error(diff)
	}
}

func TestAnEditReachesTheBindingAndStatusDoesNot(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(nil))
	marked := w.reconcile(web)

	w.put(changed(marked, func(u *unstructured.Unstructured) {
		u.Object["status"] = map[string]any{"replicas": int64(3)}
		u.SetResourceVersion("2")
	}))
	w.reconcile(web)
	if w.writes != 1 || w.requests("get") != 0 {
		t.Errorf("after a status: %d writes, %d reads", w.writes-1, w.requests("get"))
	}

	w.put(changed(marked, func(u *unstructured.Unstructured) {
		u.SetGeneration(2)
		u.SetResourceVersion("3")
		_ = unstructured.SetNestedField(u.Object, int64(5), "spec", "replicas")
	}))
	w.reconcile(web)
	if b := w.binding("web-deployment"); b.Spec.Replicas != 5 || b.Spec.Resource.ResourceVersion != "3" || w.writes != 2 {
		t.Errorf("after an edit: %d replicas of version %s, %d writes", b.Spec.Replicas, b.Spec.Resource.ResourceVersion, w.writes-1)
	}
}

// A ConfigMap has no generation: it is read to find out, and a change that does not count is not
// written.
func TestWithoutAGenerationTheBodyTells(t *testing.T) {
	selectsConfig := func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "ConfigMap"}}
	}
	w := newWorld(t, policy("p", selectsConfig))
	config := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "1"}}}
	config.SetNamespace("shop")
	config.SetName("web")
	config.SetResourceVersion("1")
	w.put(config)
	key := Key{configMap, web.NamespacedName}
	marked := w.reconcile(key)
	if w.requests("get") != 0 {
		t.Error("it was read although its version is the one that was bound")
	}
	w.put(changed(marked, func(u *unstructured.Unstructured) { u.SetResourceVersion("2") }))
	w.reconcile(key)
	if w.writes != 1 {
		t.Errorf("%d writes although nothing changed", w.writes-1)
	}
	w.put(changed(marked, func(u *unstructured.Unstructured) {
		u.SetResourceVersion("3")
		_ = unstructured.SetNestedField(u.Object, "2", "data", "a")
	}))
	w.reconcile(key)
	if w.writes != 2 {
		t.Errorf("%d writes after an edit", w.writes-1)
	}
}

func changed(u *unstructured.Unstructured, change func(*unstructured.Unstructured)) *unstructured.Unstructured {
	u = u.DeepCopy()
	change(u)
	return u
}

func TestAPolicyFindsTemplatesThatWait(t *testing.T) {
	w := newWorld(t)
	w.put(webDeployment(nil))
	w.reconcile(web)
	if w.hasBinding("web-deployment") {
		t.Fatal("bound without a policy")
	}
	p := policy("p", func(p *policyv1alpha1.PropagationPolicy) { p.Labels, p.Finalizers = nil, nil })
	if err := w.client.Create(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	w.reconcilePolicy(p)
	b := w.binding("web-deployment")
	if err := w.client.Get(context.Background(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	if id := p.Labels[names.PropagationPolicyPermanentID]; id == "" || b.Labels[names.PropagationPolicyPermanentID] != id || len(p.Finalizers) != 1 {
		t.Errorf("policy %+v, binding labels %v", p.ObjectMeta, b.Labels)
	}
}

func TestAPolicyLetsGoOfWhatItNoLongerSelects(t *testing.T) {
	p := policy("p", nil)
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcile(web)
	p = updated(t, w, p, func(p *policyv1alpha1.PropagationPolicy) { p.Spec.ResourceSelectors[0].Name = "db" })
	w.reconcile(web) // an event of the template changes nothing
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] == "" {
		t.Fatal("released by an event of the template")
	}
	w.reconcilePolicy(p)
	body, b := w.sync(web), w.binding("web-deployment")
	if body.GetLabels()[names.PropagationPolicyPermanentID] != "" || b.Labels[names.PropagationPolicyPermanentID] != "" {
		t.Errorf("marks are left: template %v, binding %v", body.GetLabels(), b.Labels)
	}
	if b.Spec.Placement == nil || b.Labels[names.ResourceBindingPermanentID] == "" {
		t.Error("the binding is no longer what it was")
	}
	// Another policy adopts it.
	other := policy("other", nil)
	if err := w.client.Create(context.Background(), other); err != nil {
		t.Fatal(err)
	}
	w.reconcilePolicy(other)
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] != "other-id" {
		t.Errorf("not adopted: %v", b.Labels)
	}
}

func updated(t *testing.T, w *world, p *policyv1alpha1.PropagationPolicy, change func(*policyv1alpha1.PropagationPolicy)) *policyv1alpha1.PropagationPolicy {
	t.Helper()
	if err := w.client.Get(context.Background(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	change(p)
	p.Generation++
	if err := w.client.Update(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDeletingAPolicyOnlyRemovesMarks(t *testing.T) {
	p := policy("p", nil)
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcile(web)
	if err := w.client.Delete(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if result := w.reconcilePolicy(p); result.RequeueAfter < 100*time.Millisecond {
		t.Errorf("it does not wait for the templates: %v", result)
	}
	w.reconcilePolicy(p)
	if err := w.client.Get(context.Background(), client.ObjectKeyFromObject(p), p); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the policy is still there: %v", err)
	}
	if labels := w.sync(web).GetLabels(); len(labels) > 0 {
		t.Errorf("the template carries %v", labels)
	}
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] != "" || b.Spec.Replicas != 3 {
		t.Errorf("binding %+v", b)
	}
}

func TestAnInvalidPolicyHasNoEffect(t *testing.T) {
	p := policy("p", nil)
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcile(web)
	w.said()
	p = updated(t, w, p, func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{{SpreadByField: "region"}}
		p.Spec.ResourceSelectors[0].Name = "db"
	})
	w.reconcilePolicy(p)
	w.reconcile(web)
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] != "p-id" || w.writes != 1 {
		t.Errorf("it had an effect: %v, %d writes", b.Labels, w.writes-1)
	}
	said := w.said()
	if len(said) != 1 || !strings.Contains(said[0], "ApplyPolicyFailed") || !strings.Contains(said[0], "spec.placement.spreadConstraints") {
		t.Errorf("events %q", said)
	}
}

func TestASelectorThatSelectsNothingIsSaid(t *testing.T) {
	p := policy("p", func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.ResourceSelectors = append(p.Spec.ResourceSelectors,
			policyv1alpha1.ResourceSelector{APIVersion: "example.com/v1", Kind: "Widget"},
			policyv1alpha1.ResourceSelector{APIVersion: "apps/v1beta1", Kind: "Deployment"},
			policyv1alpha1.ResourceSelector{APIVersion: "policy.karmada.io/v1alpha1", Kind: "PropagationPolicy"})
	})
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcilePolicy(p)
	if !w.hasBinding("web-deployment") {
		t.Error("the other selector has no effect either")
	}
	var got []string
	for _, s := range w.said() {
		if strings.Contains(s, names.EventReasonSelectedKindNotServed) {
			got = append(got, s)
		}
	}
	want := []string{
		"Warning SelectedKindNotServed spec.resourceSelectors[1] selects nothing: example.com/v1 Widget is not served by the hub; check the spelling, or apply its CRD",
		"Warning SelectedKindNotServed spec.resourceSelectors[2] selects nothing: apps/v1beta1 Deployment is matched by its preferred version; write apiVersion: apps/v1",
		"Warning SelectedKindNotServed spec.resourceSelectors[3] selects nothing: policy.karmada.io/v1alpha1 PropagationPolicy is never propagated",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPreemption(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(nil))
	w.reconcile(web)
	strong := policy("strong", func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.ResourceSelectors[0].Name = "web"
		p.Spec.Priority, p.Spec.Preemption = ptr.To[int32](1), policyv1alpha1.PreemptAlways
	})
	if err := w.client.Create(context.Background(), strong); err != nil {
		t.Fatal(err)
	}
	w.said()
	w.reconcilePolicy(strong)
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] != "strong-id" {
		t.Errorf("binding %v", b.Labels)
	}
	if said := w.said(); len(said) == 0 || !strings.HasPrefix(said[0], "Normal PreemptPolicySucceed") {
		t.Errorf("events %q", said)
	}
}

func TestALazyPolicyWaitsForAnEdit(t *testing.T) {
	w := newWorld(t)
	w.put(webDeployment(nil))
	w.reconcile(web)
	lazy := policy("lazy", func(p *policyv1alpha1.PropagationPolicy) { p.Spec.ActivationPreference = policyv1alpha1.LazyActivation })
	if err := w.client.Create(context.Background(), lazy); err != nil {
		t.Fatal(err)
	}
	w.reconcilePolicy(lazy)
	marked := w.sync(web)
	if marked.GetLabels()[names.PropagationPolicyPermanentID] != "lazy-id" || w.hasBinding("web-deployment") {
		t.Fatalf("claimed %v, bound %v; want it claimed and not bound", marked.GetLabels(), w.hasBinding("web-deployment"))
	}
	w.put(changed(marked, func(u *unstructured.Unstructured) { u.SetGeneration(2) }))
	w.reconcile(web)
	if !w.hasBinding("web-deployment") {
		t.Fatal("an edit does not activate the policy")
	}
	lazy = updated(t, w, lazy, func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}
	})
	w.reconcilePolicy(lazy)
	if w.binding("web-deployment").Spec.Placement.ClusterAffinity != nil {
		t.Error("a change of the policy took effect at once")
	}
	w.put(changed(marked, func(u *unstructured.Unstructured) { u.SetGeneration(3) }))
	w.reconcile(web)
	if w.binding("web-deployment").Spec.Placement.ClusterAffinity == nil {
		t.Error("an edit does not activate the change")
	}
}

func TestFlags(t *testing.T) {
	tests := map[string]struct {
		args []string
		want Options
		err  string
	}{
		"none":       {want: Options{SkippedNamespaces: claim.DefaultSkippedNamespaces}},
		"APIs":       {args: []string{"--skipped-propagating-apis=example.com;batch/v1/Job,CronJob"}, want: Options{SkippedAPIs: []string{"example.com", "batch/v1/Job,CronJob"}, SkippedNamespaces: claim.DefaultSkippedNamespaces}},
		"namespaces": {args: []string{"--skipped-propagating-namespaces=kube-.*,private"}, want: Options{SkippedNamespaces: []string{"kube-.*", "private"}}},
		"nonsense":   {args: []string{"--skipped-propagating-apis=a/b/c/d"}, err: `skipped API "a/b/c/d"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got Options
			fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
			got.AddFlags(fs)
			err := fs.Parse(tt.args)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	tests := map[string]struct {
		policy   func(*policyv1alpha1.PropagationPolicy)
		template func(*unstructured.Unstructured)
		objs     []client.Object
		want     string
	}{
		"an override that the policy depends on": {
			policy: func(p *policyv1alpha1.PropagationPolicy) { p.Spec.DependentOverrides = []string{"o"} },
			want:   "spec.dependentOverrides of PropagationPolicy shop/p: there is no o",
		},
		"a priority class": {
			policy: func(p *policyv1alpha1.PropagationPolicy) {
				p.Spec.SchedulePriority = &policyv1alpha1.SchedulePriority{PriorityClassSource: policyv1alpha1.KubePriorityClass, PriorityClassName: "high"}
			},
			want: "there is no PriorityClass high",
		},
		"replicas that are no number": {
			template: func(u *unstructured.Unstructured) { u.Object["spec"] = map[string]any{"replicas": "many"} },
			want:     "replicas",
		},
		"a binding of another object": {
			objs: []client.Object{&workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment",
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Deployment", Name: "web", UID: types.UID("u2"), Controller: ptr.To(true)}}}}},
			want: "the binding web-deployment belongs to another object, Deployment web of example.com/v1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(tt.objs, policy("p", tt.policy))...)
			w.put(webDeployment(tt.template))
			_, err := w.Reconcile(context.Background(), web)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			said := strings.Join(w.said(), "\n")
			if !strings.Contains(said, "Warning ApplyPolicyFailed") || !strings.Contains(said, tt.want) {
				t.Errorf("events %q", said)
			}
		})
	}
}

func TestSkipsWhatIsNoTemplate(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{names.ClaimedByLabel: "x"}) }))
	w.reconcile(web)
	if w.hasBinding("web-deployment") || len(w.bodies.Actions()) > 0 {
		t.Error("a template that something else owns was claimed")
	}
}

// An edit and a change of a policy that come at the same time are both heard.
func TestAnEditIsNotLostInAChangeOfAPolicy(t *testing.T) {
	lazy := policy("lazy", func(p *policyv1alpha1.PropagationPolicy) { p.Spec.ActivationPreference = policyv1alpha1.LazyActivation })
	w := newWorld(t, lazy)
	w.put(webDeployment(nil))
	w.reconcilePolicy(lazy)
	if !w.hasBinding("web-deployment") {
		t.Error("the edit was taken for a change of the policy")
	}
}

func TestTheComponentsOfAWorkloadAreBound(t *testing.T) {
	for name, tt := range map[string]struct {
		err       error
		want      []workv1alpha2.Component
		wantEvent string
	}{
		"two of them":           {want: []workv1alpha2.Component{{Name: "master", Replicas: 1}, {Name: "worker", Replicas: 4}}, wantEvent: "Normal GetComponentsSucceed the components are known"},
		"if they make no sense": {err: errors.New("no pods"), wantEvent: "Warning GetComponentsFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policy("p", nil))
			w.interpreter = interpret.New(parts{interpret.Hooks{Components: func(*unstructured.Unstructured) ([]workv1alpha2.Component, error) { return tt.want, tt.err }}})
			w.put(webDeployment(nil))
			_, err := w.Reconcile(context.Background(), web)
			if (err != nil) != (tt.err != nil) {
				t.Fatal(err)
			}
			if said := strings.Join(w.said(), "\n"); !strings.Contains(said, tt.wantEvent) {
				t.Errorf("events %q", said)
			}
			if err == nil {
				b := w.binding("web-deployment")
				if diff := cmp.Diff(tt.want, b.Spec.Components); diff != "" || b.Spec.Replicas != 0 {
					t.Errorf("%d replicas; components %s", b.Spec.Replicas, diff)
				}
			}
		})
	}
}

// parts is a layer of an interpreter that knows every kind.
type parts struct{ hooks interpret.Hooks }

func (p parts) Hooks(schema.GroupVersionKind) interpret.Hooks { return p.hooks }
