package rebalance

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestOrdersAreGivenOnce(t *testing.T) {
	w := newWorld(t, rebalancer(deployment("web"), deployment("gone"), role("system:auditor")), binding("web", nil), roleBinding("system:auditor"))
	w.settle()
	w.wantTriggered("web", at(0))
	var global workv1alpha2.ClusterResourceBinding
	w.get(client.ObjectKey{Name: "system.auditor-clusterrole"}, &global)
	if !global.Spec.RescheduleTriggeredAt.Equal(at(0)) {
		t.Errorf("the cluster-scoped binding was triggered at %v", global.Spec.RescheduleTriggeredAt)
	}
	w.wantStatus(at(time.Second),
		"Deployment shop/gone: Failed ReferencedBindingNotFound",
		"Deployment shop/web: Successful",
		"ClusterRole /system:auditor: Successful")
	w.wantWrites(map[string]int{"shop/web-deployment": 1, "system.auditor-clusterrole": 1, "status of fix": 1})

	// A failure is final too, and nothing of it is done again when the hub restarts.
	if err := w.client.Create(context.Background(), binding("gone", nil)); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.wantWrites(map[string]int{})
	w.wantTriggered("gone", nil)
}

func TestTheLaterOrderHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		before, want *metav1.Time
		writes       int
	}{
		"never asked before":      {nil, at(0), 1},
		"asked before":            {at(-time.Hour), at(0), 1},
		"asked at the same time":  {at(0), at(0), 0},
		"somebody asked later on": {at(time.Hour), at(time.Hour), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rebalancer(deployment("web")), binding("web", tc.before))
			w.settle()
			w.wantTriggered("web", tc.want)
			w.wantStatus(at(time.Second), "Deployment shop/web: Successful")
			if got := w.writes["shop/web-deployment"]; got != tc.writes {
				t.Errorf("%d writes, want %d", got, tc.writes)
			}
		})
	}
}

func TestAnEditAddsAndForgets(t *testing.T) {
	w := newWorld(t, rebalancer(deployment("web"), deployment("late"), deployment("gone")), binding("web", nil), binding("api", nil))
	w.settle()
	w.wantStatus(at(time.Second),
		"Deployment shop/gone: Failed ReferencedBindingNotFound",
		"Deployment shop/late: Failed ReferencedBindingNotFound",
		"Deployment shop/web: Successful")

	if err := w.client.Create(context.Background(), binding("late", nil)); err != nil {
		t.Fatal(err)
	}
	w.clock.SetTime(t0.Add(time.Minute))
	w.edit(func(s *appsv1alpha1.WorkloadRebalancerSpec) {
		s.Workloads = []appsv1alpha1.ObjectReference{deployment("late"), deployment("api")}
	})
	w.settle()
	// What was done stays on record; what failed and was dropped does not; what failed is tried again.
	w.wantStatus(at(time.Minute), "Deployment shop/api: Successful", "Deployment shop/late: Successful", "Deployment shop/web: Successful")
	w.wantTriggered("api", at(0))
	w.wantTriggered("late", at(0))
	w.wantWrites(map[string]int{"shop/api-deployment": 1, "shop/late-deployment": 1, "status of fix": 1})
}

func TestWhatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "resourcebindings"}, "web-deployment", errors.New("changed"))
	for name, tc := range map[string]struct {
		refusals map[string]error
		soon     bool // tried again at once, and no error
	}{
		"a conflict":              {map[string]error{"web-deployment": conflict}, true},
		"another error":           {map[string]error{"web-deployment": errors.New("broken")}, false},
		"a conflict and an error": {map[string]error{"web-deployment": conflict, "api-deployment": errors.New("broken")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			order := rebalancer(deployment("web"), deployment("api"), deployment("db"), deployment("gone"))
			order.Spec.TTLSecondsAfterFinished = ptr.To[int32](0)
			w := newWorld(t, order, binding("web", nil), binding("api", nil), binding("db", nil))
			w.refuse = tc.refusals
			after, err := w.reconcile()
			if tc.soon != (err == nil) || tc.soon != (after > 0) {
				t.Fatalf("again after %v, error %v", after, err)
			}
			api := "Deployment shop/api: Successful"
			if tc.refusals["api-deployment"] != nil {
				api = "Deployment shop/api:"
			}
			w.wantStatus(nil, api, "Deployment shop/db: Successful", "Deployment shop/gone: Failed ReferencedBindingNotFound", "Deployment shop/web:")

			w.refuse = nil
			w.edit(func(s *appsv1alpha1.WorkloadRebalancerSpec) { s.TTLSecondsAfterFinished = nil })
			w.settle()
			w.wantStatus(at(time.Second), "Deployment shop/api: Successful", "Deployment shop/db: Successful",
				"Deployment shop/gone: Failed ReferencedBindingNotFound", "Deployment shop/web: Successful")
			if w.writes["shop/db-deployment"] != 0 {
				t.Error("what was written is written again")
			}
		})
	}
}

