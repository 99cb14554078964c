package template

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/interpreter"
)

// TestCustomizationsOfACRDOnARealAPIServer: the bindings of a custom kind follow what a customization says of
// it, from its creation to its deletion, and an edit that says nothing new writes nothing.
func TestCustomizationsOfACRDOnARealAPIServer(t *testing.T) {
	const n = 20
	home := hubtest.Start(t, hubtest.Options{})
	writes := &tally{counts: map[string]int{}}
	install(t, home)
	run(t, home, writes, func(ctx context.Context, mgr ctrl.Manager, o *Options) error {
		o.Interpretations = &hub.Interpretations{}
		layers, err := interpreter.Setup(ctx, mgr, interpreter.Options{Changed: o.Interpretations.Changed})
		o.Interpreter = interpret.New(layers...)
		return err
	})
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(home.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}))
	must(home.Client.Create(ctx, widgets()))
	for i := range n {
		home.Eventually("the kind is served", func(ctx context.Context) error {
			w := native("example.com/v1", "Widget", i)
			w.Object["spec"] = map[string]any{"size": int64(3)}
			return client.IgnoreAlreadyExists(home.Client.Create(ctx, w))
		})
	}
	must(home.Client.Create(ctx, policy("p", func(p *policyv1alpha1.PropagationPolicy) {
		p.Labels, p.Finalizers = nil, nil
		p.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "example.com/v1", Kind: "Widget"}}
	})))
	all := func(what string, replicas int32, cpu string) {
		t.Helper()
		home.Eventually(what, func(ctx context.Context) error {
			var list workv1alpha2.ResourceBindingList
			if err := home.Client.List(ctx, &list); err != nil {
				return err
			}
			if len(list.Items) != n {
				return fmt.Errorf("%d bindings", len(list.Items))
			}
			for i := range list.Items {
				spec, asked := list.Items[i].Spec, ""
				if spec.ReplicaRequirements != nil {
					asked = spec.ReplicaRequirements.ResourceRequest.Cpu().String()
				}
				if spec.Replicas != replicas || asked != cpu {
					return fmt.Errorf("%s asks for %d replicas of %q", list.Items[i].Name, spec.Replicas, asked)
				}
			}
			return nil
		})
	}
	all("nobody explains the kind", 0, "")
	writes.take()

	custom := &configv1alpha1.ResourceInterpreterCustomization{ObjectMeta: metav1.ObjectMeta{Name: "widget"}}
	custom.Spec.Target = configv1alpha1.CustomizationTarget{APIVersion: "example.com/v1", Kind: "Widget"}
	script := func(factor int) *configv1alpha1.ReplicaResourceRequirement {
		return &configv1alpha1.ReplicaResourceRequirement{LuaScript: fmt.Sprintf(
			"function GetReplicas(o) return o.spec.size * %d, {resourceRequest = {cpu = '200m'}} end", factor)}
	}
	custom.Spec.Customizations.ReplicaResource = script(1)
	must(home.Client.Create(ctx, custom))
	all("a customization is made", 3, "200m")
	counted := func(step string, want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, writes.take()); diff != "" {
			t.Errorf("%s: writes (-want +got):\n%s", step, diff)
		}
	}
	counted("one write for each binding", map[string]int{"PATCH resourcebindings": n})

	edit := func(change func()) {
		t.Helper()
		before := custom.DeepCopy()
		change()
		must(home.Client.Patch(ctx, custom, client.MergeFrom(before)))
	}
	edit(func() { custom.Labels = map[string]string{"says": "nothing-new"} })
	edit(func() { custom.Spec.Customizations.ReplicaResource = script(2) })
	all("it is edited", 6, "200m")
	counted("only the edit that counts is written", map[string]int{"PATCH resourcebindings": n})

	must(home.Client.Delete(ctx, custom))
	all("it is gone", 0, "")
	counted("and back", map[string]int{"PATCH resourcebindings": n})
}
