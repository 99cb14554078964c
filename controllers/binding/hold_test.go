package binding

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// holding lets the template of the world wait for a Secret in the clusters of missing.
func holding(w *world, missing map[string]bool) *clocktesting.FakePassiveClock {
	clk := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
	w.holds = newHolds(func(_ context.Context, _ workv1alpha2.Binding, _ *unstructured.Unstructured, clusters []string) (map[string][]types.NamespacedName, error) {
		out := map[string][]types.NamespacedName{}
		for _, c := range clusters {
			if missing[c] {
				out[c] = []types.NamespacedName{secretIn(c)}
			}
		}
		return out, nil
	}, clk)
	return clk
}

func secretIn(cluster string) types.NamespacedName {
	return types.NamespacedName{Namespace: "karmada-es-" + cluster, Name: "secret"}
}

func TestWhatATemplateDependsOnGoesFirst(t *testing.T) {
	w := newWorld(t, objects(t)...)
	missing := map[string]bool{"fra": true}
	clk := holding(w, missing)

	writes, _, result := w.sync()
	expect(t, "only the cluster where nothing is missing gets it", []string{"create karmada-es-iad/" + workName, "patch shop/settings-configmap"}, writes)
	expect(t, "comes again when patience ends", patience, result.RequeueAfter)

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite })
	clk.SetTime(clk.Now().Add(10 * time.Second))
	missing["iad"] = true
	writes, _, result = w.sync()
	expect(t, "where it runs, nothing is kept from it", []string{"patch karmada-es-iad/" + workName}, writes)
	expect(t, "the wait goes on", 20*time.Second, result.RequeueAfter)

	secret := &workv1alpha1.Work{}
	secret.Namespace, secret.Name = secretIn("fra").Namespace, secretIn("fra").Name
	expect(t, "the Secret's Work wakes it", []ctrl.Request{{NamespacedName: key}}, w.holds.awaiting(t.Context(), secret))
	delete(missing, "fra")
	writes, reasons, result := w.sync()
	expect(t, "then it goes", []string{"create karmada-es-fra/" + workName}, writes)
	expect(t, "events", []string{"SyncWorkSucceed", "SyncWorkSucceed"}, reasons)
	expect(t, "and waits no more", ctrl.Result{}, result)
	expect(t, "nothing is remembered", 0, len(w.holds.waits)+len(w.holds.works))
}

func TestPatienceEnds(t *testing.T) {
	w := newWorld(t, objects(t)...)
	clk := holding(w, map[string]bool{"fra": true, "iad": true})
	writes, _, _ := w.sync()
	expect(t, "no Work", []string{"patch shop/settings-configmap"}, writes)

	w.change(func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = targets("fra", "iad", "sin") })
	clk.SetTime(clk.Now().Add(patience - time.Second))
	writes, _, result := w.sync()
	expect(t, "another cluster does not wait with them", []string{"create karmada-es-sin/" + workName}, writes)
	expect(t, "a second is left", time.Second, result.RequeueAfter)

	clk.SetTime(clk.Now().Add(time.Second))
	writes, reasons, _ := w.sync()
	expect(t, "it goes without", []string{"create karmada-es-fra/" + workName, "create karmada-es-iad/" + workName}, writes)
	expect(t, "and says so", []string{"DependenciesNotApplied", "DependenciesNotApplied", "DependenciesNotApplied", "DependenciesNotApplied", "SyncWorkSucceed", "SyncWorkSucceed"}, reasons)
	writes, reasons, _ = w.sync()
	expect(t, "once", []string(nil), append(writes, reasons...))
}

// TestAppliedMeanwhile: what is applied between the look and the note is not waited for.
func TestAppliedMeanwhile(t *testing.T) {
	w := newWorld(t, objects(t)...)
	looks := 0
	w.holds = newHolds(func(context.Context, workv1alpha2.Binding, *unstructured.Unstructured, []string) (map[string][]types.NamespacedName, error) {
		if looks++; looks > 1 {
			return nil, nil
		}
		return map[string][]types.NamespacedName{"fra": {secretIn("fra")}}, nil
	}, clocktesting.NewFakePassiveClock(time.Unix(1000, 0)))
	w.sync()
	expect(t, "Works", []string{"fra", "iad"}, w.worksIn())
}

func TestAWaitEndsWithItsBinding(t *testing.T) {
	w := newWorld(t, objects(t)...)
	holding(w, map[string]bool{"fra": true})
	w.sync()
	if err := w.client.Delete(t.Context(), w.binding()); err != nil {
		t.Fatal(err)
	}
	w.sync()
	expect(t, "nothing is remembered", 0, len(w.holds.waits)+len(w.holds.works))
}

func TestBecameApplied(t *testing.T) {
	no := parsed[workv1alpha1.Work](t, `{metadata: {name: w}, spec: {}}`)
	yes := parsed[workv1alpha1.Work](t, `{metadata: {name: w}, spec: {}, status: {conditions: [{type: Applied, status: "True", reason: AppliedSuccessful, message: ok, lastTransitionTime: null}]}}`)
	for name, tc := range map[string]struct {
		was, is *workv1alpha1.Work
		want    bool
	}{
		"applied now":          {&no, &yes, true},
		"applied before":       {&yes, &yes, false},
		"not applied":          {&no, &no, false},
		"not applied any more": {&yes, &no, false},
	} {
		if got := becameApplied.Update(event.UpdateEvent{ObjectOld: tc.was, ObjectNew: tc.is}); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
