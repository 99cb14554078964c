package execution

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/binding/fresh"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/membertest"
)

// world is a hub with one cluster, fra, and its member.
type world struct {
	*reconciler
	t       *testing.T
	member  *membertest.Member
	members *membertest.Members
	clock   *clocktesting.FakeClock
	events  *record.FakeRecorder
	writes  []string
}

var workKey = types.NamespacedName{Namespace: "karmada-es-fra", Name: "settings"}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{t: t, member: membertest.NewMember("fra"), members: &membertest.Members{}, events: record.NewFakeRecorder(100), clock: clocktesting.NewFakeClock(metav1.Now().Time)}
	count := func(verb string, obj client.Object) { w.writes = append(w.writes, verb+" "+obj.GetName()) }
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra", Finalizers: []string{"test"}}}
	meta.SetStatusCondition(&cluster.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady"})
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(append(objects, cluster)...).
		WithStatusSubresource(&workv1alpha1.Work{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
				count("patch", obj)
				return c.Patch(ctx, obj, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				count("patch "+sub, obj)
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		}).Build()
	w.reconciler = &reconciler{
		client: c, works: fresh.New(c, c), recorder: w.events,
		members: managed.New(w.members, w.clock), interpreter: interpret.New(),
	}
	w.members.Connect("fra", w.member)
	return w
}

// workWith returns a Work as it is rendered, with the manifest in YAML.
func workWith(t *testing.T, text string, change ...func(*workv1alpha1.Work)) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workKey.Namespace, Name: workKey.Name, UID: "w1", Generation: 1,
		Labels: map[string]string{names.WorkPermanentID: "id"}, Finalizers: []string{names.ExecutionFinalizer},
	}}
	setManifest(t, work, text)
	for _, c := range change {
		c(work)
	}
	return work
}

func setManifest(t *testing.T, work *workv1alpha1.Work, text string) {
	t.Helper()
	obj := object(t, text)
	manifest.Mark(obj, work)
	data, err := utiljson.Marshal(obj.Object)
	if err != nil {
		t.Fatal(err)
	}
	work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: data}}}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

const configMap = `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings}, data: {a: "1"}}`

// sync reconciles and returns what was written in the member and on the hub, and the events' reasons.
func (w *world) sync() (inMember, onHub, reasons []string, result ctrl.Result, err error) {
	w.t.Helper()
	w.writes, _ = nil, w.member.Writes()
	result, err = w.reconcile(w.t.Context(), workKey)
	for len(w.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-w.events.Events)[1])
	}
	return w.member.Writes(), w.writes, reasons, result, err
}

// settle reconciles until nothing is written, and fails if that takes long.
func (w *world) settle() {
	w.t.Helper()
	for range 3 {
		inMember, onHub, _, _, err := w.sync()
		if err != nil {
			w.t.Fatal(err)
		}
		if len(inMember)+len(onHub) == 0 {
			return
		}
	}
	w.t.Fatal("it never comes to rest")
}

func (w *world) work() *workv1alpha1.Work {
	w.t.Helper()
	work := &workv1alpha1.Work{}
	if err := w.client.Get(w.t.Context(), workKey, work); err != nil {
		w.t.Fatal(err)
	}
	return work
}

func (w *world) change(mutate func(*workv1alpha1.Work)) {
	w.t.Helper()
	work := w.work()
	mutate(work)
	work.Generation++
	if err := w.client.Update(w.t.Context(), work); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) cluster(mutate func(*clusterv1alpha1.Cluster)) {
	w.t.Helper()
	cluster := &clusterv1alpha1.Cluster{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Name: "fra"}, cluster); err != nil {
		w.t.Fatal(err)
	}
	mutate(cluster)
	if err := w.client.Update(w.t.Context(), cluster); err != nil {
		w.t.Fatal(err)
	}
}

func notReady(c *clusterv1alpha1.Cluster) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterNotReachable"})
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	if c := meta.FindStatusCondition(w.work().Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func expect(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestLifeOfAWork(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))

	inMember, onHub, reasons, _, err := w.sync()
	expect(t, "created", []string{"create shop/settings"}, inMember)
	expect(t, "reported in one write", []string{"patch status settings"}, onHub)
	expect(t, "events", []string{"SyncSucceed", "ReflectStatusSucceed", "InterpretHealthSucceed", "WorkDispatching"}, reasons)
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
			w.works = fresh.New(w.client, w.client)
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
	expect(t, "events", []string{"SyncSucceed", "ReflectStatusSucceed", "InterpretHealthSucceed", "WorkDispatching"}, reasons)
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
			_, _, _, _, err := w.sync()
			if tt.err == "" {
				return // it must not panic; what becomes of it is for the member to say
			}
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error = %v, want one that says %q", err, tt.err)
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
