package execution

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

func TestConflicts(t *testing.T) {
	foreign := object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings, labels: {theirs: x}}, data: {a: theirs}}`)
	t.Run("a foreign object is left alone", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap))
		if err := w.member.Put(foreign); err != nil {
			t.Fatal(err)
		}
		_, _, reasons, _, err := w.sync()
		if err == nil || !strings.Contains(err.Error(), "conflictResolution") {
			t.Errorf("error = %v, want one that says what to do", err)
		}
		expect(t, "events", []string{"SyncFailed", "WorkDispatching"}, reasons)
		expect(t, "the object", map[string]any{"a": "theirs"}, w.member.Get("configmaps", "shop", "settings").Object["data"])
		if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionFalse || applied.Reason != "AppliedFailed" || !strings.Contains(applied.Message, "ConfigMap shop/settings: it is in cluster") {
			t.Errorf("Applied = %+v", applied)
		}
		inMember, onHub, reasons, _, _ := w.sync()
		expect(t, "a second time nothing is written", []string(nil), slices.Concat(inMember, onHub, reasons))
		if err := w.member.Remove(foreign); err != nil {
			t.Fatal(err)
		}
		inMember, _, _, _, err = w.sync()
		expect(t, "once it is gone", []string{"create shop/settings"}, inMember)
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("or taken over when the policy says so", func(t *testing.T) {
		w := newWorld(t, workWith(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings, annotations: {work.karmada.io/conflict-resolution: overwrite}}, data: {a: "1"}}`))
		if err := w.member.Put(foreign); err != nil {
			t.Fatal(err)
		}
		w.settle()
		got := w.member.Get("configmaps", "shop", "settings")
		expect(t, "the object", map[string]any{"a": "1"}, got.Object["data"])
		if got.GetLabels()["theirs"] != "x" || got.GetLabels()[names.ManagedLabel] != "true" {
			t.Errorf("labels = %v", got.GetLabels())
		}
	})
	t.Run("what another Work holds stays with it", func(t *testing.T) {
		other := workWith(t, configMap, func(work *workv1alpha1.Work) { work.Name, work.UID = "other", "w2" })
		w := newWorld(t, workWith(t, configMap), other)
		held := object(t, configMap)
		manifest.Mark(held, other)
		if err := w.member.Put(held); err != nil {
			t.Fatal(err)
		}
		if _, _, _, _, err := w.sync(); err == nil || !strings.Contains(err.Error(), "is managed by Work karmada-es-fra/other") {
			t.Errorf("error = %v", err)
		}
		if err := w.client.Delete(t.Context(), w.work()); err != nil {
			t.Fatal(err)
		}
		inMember, _, _, _, err := w.sync()
		expect(t, "also when this one is deleted", []string(nil), inMember)
		if err != nil {
			t.Error(err)
		}
	})
}

func TestSuspension(t *testing.T) {
	yes := true
	w := newWorld(t, workWith(t, configMap, func(work *workv1alpha1.Work) { work.Spec.SuspendDispatching = &yes }))
	inMember, _, reasons, _, _ := w.sync()
	expect(t, "nothing goes out", []string(nil), inMember)
	expect(t, "events", []string{"WorkDispatching"}, reasons)
	if d := w.condition(workv1alpha1.WorkDispatching); d.Status != metav1.ConditionFalse || d.Reason != "SuspendDispatching" {
		t.Errorf("Dispatching = %+v", d)
	}
	w.change(func(work *workv1alpha1.Work) { work.Spec.SuspendDispatching = nil })
	inMember, _, reasons, _, _ = w.sync()
	expect(t, "then it does", []string{"create shop/settings"}, inMember)
	expect(t, "events", []string{"SyncSucceed", "WorkDispatching", "ReflectStatusSucceed", "InterpretHealthSucceed"}, reasons)
}

