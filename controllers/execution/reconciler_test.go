package execution

import (
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
)

func TestLifeOfAWork(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))

	inMember, onHub, reasons, _, err := w.sync()
	expect(t, "created", []string{"create shop/settings"}, inMember)
	expect(t, "reported in one write", []string{"patch status settings"}, onHub)
	expect(t, "events", []string{"SyncSucceed", "WorkDispatching", "ReflectStatusSucceed", "InterpretHealthSucceed"}, reasons)
	if statuses := w.work().Status.ManifestStatuses; len(statuses) != 1 || statuses[0].Health != workv1alpha1.ResourceHealthy || statuses[0].Identifier.Resource != "configmaps" {
		t.Errorf("statuses = %+v", statuses)
	}
	if applied := w.condition(workv1alpha1.WorkApplied); err != nil || applied.Status != metav1.ConditionTrue || applied.Reason != "AppliedSuccessful" || applied.ObservedGeneration != 1 {
		t.Errorf("Applied = %+v, %v", applied, err)
	}
	if d := w.condition(workv1alpha1.WorkDispatching); d.Status != metav1.ConditionTrue || d.Reason != "Dispatching" {
		t.Errorf("Dispatching = %+v", d)
	}

	inMember, onHub, reasons, _, _ = w.sync()
	expect(t, "nothing to do", []string(nil), slices.Concat(inMember, onHub, reasons))

	w.change(func(work *workv1alpha1.Work) {
		setManifest(t, work, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings}, data: {b: "2"}}`)
	})
	inMember, _, _, _, _ = w.sync()
	expect(t, "changed", []string{"update shop/settings"}, inMember)
	expect(t, "with what is gone gone", map[string]any{"b": "2"}, w.member.Get("configmaps", "shop", "settings").Object["data"])
	w.settle()

	if err := w.client.Delete(t.Context(), w.work()); err != nil {
		t.Fatal(err)
	}
	inMember, onHub, _, _, _ = w.sync()
	expect(t, "deleted", []string{"delete shop/settings"}, inMember)
	expect(t, "and let go", []string{"patch settings"}, onHub)
	if err := w.client.Get(t.Context(), workKey, &workv1alpha1.Work{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Work is still there: %v", err)
	}
}

func TestRestartWritesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"a config map":                 configMap,
		"a service with allocations":   `{apiVersion: v1, kind: Service, metadata: {namespace: shop, name: settings}, spec: {type: NodePort, ports: [{port: 80, protocol: TCP}]}}`,
		"an object with defaults":      `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: settings}, spec: {replicas: 1}}`,
		"a cluster-scoped object":      `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: settings}, rules: []}`,
		"an object with an empty time": `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: settings, creationTimestamp: null}, spec: {template: {metadata: {creationTimestamp: null}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workWith(t, text))
			w.member.Default = func(obj *unstructured.Unstructured) {
				switch obj.GetKind() {
				case "Service":
					_ = unstructured.SetNestedField(obj.Object, "10.0.0.1", "spec", "clusterIP")
					_ = unstructured.SetNestedSlice(obj.Object, []any{"10.0.0.1"}, "spec", "clusterIPs")
					_ = unstructured.SetNestedSlice(obj.Object, []any{map[string]any{"port": int64(80), "protocol": "TCP", "nodePort": int64(30080)}}, "spec", "ports")
				case "Deployment":
					_ = unstructured.SetNestedField(obj.Object, int64(600), "spec", "progressDeadlineSeconds")
				}
			}
			w.settle()

			// a new process knows only what is on the hub and in the member
			w.reports = reports.New(w.client, w.client, w.events, nil)
			w.works = w.reports.Works()
			w.reconciler.members = managed.New(w.members, w.clock)
			inMember, onHub, reasons, _, err := w.sync()
			expect(t, "written after a restart", []string(nil), slices.Concat(inMember, onHub, reasons))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	w.settle()
	edit := func(change func(*unstructured.Unstructured)) {
		t.Helper()
		obj := w.member.Get("configmaps", "shop", "settings")
		change(obj)
		if err := w.member.Put(obj); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*unstructured.Unstructured){
		"a field is changed": func(obj *unstructured.Unstructured) { obj.Object["data"] = map[string]any{"a": "x"} },
		"a field is added":   func(obj *unstructured.Unstructured) { obj.Object["data"] = map[string]any{"a": "1", "b": "x"} },
		"a field is removed": func(obj *unstructured.Unstructured) { delete(obj.Object, "data") },
		"one of our labels is changed": func(obj *unstructured.Unstructured) {
			labels := obj.GetLabels()
			labels[names.WorkPermanentID] = "x"
			obj.SetLabels(labels)
		},
	} {
		edit(change)
		inMember, onHub, _, _, _ := w.sync()
		expect(t, name, []string{"update shop/settings"}, inMember)
		expect(t, name+": on the hub", []string(nil), onHub)
		expect(t, name+": back", map[string]any{"a": "1"}, w.member.Get("configmaps", "shop", "settings").Object["data"])
	}
	edit(func(obj *unstructured.Unstructured) {
		obj.SetLabels(map[string]string{"theirs": "x", names.ManagedLabel: "true", names.WorkPermanentID: "id"})
		annotations := obj.GetAnnotations()
		annotations["theirs"] = "x"
		obj.SetAnnotations(annotations)
		obj.SetFinalizers([]string{"example.com/theirs"})
	})
	inMember, _, _, _, _ := w.sync()
	expect(t, "labels, annotations and finalizers of the member's own", []string(nil), inMember)

	if err := w.member.Remove(w.member.Get("configmaps", "shop", "settings")); err != nil {
		t.Fatal(err)
	}
	inMember, _, _, _, _ = w.sync()
	expect(t, "the object is deleted", []string{"create shop/settings"}, inMember)
}

