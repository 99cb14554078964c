package scheduler

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

func cluster(name string, change func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: clusterv1alpha1.ClusterStatus{APIEnablements: []clusterv1alpha1.APIEnablement{
			{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}}},
	}
	if change != nil {
		change(c)
	}
	return c
}

func binding(change func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment", Generation: 1,
			Labels: map[string]string{names.PropagationPolicyPermanentID: "p"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
			Replicas: 3, SchedulerName: "default-scheduler",
			Placement: &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
				ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted}},
		},
	}
	if change != nil {
		change(b)
	}
	return b
}

// world runs the reconciler against a fake hub and counts its writes.
type world struct {
	*reconciler
	writes int
	refuse error
	events *record.FakeRecorder
}

func newWorld(t *testing.T, objs ...client.Object) *world {
	t.Helper()
	w := &world{events: record.NewFakeRecorder(100)}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &clusterv1alpha1.Cluster{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				if w.refuse != nil {
					return w.refuse
				}
				w.writes++
				return c.Patch(ctx, obj, patch, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes++
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		}).Build()
	w.reconciler = &reconciler{
		client: c, live: c, recorder: w.events, placer: newPlacer(c),
		clock: clocktesting.NewFakePassiveClock(time.Unix(1000, 0)), name: policyv1alpha1.DefaultSchedulerName,
		empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		own:   newOwn(), returns: newReturns(), policies: policies.Finder{Cached: c, Live: c}, failback: 5 * time.Minute,
	}
	return w
}

func (w *world) reconcile(t *testing.T) *workv1alpha2.ResourceBinding {
	t.Helper()
	key := client.ObjectKey{Namespace: "shop", Name: "web-deployment"}
	if _, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: key}); err != nil && w.refuse == nil {
		t.Fatal(err)
	}
	var b workv1alpha2.ResourceBinding
	if err := w.client.Get(context.Background(), key, &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func (w *world) said() (out []string) {
	for len(w.events.Events) > 0 {
		out = append(out, <-w.events.Events)
	}
	return out
}

func scheduled(b *workv1alpha2.ResourceBinding) metav1.Condition {
	if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.Scheduled); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func TestPlacesInTwoWritesAndThenNone(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), cluster("m2", nil), binding(nil))
	b := w.reconcile(t)
	if got, want := placement.Targets(b.Spec.Clusters), "{m1:2, m2:1}"; got != want {
		t.Errorf("placed %s, want %s", got, want)
	}
	if c := scheduled(b); c.Status != metav1.ConditionTrue || c.Reason != "Success" {
		t.Errorf("condition %+v", c)
	}
	if b.Status.SchedulerObservedGeneration != b.Generation || !b.Status.LastScheduledTime.Equal(&metav1.Time{Time: time.Unix(1000, 0)}) {
		t.Errorf("status %+v", b.Status)
	}
	if !strings.Contains(b.Annotations[names.AppliedPlacementAnnotation], `"replicaSchedulingType":"Divided"`) {
		t.Errorf("annotation %q", b.Annotations[names.AppliedPlacementAnnotation])
	}
	if w.writes != 2 {
		t.Errorf("%d writes, want 2", w.writes)
	}
	said := w.said()
	if len(said) != 2 || !strings.HasPrefix(said[0], "Normal ScheduleBindingSucceed") || !strings.HasSuffix(said[0], "Result: {m1:2, m2:1}") {
		t.Errorf("events %q", said)
	}

	w.reconcile(t)
	if said := w.said(); w.writes != 2 || len(said) > 0 {
		t.Errorf("nothing changed, and there are %d writes and events %q", w.writes-2, said)
	}
}

func TestDuplicatedIsLookedAtAgainWithoutWrites(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement.ReplicaScheduling = nil }))
	w.reconcile(t)
	w.reconcile(t)
	if w.writes != 2 {
		t.Errorf("%d writes, want 2", w.writes)
	}
}

func TestNothingFitsKeepsWhatRuns(t *testing.T) {
	placed := binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"gone"}}
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
	})
	w := newWorld(t, cluster("m1", nil), placed)
	b := w.reconcile(t)
	if got := placement.Targets(b.Spec.Clusters); got != "{m1:3}" {
		t.Errorf("placed %s", got)
	}
	c := scheduled(b)
	if c.Status != metav1.ConditionFalse || c.Reason != "NoClusterFit" || !strings.Contains(c.Message, "m1 is not listed in clusterNames") {
		t.Errorf("condition %+v", c)
	}
	if b.Status.SchedulerObservedGeneration != 0 {
		t.Error("a failure counts as observed")
	}
	said := w.said()
	if len(said) != 2 || !strings.HasPrefix(said[0], "Warning ScheduleBindingFailed") {
		t.Errorf("events %q", said)
	}
	writes := w.writes
	w.reconcile(t)
	if said := w.said(); w.writes != writes || len(said) > 0 {
		t.Errorf("the same failure is written again: %d writes, events %q", w.writes-writes, said)
	}
}

