package execution

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

func TestWhatIsRetainedAnewIsAppliedAnew(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	retained := "1"
	w.interpreter = interpret.New(layer(func(desired, _ *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		return desired, unstructured.SetNestedField(desired.Object, retained, "data", "a")
	}))
	w.settle()
	inMember, onHub, _, _, _ := w.sync()
	expect(t, "the same result writes nothing", 0, len(inMember)+len(onHub))
	retained = "2"
	inMember, _, _, _, _ = w.sync()
	expect(t, "another one is written", 1, len(inMember))
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

// IndexField implements client.FieldIndexer.
func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

func TestTheWorksOfAKindGoIntoTheLanesOfTheirMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		binding := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "settings-configmap"}}
		binding.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
		objects := []client.Object{binding}
		of := func(binding string) map[string]string {
			return map[string]string{names.ResourceBindingNamespaceAnnotation: "shop", names.ResourceBindingNameAnnotation: binding}
		}
		for _, cluster := range []string{"fra", "iad"} {
			objects = append(objects, &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: names.ExecutionNamespace(cluster), Name: "settings", Annotations: of("settings-configmap")}})
		}
		objects = append(objects, &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: names.ExecutionNamespace("fra"), Name: "other", Annotations: of("other-configmap")}})
		builder := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...)
		for _, setup := range []func(context.Context, client.FieldIndexer) error{hub.SetupIndexes, works.SetupIndex} {
			if err := setup(t.Context(), builderIndexer{builder}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan types.NamespacedName, 10)
		f := &feeder{client: builder.Build(), interpretations: &hub.Interpretations{}, lanes: &lanes{
			workers: 1, log: logr.Discard(),
			reconcile: func(_ context.Context, key types.NamespacedName) (ctrl.Result, error) {
				seen <- key
				return ctrl.Result{}, nil
			},
		}}
		f.lanes.start(ctx)
		f.interpretations.Follow(ctx, f.addKind)
		f.interpretations.Changed(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
		got := map[string]bool{(<-seen).String(): true, (<-seen).String(): true}
		expect(t, "Works", map[string]bool{"karmada-es-fra/settings": true, "karmada-es-iad/settings": true}, got)
		cancel()
		f.lanes.wait(ctx)
		expect(t, "and no other", 0, len(seen))
	})
}
