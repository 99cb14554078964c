package template

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// counts are requests that write: to templates, and to policies and bindings.
type counts struct{ templates, hub int }

func (w *world) counts() counts {
	return counts{w.requests("patch") + w.requests("update") + w.requests("create"), w.writes}
}

// since is what was written in between.
func (w *world) since(before counts) counts {
	now := w.counts()
	return counts{now.templates - before.templates, now.hub - before.hub}
}

func numbered(i int) *unstructured.Unstructured {
	return webDeployment(func(u *unstructured.Unstructured) {
		u.SetName(fmt.Sprintf("web-%d", i))
		u.SetUID(types.UID(fmt.Sprintf("u-%d", i)))
	})
}

func TestWhatIsWritten(t *testing.T) {
	const n = 5
	p := policy("p", nil)
	w := newWorld(t, p)
	var templates []*unstructured.Unstructured
	for i := range n {
		templates = append(templates, numbered(i))
		w.put(templates[i])
	}
	steps := []struct {
		name string
		do   func()
		want counts
	}{
		{"new templates", func() {
			for _, u := range templates {
				w.reconcile(keyOf(deployment, u))
			}
		}, counts{templates: n, hub: n}},
		{"nothing changed", func() {
			for _, u := range templates {
				w.changed(keyOf(deployment, u), true)
				w.reconcile(keyOf(deployment, u))
			}
			w.reconcilePolicy(p)
		}, counts{}},
		{"the policy places elsewhere", func() {
			p = updated(t, w, p, func(p *policyv1alpha1.PropagationPolicy) {
				p.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}
			})
			w.reconcilePolicy(p)
		}, counts{hub: n}},
		{"the policy selects more, which no binding says", func() {
			p = updated(t, w, p, func(p *policyv1alpha1.PropagationPolicy) {
				p.Spec.ResourceSelectors = append(p.Spec.ResourceSelectors, policyv1alpha1.ResourceSelector{APIVersion: "v1", Kind: "ConfigMap"})
				p.Spec.Priority = ptr.To[int32](3)
			})
			w.reconcilePolicy(p)
		}, counts{}},
		{"another policy takes one of them", func() {
			strong := policy("strong", func(p *policyv1alpha1.PropagationPolicy) {
				p.Spec.ResourceSelectors[0].Name = "web-0"
				p.Spec.Priority, p.Spec.Preemption = ptr.To[int32](4), policyv1alpha1.PreemptAlways
			})
			if err := w.client.Create(context.Background(), strong); err != nil {
				t.Fatal(err)
			}
			w.reconcilePolicy(strong)
		}, counts{templates: 1, hub: 1 + 1}}, // the policy itself, and the binding
		{"the policy goes", func() {
			if err := w.client.Delete(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			w.reconcilePolicy(p)
			w.reconcilePolicy(p)
		}, counts{templates: n - 1, hub: n - 1 + 1}}, // the bindings, and the policy's finalizer
	}
	for _, s := range steps {
		before := w.counts()
		s.do()
		if got := w.since(before); got != s.want {
			t.Errorf("%s: %+v writes, want %+v", s.name, got, s.want)
		}
	}
}

// A cache that does not show a binding yet makes nobody create it again, nor patch what it was.
func TestItWaitsForItsOwnWrites(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(nil))
	w.reconcile(web)
	b := w.binding("web-deployment")
	writes, reads := w.writes, w.requests("get")

	w.written.note(web, &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{ResourceVersion: b.ResourceVersion + "0"}}, w.clock.Now())
	w.put(changed(w.sync(web), func(u *unstructured.Unstructured) {
		u.SetGeneration(2)
		u.SetResourceVersion("2")
	}))
	result, err := w.Reconcile(context.Background(), web)
	if err != nil || result.RequeueAfter == 0 || w.writes != writes || w.requests("get") != reads {
		t.Fatalf("result %v, error %v, %d writes, %d reads; want it to come back", result, err, w.writes-writes, w.requests("get")-reads)
	}
	w.clock.(*clocktesting.FakePassiveClock).SetTime(w.clock.Now().Add(catchUp))
	w.reconcile(web)
	if w.writes != writes+1 {
		t.Errorf("%d writes after the cache had its time, want 1", w.writes-writes)
	}
}

func TestOnlyOneOfTwoProcessesCreatesABinding(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.put(webDeployment(nil))
	err := w.create(context.Background(), web, &workv1alpha2.ResourceBinding{}, sourceOf(w))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.create(context.Background(), web, &workv1alpha2.ResourceBinding{}, sourceOf(w)); !apierrors.IsConflict(err) {
		t.Errorf("the second gets %v, want a conflict", err)
	}
}

