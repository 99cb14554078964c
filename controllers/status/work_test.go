package status

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

func TestWorkStatus(t *testing.T) {
	w := newWorld(t)
	written := []string{"status karmada-es-fra/web"}

	writes, reasons := w.sync(w.works, workInFra)
	expect(t, "an object that is not there yet", []string(nil), append(writes, reasons...))
	w.deployment(`{}`)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "one that execution is about to report", []string(nil), append(writes, reasons...))
	w.applied()

	w.deployment(`{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 1, conditions: [{type: x}]}`)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "it appears", written, writes)
	expect(t, "events", []string{"ReflectStatusSucceed", "InterpretHealthSucceed"}, reasons)
	got := w.workStatus().ManifestStatuses
	if len(got) != 1 {
		t.Fatalf("statuses = %+v", got)
	}
	expect(t, "identifier", workv1alpha1.ResourceIdentifier{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments", Namespace: "shop", Name: "web"}, got[0].Identifier)
	expect(t, "status", `{"availableReplicas":1,"generation":1,"observedGeneration":1,"readyReplicas":1,"replicas":2,"resourceTemplateGeneration":5,"unavailableReplicas":1,"updatedReplicas":2}`, string(got[0].Status.Raw))
	expect(t, "health", workv1alpha1.ResourceUnhealthy, got[0].Health)

	w.deployment(`{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 1, conditions: [{type: y}]}`)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "a change nobody wants to know", []string(nil), append(writes, reasons...))

	w.deployment(`{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}`)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "it gets well", written, writes)
	expect(t, "events", []string{"InterpretHealthSucceed"}, reasons)

	w.connect(nil)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "the cluster is away", []string(nil), append(writes, reasons...))
	w.connect(w.member)
	w.member.Unsynced.Store(true)
	writes, _ = w.sync(w.works, workInFra)
	expect(t, "it is back, and not known yet", []string(nil), writes)
	w.member.Unsynced.Store(false)

	w.deployment(`{observedGeneration: 1, replicas: many}`)
	writes, reasons = w.sync(w.works, workInFra)
	expect(t, "a status of an odd shape", written, writes)
	expect(t, "events", []string{"ReflectStatusFailed", "InterpretHealthSucceed"}, reasons)
	if got := w.workStatus().ManifestStatuses[0]; got.Health != workv1alpha1.ResourceUnhealthy || got.Status == nil {
		t.Errorf("status = %s, health = %s, want the last one known", got.Status.Raw, got.Health)
	}

	if err := w.member.Remove(w.member.Get("deployments", "shop", "web")); err != nil {
		t.Fatal(err)
	}
	w.sync(w.works, workInFra)
	expect(t, "it is gone", 0, len(w.workStatus().ManifestStatuses))
}

// TestAStatusThatWasOvertakenBeforeItWasWrittenIsPutRight: what the Work says while another report waits is
// no reason to leave that one standing.
func TestAStatusThatWasOvertakenBeforeItWasWrittenIsPutRight(t *testing.T) {
	const well, ill = `{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}`, `{observedGeneration: 1, replicas: 2, readyReplicas: 0}`
	w := newWorld(t)
	w.applied()
	w.deployment(well)
	w.sync(w.works, workInFra)
	for _, status := range []string{ill, well} { // nothing is written meanwhile
		w.deployment(status)
		w.clock.Step(w.works.pace.window)
		if _, err := w.works.Reconcile(t.Context(), reconcile.Request{NamespacedName: workInFra}); err != nil {
			t.Fatal(err)
		}
	}
	var before, after workv1alpha1.Work
	w.get(workInFra, &before)
	if err := w.works.reports.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.get(workInFra, &after)
	if !workChanged.Update(event.UpdateEvent{ObjectOld: &before, ObjectNew: &after}) {
		t.Fatal("what was written wakes nobody")
	}
	w.sync(w.works, workInFra)
	expect(t, "health", workv1alpha1.ResourceHealthy, w.workStatus().ManifestStatuses[0].Health)
	w.get(workInFra, &before)
	expect(t, "woken by what is the same", false, workChanged.Update(event.UpdateEvent{ObjectOld: &before, ObjectNew: before.DeepCopy()}))
}

func TestForeignObjectIsNotReflected(t *testing.T) {
	w := newWorld(t)
	w.applied()
	w.deployment(`{replicas: 2}`)
	obj := w.member.Get("deployments", "shop", "web")
	obj.SetAnnotations(nil)
	if err := w.member.Put(obj); err != nil {
		t.Fatal(err)
	}
	writes, _ := w.sync(w.works, workInFra)
	expect(t, "writes", []string(nil), writes)
}

func TestPace(t *testing.T) {
	clock := clocktesting.NewFakeClock(metav1.Now().Time)
	p, req := newPacer(clock, time.Second), reconcile.Request{}
	expect(t, "the first change is passed on at once", settle, p.delay(req))
	p.wrote(req, clock.Now())
	expect(t, "the next waits for the window", time.Second, p.delay(req))
	clock.Step(700 * time.Millisecond)
	expect(t, "what is left of it", 300*time.Millisecond, p.delay(req))
	clock.Step(290 * time.Millisecond)
	expect(t, "but always a little", settle, p.delay(req))
	expect(t, "whoever is about to write waits to the end", 10*time.Millisecond, p.left(req))
	clock.Step(time.Hour)
	expect(t, "after a quiet time at once again", settle, p.delay(req))
	expect(t, "nothing is remembered", 0, len(p.next))
	p.wrote(req, clock.Now().Add(-10*time.Millisecond))
	expect(t, "a quick write changes nothing", time.Second, p.left(req))
	p.wrote(req, clock.Now().Add(-200*time.Millisecond))
	expect(t, "a slow one makes room", 4*time.Second, p.left(req))
	p.wrote(req, clock.Now().Add(-time.Minute))
	expect(t, "within bounds", 10*time.Second, p.left(req))
	p.forget(req)
	expect(t, "nor of what is gone", 0, len(p.next))
}
