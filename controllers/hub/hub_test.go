package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// counted is a hub that counts the writes to objects and to their status.
type counted struct {
	client.Client
	patches, statusPatches int
}

func newHub(objs ...client.Object) *counted {
	h := &counted{}
	b := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{})
	if err := SetupIndexes(context.Background(), builderIndexer{b}); err != nil {
		panic(err)
	}
	h.Client = b.WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			h.patches++
			return c.Patch(ctx, obj, patch, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			h.statusPatches++
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	}).Build()
	return h
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

func binding(name string, clusters ...string) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	for _, c := range clusters {
		b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: c})
	}
	return b
}

func leaving(b *workv1alpha2.ResourceBinding, from, producer string) *workv1alpha2.ResourceBinding {
	b.Spec.GracefulEvictionTasks = append(b.Spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: from, Producer: producer})
	return b
}

func get(t *testing.T, c client.Client, name string) *workv1alpha2.ResourceBinding {
	t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	if err := c.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: name}, b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPatchWritesOnceAndOnlyWhatChanged(t *testing.T) {
	for name, tc := range map[string]struct {
		mutate  func(*workv1alpha2.ResourceBinding)
		changed bool
	}{
		"nothing":             {func(*workv1alpha2.ResourceBinding) {}, false},
		"set to what it was":  {func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters[0].Name = "fra" }, false},
		"nil list made empty": {func(b *workv1alpha2.ResourceBinding) { b.Spec.RequiredBy = []workv1alpha2.BindingSnapshot{} }, false},
		"a cluster more": {func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: "iad"})
		}, true},
		"several fields together": {func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas, b.Labels = 3, map[string]string{"a": "b"} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(binding("web", "fra"))
			b := get(t, h, "web")
			was := b.ResourceVersion
			changed, err := Patch(context.Background(), h, b, tc.mutate)
			if err != nil || changed != tc.changed {
				t.Fatalf("changed %v, error %v", changed, err)
			}
			if want := map[bool]int{true: 1}[tc.changed]; h.patches != want || h.statusPatches != 0 {
				t.Errorf("%d patches, %d of the status, want %d and 0", h.patches, h.statusPatches, want)
			}
			if tc.changed == (b.ResourceVersion == was) {
				t.Errorf("resource version %s after %s", b.ResourceVersion, was)
			}
			if stored := get(t, h, "web"); tc.changed {
				if diff := cmp.Diff(stored.Spec, b.Spec); diff != "" {
					t.Errorf("the object is not as the server has it (-server +object):\n%s", diff)
				}
			}
		})
	}
}

func TestPatchStatusLeavesTheRestAlone(t *testing.T) {
	h := newHub(binding("web", "fra"))
	b := get(t, h, "web")
	set := func(b *workv1alpha2.ResourceBinding) {
		b.Status.SchedulerObservedGeneration = 4
	}
	for round, want := range []bool{true, false} {
		changed, err := PatchStatus(context.Background(), h, b, set)
		if err != nil || changed != want {
			t.Fatalf("round %d: changed %v, error %v", round, changed, err)
		}
	}
	if h.patches != 0 || h.statusPatches != 1 {
		t.Errorf("%d patches, %d of the status, want 0 and 1", h.patches, h.statusPatches)
	}
	stored := get(t, h, "web")
	if stored.Status.SchedulerObservedGeneration != 4 || len(stored.Spec.Clusters) != 1 {
		t.Errorf("stored: %+v", stored)
	}
}

func TestTwoWritersOfOneListLoseNothing(t *testing.T) {
	ctx := context.Background()
	add := func(finalizer string) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) { b.Finalizers = append(b.Finalizers, finalizer) }
	}
	h := newHub(binding("web", "fra"))
	first, second := get(t, h, "web"), get(t, h, "web")
	if _, err := Patch(ctx, h, first, add("example.com/first")); err != nil {
		t.Fatal(err)
	}
	changed, err := Patch(ctx, h, second, add("example.com/second"))
	if !apierrors.IsConflict(err) || changed {
		t.Fatalf("changed %v, error %v; want a conflict", changed, err)
	}
	if _, err := Patch(ctx, h, get(t, h, "web"), add("example.com/second")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"example.com/first", "example.com/second"}, get(t, h, "web").Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
}

func TestTwoWritersOfTheStatusConflict(t *testing.T) {
	ctx := context.Background()
	h := newHub(binding("web", "fra"))
	first, second := get(t, h, "web"), get(t, h, "web")
	condition := func(kind string) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) {
			SetCondition(&b.Status.Conditions, 1, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: "Yes"})
		}
	}
	if _, err := PatchStatus(ctx, h, first, condition("A")); err != nil {
		t.Fatal(err)
	}
	if _, err := PatchStatus(ctx, h, second, condition("B")); !apierrors.IsConflict(err) {
		t.Fatalf("error %v; want a conflict", err)
	}
	if got := get(t, h, "web").Status.Conditions; len(got) != 1 || got[0].Type != "A" {
		t.Errorf("conditions %+v", got)
	}
}

func TestPatchOfAnObjectThatIsGoneSaysSo(t *testing.T) {
	h := newHub(binding("web"))
	b := get(t, h, "web")
	if err := h.Delete(context.Background(), b.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	_, err := Patch(context.Background(), h, b, func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas = 2 })
	if !apierrors.IsNotFound(err) {
		t.Errorf("error %v; want not found", err)
	}
}

