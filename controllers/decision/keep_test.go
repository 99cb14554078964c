package decision

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func steered(at time.Time, share int32) trafficv1alpha1.DecisionSpec {
	return trafficv1alpha1.DecisionSpec{
		Time: metav1.NewMicroTime(at), Controller: "traffic", Outcome: trafficv1alpha1.DecisionSteered, Cause: trafficv1alpha1.CauseFailback,
		Subject: trafficv1alpha1.DecisionSubject{APIVersion: "traffic.seaway.dev/v1alpha1", Kind: "TrafficPolicy", Namespace: "shop", Name: "web"},
		Changes: []trafficv1alpha1.DecisionChange{{Cluster: "iad", FromState: "Recovering", ToState: "Recovering", FromShare: share - 25, ToShare: share}},
	}
}

// Each step is kept, with its end and what was asked for when it was written, and the keeper's bounds
// hold for them as for the others.
func TestADecisionAboutTrafficIsWrittenDown(t *testing.T) {
	inWorld(t, Options{TTL: time.Hour}, func(w *world) {
		w.start()
		asked := 0
		for share := int32(25); share <= 75; share += 25 {
			w.Keep(steered(time.Now(), share), func(_ context.Context, spec *trafficv1alpha1.DecisionSpec) {
				asked++
				spec.Actor = "kubectl-edit"
			})
			w.after(time.Second)
		}
		all := w.decisions()
		if len(all) != 3 || asked != 3 {
			t.Fatalf("%d decisions, %d asked", len(all), asked)
		}
		d := all[0]
		if d.Spec.TTLSeconds != 3600 || d.Spec.Actor != "kubectl-edit" || d.Spec.Changes[0].ToShare != 25 || d.Namespace != "shop" ||
			d.Labels[names.DecisionOfLabel] != names.DecisionOf("traffic.seaway.dev", "TrafficPolicy", "shop", "web") {
			t.Errorf("%+v", d)
		}
	})
}

// While the hub has no time, only the newest of a policy waits.
func TestOnlyTheNewestAboutAPolicyWaits(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		w.Keep(steered(time.Now(), 25), nil)
		w.Keep(steered(time.Now().Add(time.Second), 50), nil)
		w.start()
		synctest.Wait()
		if all := w.decisions(); len(all) != 1 || all[0].Spec.Changes[0].ToShare != 50 {
			t.Errorf("%+v", all)
		}
	})
}
