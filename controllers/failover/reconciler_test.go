package failover

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestALostClusterIsLeftInOnePatch(t *testing.T) {
	w := newWorld(t, lost("fra", 20*time.Second), whole("iad"), whole("sin"), deployment(on("fra", 2, "iad", 2, "sin", 2)))
	w.to = on("iad", 3, "sin", 3)
	if again := w.reconcile(); again != 0 {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("patch")
	if diff := cmp.Diff([]asked{{Exclude: []string{"fra"}}}, w.asked); diff != "" {
		t.Errorf("asked the placer (-want +got):\n%s", diff)
	}
	b := w.binding()
	if diff := cmp.Diff(w.to, b.Spec.Clusters); diff != "" {
		t.Errorf("placement (-want +got):\n%s", diff)
	}
	now := metav1.NewTime(t0.Local())
	want := []workv1alpha2.GracefulEvictionTask{{
		FromCluster: "fra", PurgeMode: policyv1alpha1.PurgeModeGracefully, Replicas: ptr.To[int32](2), Reason: "ClusterLost", Producer: "seaway-failover",
		Message:           "the data path and the control plane of fra have been lost since 2026-05-01T11:59:40Z, longer than moveWorkloadsAfter 15s",
		CreationTimestamp: &now, ClustersBeforeFailover: []string{"fra", "iad", "sin"},
	}}
	if diff := cmp.Diff(want, b.Spec.GracefulEvictionTasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	w.wantEvents("Warning EvictWorkloadFromClusterSucceed", "Warning EvictWorkloadFromClusterSucceed") // binding and template

	// What has been done is not done again.
	w.reconcile()
	w.wantWrites()
	w.wantEvents()
}

func TestALostClusterIsNotLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		clusters []client.Object
		placed   []workv1alpha2.TargetCluster
		to       []workv1alpha2.TargetCluster
		again    time.Duration
		asks     bool
	}{
		"before its time": {
			clusters: []client.Object{lost("fra", 5*time.Second), whole("iad"), whole("sin")},
			placed:   on("fra", 3, "iad", 3), to: on("iad", 6),
			again: 10 * time.Second,
		},
		"while its API server answers": {
			clusters: []client.Object{cluster("fra", metav1.ConditionTrue, metav1.ConditionFalse, t0.Add(-time.Hour)), whole("iad"), whole("sin")},
			placed:   on("fra", 3, "iad", 3), to: on("iad", 6),
		},
		"while its data path answers": {
			clusters: []client.Object{cluster("fra", metav1.ConditionFalse, metav1.ConditionTrue, t0.Add(-time.Hour)), whole("iad"), whole("sin")},
			placed:   on("fra", 3, "iad", 3), to: on("iad", 6),
		},
		"when no other cluster gains": {
			clusters: []client.Object{lost("fra", time.Minute), whole("iad"), whole("sin")},
			placed:   on("fra", 6, "iad", 6), to: on("iad", 6),
			asks: true,
		},
		"when nothing of the binding is in it": {
			clusters: []client.Object{lost("fra", time.Minute), whole("iad"), whole("sin")},
			placed:   on("iad", 6), to: on("iad", 6),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(tc.clusters, deployment(tc.placed))...)
			w.to = tc.to
			if again := w.reconcile(); again != tc.again {
				t.Errorf("asks again in %s, want %s", again, tc.again)
			}
			w.wantWrites()
			w.wantEvents()
			if asks := len(w.asked) > 0; asks != tc.asks {
				t.Errorf("asked the placer: %v", w.asked)
			}
		})
	}
}

// With a thousand clusters and ten thousand bindings a survey for each of them would be all a start does.
func TestTheFleetIsSurveyedOnlyForWhatIsTroubled(t *testing.T) {
	for name, tc := range map[string]struct {
		b       *workv1alpha2.ResourceBinding
		surveys bool
	}{
		"its clusters are whole":                  {deployment(on("iad", 3, "sin", 3)), false},
		"one of its clusters is not there":        {deployment(on("iad", 3, "gru", 3)), false},
		"it is nowhere":                           {deployment(nil), false},
		"one of its clusters is lost":             {deployment(on("fra", 3, "iad", 3)), false}, // that is a pass over all
		"it is away from a cluster, wherever now": {awayFrom(deployment(on("iad", 6)), "fra"), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, lost("fra", time.Second), whole("iad"), whole("sin"), tc.b)
			if _, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: web}); err != nil || (w.surveys > 0) != tc.surveys {
				t.Errorf("%d surveys", w.surveys)
			}
		})
	}
}