// The scheduler and the status controllers write the same bindings all the time: their writes are in
// nobody's way.
func TestAPatchDoesNotConflictWithOthersFields(t *testing.T) {
	p := policy("p", nil)
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcile(web)
	stale := w.binding("web-deployment")
	scheduled := stale.DeepCopy()
	scheduled.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
	if err := w.client.Update(context.Background(), scheduled); err != nil {
		t.Fatal(err)
	}
	s := sourceOf(w)
	s.Replicas = 9
	if _, err := w.bindTo(stale, s); err != nil {
		t.Fatal(err)
	}
	if b := w.binding("web-deployment"); len(b.Spec.Clusters) != 1 || b.Spec.Replicas != 9 {
		t.Errorf("clusters %v, %d replicas", b.Spec.Clusters, b.Spec.Replicas)
	}
	// A list that others write into as well is another matter.
	stale.Finalizers = nil
	if _, err := w.bindTo(stale, s); !apierrors.IsConflict(err) {
		t.Errorf("finalizers were replaced without a look: %v", err)
	}
}

func TestWhatAPolicyLeavesBehindIsFreed(t *testing.T) {
	p := policy("p", nil)
	w := newWorld(t, p)
	w.put(webDeployment(nil))
	w.reconcile(web)
	// somebody takes the finalizer away
	p = updated(t, w, p, func(p *policyv1alpha1.PropagationPolicy) { p.Finalizers = nil })
	if err := w.client.Delete(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	w.reconcilePolicy(p)
	if labels := w.sync(web).GetLabels(); len(labels) > 0 {
		t.Errorf("the template carries %v", labels)
	}
	if b := w.binding("web-deployment"); b.Labels[names.PropagationPolicyPermanentID] != "" {
		t.Errorf("the binding carries %v", b.Labels)
	}
}

func TestAPolicyMadeAnewTakesItsTemplatesBack(t *testing.T) {
	w := newWorld(t, policy("p", func(p *policyv1alpha1.PropagationPolicy) {
		p.Labels = map[string]string{names.PropagationPolicyPermanentID: "second"}
	}))
	w.put(webDeployment(func(u *unstructured.Unstructured) {
		u.SetLabels(map[string]string{names.PropagationPolicyPermanentID: "first"})
		u.SetAnnotations(map[string]string{names.PropagationPolicyNamespaceAnnotation: "shop", names.PropagationPolicyNameAnnotation: "p"})
	}))
	w.causes.take(web)
	w.reconcilePolicy(policy("p", nil))
	if id := w.sync(web).GetLabels()[names.PropagationPolicyPermanentID]; id != "second" {
		t.Errorf("the template carries the id %q", id)
	}
}

func TestAPolicyWakesWhenWhatItWaitsForAppears(t *testing.T) {
	w := newWorld(t,
		policy("a", func(p *policyv1alpha1.PropagationPolicy) { p.Spec.DependentOverrides = []string{"x", "o"} }),
		policy("b", func(p *policyv1alpha1.PropagationPolicy) {
			p.Spec.SchedulePriority = &policyv1alpha1.SchedulePriority{PriorityClassSource: policyv1alpha1.KubePriorityClass, PriorityClassName: "o"}
		}),
		policy("c", nil))
	r := &policyReconciler{reconciler: w.reconciler, empty: func() policyv1alpha1.Propagation { return &policyv1alpha1.PropagationPolicy{} }}
	override := &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "o"}}
	elsewhere := &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "bank", Name: "o"}}
	for name, tt := range map[string]struct {
		obj  client.Object
		want string
	}{"an override": {override, "a"}, "an override elsewhere": {elsewhere, ""}, "a priority class": {priorityClass("o", 7), "b"}} {
		var got []string
		for _, req := range r.awaiting(context.Background(), tt.obj) {
			got = append(got, req.Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s wakes %q, want %q", name, got, tt.want)
		}
	}
}

// A policy that names thousands of templates is compared with each of them by a look-up.
func TestAPolicyWithManySelectors(t *testing.T) {
	const n = 5000
	p := policy("p", func(p *policyv1alpha1.PropagationPolicy) {
		p.Spec.ResourceSelectors = nil
		for i := range n {
			p.Spec.ResourceSelectors = append(p.Spec.ResourceSelectors, policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment", Name: fmt.Sprintf("web-%d", i)})
		}
	})
	w := newWorld(t, p)
	store := w.watcher.informer(deployment).GetIndexer()
	for i := range n {
		if err := store.Add(partial("shop", fmt.Sprintf("web-%d", i), nil)); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	ready := w.prepared.get(p)
	if got := len(w.watcher.selected(ready)); got != n {
		t.Errorf("%d templates are selected, want %d", got, n)
	}
	for range n {
		if w.prepared.get(p) != ready {
			t.Fatal("the policy is prepared again")
		}
	}
	if took := time.Since(start); took > 10*time.Second { // it takes milliseconds; when it was quadratic, minutes
		t.Errorf("it took %v", took)
	}
}
