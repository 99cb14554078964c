package status

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

const rolledOut = `{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 5, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}`

func (w *world) binding() *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{}
	w.get(bindingKey, b)
	return b
}

func (w *world) templateStatus() map[string]any {
	w.t.Helper()
	template := object(w.t, `{apiVersion: apps/v1, kind: Deployment}`)
	w.get(types.NamespacedName{Namespace: "shop", Name: "web"}, template)
	status, _, err := unstructured.NestedMap(template.Object, "status")
	if err != nil {
		w.t.Fatal(err)
	}
	return status
}

func TestBindingAndTemplateStatus(t *testing.T) {
	w := newWorld(t)
	both := []string{"status shop/web-deployment", "status shop/web"}

	w.report("fra", rolledOut, workv1alpha1.ResourceHealthy)
	writes, _ := w.sync(w.bindings, bindingKey)
	expect(t, "one of two clusters reports, the other is waited for", []string(nil), writes)
	w.clock.Step(patience)
	writes, reasons := w.sync(w.bindings, bindingKey)
	expect(t, "but not for long", both, writes)
	expect(t, "events on binding and template", []string{"AggregateStatusSucceed", "AggregateStatusSucceed"}, reasons)
	items := w.binding().Status.AggregatedStatus
	if len(items) != 2 || items[0].ClusterName != "fra" || items[0].Health != "Healthy" || !items[0].Applied || items[1].ClusterName != "iad" || items[1].Applied || items[1].Health != "Unknown" {
		t.Errorf("items = %+v", items)
	}
	if c := meta.FindStatusCondition(w.binding().Status.Conditions, workv1alpha2.FullyApplied); c == nil || c.Status != metav1.ConditionFalse || c.ObservedGeneration != 2 {
		t.Errorf("FullyApplied = %+v", c)
	}
	expect(t, "template", map[string]any{"observedGeneration": int64(4), "replicas": int64(2), "updatedReplicas": int64(2), "readyReplicas": int64(2), "availableReplicas": int64(2)}, w.templateStatus())

	w.report("iad", rolledOut, workv1alpha1.ResourceHealthy)
	writes, reasons = w.sync(w.bindings, bindingKey)
	expect(t, "the other one, too", both, writes)
	expect(t, "events", []string{"AggregateStatusSucceed", "AggregateStatusSucceed"}, reasons)
	if !meta.IsStatusConditionTrue(w.binding().Status.Conditions, workv1alpha2.FullyApplied) {
		t.Error("not fully applied")
	}
	expect(t, "template", map[string]any{"observedGeneration": int64(5), "replicas": int64(4), "updatedReplicas": int64(4), "readyReplicas": int64(4), "availableReplicas": int64(4)}, w.templateStatus())

	writes, reasons = w.sync(w.bindings, bindingKey)
	expect(t, "nothing changed", []string(nil), append(writes, reasons...))
	w.bindings.settled = map[reconcile.Request]uint64{}
	writes, reasons = w.sync(w.bindings, bindingKey)
	expect(t, "a restart", []string(nil), append(writes, reasons...))

	c := cluster("iad", "False")
	if err := w.client.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := w.client.Create(t.Context(), cluster("iad", "False")); err != nil {
		t.Fatal(err)
	}
	writes, _ = w.sync(w.bindings, bindingKey)
	expect(t, "a cluster is lost", both[:1], writes)
	if item := w.binding().Status.AggregatedStatus[1]; item.Health != "Unknown" || item.Status == nil {
		t.Errorf("item = %+v, want its last status and no health", item)
	}
}

// TestEvictedClusterIsNotCounted: the pods of a cluster that failover has left are listed, and not
// counted.
func TestEvictedClusterIsNotCounted(t *testing.T) {
	w := newWorld(t)
	w.report("fra", rolledOut, workv1alpha1.ResourceHealthy)
	w.report("iad", rolledOut, workv1alpha1.ResourceHealthy)
	b := w.binding()
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}}
	b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "iad", PurgeMode: "Gracefully", Reason: "TaintUntolerated", Producer: "seaway-failover"}}
	if err := w.client.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.sync(w.bindings, bindingKey)
	if got := w.binding().Status; len(got.AggregatedStatus) != 2 || !meta.IsStatusConditionTrue(got.Conditions, workv1alpha2.FullyApplied) {
		t.Errorf("status = %+v", got)
	}
	expect(t, "replicas of the template", int64(2), w.templateStatus()["replicas"])
}

func TestNothingToTellYet(t *testing.T) {
	w := newWorld(t)
	b := w.binding()
	b.Spec.Clusters = nil
	if err := w.client.Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, cluster := range []string{"fra", "iad"} {
		if err := w.client.Delete(t.Context(), workIn(cluster)); err != nil {
			t.Fatal(err)
		}
	}
	writes, reasons := w.sync(w.bindings, bindingKey)
	expect(t, "before it is placed", []string(nil), append(writes, reasons...))

	b = w.binding()
	b.Status.SchedulerObservedGeneration = b.Generation
	if err := w.client.Status().Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.sync(w.bindings, bindingKey)
	if !meta.IsStatusConditionTrue(w.binding().Status.Conditions, workv1alpha2.FullyApplied) {
		t.Error("scaled to nothing, and not fully applied")
	}
	expect(t, "the template is observed", int64(5), w.templateStatus()["observedGeneration"])
}

func TestOddReport(t *testing.T) {
	w := newWorld(t)
	w.report("fra", `{replicas: many}`, workv1alpha1.ResourceHealthy)
	w.report("iad", rolledOut, workv1alpha1.ResourceHealthy)
	_, err := w.bindings.Reconcile(t.Context(), reconcile.Request{NamespacedName: bindingKey})
	if err == nil {
		t.Error("no error for a status that cannot be added up")
	}
	if len(w.binding().Status.AggregatedStatus) != 2 {
		t.Error("the binding is not told")
	}
}

func TestWokenByCluster(t *testing.T) {
	w := newWorld(t)
	got, err := w.bindings.placedIn(t.Context(), "iad")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "bindings", []reconcile.Request{{NamespacedName: bindingKey}}, got)
}