func TestWhatFitsNowhereIsHeldAndTriedAgain(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.why = "0/3 clusters have room"
	if again := w.reconcile(); again != heldRetry {
		t.Errorf("asks again in %s, want %s: room elsewhere wakes nobody", again, heldRetry)
	}
	w.wantWrites("status")
	w.wantEvents("Warning EvictWorkloadFromClusterFailed", "Warning EvictWorkloadFromClusterFailed")
	if c := w.held(); c == nil || c.Status != metav1.ConditionTrue || c.Reason != "NoClusterFits" || c.Message != w.why {
		t.Errorf("condition %+v", c)
	}

	// It is said once.
	w.reconcile()
	w.wantWrites()
	w.wantEvents()

	// Room is found.
	w.why, w.to = "", on("iad", 6)
	if again := w.reconcile(); again != 0 {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("patch", "status")
	if c := w.held(); c != nil {
		t.Errorf("still held: %+v", c)
	}
	if diff := cmp.Diff([]string{"fra"}, tasks(w.binding())); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
}

func TestTooManyLostClustersAreNotLeft(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), lost("iad", 2*time.Minute), whole("sin"), whole("gru"), deployment(on("fra", 3, "sin", 3)))
	w.to = on("sin", 6)
	if again := w.reconcile(); again != heldRetry {
		t.Errorf("asks again in %s, want %s: the return of iad wakes nobody here", again, heldRetry)
	}
	w.wantWrites("status")
	w.wantEvents("Warning EvictWorkloadFromClusterFailed", "Warning EvictWorkloadFromClusterFailed")
	if c := w.held(); c == nil || c.Reason != "TooManyClustersLost" || !strings.Contains(c.Message, "fra, iad") {
		t.Errorf("condition %+v", c)
	}
	if len(w.asked) > 0 {
		t.Errorf("asked the placer: %v", w.asked)
	}

	// One is back: the other is a single loss now, and counts anew.
	w.signals("iad", metav1.ConditionTrue, metav1.ConditionTrue, time.Second)
	if again := w.reconcile(); again != 14*time.Second {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("status")
	w.clock.Step(14 * time.Second)
	w.reconcile()
	w.wantWrites("patch")
	if c := w.held(); c != nil {
		t.Errorf("still held: %+v", c)
	}
}

func TestTheConditionGoesWhenTheClusterIsBack(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.why = "no room"
	w.reconcile()
	if w.held() == nil {
		t.Fatal("not held")
	}
	w.signals("fra", metav1.ConditionTrue, metav1.ConditionTrue, 0)
	if again := w.reconcile(); again != 0 {
		t.Errorf("asks again in %s", again)
	}
	w.wantWrites("status")
	if c := w.held(); c != nil {
		t.Errorf("still held: %+v", c)
	}
}

