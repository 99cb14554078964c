package dependency

import (
	"context"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func workOf(cluster, kind, name string, mutate func(*workv1alpha1.Work)) client.Object {
	w := &workv1alpha1.Work{}
	w.Namespace, w.Name = names.ExecutionNamespace(cluster), names.WorkName(kind, name, "shop")
	if mutate != nil {
		mutate(w)
	}
	return w
}

func appliedWork(w *workv1alpha1.Work) {
	w.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: metav1.ConditionTrue, Reason: "AppliedSuccessful"}}
}

func TestWhatGoesFirst(t *testing.T) {
	yes, now := true, metav1.Now()
	for name, tc := range map[string]struct {
		works []client.Object
		// missing are the names of Works that are waited for in fra.
		missing []string
	}{
		"nothing is there":                 {nil, []string{"password", "settings"}},
		"all is applied":                   {[]client.Object{workOf("fra", "ConfigMap", "settings", appliedWork), workOf("fra", "Secret", "password", appliedWork)}, nil},
		"one is not applied yet":           {[]client.Object{workOf("fra", "ConfigMap", "settings", nil), workOf("fra", "Secret", "password", appliedWork)}, []string{"settings"}},
		"it is applied in another cluster": {[]client.Object{workOf("iad", "ConfigMap", "settings", appliedWork), workOf("fra", "Secret", "password", appliedWork)}, []string{"settings"}},
		"what is suspended is not waited for": {[]client.Object{
			workOf("fra", "ConfigMap", "settings", func(w *workv1alpha1.Work) { w.Spec.SuspendDispatching = &yes }),
			workOf("fra", "Secret", "password", appliedWork)}, nil},
		"an old one on its way out is no good": {[]client.Object{
			workOf("fra", "ConfigMap", "settings", func(w *workv1alpha1.Work) {
				appliedWork(w)
				w.DeletionTimestamp, w.Finalizers = &now, []string{names.ExecutionFinalizer}
			}), workOf("fra", "Secret", "password", appliedWork)}, []string{"settings"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put(settings, nil)
			w.put(password, map[string]string{"app": "web"})
			w.settle()
			w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"), labelled("Secret", "app", "web"), named("ConfigMap", "nowhere"))
			b := w.stored[w.parent("web", "fra")]
			o := Order{Client: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(tc.works...).Build(), Interpreter: w, Objects: hubObjects{w}}
			got, err := o.Before(t.Context(), b, templateNamed("web"), []string{"fra"})
			if err != nil {
				t.Fatal(err)
			}
			var want []types.NamespacedName
			for _, what := range tc.missing {
				kind := map[string]string{"settings": "ConfigMap", "password": "Secret"}[what]
				want = append(want, client.ObjectKeyFromObject(workOf("fra", kind, what, nil)))
			}
			for _, works := range [][]types.NamespacedName{want, got["fra"]} {
				slices.SortFunc(works, func(a, b types.NamespacedName) int { return strings.Compare(a.Name, b.Name) })
			}
			expect(t, "missing in fra", want, got["fra"])
		})
	}
}

func TestNobodyElseWaits(t *testing.T) {
	w := newWorld(t)
	w.put(settings, nil)
	w.settle()
	w.refers["web"] = append(w.refers["web"], named("ConfigMap", "settings"))
	o := Order{Client: fake.NewClientBuilder().WithScheme(scheme.New()).Build(), Interpreter: w, Objects: hubObjects{w}}
	web := w.stored[w.parent("web", "fra")]
	alone := web.DeepCopy()
	alone.Spec.PropagateDeps = false
	odd := w.stored[w.parent("odd", "fra")]
	w.refers["odd"] = append(w.refers["odd"], named("Nonsense", "x"))
	for name, tc := range map[string]struct {
		b        workv1alpha2.Binding
		template string
		clusters int
	}{
		"a parent":                       {web, "web", 2},
		"one without propagateDeps":      {alone, "web", 0},
		"a cluster-scoped binding":       {&workv1alpha2.ClusterResourceBinding{Spec: web.Spec}, "web", 0},
		"a template that makes no sense": {odd, "odd", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := o.Before(context.Background(), tc.b, templateNamed(tc.template), []string{"fra", "iad"})
			if err != nil || len(got) != tc.clusters {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func templateNamed(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetName(name)
	return u
}