func TestSetCondition(t *testing.T) {
	then := metav1.NewTime(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	for name, tc := range map[string]struct {
		set        metav1.Condition
		generation int64
		changed    bool
		moved      bool
	}{
		"the same":               {metav1.Condition{Type: "Ready", Status: "True", Reason: "Fine", Message: "ok"}, 3, false, false},
		"a newer generation":     {metav1.Condition{Type: "Ready", Status: "True", Reason: "Fine", Message: "ok"}, 4, true, false},
		"another message":        {metav1.Condition{Type: "Ready", Status: "True", Reason: "Fine", Message: "better"}, 3, true, false},
		"another status":         {metav1.Condition{Type: "Ready", Status: "False", Reason: "Bad", Message: "no"}, 3, true, true},
		"a condition not there":  {metav1.Condition{Type: "Other", Status: "True", Reason: "Fine"}, 3, true, false},
		"its own generation set": {metav1.Condition{Type: "Ready", Status: "True", Reason: "Fine", Message: "ok", ObservedGeneration: 99}, 3, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			conditions := []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Fine", Message: "ok", ObservedGeneration: 3, LastTransitionTime: then}}
			if changed := SetCondition(&conditions, tc.generation, tc.set); changed != tc.changed {
				t.Errorf("changed %v", changed)
			}
			if moved := !conditions[0].LastTransitionTime.Equal(&then); moved != tc.moved {
				t.Errorf("transition time moved: %v", moved)
			}
			if got := conditions[len(conditions)-1]; got.Type != tc.set.Type || got.ObservedGeneration != tc.generation {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestResult(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "works"}, "w", errors.New("changed"))
	broken := errors.New("broken")
	later := ctrl.Result{RequeueAfter: time.Minute}
	for name, tc := range map[string]struct {
		err  error
		want ctrl.Result
		fail error
	}{
		"no error":           {nil, later, nil},
		"conflict":           {conflict, ctrl.Result{RequeueAfter: conflictPause}, nil},
		"a wrapped conflict": {fmt.Errorf("patch: %w", conflict), ctrl.Result{RequeueAfter: conflictPause}, nil},
		"another error":      {broken, ctrl.Result{}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Result(later, tc.err)
			if got != tc.want || err != tc.fail {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestBindings(t *testing.T) {
	global := &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: "crd"}}
	global.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra"}}
	global.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "iad", Producer: workv1alpha2.EvictionProducerFailover}}
	h := newHub(global,
		binding("in-both", "fra", "iad"),
		leaving(binding("away", "fra"), "iad", workv1alpha2.EvictionProducerFailover),
		leaving(binding("drained", "sin"), "iad", workv1alpha2.EvictionProducerTaintManager),
		leaving(binding("twice", "fra"), "fra", workv1alpha2.EvictionProducerFailover),
		binding("nowhere"),
	)
	for name, tc := range map[string]struct {
		by   client.ListOption
		want []string
	}{
		"all":                                {client.InNamespace(""), []string{"away", "crd", "drained", "in-both", "nowhere", "twice"}},
		"placed in fra":                      {client.MatchingFields{IndexBindingByCluster: "fra"}, []string{"away", "crd", "in-both", "twice"}},
		"placed in iad or leaving it":        {client.MatchingFields{IndexBindingByCluster: "iad"}, []string{"away", "crd", "drained", "in-both"}},
		"moved out of iad by failover":       {client.MatchingFields{IndexBindingAway: "iad"}, []string{"away", "crd"}},
		"nothing was moved out of sin":       {client.MatchingFields{IndexBindingAway: "sin"}, nil},
		"a cluster that nobody has heard of": {client.MatchingFields{IndexBindingByCluster: "mars"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Bindings(context.Background(), h, tc.by)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range found {
				got = append(got, b.GetName())
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindingsNamesTheKindThatCanNotBeRead(t *testing.T) {
	broken := errors.New("no such kind")
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, global := list.(*workv1alpha2.ClusterResourceBindingList); global {
				return broken
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
	_, err := Bindings(context.Background(), c)
	if !errors.Is(err, broken) || err.Error() != "list ClusterResourceBindings: no such kind" {
		t.Errorf("error %v", err)
	}
}

func TestIndexesNameEachClusterOnce(t *testing.T) {
	b := leaving(leaving(binding("web", "sin", "fra"), "fra", workv1alpha2.EvictionProducerFailover), "iad", workv1alpha2.EvictionProducerTaintManager)
	b.Spec.RequiredBy = []workv1alpha2.BindingSnapshot{{Name: "shop", Clusters: []workv1alpha2.TargetCluster{{Name: "fra"}, {Name: "nrt"}}}}
	if diff := cmp.Diff([]string{"fra", "iad", "nrt", "sin"}, bindingClusters(b)); diff != "" {
		t.Errorf("by cluster (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"fra"}, bindingAway(b)); diff != "" {
		t.Errorf("away (-want +got):\n%s", diff)
	}
}

// refusing refuses one index.
type refusing struct{ field string }

func (r refusing) IndexField(_ context.Context, _ client.Object, field string, _ client.IndexerFunc) error {
	if field == r.field {
		return errors.New("indexed already")
	}
	return nil
}

func TestSetupIndexesSaysWhatFailed(t *testing.T) {
	for field, want := range map[string]string{
		IndexBindingByCluster:  "index *v1alpha2.ResourceBinding by cluster: indexed already",
		IndexBindingAway:       "index *v1alpha2.ResourceBinding by failover: indexed already",
		IndexBindingByTemplate: "index *v1alpha2.ResourceBinding by template: indexed already",
	} {
		if err := SetupIndexes(context.Background(), refusing{field}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
