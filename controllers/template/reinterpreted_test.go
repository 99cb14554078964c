package template

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// layer explains kinds by hooks that can be exchanged.
type layer struct{ hooks interpret.Hooks }

// Hooks implements interpret.Layer.
func (l *layer) Hooks(schema.GroupVersionKind) interpret.Hooks { return l.hooks }

// asks has every object ask for so many replicas.
func asks(replicas int32) interpret.Hooks {
	return interpret.Hooks{Replicas: func(*unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
		return replicas, nil, nil
	}}
}

// wakeKind handles what a kind that is explained anew concerns, and returns how much was written.
func (w *world) wakeKind(kind schema.GroupVersionKind) int {
	w.t.Helper()
	before := w.writes
	keys, err := w.ofKind(context.Background(), kind)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := w.Reconcile(context.Background(), key); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.writes - before
}

func TestATemplateAsksAnewWhenItsKindIsExplainedAnew(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	custom := &layer{}
	w.interpreter = interpret.New(custom)
	w.put(webDeployment(nil))
	w.reconcile(web)
	before := w.binding("web-deployment")
	if n := w.wakeKind(configMap); n != 0 {
		t.Errorf("another kind: %d writes", n)
	}
	if n := w.wakeKind(deployment); n != 0 {
		t.Errorf("the same explanation: %d writes", n)
	}
	custom.hooks = asks(7)
	if n := w.wakeKind(deployment); n != 1 {
		t.Errorf("another explanation: %d writes", n)
	}
	after := w.binding("web-deployment")
	if after.Spec.Replicas != 7 || after.Spec.ReplicaRequirements != nil {
		t.Errorf("asks for %d replicas, %+v", after.Spec.Replicas, after.Spec.ReplicaRequirements)
	}
	custom.hooks = interpret.Hooks{}
	w.wakeKind(deployment)
	after = w.binding("web-deployment")
	after.ResourceVersion = before.ResourceVersion
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("it does not go back:\n%s", diff)
	}
}

func TestALazyPolicyStaysAsleepWhenAKindIsExplainedAnew(t *testing.T) {
	p := policy("p", func(p *policyv1alpha1.PropagationPolicy) { p.Spec.ActivationPreference = policyv1alpha1.LazyActivation })
	w := newWorld(t, p)
	custom := &layer{}
	w.interpreter = interpret.New(custom)
	w.put(webDeployment(nil))
	w.reconcile(web)
	if err := w.client.Get(context.Background(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	p.Generation++
	p.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra"}}
	if err := w.client.Update(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	custom.hooks = asks(7)
	w.wakeKind(deployment)
	b := w.binding("web-deployment")
	if b.Spec.Replicas != 7 {
		t.Errorf("asks for %d replicas", b.Spec.Replicas)
	}
	if b.Spec.Placement.ClusterAffinity != nil {
		t.Error("the edit of the policy came along")
	}
}

func TestAFailedExplanationIsTriedAgain(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	custom := &layer{}
	w.interpreter = interpret.New(custom)
	w.put(webDeployment(nil))
	w.reconcile(web)
	w.said()
	custom.hooks.Replicas = func(*unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
		return 0, nil, errors.New("no answer")
	}
	if _, err := w.ofKind(context.Background(), deployment); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reconcile(context.Background(), web); err == nil {
		t.Fatal("no error")
	}
	custom.hooks = asks(7)
	if _, err := w.Reconcile(context.Background(), web); err != nil {
		t.Fatal(err)
	}
	if got := w.binding("web-deployment").Spec.Replicas; got != 7 {
		t.Errorf("asks for %d replicas", got)
	}
}

// After a restart templates of the kinds that users explain are asked anew: what was explained may have
// changed in the meantime.
func TestWhatIsThereAtTheStartIsAskedWhenUsersExplainItsKind(t *testing.T) {
	w := newWorld(t, policy("p", nil))
	w.interpretations = &hub.Interpretations{}
	custom := &layer{}
	w.interpreter = interpret.New(custom)
	w.put(webDeployment(nil))
	w.reconcile(web)
	custom.hooks = asks(7)
	w.changed(web, true)
	if _, err := w.Reconcile(context.Background(), web); err != nil {
		t.Fatal(err)
	}
	if got := w.binding("web-deployment").Spec.Replicas; got != 3 {
		t.Errorf("a kind that nobody explains was read: %d replicas", got)
	}
	w.interpretations.Changed(deployment)
	w.changed(web, true)
	if _, err := w.Reconcile(context.Background(), web); err != nil {
		t.Fatal(err)
	}
	if got := w.binding("web-deployment").Spec.Replicas; got != 7 {
		t.Errorf("asks for %d replicas", got)
	}
}