// TestStatusControllerIsQuicker: what it wrote in the meantime is not written over.
func TestStatusControllerIsQuicker(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	newer := []workv1alpha1.ManifestStatus{{Identifier: workv1alpha1.ResourceIdentifier{Version: "v1", Kind: "ConfigMap", Name: "settings"}, Health: workv1alpha1.ResourceUnhealthy}}
	w.member.Default = func(*unstructured.Unstructured) {
		work := w.work()
		work.Status.ManifestStatuses = newer
		if err := w.client.Status().Update(t.Context(), work); err != nil {
			t.Error(err)
		}
	}
	if _, _, _, _, err := w.sync(); err != nil {
		t.Fatal(err)
	}
	expect(t, "statuses", newer, w.work().Status.ManifestStatuses)
	if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionTrue {
		t.Errorf("Applied = %+v", applied)
	}
}

func TestEcho(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	w.sync()
	version := w.member.Get("configmaps", "shop", "settings").GetResourceVersion()
	if w.isEcho(managed.Event{Work: workKey, ResourceVersion: "x"}) {
		t.Error("somebody else's change is taken for our own")
	}
	if w.isEcho(managed.Event{Work: workKey, ResourceVersion: version, Deleted: true}) {
		t.Error("the deletion of what we wrote is taken for our own")
	}
	if !w.isEcho(managed.Event{Work: workKey, ResourceVersion: version}) {
		t.Error("our own write is not known")
	}
	if w.isEcho(managed.Event{Work: workKey, ResourceVersion: version}) {
		t.Error("it comes back more than once")
	}
}

// TestMembersAnswer: what a member makes of an object is accepted, and watched from then on.
func TestMembersAnswer(t *testing.T) {
	w := newWorld(t, workWith(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: settings}, spec: {replicas: 1}}`))
	w.member.Default = func(obj *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(obj.Object, "set by admission", "spec", "x")
	}
	inMember, onHub, _, _, _ := w.sync()
	expect(t, "created", []string{"create shop/settings"}, inMember)
	expect(t, "remembered and reported", []string{"patch settings", "patch status settings"}, onHub)
	inMember, _, _, _, _ = w.sync()
	expect(t, "not fought over", []string(nil), inMember)

	obj := w.member.Get("deployments", "shop", "settings")
	_ = unstructured.SetNestedField(obj.Object, "set by hand", "spec", "y")
	if err := w.member.Put(obj); err != nil {
		t.Fatal(err)
	}
	inMember, _, _, _, _ = w.sync()
	expect(t, "drift is still repaired", []string{"update shop/settings"}, inMember)

	w.member.Default = nil
	w.change(func(work *workv1alpha1.Work) {
		setManifest(t, work, `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: settings}, spec: {replicas: 2}}`)
	})
	w.settle()
	if value, ok := w.work().Annotations[AnnotationSettled]; ok {
		t.Errorf("the note %q stays when it is no longer needed", value)
	}
}