func TestRecoversFromAFailure(t *testing.T) {
	w := newWorld(t, binding(nil))
	w.reconcile(t)
	if err := w.client.Create(context.Background(), cluster("m1", nil)); err != nil {
		t.Fatal(err)
	}
	if c := scheduled(w.reconcile(t)); c.Status != metav1.ConditionTrue {
		t.Errorf("condition %+v", c)
	}
}

func TestLeavesAlone(t *testing.T) {
	for name, change := range map[string]func(*workv1alpha2.ResourceBinding){
		"another scheduler's":     func(b *workv1alpha2.ResourceBinding) { b.Spec.SchedulerName = "mine" },
		"one that no policy owns": func(b *workv1alpha2.ResourceBinding) { b.Labels = nil },
		"one whose scheduling is suspended": func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
		},
		"one that follows others": func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement = nil },
		"one being deleted": func(b *workv1alpha2.ResourceBinding) {
			b.DeletionTimestamp, b.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cluster("m1", nil), binding(change))
			if b := w.reconcile(t); len(b.Spec.Clusters) > 0 || w.writes > 0 {
				t.Errorf("placed %v, %d writes", b.Spec.Clusters, w.writes)
			}
		})
	}
}

func TestObservesAGenerationThatNeedsNoPlacing(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(nil))
	b := w.reconcile(t)
	b.Generation = 7
	if err := w.client.Update(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	b = w.reconcile(t)
	if b.Status.SchedulerObservedGeneration != 7 || scheduled(b).ObservedGeneration != 7 {
		t.Errorf("observed %d, condition %d", b.Status.SchedulerObservedGeneration, scheduled(b).ObservedGeneration)
	}
}

func TestRescheduleIsDoneOnce(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(nil))
	b := w.reconcile(t)
	b.Spec.RescheduleTriggeredAt = &metav1.Time{Time: time.Unix(2000, 0)}
	if err := w.client.Update(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	w.clock.(*clocktesting.FakePassiveClock).SetTime(time.Unix(3000, 0))
	b = w.reconcile(t)
	if got := b.Status.LastScheduledTime; got == nil || got.Unix() != 3000 {
		t.Fatalf("last scheduled %v", got)
	}
	writes := w.writes
	w.reconcile(t)
	if w.writes != writes {
		t.Error("rescheduled twice")
	}
}

func TestRefusedByAQuota(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(nil))
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "resourcebindings"}, "web-deployment", nil)
	refusal.ErrStatus.Reason = "QuotaExceeded"
	w.refuse = refusal
	b := w.reconcile(t)
	if c := scheduled(b); c.Reason != "QuotaExceeded" || c.Status != metav1.ConditionFalse {
		t.Errorf("condition %+v", c)
	}
	if said := w.said(); len(said) != 2 || !strings.Contains(said[0], "ScheduleBindingFailed") {
		t.Errorf("events %q", said)
	}
}

var errRefused = errors.New("the hub is away")

func TestPlacerWritesNothing(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), cluster("m2", nil), binding(nil))
	b := binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 2}, {Name: "m2", Replicas: 1}}
	})
	result, d, err := w.placer.Place(context.Background(), b, sets.New("m1"), false)
	if err != nil || !d.Fits() || placement.Targets(result.Clusters) != "{m2:3}" {
		t.Errorf("%v, %s, %v", result, d.Message, err)
	}
	if w.writes != 0 {
		t.Error("it wrote")
	}
}