// The policy and the rebalancer may be applied in one breath.
func TestABindingThatTheCacheDoesNotHaveYet(t *testing.T) {
	w := newWorld(t, rebalancer(deployment("web")), binding("web", nil))
	w.hideFromGet = "web-deployment"
	w.settle()
	w.wantStatus(at(time.Second), "Deployment shop/web: Successful")
	w.wantTriggered("web", at(0))
}

func TestReferencesThatNameNothing(t *testing.T) {
	bare := appsv1alpha1.ObjectReference{}
	w := newWorld(t, rebalancer(bare, deployment("web"), deployment("web"), appsv1alpha1.ObjectReference{APIVersion: "apps/v1beta1", Kind: "Deployment", Namespace: "shop", Name: "web"}), binding("web", nil))
	w.settle()
	w.wantStatus(at(time.Second), "/: Failed ReferencedBindingNotFound", "Deployment shop/web: Successful", "Deployment shop/web: Successful")
	w.wantWrites(map[string]int{"shop/web-deployment": 1, "status of fix": 1})
}

func TestTimeToLive(t *testing.T) {
	for name, tc := range map[string]struct {
		ttl   *int32
		after time.Duration // since it finished
		again time.Duration
		gone  bool
	}{
		"none":                    {nil, 24 * time.Hour, 0, false},
		"negative, as if none":    {ptr.To[int32](-5), 24 * time.Hour, 0, false},
		"not over":                {ptr.To[int32](60), 20 * time.Second, 40 * time.Second, false},
		"over":                    {ptr.To[int32](60), time.Minute, 0, true},
		"over long ago":           {ptr.To[int32](60), 24 * time.Hour, 0, true},
		"deleted when it is done": {ptr.To[int32](0), 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			order := rebalancer(deployment("web"))
			order.Spec.TTLSecondsAfterFinished = tc.ttl
			order.Status = appsv1alpha1.WorkloadRebalancerStatus{ObservedGeneration: 1, FinishTime: at(0),
				ObservedWorkloads: []appsv1alpha1.ObservedWorkload{{Workload: deployment("web"), Result: appsv1alpha1.RebalanceSuccessful}}}
			w := newWorld(t, order)
			w.clock.SetTime(t0.Add(tc.after))
			if again := w.settle(); again != tc.again {
				t.Errorf("again after %v, want %v", again, tc.again)
			}
			err := w.reader.Get(context.Background(), fix, &appsv1alpha1.WorkloadRebalancer{})
			if tc.gone != apierrors.IsNotFound(err) {
				t.Errorf("gone %v, want %v", err, tc.gone)
			}
		})
	}
}

// The last pass and the countdown are one reconcile: nothing else would wake it.
func TestTheCountdownBeginsWithTheEnd(t *testing.T) {
	order := rebalancer(deployment("web"))
	order.Spec.TTLSecondsAfterFinished = ptr.To[int32](30)
	w := newWorld(t, order, binding("web", nil))
	if again := w.settle(); again != 30*time.Second {
		t.Errorf("again after %v, want 30s", again)
	}
	w.clock.SetTime(t0.Add(31 * time.Second))
	w.settle()
	if again := w.settle(); again != 0 {
		t.Errorf("a rebalancer that is gone is to be seen again after %v", again)
	}
}

func TestOneThatIsBeingDeletedGivesNoOrders(t *testing.T) {
	order := rebalancer(deployment("web"))
	order.DeletionTimestamp, order.Finalizers = at(0), []string{"example.com/hold"}
	w := newWorld(t, order, binding("web", nil))
	w.settle()
	w.wantWrites(map[string]int{})
	w.wantTriggered("web", nil)
}

func TestAThousandWorkloads(t *testing.T) {
	const n = 1000
	var refs []appsv1alpha1.ObjectReference
	var objs []client.Object
	for i := range n {
		refs = append(refs, deployment(fmt.Sprintf("web-%04d", n-i)))
		objs = append(objs, binding(refs[i].Name, nil))
	}
	w := newWorld(t, append(objs, rebalancer(refs...))...)
	w.settle()
	status := w.order().Status
	if len(status.ObservedWorkloads) != n || status.FinishTime == nil || status.ObservedWorkloads[0].Workload.Name != "web-0001" {
		t.Errorf("%d observed, finished at %v", len(status.ObservedWorkloads), status.FinishTime)
	}
	if len(w.writes) != n+1 || w.writes["status of fix"] != 1 || w.writes["shop/web-0500-deployment"] != 1 {
		t.Errorf("%d objects written, the status %d times", len(w.writes), w.writes["status of fix"])
	}
	if w.most > w.parallel {
		t.Errorf("%d bindings written at a time, want at most %d", w.most, w.parallel)
	}
}

func TestOrderedPassesWhatAPersonWrote(t *testing.T) {
	before, status, spec := rebalancer(), rebalancer(), rebalancer()
	status.Status.ObservedGeneration = 1
	spec.Generation = 2
	got := []bool{
		ordered.Create(event.CreateEvent{Object: before}),
		ordered.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: status}),
		ordered.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: spec}),
		ordered.Delete(event.DeleteEvent{Object: before}),
	}
	if diff := cmp.Diff([]bool{true, false, true, false}, got); diff != "" {
		t.Errorf("created, its status, its spec, deleted (-want +got):\n%s", diff)
	}
}
