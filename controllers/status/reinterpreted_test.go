package status

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// layer explains kinds by hooks that can be exchanged.
type layer struct{ hooks interpret.Hooks }

// Hooks implements interpret.Layer.
func (l *layer) Hooks(schema.GroupVersionKind) interpret.Hooks { return l.hooks }

var deployment = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}

func TestTheWorksOfAKindThatIsExplainedAnew(t *testing.T) {
	w := newWorld(t)
	custom := &layer{}
	w.works.interpreter = interpret.New(custom)
	w.applied()
	w.deployment(rolledOut)
	work := types.NamespacedName{Namespace: "karmada-es-fra", Name: "web"}
	w.sync(w.works, work)
	expect(t, "health", workv1alpha1.ResourceHealthy, w.workStatus().ManifestStatuses[0].Health)

	requests, err := w.works.ofKind(t.Context(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(requests, func(a, b reconcile.Request) int { return strings.Compare(a.String(), b.String()) })
	expect(t, "whom it concerns", []reconcile.Request{
		{NamespacedName: work}, {NamespacedName: types.NamespacedName{Namespace: "karmada-es-iad", Name: "web"}},
	}, requests)
	writes, _ := w.sync(w.works, work)
	expect(t, "the same explanation writes nothing", []string(nil), writes)

	custom.hooks.Health = func(*unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
		return workv1alpha2.ResourceUnhealthy, nil
	}
	writes, _ = w.sync(w.works, work)
	expect(t, "another health is one write", []string{"status karmada-es-fra/web"}, writes)
}

func TestATemplateOfAKindThatIsExplainedAnew(t *testing.T) {
	w := newWorld(t)
	custom, news := &layer{}, &hub.Interpretations{}
	w.bindings.interpreter, w.bindings.interpretations = interpret.New(custom), news
	w.report("fra", rolledOut, workv1alpha1.ResourceHealthy)
	w.report("iad", rolledOut, workv1alpha1.ResourceHealthy)
	w.sync(w.bindings, bindingKey)
	requests, err := w.bindings.ofKind(t.Context(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "whom it concerns", []reconcile.Request{{NamespacedName: bindingKey}}, requests)
	news.Changed(deployment)
	writes, _ := w.sync(w.bindings, bindingKey)
	expect(t, "the same explanation writes nothing", []string(nil), writes)

	custom.hooks.AggregateStatus = func(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
		out := template.DeepCopy()
		return out, unstructured.SetNestedField(out.Object, int64(len(items)), "status", "replicas")
	}
	news.Changed(deployment)
	writes, _ = w.sync(w.bindings, bindingKey)
	expect(t, "the template follows", []string{"status shop/web"}, writes)
	writes, _ = w.sync(w.bindings, bindingKey)
	expect(t, "once", []string(nil), writes)
}
