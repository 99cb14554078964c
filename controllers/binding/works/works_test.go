package works

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func work(name string, labels, annotations map[string]string) *workv1alpha1.Work {
	return &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-fra", Name: name, Labels: labels, Annotations: annotations}}
}

// of are the annotations of a Work of the binding shop/web, or of the ClusterResourceBinding web.
func of(namespace, name string) map[string]string {
	if namespace == "" {
		return map[string]string{names.ClusterResourceBindingNameAnnotation: name}
	}
	return map[string]string{names.ResourceBindingNamespaceAnnotation: namespace, names.ResourceBindingNameAnnotation: name}
}

func TestOf(t *testing.T) {
	claimed := map[string]string{names.ResourceBindingPermanentID: "1"}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithIndex(&workv1alpha1.Work{}, IndexByBinding, Keys).WithObjects(
		work("ours", claimed, of("shop", "web")),
		work("with another id by now", map[string]string{names.ResourceBindingPermanentID: "2"}, of("shop", "api")),
		work("of another namespace", claimed, of("bank", "web")),
		work("global", nil, of("", "web")),
		work("by hand", claimed, nil),
	).Build()
	labelled := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: claimed}
	}
	for want, binding := range map[string]workv1alpha2.Binding{
		"ours":                   &workv1alpha2.ResourceBinding{ObjectMeta: labelled("shop", "web")},
		"with another id by now": &workv1alpha2.ResourceBinding{ObjectMeta: labelled("shop", "api")},
		"global":                 &workv1alpha2.ClusterResourceBinding{ObjectMeta: labelled("", "web")},
		"":                       &workv1alpha2.ResourceBinding{ObjectMeta: labelled("tenant", "web")},
	} {
		got, err := Of(t.Context(), c, binding)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && len(got) != 0 || want != "" && (len(got) != 1 || got[0].Name != want || !Names(&got[0], binding)) {
			t.Errorf("got %v, want %q", got, want)
		}
	}
}

func TestBinding(t *testing.T) {
	tests := map[string]struct {
		annotations map[string]string
		key         types.NamespacedName
		global, ok  bool
	}{
		"of a ResourceBinding":        {map[string]string{names.ResourceBindingNamespaceAnnotation: "a", names.ResourceBindingNameAnnotation: "b"}, types.NamespacedName{Namespace: "a", Name: "b"}, false, true},
		"of a ClusterResourceBinding": {map[string]string{names.ClusterResourceBindingNameAnnotation: "b"}, types.NamespacedName{Name: "b"}, true, true},
		"half a name":                 {annotations: map[string]string{names.ResourceBindingNameAnnotation: "b"}, key: types.NamespacedName{Name: "b"}},
		"by hand":                     {},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			key, global, ok := Binding(work("w", nil, tt.annotations))
			if key != tt.key || global != tt.global || ok != tt.ok {
				t.Errorf("got %v, %v, %v", key, global, ok)
			}
		})
	}
}

func TestCreated(t *testing.T) {
	live := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(work("there", nil, of("shop", "web")), work("taken", nil, of("bank", "web"))).Build()
	binding := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	var c Created
	for _, name := range []string{"cached", "there", "gone", "taken"} {
		c.Note(client.ObjectKeyFromObject(binding), work(name, nil, nil))
	}
	cached := []workv1alpha1.Work{*work("cached", nil, nil)}
	for range 2 {
		got, err := c.Complete(t.Context(), live, binding, cached)
		if err != nil || len(got) != 2 || got[1].Name != "there" {
			t.Fatalf("got %v, %v, want the cached one and the one that is only live", got, err)
		}
	}
	if got, err := c.Complete(t.Context(), live, binding, []workv1alpha1.Work{*work("there", nil, nil)}); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v, want what the cache has", got, err)
	}
	if len(c.works) != 0 {
		t.Errorf("still remembered: %v", c.works)
	}
}