func TestReturn(t *testing.T) {
	serving := endpoint("fra", trafficv1alpha1.EndpointServing, 100)
	for name, tc := range map[string]struct {
		fra     *clusterv1alpha1.Cluster
		more    []client.Object
		healthy []string
		to      []workv1alpha2.TargetCluster
		why     string
		config  bool // not a workload
		back    bool
		again   time.Duration
	}{
		"whole, in traffic, copies healthy": {
			more: []client.Object{plan("web", serving)}, healthy: []string{"fra"}, to: on("fra", 3, "iad", 3), back: true,
		},
		"requests are still coming back": {
			more: []client.Object{plan("web", endpoint("fra", trafficv1alpha1.EndpointRecovering, 75))}, healthy: []string{"fra", "iad"}, to: on("fra", 3, "iad", 3),
		},
		"serving, but not in full": {
			more: []client.Object{plan("web", endpoint("fra", trafficv1alpha1.EndpointServing, 99))}, healthy: []string{"fra", "iad"}, to: on("fra", 3, "iad", 3),
		},
		"suspect in full is not serving": {
			more: []client.Object{plan("web", endpoint("fra", trafficv1alpha1.EndpointSuspect, 100))}, healthy: []string{"fra", "iad"}, to: on("fra", 3, "iad", 3),
		},
		"ruled out by the policy: requests are not waited for": {
			more: []client.Object{plan("web", endpoint("fra", trafficv1alpha1.EndpointExcluded, 0))}, healthy: []string{"fra"}, to: on("fra", 3, "iad", 3), back: true,
		},
		"no plan yet: requests are not waited for": {
			healthy: []string{"fra"}, to: on("fra", 3, "iad", 3), back: true,
		},
		"copies in it are not healthy": {
			more: []client.Object{plan("web", serving)}, healthy: []string{"iad"}, to: on("fra", 3, "iad", 3),
		},
		"it gets no replicas: those that stay must be healthy": {
			more: []client.Object{plan("web", serving)}, healthy: []string{"fra"}, to: on("iad", 6),
		},
		"it gets no replicas, and those that stay are healthy": {
			more: []client.Object{plan("web", serving)}, healthy: []string{"iad"}, to: on("iad", 6), back: true,
		},
		"what is no workload has no health": {
			more: []client.Object{plan("web", serving)}, to: on("fra", 0, "iad", 0), config: true, back: true,
		},
		"nothing fits: asked again": {
			more: []client.Object{plan("web", serving)}, healthy: []string{"fra", "iad"}, why: "no cluster", again: heldRetry,
		},
		"not whole for long enough": {
			fra:  cluster("fra", metav1.ConditionTrue, metav1.ConditionTrue, t0.Add(-4*time.Minute)),
			more: []client.Object{plan("web", serving)}, healthy: []string{"fra"}, to: on("fra", 3, "iad", 3), again: time.Minute,
		},
		"its data path is still down": {
			fra:  cluster("fra", metav1.ConditionTrue, metav1.ConditionFalse, t0.Add(-time.Hour)),
			more: []client.Object{plan("web", serving)}, healthy: []string{"fra"}, to: on("fra", 3, "iad", 3),
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := healthy(awayFrom(deployment(on("iad", 6)), "fra"), tc.healthy...)
			b.Spec.GracefulEvictionTasks = append(b.Spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: "sin", Producer: workv1alpha2.EvictionProducerTaintManager, Reason: "TaintUntolerated"})
			if tc.config {
				b.Spec.Replicas = 0
			}
			if tc.fra == nil {
				tc.fra = whole("fra")
			}
			objs := append([]client.Object{tc.fra, whole("iad"), whole("sin"), b, webTemplate()}, tc.more...)
			w := newWorld(t, append(objs, application("web", trafficv1alpha1.Failover{}, map[string]string{"app": "web"})...)...)
			w.to, w.why = tc.to, tc.why
			if again := w.reconcile(); again != tc.again {
				t.Errorf("asks again in %s, want %s", again, tc.again)
			}
			got := w.binding()
			if !tc.back {
				w.wantWrites()
				w.wantEvents()
				if diff := cmp.Diff([]string{"fra", "sin"}, tasks(got)); diff != "" {
					t.Errorf("tasks (-want +got):\n%s", diff)
				}
				return
			}
			w.wantWrites("patch")
			w.wantEvents("Normal "+names.EventReasonReturnWorkloadSucceed, "Normal "+names.EventReasonReturnWorkloadSucceed)
			if diff := cmp.Diff(tc.to, got.Spec.Clusters); diff != "" {
				t.Errorf("placement (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"sin"}, tasks(got)); diff != "" {
				t.Errorf("tasks of others stay (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]asked{{Only: []string{"fra", "iad"}, Fresh: true, Tasks: []string{"sin"}}}, w.asked); diff != "" {
				t.Errorf("asked the placer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReturnTakesNothingFromAClusterThatIsJustLost(t *testing.T) {
	b := healthy(awayFrom(deployment(on("iad", 3, "sin", 3)), "fra"), "fra", "iad")
	w := newWorld(t, whole("fra"), lost("iad", 5*time.Second), whole("sin"), lost("gru", time.Hour), whole("syd"), b)
	w.to = on("fra", 2, "iad", 2, "sin", 2)
	if again := w.reconcile(); again != 10*time.Second {
		t.Errorf("asks again in %s", again)
	}
	// iad leaves by a decision of its own, with a task; others get nothing, whole or not.
	if diff := cmp.Diff([]asked{{Only: []string{"fra", "iad", "sin"}, Frozen: []string{"iad"}, Fresh: true}}, w.asked); diff != "" {
		t.Errorf("asked the placer (-want +got):\n%s", diff)
	}
	w.wantWrites("patch")
}

// The only cluster that can take what was in a lost one may be one that has come back.
func TestAReturnAndALossInOneBreath(t *testing.T) {
	b := healthy(awayFrom(deployment(on("iad", 6)), "fra"), "fra", "iad")
	w := newWorld(t, whole("fra"), lost("iad", time.Minute), whole("sin"), b)
	w.why = "no other cluster"
	w.reconcile()
	w.why, w.to, w.asked = "", on("fra", 6), nil
	if _, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: web}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]asked{{Exclude: []string{"iad"}, Only: []string{"fra", "iad"}, Fresh: true}}, w.asked); diff != "" {
		t.Errorf("asked the placer (-want +got):\n%s", diff)
	}
	got := w.binding()
	if diff := cmp.Diff(on("fra", 6), got.Spec.Clusters); diff != "" {
		t.Errorf("placement (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"iad"}, tasks(got)); diff != "" {
		t.Errorf("what is in the lost cluster stays in mind (-want +got):\n%s", diff)
	}
}

// What is placed anew without the cluster that came back stays where it runs.
func TestAReturnElsewhereEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		healthy []string
		to      []workv1alpha2.TargetCluster
		back    bool
	}{
		"where it runs is healthy":     {[]string{"iad", "sin"}, on("iad", 6), true},
		"where it runs is not healthy": {[]string{"fra", "sin"}, on("iad", 6), false},
		"it would be divided anew":     {[]string{"iad", "sin"}, on("iad", 1, "sin", 5), true},
	} {
		t.Run(name, func(t *testing.T) {
			b := healthy(awayFrom(deployment(on("iad", 3, "sin", 3)), "fra"), tc.healthy...)
			w := newWorld(t, whole("fra"), whole("iad"), whole("sin"), whole("gru"), b)
			w.to = tc.to
			w.reconcile()
			got := w.binding()
			if diff := cmp.Diff(on("iad", 3, "sin", 3), got.Spec.Clusters); diff != "" {
				t.Errorf("placement (-want +got):\n%s", diff)
			}
			if back := len(tasks(got)) == 0; back != tc.back {
				t.Errorf("tasks for %v", tasks(got))
			}
		})
	}
}

func TestAClusterThatHasLeftTheFederationIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, whole("iad"), whole("sin"), awayFrom(awayFrom(deployment(on("iad", 6)), "fra"), "sin"))
	w.signals("sin", metav1.ConditionFalse, metav1.ConditionFalse, time.Hour)
	w.reconcile()
	w.wantWrites("patch")
	if diff := cmp.Diff([]string{"sin"}, tasks(w.binding())); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	w.reconcile()
	w.wantWrites()
}

