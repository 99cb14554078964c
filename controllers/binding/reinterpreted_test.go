package binding

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// layer explains kinds by hooks that can be exchanged.
type layer struct{ hooks interpret.Hooks }

// Hooks implements interpret.Layer.
func (l *layer) Hooks(schema.GroupVersionKind) interpret.Hooks { return l.hooks }

func TestAKindThatIsExplainedAnewIsRenderedAnew(t *testing.T) {
	w := newWorld(t, objects(t)...)
	custom := &layer{}
	w.interpreter = interpret.New(custom)
	w.change(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Replicas = 3
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "iad", Replicas: 1}}
	})
	w.sync()
	requests, err := w.ofKind(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "whom it concerns", []ctrl.Request{{NamespacedName: key}}, requests)
	others, err := w.ofKind(t.Context(), schema.GroupVersionKind{Version: "v1", Kind: "Secret"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "another kind", []ctrl.Request(nil), others)
	writes, _, _ := w.sync()
	expect(t, "the same explanation writes nothing", []string(nil), writes)

	custom.hooks.ReviseReplica = func(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error) {
		return obj, unstructured.SetNestedField(obj.Object, int64(replicas), "data", "replicas")
	}
	writes, _, _ = w.sync()
	expect(t, "both Works follow", []string{"patch karmada-es-fra/" + workName, "patch karmada-es-iad/" + workName}, writes)
	custom.hooks.ReviseReplica = nil
	writes, _, _ = w.sync()
	expect(t, "and back", []string{"patch karmada-es-fra/" + workName, "patch karmada-es-iad/" + workName}, writes)
}
