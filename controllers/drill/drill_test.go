package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/drill"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// hall is a hub with two clusters and an application in both.
type hall struct {
	client.Client
	t      *testing.T
	clock  *testclock.FakeClock
	r      *reconciler
	writes []string
	// broken lets no status be written.
	broken error
	// inForce is the generation of the plan at each name server.
	inForce map[string]int64
	// decided are the decisions that were kept, as CAUSE OUTCOME REASON.
	decided []string
}

func (h *hall) VantagePoints() int                                    { return len(h.inForce) }
func (h *hall) PlanGenerations(types.NamespacedName) map[string]int64 { return h.inForce }
func (h *hall) Of(types.NamespacedName) *traffic.Demand               { return nil }

func enter(t *testing.T, objects ...client.Object) *hall {
	t.Helper()
	h := &hall{t: t, clock: testclock.NewFakeClock(noon), inForce: map[string]int64{"ns1": 1, "ns2": 1}}
	objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, cluster("fra"), cluster("iad"),
		&v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web"}, Spec: v1.TrafficPolicySpec{
			Hostnames: []string{"web.example.com"}, TargetRefs: []v1.TargetRef{{Kind: "Service", Name: "web"}}}},
		&v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Generation: 1}, Spec: v1.TrafficPlanSpec{
			Policy: v1.PlanSource{UID: "web"}, Hostnames: []string{"web.example.com"}, TTLSeconds: 10, MaxAnswers: 2,
			Endpoints: []v1.PlanEndpoint{endpoint("fra"), endpoint("iad")},
		}})
	h.Client = fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).WithStatusSubresource(&v1.Drill{}).WithIndex(&v1.Drill{}, indexInProgress, inProgress).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				h.writes = append(h.writes, fmt.Sprintf("patch %s", o.GetName()))
				return c.Patch(ctx, o, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				h.writes = append(h.writes, fmt.Sprintf("%s %s", sub, o.GetName()))
				if h.broken != nil {
					return h.broken
				}
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).Build()
	h.r = &reconciler{client: h.Client, live: h.Client, clock: h.clock, recorder: record.NewFakeRecorder(100), health: h, demand: h, followers: map[string]*drill.Followers{},
		keep: func(spec v1.DecisionSpec, _ func(context.Context, *v1.DecisionSpec)) {
			h.decided = append(h.decided, strings.TrimSpace(fmt.Sprint(spec.Cause, " ", spec.Outcome, " ", spec.Reason)))
		}}
	return h
}

func cluster(name string) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, kind := range []string{clusterv1alpha1.ClusterConditionReady, v1.ClusterConditionDataPath} {
		meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: "Test"})
	}
	return c
}

func endpoint(cluster string) v1.PlanEndpoint {
	since := metav1.NewTime(noon.Add(-time.Hour))
	return v1.PlanEndpoint{Cluster: cluster, Addresses: []string{"192.0.2.1"}, Port: 80, ReadyReplicas: 3, State: v1.EndpointServing,
		Reason: v1.EndpointReasonReady, Since: since, SharePercent: 100, FirstHealthy: &since, Weight: 3}
}