func TestInterests(t *testing.T) {
	on := func(name, clusterName string, change func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
		return binding(func(b *workv1alpha2.ResourceBinding) {
			b.Name = name
			b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{clusterName}}
			if change != nil {
				change(b)
			}
		})
	}
	failed := func(b *workv1alpha2.ResourceBinding) {
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: workv1alpha2.ReasonUnschedulable}}
	}
	shortInTheSecondTerm := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterAffinity = nil
		b.Spec.Placement.ClusterAffinities = []policyv1alpha1.ClusterAffinityTerm{
			{AffinityName: "first", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m9"}}},
			{AffinityName: "second", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"m1"}}},
		}
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.Scheduled, Status: metav1.ConditionFalse, Reason: workv1alpha2.ReasonNoClusterFit}}
	}
	byLabel := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}
	}
	x := newInterests()
	for _, b := range []*workv1alpha2.ResourceBinding{on("a", "m1", nil), on("b", "m1", nil), on("c", "m2", nil), on("short", "m1", failed), on("later", "m1", shortInTheSecondTerm), on("prod", "", byLabel)} {
		x.set(b)
	}
	labelled := func(c *clusterv1alpha1.Cluster) { c.Labels = map[string]string{"env": "prod"} }
	tests := map[string]struct {
		before, after *clusterv1alpha1.Cluster
		want          []string
	}{
		"a new cluster":                       {nil, cluster("m2", nil), []string{"c"}},
		"a heartbeat":                         {cluster("m1", nil), cluster("m1", func(c *clusterv1alpha1.Cluster) { c.ResourceVersion = "9" }), nil},
		"a taint":                             {cluster("m1", nil), cluster("m1", func(c *clusterv1alpha1.Cluster) { c.Spec.Taints = []corev1.Taint{{Key: "x"}} }), []string{"a", "b", "short", "later"}},
		"a label comes":                       {cluster("m3", nil), cluster("m3", labelled), []string{"prod"}},
		"a label goes":                        {cluster("m3", labelled), cluster("m3", nil), []string{"prod"}},
		"deletion begins":                     {cluster("m2", nil), cluster("m2", func(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = &metav1.Time{} }), []string{"c"}},
		"room changes: only who waits for it": {cluster("m1", nil), cluster("m1", func(c *clusterv1alpha1.Cluster) { c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{} }), []string{"short", "later"}},
		"an API comes":                        {cluster("m1", func(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil }), cluster("m1", nil), []string{"a", "b", "short", "later"}},
		"an API goes":                         {cluster("m1", nil), cluster("m1", func(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil }), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := sets.New[string]()
			for _, key := range x.concerned(tt.before, tt.after) {
				got.Insert(key.Name)
			}
			if diff := cmp.Diff(sets.List(sets.New(tt.want...)), sets.List(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, name := range []string{"a", "b", "c", "short", "later", "prod"} {
		x.drop(client.ObjectKey{Namespace: "shop", Name: name})
	}
	if len(x.groups) > 0 || len(x.member) > 0 {
		t.Error("bindings that are gone are remembered")
	}
}

func TestWhatCannotBePlacedAsAskedIsSaid(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ReplicaScheduling.ReplicaDivisionPreference = "Somehow"
	}))
	c := scheduled(w.reconcile(t))
	if c.Reason != "SchedulerError" || !strings.HasPrefix(c.Message, "spec.placement.replicaScheduling.replicaDivisionPreference: Unsupported value") {
		t.Errorf("condition %+v", c)
	}
	if said := w.said(); len(said) == 0 || !strings.HasPrefix(said[0], corev1.EventTypeWarning) {
		t.Errorf("events %q", said)
	}
}

// An API server refuses a condition of more than 32 KiB: then nobody would be told anything, over and over.
func TestWhatIsSaidFitsIntoACondition(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(func(b *workv1alpha2.ResourceBinding) {
		for range 1000 {
			b.Spec.Placement.SpreadConstraints = append(b.Spec.Placement.SpreadConstraints, policyv1alpha1.SpreadConstraint{SpreadByField: "rack"})
		}
	}))
	if c := scheduled(w.reconcile(t)); c.Reason != "SchedulerError" || len(c.Message) == 0 || len(c.Message) > 2048 {
		t.Errorf("condition %s, %d bytes", c.Reason, len(c.Message))
	}
	writes := w.writes
	if w.reconcile(t); w.writes != writes {
		t.Errorf("%d writes of the same", w.writes-writes)
	}
}

func TestWhatIsInADeletedClusterIsWoken(t *testing.T) {
	in := func(name, clusterName string) *workv1alpha2.ResourceBinding {
		return binding(func(b *workv1alpha2.ResourceBinding) {
			b.Name, b.Spec.Clusters = name, []workv1alpha2.TargetCluster{{Name: clusterName}}
		})
	}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(in("a", "m1"), in("b", "m2"))
	byCluster := func(obj client.Object) (out []string) {
		for _, target := range obj.(workv1alpha2.Binding).GetBindingSpec().Clusters {
			out = append(out, target.Name)
		}
		return out
	}
	for _, obj := range []client.Object{&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}} {
		c = c.WithIndex(obj, hub.IndexBindingByCluster, byCluster)
	}
	r := &reconciler{client: c.Build(), empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} }}
	want := []types.NamespacedName{{Namespace: "shop", Name: "a"}}
	if diff := cmp.Diff(want, r.targetedAt(context.Background(), "m1")); diff != "" {
		t.Error(diff)
	}
	r.empty = func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} }
	if got := r.targetedAt(context.Background(), "m1"); len(got) > 0 {
		t.Errorf("the other kind's controller wakes %v", got)
	}
}