func TestTermsAreThoseOfThePoliciesThatSelectThePods(t *testing.T) {
	patient := trafficv1alpha1.Failover{MoveWorkloadsAfter: &metav1.Duration{Duration: 2 * time.Minute}}
	strict := trafficv1alpha1.Failover{MoveWorkloadsAfter: &metav1.Duration{Duration: 3 * time.Minute}, MaxUnavailableClusters: ptr.To(intstr.FromInt32(1))}
	front := map[string]string{"app": "web"}
	for name, tc := range map[string]struct {
		objs  []client.Object
		again time.Duration // 0: the cluster is left
	}{
		"no policy: the defaults":                    {append(application("api", patient, front)[1:], webTemplate()), 0},
		"its Service selects the pods":               {append(application("web", patient, front), webTemplate()), time.Minute},
		"its Service selects other pods":             {append(application("api", patient, map[string]string{"app": "api"}), webTemplate()), 0},
		"its Service selects nothing":                {append(application("web", patient, nil), webTemplate()), 0},
		"its Service is gone":                        {append(application("web", patient, front)[:1], webTemplate()), 0},
		"the template is gone":                       {application("web", patient, front), 0},
		"two policies: the more careful":             {slices.Concat(application("a", patient, front), application("b", strict, front), []client.Object{webTemplate()}), 2 * time.Minute},
		"a target of another group is no Service":    {append(retarget(application("web", patient, front), "serving.knative.dev", "Service", "web-svc"), webTemplate()), 0},
		"a target that selects no pods, by its kind": {append(retarget(application("web", patient, front), "apps", "DaemonSet", "web-svc"), webTemplate()), 0},
		"a target without a kind is a Service":       {append(retarget(application("web", patient, front), "", "", "web-svc"), webTemplate()), time.Minute},
		"the template itself":                        {append(retarget(application("web", patient, nil), "apps", "Deployment", "web"), webTemplate()), time.Minute},
		"its namesake in another group":              {append(retarget(application("web", patient, nil), "example.com", "Deployment", "web"), webTemplate()), 0},
		"a policy of another application is silent":  {slices.Concat(application("a", patient, front), application("b", strict, map[string]string{"app": "api"}), []client.Object{webTemplate()}), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(tc.objs, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))...)
			w.to = on("iad", 6)
			if again := w.reconcile(); again != tc.again {
				t.Errorf("asks again in %s, want %s", again, tc.again)
			}
			if tc.again == 0 {
				w.wantWrites("patch")
			} else {
				w.wantWrites()
			}
		})
	}
}