func TestClusterAway(t *testing.T) {
	for name, away := range map[string]func(*world){
		"not ready":     func(w *world) { w.cluster(notReady) },
		"not connected": func(w *world) { w.members.Connect("fra", nil) },
	} {
		t.Run(name+", a new Work", func(t *testing.T) {
			w := newWorld(t, workWith(t, configMap))
			away(w)
			inMember, onHub, _, result, err := w.sync()
			expect(t, "written", []string(nil), inMember)
			expect(t, "reported", []string{"patch status settings"}, onHub)
			if err != nil || result != (ctrl.Result{}) {
				t.Errorf("result = %v, %v, want none: the cluster's return wakes it", result, err)
			}
			if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionFalse || !strings.Contains(applied.Message, `cluster "fra"`) || !strings.Contains(applied.Message, "as soon as it is") {
				t.Errorf("Applied = %+v", applied)
			}
		})
		t.Run(name+", a Work that is applied", func(t *testing.T) {
			w := newWorld(t, workWith(t, configMap))
			w.settle()
			away(w)
			_, onHub, reasons, _, err := w.sync()
			expect(t, "nothing is taken back", []string(nil), slices.Concat(onHub, reasons))
			if err != nil {
				t.Error(err)
			}
		})
		t.Run(name+", a Work being deleted", func(t *testing.T) {
			w := newWorld(t, workWith(t, configMap))
			w.settle()
			away(w)
			if err := w.client.Delete(t.Context(), w.work()); err != nil {
				t.Fatal(err)
			}
			_, onHub, _, _, err := w.sync()
			expect(t, "it waits", []string(nil), onHub)
			if err != nil {
				t.Error(err)
			}
			cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}}
			if err := w.client.Delete(t.Context(), cluster); err != nil {
				t.Fatal(err)
			}
			_, onHub, _, _, _ = w.sync()
			expect(t, "unless the cluster goes, too", []string{"patch settings"}, onHub)
		})
	}
	t.Run("it stops answering", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap))
		w.settle()
		w.member.Fail = func(string, string) error {
			return &net.OpError{Op: "dial", Err: errors.New("10.0.0.1:54321: connection refused")}
		}
		if err := w.member.Remove(w.member.Get("configmaps", "shop", "settings")); err != nil {
			t.Fatal(err)
		}
		_, onHub, _, _, err := w.sync()
		expect(t, "nothing is taken back", []string(nil), onHub)
		if err == nil {
			t.Error("no error, want another try")
		}
		w.change(func(work *workv1alpha1.Work) {})
		w.sync()
		if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionFalse || strings.Contains(applied.Message, "54321") {
			t.Errorf("Applied = %+v, want it False without what changes each time", applied)
		}
	})
}

