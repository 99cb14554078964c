package validation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

func workOf(id string, manifests ...string) *workv1alpha1.Work {
	w := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-fra", Name: "web"}}
	if id != "" {
		w.Labels = map[string]string{names.WorkPermanentID: id}
	}
	for _, m := range manifests {
		w.Spec.Workload.Manifests = append(w.Spec.Workload.Manifests,
			workv1alpha1.Manifest{RawExtension: runtime.RawExtension{Raw: []byte(m)}})
	}
	return w
}

func TestDefaultWork(t *testing.T) {
	w := workOf("", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","uid":"u","resourceVersion":"7"},"big":9007199254740993,"status":{}}`, `"text"`)
	DefaultWork(w, "new")
	if got := w.Labels[names.WorkPermanentID]; got != "new" {
		t.Errorf("permanent id = %q", got)
	}
	const want = `{"apiVersion":"v1","big":9007199254740993,"kind":"ConfigMap","metadata":{"annotations":{` +
		`"resourcetemplate.karmada.io/managed-annotations":"resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels,work.karmada.io/name,work.karmada.io/namespace",` +
		`"resourcetemplate.karmada.io/managed-labels":"karmada.io/managed,work.karmada.io/permanent-id",` +
		`"work.karmada.io/name":"web","work.karmada.io/namespace":"karmada-es-fra"},` +
		`"labels":{"karmada.io/managed":"true","work.karmada.io/permanent-id":"new"},"name":"a"}}`
	if diff := cmp.Diff(want, string(w.Spec.Workload.Manifests[0].Raw)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	if got := string(w.Spec.Workload.Manifests[1].Raw); got != `"text"` {
		t.Errorf("what is no object became %s", got)
	}
	again := w.DeepCopy()
	DefaultWork(again, "other")
	if diff := cmp.Diff(w, again); diff != "" {
		t.Errorf("the second call changed it (-first +second):\n%s", diff)
	}
}

func TestValidateWork(t *testing.T) {
	const good = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`
	const label = "metadata.labels[" + names.WorkPermanentID + "]"
	tests := map[string]struct {
		new, old *workv1alpha1.Work
		want     []string
	}{
		"a plain work":            {new: workOf("a", good)},
		"a work of nothing":       {new: workOf("a")},
		"no id":                   {new: workOf("", good), want: []string{"Required " + label}},
		"another id":              {new: workOf("a", good), old: workOf("b", good), want: []string{"Invalid " + label}},
		"a manifest of no object": {new: workOf("a", good, `[]`), want: []string{"Invalid spec.workload.manifests[1]"}},
		"an empty manifest":       {new: workOf("a", `null`), want: []string{"Invalid spec.workload.manifests[0]"}},
		"a manifest of no kind": {new: workOf("a", `{"metadata":{"generateName":"a"}}`), want: []string{
			"Required spec.workload.manifests[0].apiVersion",
			"Required spec.workload.manifests[0].kind",
			"Required spec.workload.manifests[0].metadata.name"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, ValidateWork(tt.new, tt.old), tt.want...)
		})
	}
}

func FuzzDefaultWork(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"a"},"secrets":[{"name":"a-token-x"},3]}`,
		`{"apiVersion":"batch/v1","kind":"Job","metadata":"text","spec":[]}`,
		`{"apiVersion":"v1","kind":"Service","metadata":{"labels":3,"annotations":[]},"spec":{"clusterIP":1}}`,
		`null`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := workOf("", string(raw))
		DefaultWork(w, "id")
		ValidateWork(w, nil)
	})
}