// retarget points the policy of an application at something else.
func retarget(application []client.Object, group, kind, name string) []client.Object {
	application[0].(*trafficv1alpha1.TrafficPolicy).Spec.TargetRefs = []trafficv1alpha1.TargetRef{{Group: group, Kind: kind, Name: name}}
	return application
}

func TestTheTermsOfTheTargetItselfCountToo(t *testing.T) {
	b := deployment(on("fra", 0))
	b.Spec.Replicas, b.Spec.Resource = 0, workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "web-svc"}
	objs := application("web", trafficv1alpha1.Failover{MoveWorkloadsAfter: &metav1.Duration{Duration: 2 * time.Minute}}, map[string]string{"app": "web"})
	w := newWorld(t, append(objs, lost("fra", time.Minute), whole("iad"), whole("sin"), b)...)
	w.to = on("iad", 0)
	if again := w.reconcile(); again != time.Minute {
		t.Errorf("asks again in %s, want 1m", again)
	}
	w.clock.Step(time.Minute)
	w.reconcile()
	w.wantWrites("patch")
	if got := w.binding().Spec.GracefulEvictionTasks; len(got) != 1 || got[0].Replicas != nil {
		t.Errorf("tasks %+v", got)
	}
}

func TestAConflictIsTriedAgainSoon(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.to, w.conflict = on("iad", 6), true
	if again := w.reconcile(); again <= 0 || again > time.Second {
		t.Errorf("asks again in %s", again)
	}
	w.wantEvents()
	w.reconcile()
	w.wantWrites("patch")
	if b := w.binding(); b.Labels["changed-by"] != "another" || len(tasks(b)) != 1 {
		t.Errorf("binding %+v", b)
	}
}

func TestAPlacerThatFailsIsAnError(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	broken := errors.New("no clusters in the cache")
	w.broken = broken
	_, err := w.evacuator.Reconcile(context.Background(), ctrl.Request{})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "place without fra: ") {
		t.Errorf("error %v", err)
	}
	w.wantWrites()
}

func TestABindingThatIsGoneOrGoingIsLeftAlone(t *testing.T) {
	going := deployment(on("fra", 6))
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: t0}, []string{"example.com/hold"}
	for name, objs := range map[string][]client.Object{
		"gone":  {lost("fra", time.Minute), whole("iad"), whole("sin")},
		"going": {lost("fra", time.Minute), whole("iad"), whole("sin"), going},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, objs...)
			w.to = on("iad", 6)
			if again := w.reconcile(); again != 0 {
				t.Errorf("asks again in %s", again)
			}
			w.wantWrites()
		})
	}
}

func TestWhoIsWoken(t *testing.T) {
	placed := deployment(on("fra", 3, "iad", 3))
	left := awayFrom(deployment(on("iad", 6)), "fra")
	left.Name = "left"
	other := awayFrom(deployment(on("iad", 6)), "fra")
	other.Namespace = "bank"
	w := newWorld(t, placed, left, other)
	woken := func(reqs []ctrl.Request) []string {
		var out []string
		for _, r := range reqs {
			out = append(out, r.String())
		}
		slices.Sort(out)
		return out
	}
	ctx := context.Background()
	for name, tc := range map[string]struct{ got, want []string }{
		"by a cluster: what is in it or leaving it": {woken(w.placedIn(ctx, whole("fra"))), []string{"bank/web-deployment", "shop/left", "shop/web-deployment"}},
		"by a cluster that holds nothing":           {woken(w.placedIn(ctx, whole("sin"))), nil},
		"by a plan with the requests back":          {woken(w.awayFrom(ctx, plan("web", endpoint("fra", trafficv1alpha1.EndpointServing, 100)))), []string{"shop/left"}},
		"by a plan without":                         {woken(w.awayFrom(ctx, plan("web", endpoint("fra", trafficv1alpha1.EndpointRecovering, 50)))), nil},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