func TestPreservedOnDeletion(t *testing.T) {
	yes := true
	w := newWorld(t, workWith(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings, labels: {app: a, propagationpolicy.karmada.io/permanent-id: p}, annotations: {note: x, propagationpolicy.karmada.io/name: p}}}`,
		func(work *workv1alpha1.Work) { work.Spec.PreserveResourcesOnDeletion = &yes }))
	w.settle()
	if err := w.client.Delete(t.Context(), w.work()); err != nil {
		t.Fatal(err)
	}
	inMember, _, _, _, _ := w.sync()
	expect(t, "given away", []string{"update shop/settings"}, inMember)
	got := w.member.Get("configmaps", "shop", "settings")
	expect(t, "labels", map[string]string{"app": "a"}, got.GetLabels())
	expect(t, "annotations", map[string]string{"note": "x"}, got.GetAnnotations())
}

func TestStaleWatch(t *testing.T) {
	t.Run("a watch that has just begun is waited for", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap))
		w.member.Unsynced.Store(true)
		inMember, onHub, _, result, err := w.sync()
		expect(t, "written", []string(nil), slices.Concat(inMember, onHub))
		if result.RequeueAfter != fillingCheck || err != nil {
			t.Errorf("result = %v, %v", result, err)
		}
		w.clock.Step(time.Minute)
		inMember, _, _, _, err = w.sync()
		expect(t, "but not for ever", []string{"create shop/settings"}, inMember)
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("one that is behind a creation", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap))
		w.settle()
		w.member.Stale = func(*unstructured.Unstructured) *unstructured.Unstructured { return nil }
		inMember, _, _, _, err := w.sync()
		expect(t, "written", []string{"create shop/settings"}, inMember) // refused: it exists
		if err != nil {
			t.Error(err)
		}
		if err := w.client.Delete(t.Context(), w.work()); err != nil {
			t.Fatal(err)
		}
		inMember, _, _, _, _ = w.sync()
		expect(t, "leaves nothing behind", []string{"delete shop/settings"}, inMember)
	})
	t.Run("one that is behind a change", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap))
		w.settle()
		w.member.Stale = func(obj *unstructured.Unstructured) *unstructured.Unstructured {
			obj.Object["data"] = map[string]any{"a": "old"}
			obj.SetResourceVersion("1")
			return obj
		}
		refused := false
		w.member.Fail = func(verb, resource string) error {
			if verb == "update" && !refused {
				refused = true
				return apierrors.NewConflict(schema.GroupResource{Resource: resource}, "settings", errors.New("old"))
			}
			return nil
		}
		inMember, _, _, _, err := w.sync()
		expect(t, "the present object needs no change", []string(nil), inMember)
		if err != nil || !refused {
			t.Errorf("error = %v, refused = %v", err, refused)
		}
	})
}

func TestBadManifests(t *testing.T) {
	for name, tt := range map[string]struct{ text, err string }{
		"a kind the member does not serve":    {`{apiVersion: example.com/v1, kind: Lamp, metadata: {name: settings}}`, `cluster "fra" does not serve example.com/v1 Lamp; install what defines it there`},
		"an object without its namespace":     {`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}`, "metadata.namespace must be set"},
		"an object without a name":            {`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop}}`, "spec.workload.manifests[0]: needs apiVersion, kind and metadata.name"},
		"fields of an odd shape for its kind": {`{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: settings, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: [1]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workWith(t, tt.text))
			_, _, _, result, err := w.sync()
			if tt.err == "" {
				return // it must not panic; what becomes of it is for the member to say
			}
			if (err == nil || !strings.Contains(err.Error(), tt.err)) && result.RequeueAfter == 0 {
				t.Errorf("result = %v, %v, want another try", result, err)
			}
			if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionFalse || !strings.Contains(applied.Message, tt.err) {
				t.Errorf("Applied = %+v", applied)
			}
		})
	}
	t.Run("one that is no object", func(t *testing.T) {
		w := newWorld(t, workWith(t, configMap, func(work *workv1alpha1.Work) {
			work.Spec.Workload.Manifests = append(work.Spec.Workload.Manifests, workv1alpha1.Manifest{RawExtension: runtime.RawExtension{Raw: []byte(`[1]`)}})
		}))
		inMember, _, _, _, err := w.sync()
		expect(t, "does not stop the other", []string{"create shop/settings"}, inMember)
		if err == nil || !strings.Contains(err.Error(), "spec.workload.manifests[1]: must be a JSON object") {
			t.Errorf("error = %v", err)
		}
	})
}

// TestHandWrittenWork: what admission would have done is done here when it did not.
func TestHandWrittenWork(t *testing.T) {
	w := newWorld(t, workWith(t, configMap, func(work *workv1alpha1.Work) {
		work.Labels, work.Finalizers = nil, nil
		work.Spec.Workload.Manifests[0].Raw = []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"settings","uid":"x"}}`)
	}))
	w.settle()
	work := w.work()
	if work.Labels[names.WorkPermanentID] == "" || !slices.Contains(work.Finalizers, names.ExecutionFinalizer) {
		t.Errorf("metadata = %+v", work.ObjectMeta)
	}
	if got := w.member.Get("configmaps", "shop", "settings"); got.GetLabels()[names.ManagedLabel] != "true" || holderOf(got) != workKey {
		t.Errorf("object = %v", got.Object)
	}
}
