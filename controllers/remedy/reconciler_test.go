package remedy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
)

func member(name string, ready metav1.ConditionStatus, actions ...string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: clusterv1alpha1.ClusterStatus{
		Conditions: []metav1.Condition{{Type: "Ready", Status: ready}}, RemedyActions: actions,
	}}
}

func unready(name string, clusters ...string) *remedyv1alpha1.Remedy {
	r := &remedyv1alpha1.Remedy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: remedyv1alpha1.RemedySpec{
		Actions: []remedyv1alpha1.RemedyAction{remedyv1alpha1.TrafficControl},
		DecisionMatches: []remedyv1alpha1.DecisionMatch{{ClusterConditionMatch: &remedyv1alpha1.ClusterConditionRequirement{
			ConditionType: "Ready", Operator: "NotEqual", ConditionStatus: "True"}}},
	}}
	if clusters != nil {
		r.Spec.ClusterAffinity = &remedyv1alpha1.ClusterAffinity{ClusterNames: clusters}
	}
	return r
}

func newReconciler(refusal *error, writes *int, objs ...client.Object) (*reconciler, *record.FakeRecorder) {
	events := record.NewFakeRecorder(100)
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).WithStatusSubresource(&clusterv1alpha1.Cluster{}).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			*writes++
			if *refusal != nil {
				return *refusal
			}
			return c.SubResource(sub).Patch(ctx, obj, p, opts...)
		},
	}).Build()
	return &reconciler{client: c, recorder: events}, events
}

func TestActionsAreKeptInTheStatus(t *testing.T) {
	invalid := unready("invalid")
	invalid.Spec.DecisionMatches[0].ClusterConditionMatch.ConditionStatus = "true"
	going := member("going", "False")
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"x"}
	tests := map[string]struct {
		cluster  *clusterv1alpha1.Cluster
		remedies []client.Object
		want     []string
		writes   int
	}{
		"asked for":              {member("fra", "False"), []client.Object{unready("a"), unready("b", "fra")}, []string{"TrafficControl"}, 1},
		"there already":          {member("fra", "False", "TrafficControl"), []client.Object{unready("a")}, []string{"TrafficControl"}, 0},
		"no longer":              {member("fra", "True", "TrafficControl"), []client.Object{unready("a")}, nil, 1},
		"the Remedy is gone":     {member("fra", "False", "TrafficControl"), nil, nil, 1},
		"never":                  {member("fra", "True"), []client.Object{unready("a")}, nil, 0},
		"one that is not right":  {member("fra", "True"), []client.Object{invalid}, nil, 0},
		"a cluster that is gone": {member("other", "False"), []client.Object{unready("a")}, nil, 0},
		"one on its way out":     {going, []client.Object{unready("a")}, nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var refusal error
			writes := 0
			r, _ := newReconciler(&refusal, &writes, append(tt.remedies, tt.cluster)...)
			target := "fra"
			if tt.cluster == going {
				target = "going"
			}
			for range 2 {
				if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: target}}); err != nil {
					t.Fatal(err)
				}
			}
			got := &clusterv1alpha1.Cluster{}
			if err := r.client.Get(t.Context(), client.ObjectKeyFromObject(tt.cluster), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Status.RemedyActions); diff != "" || writes != tt.writes {
				t.Errorf("%d writes, want %d; %s", writes, tt.writes, diff)
			}
			if len(got.Status.Conditions) != 1 {
				t.Errorf("conditions %+v", got.Status.Conditions)
			}
		})
	}
}

func TestWhatGoesWrong(t *testing.T) {
	refusal, writes := error(apierrors.NewConflict(clusterv1alpha1.Resource("clusters"), "fra", errors.New("changed"))), 0
	invalid := unready("invalid")
	invalid.Spec.Actions[0] = ""
	r, events := newReconciler(&refusal, &writes, member("fra", "False"), unready("a"), invalid)
	again, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "fra"}})
	if err != nil || again.RequeueAfter == 0 {
		t.Errorf("a conflict: %v, %v", again, err)
	}
	if got := <-events.Events; !strings.Contains(got, reasonIgnored) {
		t.Errorf("event %q", got)
	}
	refusal = errors.New("no")
	if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "fra"}}); !errors.Is(err, refusal) {
		t.Errorf("a refusal: %v", err)
	}
}

func TestWhoIsLookedAtAgain(t *testing.T) {
	var refusal error
	writes := 0
	r, _ := newReconciler(&refusal, &writes, member("fra", "True"), member("iad", "True"))
	queued := func(tell func(workqueue.TypedRateLimitingInterface[ctrl.Request])) []string {
		q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
		defer q.ShutDown()
		tell(q)
		var out []string
		for q.Len() > 0 {
			req, _ := q.Get()
			out = append(out, req.Name)
		}
		slices.Sort(out)
		return out
	}
	h := r.patients()
	type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]
	for what, pair := range map[string][2][]string{
		"one for all": {{"fra", "iad"}, queued(func(q queue) { h.Create(t.Context(), event.CreateEvent{Object: unready("a")}, q) })},
		"one that was there": {nil, queued(func(q queue) {
			h.Create(t.Context(), event.CreateEvent{Object: unready("a"), IsInInitialList: true}, q)
		})},
		"another one's patients": {{"a", "b"}, queued(func(q queue) {
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: unready("r", "a"), ObjectNew: unready("r", "b")}, q)
		})},
		"one that goes": {{"a"}, queued(func(q queue) { h.Delete(t.Context(), event.DeleteEvent{Object: unready("r", "a")}, q) })},
	} {
		if diff := cmp.Diff(append([]string(nil), pair[0]...), append([]string(nil), pair[1]...)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	update := func(after *clusterv1alpha1.Cluster) bool {
		return speaksOfRemedies.Update(event.UpdateEvent{ObjectOld: member("fra", "True"), ObjectNew: after})
	}
	labelled := member("fra", "True")
	labelled.Labels = map[string]string{"a": "b"}
	if !update(member("fra", "False")) || !update(member("fra", "True", "X")) || update(labelled) || speaksOfRemedies.Delete(event.DeleteEvent{Object: labelled}) {
		t.Error("the wrong clusters are looked at")
	}
}
