package taint

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
)

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

type world struct {
	*reconciler
	t       *testing.T
	events  *record.FakeRecorder
	writes  int
	refusal error
}

func newWorld(t *testing.T, objs ...client.Object) *world {
	w := &world{t: t, events: record.NewFakeRecorder(100)}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).WithStatusSubresource(&clusterv1alpha1.Cluster{}).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, p client.Patch, opts ...client.PatchOption) error {
			w.writes++
			if w.refusal != nil {
				return w.refusal
			}
			return c.Patch(ctx, obj, p, opts...)
		},
	}).Build()
	w.reconciler = &reconciler{client: c, recorder: w.events, clock: clocktesting.NewFakePassiveClock(now), allowNoExecute: true}
	return w
}

func member(name string, ready metav1.ConditionStatus, taints ...corev1.Taint) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Spec.Taints = taints
	c.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: ready}}
	return c
}

func onReady(name string, add, remove metav1.ConditionStatus) *policyv1alpha1.ClusterTaintPolicy {
	test := func(s metav1.ConditionStatus) []policyv1alpha1.MatchCondition {
		return []policyv1alpha1.MatchCondition{{ConditionType: "Ready", Operator: "In", StatusValues: []metav1.ConditionStatus{s}}}
	}
	return &policyv1alpha1.ClusterTaintPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: policyv1alpha1.ClusterTaintPolicySpec{
		AddOnConditions: test(add), RemoveOnConditions: test(remove),
		Taints: []policyv1alpha1.Taint{{Key: "lost", Effect: corev1.TaintEffectNoExecute}, {Key: "lost", Effect: corev1.TaintEffectNoSchedule}},
	}}
}

// sync reconciles fra and returns its taints, the number of writes and the events' reasons.
func (w *world) sync() (taints []corev1.Taint, writes int, reasons []string) {
	w.t.Helper()
	w.writes = 0
	if _, err := w.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "fra"}}); err != nil && w.refusal == nil {
		w.t.Fatal(err)
	}
	for len(w.events.Events) > 0 {
		reasons = append(reasons, strings.Fields(<-w.events.Events)[1])
	}
	c := &clusterv1alpha1.Cluster{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Name: "fra"}, c); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return c.Spec.Taints, w.writes, reasons
}

func TestTaintsFollowTheConditions(t *testing.T) {
	mine := corev1.Taint{Key: "mine", Effect: corev1.TaintEffectNoExecute}
	invalid := onReady("invalid", "False", "True")
	invalid.Spec.Taints[0].Effect = "Whatever"
	w := newWorld(t, member("fra", "False", mine), onReady("lost", "False", "True"), onReady("lost-too", "False", "True"), invalid)
	taints, writes, reasons := w.sync()
	if len(taints) != 3 || taints[0].Key != "mine" || taints[1].Effect != corev1.TaintEffectNoExecute || !taints[1].TimeAdded.Time.Equal(now) || writes != 1 {
		t.Errorf("lost: %d writes, taints %+v", writes, taints)
	}
	if diff := cmp.Diff([]string{"TaintClusterFailed", "TaintClusterSucceed"}, reasons); diff != "" {
		t.Errorf("events, of the policy that makes no sense and of the cluster: %s", diff)
	}
	if _, writes, _ := w.sync(); writes != 0 {
		t.Errorf("again: %d writes", writes)
	}
	c := &clusterv1alpha1.Cluster{}
	if err := w.client.Get(t.Context(), client.ObjectKey{Name: "fra"}, c); err != nil {
		t.Fatal(err)
	}
	c.Status.Conditions[0].Status = "True"
	if err := w.client.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if taints, writes, _ := w.sync(); len(taints) != 1 || writes != 1 {
		t.Errorf("back: %d writes, taints %+v", writes, taints)
	}
	if err := w.client.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, writes, _ := w.sync(); writes != 0 {
		t.Errorf("gone: %d writes", writes)
	}
}

func TestTaintsThatEvictHaveToBeAllowed(t *testing.T) {
	w := newWorld(t, member("fra", "False"), onReady("lost", "False", "True"))
	w.allowNoExecute = false
	if taints, writes, reasons := w.sync(); len(taints) != 0 || writes != 0 || !cmp.Equal(reasons, []string{"TaintClusterFailed"}) {
		t.Errorf("%d writes, taints %+v, events %v", writes, taints, reasons)
	}
}

func TestWhatGoesWrongIsTold(t *testing.T) {
	w := newWorld(t, member("fra", "False"), onReady("lost", "False", "True"))
	w.refusal = apierrors.NewConflict(clusterv1alpha1.Resource("clusters"), "fra", errors.New("changed"))
	if _, writes, reasons := w.sync(); writes != 1 || reasons != nil {
		t.Errorf("a conflict is no failure: %v", reasons)
	}
	w.refusal = errors.New("no")
	if _, _, reasons := w.sync(); len(reasons) != 1 || reasons[0] != "TaintClusterFailed" {
		t.Errorf("events %v", reasons)
	}
}

func TestAClusterOnItsWayOutIsLeftAlone(t *testing.T) {
	going := member("fra", "False")
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: now}, []string{"x"}
	if _, writes, _ := newWorld(t, going, onReady("lost", "False", "True")).sync(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestWhatIsWorthALook(t *testing.T) {
	update := func(change func(*clusterv1alpha1.Cluster)) bool {
		after := member("fra", "True")
		change(after)
		return speaksOfTaints.Update(event.UpdateEvent{ObjectOld: member("fra", "True"), ObjectNew: after})
	}
	p := onReady("lost", "False", "True")
	edited := p.DeepCopy()
	edited.Generation = 2
	for what, ok := range map[string]bool{
		"a condition": update(func(c *clusterv1alpha1.Cluster) { c.Status.Conditions[0].Status = "False" }),
		"a new condition": update(func(c *clusterv1alpha1.Cluster) {
			c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: "X"})
		}),
		"labels":                 update(func(c *clusterv1alpha1.Cluster) { c.Labels = map[string]string{"a": "b"} }),
		"where it is":            update(func(c *clusterv1alpha1.Cluster) { c.Spec.Zones = []string{"z"} }),
		"not a message":          !update(func(c *clusterv1alpha1.Cluster) { c.Status.Conditions[0].Message = "x" }),
		"not a taint by hand":    !update(func(c *clusterv1alpha1.Cluster) { c.Spec.Taints = []corev1.Taint{{Key: "x"}}; c.Generation++ }),
		"not its end":            !speaksOfTaints.Delete(event.DeleteEvent{Object: member("fra", "True")}),
		"a policy":               changed.Create(event.CreateEvent{Object: p}),
		"not one that was there": !changed.Create(event.CreateEvent{Object: p, IsInInitialList: true}),
		"an edit":                changed.Update(event.UpdateEvent{ObjectOld: p, ObjectNew: edited}),
		"not its end either":     !changed.Delete(event.DeleteEvent{Object: p}),
	} {
		if !ok {
			t.Errorf("wrong: %s", what)
		}
	}
	w := newWorld(t, member("fra", "True"), member("iad", "True"))
	if all := w.targets(t.Context(), p); len(all) != 2 {
		t.Errorf("clusters of a policy for all: %v", all)
	}
	p.Spec.TargetClusters = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}}
	if one := w.targets(t.Context(), p); len(one) != 1 || one[0].Name != "iad" {
		t.Errorf("clusters of a policy for one: %v", one)
	}
}