// order makes a drill of fra for a minute.
func (h *hall) order(name string, clusters ...string) {
	h.t.Helper()
	d := &v1.Drill{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.DrillSpec{Clusters: clusters, Duration: &metav1.Duration{Duration: time.Minute}}}
	if err := h.Create(h.t.Context(), d); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) reconcile(name string) (ctrl.Result, error) {
	return h.r.Reconcile(h.t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
}

// step reconciles once, and says what was written.
func (h *hall) step(name string) []string {
	h.t.Helper()
	h.writes = nil
	if _, err := h.reconcile(name); err != nil {
		h.t.Fatal(err)
	}
	return h.writes
}

func (h *hall) drill(name string) *v1.Drill {
	h.t.Helper()
	d := &v1.Drill{}
	if err := h.Get(h.t.Context(), types.NamespacedName{Name: name}, d); err != nil {
		h.t.Fatal(err)
	}
	return d
}

// marks are the reasons of drains, by cluster.
func (h *hall) marks() map[string]string {
	h.t.Helper()
	var list clusterv1alpha1.ClusterList
	if err := h.List(h.t.Context(), &list); err != nil {
		h.t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range list.Items {
		if why, drained := c.Annotations[names.DrainAnnotation]; drained {
			out[c.Name] = why
		}
	}
	return out
}

func (h *hall) write(cluster, why string) {
	h.t.Helper()
	c := &clusterv1alpha1.Cluster{}
	if err := h.Get(h.t.Context(), types.NamespacedName{Name: cluster}, c); err != nil {
		h.t.Fatal(err)
	}
	c.Annotations = map[string]string{names.DrainAnnotation: why}
	if why == "" {
		c.Annotations = nil
	}
	if err := h.Update(h.t.Context(), c); err != nil {
		h.t.Fatal(err)
	}
}

// planned says what the planner has made of the endpoint in fra.
func (h *hall) planned(state v1.EndpointState, reason string, share int32) {
	h.t.Helper()
	p := &v1.TrafficPlan{}
	if err := h.Get(h.t.Context(), types.NamespacedName{Namespace: "shop", Name: "web"}, p); err != nil {
		h.t.Fatal(err)
	}
	p.Generation++
	e := &p.Spec.Endpoints[0]
	e.State, e.Reason, e.SharePercent = state, reason, share
	if err := h.Update(h.t.Context(), p); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) phase(name string, want v1.DrillPhase, reason string) {
	h.t.Helper()
	s := h.drill(name).Status
	got := ""
	if s.Run != nil {
		got = s.Run.Reason
	}
	if s.Phase != want || got != reason {
		h.t.Errorf("phase %s, reason %q; want %s, %q: %+v", s.Phase, got, want, reason, s.Run)
	}
}

func TestARun(t *testing.T) {
	h := enter(t)
	h.order("friday", "fra")
	if diff := cmp.Diff([]string{"patch friday", "status friday", "patch fra"}, h.step("friday")); diff != "" {
		t.Errorf("the beginning is written (-want +got):\n%s", diff)
	}
	h.phase("friday", v1.DrillDraining, "")
	if diff := cmp.Diff(map[string]string{"fra": "drill/friday"}, h.marks()); diff != "" {
		t.Error(diff)
	}
	h.clock.Step(100 * time.Millisecond)
	h.step("friday") // it sees its marks
	h.clock.Step(time.Second)
	h.planned(v1.EndpointDraining, v1.EndpointReasonDrained, 0)
	if got := h.step("friday"); len(got) > 0 {
		t.Errorf("written while name servers are behind: %v", got)
	}
	h.clock.Step(400 * time.Millisecond)
	h.inForce["ns1"], h.inForce["ns2"] = 2, 2
	h.step("friday")
	h.phase("friday", v1.DrillObserving, "")
	if after := h.drill("friday").Status.Run.AnswersChangedAfter.Duration; after != 1400*time.Millisecond {
		t.Errorf("answers changed after %s", after)
	}
	h.clock.Step(time.Minute)
	h.step("friday")
	h.phase("friday", v1.DrillRestoring, v1.DrillReasonCompleted)
	if len(h.marks()) > 0 {
		t.Errorf("still marked: %v", h.marks())
	}
	h.step("friday")
	h.planned(v1.EndpointServing, v1.EndpointReasonReady, 100)
	h.inForce["ns1"], h.inForce["ns2"] = 3, 3
	h.step("friday")
	h.phase("friday", v1.DrillSucceeded, v1.DrillReasonCompleted)
	if d := h.drill("friday"); len(d.Finalizers) > 0 || !meta.IsStatusConditionTrue(d.Status.Conditions, v1.ConditionDrillSucceeded) {
		t.Errorf("in the end: %v, %+v", d.Finalizers, d.Status.Conditions)
	}
	if got := h.step("friday"); len(got) > 0 {
		t.Errorf("written after the end: %v", got)
	}
	if diff := cmp.Diff([]string{"Drill Steered", "DrillEnded Steered " + v1.DrillReasonCompleted}, h.decided); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestWhatIsRefusedIsNotMarked(t *testing.T) {
	for name, tc := range map[string]struct {
		given  func(*hall)
		reason string
	}{
		"a workload that is held": {func(h *hall) {
			b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment"}}
			meta.SetStatusCondition(&b.Status.Conditions, metav1.Condition{Type: workv1alpha2.ConditionFailoverHeld, Status: metav1.ConditionTrue, Reason: "HubIsolated"})
			if err := h.Create(h.t.Context(), b); err != nil {
				h.t.Fatal(err)
			}
		}, v1.DrillReasonFailoverHeld},
		"no name server":    {func(h *hall) { h.inForce = nil }, v1.DrillReasonNoServers},
		"a drained cluster": {func(h *hall) { h.write("fra", "repairs") }, v1.DrillReasonAlreadyDrained},
		"another drill that began a moment ago": {func(h *hall) {
			h.order("other", "iad")
			h.step("other")
		}, v1.DrillReasonOtherDrill},
	} {
		t.Run(name, func(t *testing.T) {
			h := enter(t)
			h.order("friday", "fra")
			tc.given(h)
			before := h.marks()
			h.step("friday")
			h.phase("friday", v1.DrillFailed, tc.reason)
			if diff := cmp.Diff(before, h.marks()); diff != "" {
				t.Errorf("marks:\n%s", diff)
			}
			if d := h.drill("friday"); len(d.Finalizers) > 0 {
				t.Errorf("finalizers %v", d.Finalizers)
			}
			if got, want := h.decided[len(h.decided)-1], "Drill Refused "+tc.reason; got != want {
				t.Errorf("decided %s, not %s", got, want)
			}
		})
	}
}

func TestMarksAreAlwaysTakenAway(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(*hall)
		want    map[string]string
	}{
		"the drill is deleted": {func(h *hall) {
			if err := h.Delete(h.t.Context(), h.drill("friday")); err != nil {
				h.t.Fatal(err)
			}
			h.step("friday")
			if err := h.Get(h.t.Context(), types.NamespacedName{Name: "friday"}, &v1.Drill{}); !apierrors.IsNotFound(err) {
				h.t.Errorf("it is still there: %v", err)
			}
		}, map[string]string{}},
		"it is gone without a finalizer": {func(h *hall) {
			d := h.drill("friday")
			d.Finalizers = nil
			if err := errors.Join(h.Update(h.t.Context(), d), h.Delete(h.t.Context(), d)); err != nil {
				h.t.Fatal(err)
			}
			h.step("friday")
		}, map[string]string{}},
		"its status is gone": {func(h *hall) {
			d := h.drill("friday")
			d.Status = v1.DrillStatus{Phase: v1.DrillSucceeded, Run: &v1.DrillRun{}}
			if err := h.Status().Update(h.t.Context(), d); err != nil {
				h.t.Fatal(err)
			}
			h.step("friday")
		}, map[string]string{}},
		"a person writes another reason": {func(h *hall) {
			h.write("fra", "repairs")
			h.step("friday")
			h.phase("friday", v1.DrillRestoring, v1.DrillReasonEndedByHand)
		}, map[string]string{"fra": "repairs"}},
		"a person takes one of two marks away": {func(h *hall) {
			h.write("fra", "")
			h.step("friday")
			h.phase("friday", v1.DrillRestoring, v1.DrillReasonEndedByHand)
		}, map[string]string{}},
		"the status can not be written": {func(h *hall) {
			h.broken = errors.New("no room")
			h.inForce = nil
			if _, err := h.reconcile("friday"); !errors.Is(err, h.broken) {
				h.t.Errorf("error %v", err)
			}
		}, map[string]string{}},
		"it is not valid any more": {func(h *hall) {
			d := h.drill("friday")
			d.Spec.Duration.Duration = 0
			if err := h.Update(h.t.Context(), d); err != nil {
				h.t.Fatal(err)
			}
			h.step("friday")
			h.phase("friday", v1.DrillRestoring, v1.ReasonInvalid)
		}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			h := enter(t)
			d := &v1.Drill{ObjectMeta: metav1.ObjectMeta{Name: "friday"}, Spec: v1.DrillSpec{Clusters: []string{"fra", "iad"}, Force: true, Duration: &metav1.Duration{Duration: time.Minute}}}
			if err := h.Create(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			h.step("friday")
			h.step("friday")
			if len(h.marks()) != 2 {
				t.Fatalf("marks %v, status %+v", h.marks(), h.drill("friday").Status.Run)
			}
			tc.happens(h)
			if diff := cmp.Diff(tc.want, h.marks()); diff != "" {
				t.Errorf("marks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyItsOwnMarksAreTakenAway(t *testing.T) {
	h := enter(t)
	h.write("fra", drill.Mark("other"))
	h.write("iad", "repairs")
	h.step("friday") // there is none
	if diff := cmp.Diff(map[string]string{"fra": "drill/other", "iad": "repairs"}, h.marks()); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
}

func TestWhoIsWoken(t *testing.T) {
	h := enter(t)
	h.order("friday", "fra")
	h.order("idle", "fra")
	h.step("friday")
	var running []string
	for _, r := range (waker{h.Client}).running(t.Context()) {
		running = append(running, r.Name)
	}
	if !slices.Equal(running, []string{"friday"}) {
		t.Errorf("running: %v", running)
	}
	for name, tc := range map[string]struct {
		change func(*clusterv1alpha1.Cluster)
		want   bool
	}{
		"a heartbeat": {func(c *clusterv1alpha1.Cluster) { c.Status.KubernetesVersion = "v1.37.0" }, false},
		"a drain":     {func(c *clusterv1alpha1.Cluster) { c.Annotations = map[string]string{names.DrainAnnotation: ""} }, true},
		"an outage": {func(c *clusterv1alpha1.Cluster) {
			meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: v1.ClusterConditionDataPath, Status: metav1.ConditionFalse, Reason: "Test"})
		}, true},
		"it leaves": {func(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = &metav1.Time{Time: noon} }, true},
	} {
		after := cluster("fra")
		tc.change(after)
		if got := clusterChanged.Update(event.UpdateEvent{ObjectOld: cluster("fra"), ObjectNew: after}); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestEventsSayWhatHappened(t *testing.T) {
	h := enter(t)
	h.order("friday", "fra")
	h.step("friday")
	h.write("fra", "")
	h.step("friday")
	var got []string
	for len(h.r.recorder.(*record.FakeRecorder).Events) > 0 {
		got = append(got, <-h.r.recorder.(*record.FakeRecorder).Events)
	}
	if len(got) == 0 || !strings.HasPrefix(got[0], "Normal Draining requests of 1 applications leave fra") {
		t.Errorf("%q", got)
	}
}
