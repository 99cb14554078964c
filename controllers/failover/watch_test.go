package failover

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

func TestARestartedHubLooksForItself(t *testing.T) {
	w := newWorld(t, lost("fra", time.Hour), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.watching, w.to = t0, on("iad", 6)
	if again := w.reconcile(); again != 15*time.Second {
		t.Errorf("asks again in %s: what it read of fra may be an hour old", again)
	}
	w.wantWrites()
	w.clock.Step(15 * time.Second)
	w.reconcile()
	w.wantWrites("patch")
}

func TestNothingMovesToAClusterThatIsJustLost(t *testing.T) {
	clusters := deployment(on("fra", 3, "iad", 3))
	w := newWorld(t, lost("fra", time.Hour), whole("iad"), whole("sin"), lost("gru", 16*time.Second), whole("syd"), clusters)
	w.to = on("iad", 6)
	w.reconcile()
	if diff := cmp.Diff([]asked{{Exclude: []string{"fra", "gru"}}}, w.asked); diff != "" {
		t.Errorf("asked the placer (-want +got):\n%s", diff)
	}
}

func TestAClusterThatIsLeavingIsNotWaitedFor(t *testing.T) {
	going := whole("fra")
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: t0}, []string{"example.com/hold"}
	w := newWorld(t, going, whole("iad"), whole("sin"), awayFrom(deployment(on("iad", 6)), "fra"))
	w.reconcile()
	w.wantWrites("patch")
	if got := tasks(w.binding()); len(got) != 0 {
		t.Errorf("tasks for %v", got)
	}
}

func TestAPolicyWakesTheBindingsOfItsNamespace(t *testing.T) {
	other := deployment(on("fra", 6))
	other.Namespace = "bank"
	w := newWorld(t, deployment(on("fra", 6)), other)
	got := w.spokenFor(context.Background(), plan("web")) // only the namespace counts
	if len(got) != 1 || got[0].NamespacedName != web {
		t.Errorf("woken: %v", got)
	}
}

func TestWhichChangesOfAClusterWake(t *testing.T) {
	before := whole("fra")
	going := before.DeepCopy()
	going.DeletionTimestamp = &metav1.Time{Time: t0}
	busier := before.DeepCopy()
	busier.Status.NodeSummary = &clusterv1alpha1.NodeSummary{TotalNum: 4}
	said := before.DeepCopy()
	said.Status.Conditions[0].Message = "still well"
	for name, tc := range map[string]struct {
		after *clusterv1alpha1.Cluster
		want  bool
	}{
		"its control plane is lost": {cluster("fra", metav1.ConditionUnknown, metav1.ConditionTrue, t0), true},
		"its data path is lost":     {cluster("fra", metav1.ConditionTrue, metav1.ConditionFalse, t0), true},
		"it begins to leave":        {going, true},
		"it grows":                  {busier, false},
		"it says the same":          {said, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := signalChanged.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: tc.after}); got != tc.want {
				t.Errorf("wakes: %v", got)
			}
		})
	}
}
