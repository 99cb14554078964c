package scheduler

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/quota"
)

func cpus(n int64) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(n, resource.DecimalSI)}
}

func inShop(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

func keys(names ...string) (out []types.NamespacedName) {
	for _, name := range names {
		out = append(out, inShop(name))
	}
	return out
}

func TestWhomAQuotaHasRoomFor(t *testing.T) {
	tests := map[string]struct {
		refused map[string]refusal
		left    corev1.ResourceList
		want    []types.NamespacedName
	}{
		"nobody waits":              {nil, cpus(10), nil},
		"too little":                {map[string]refusal{"a": {cpus(3), 0}}, cpus(2), nil},
		"enough":                    {map[string]refusal{"a": {cpus(3), 0}}, cpus(3), keys("a")},
		"what it does not bound":    {map[string]refusal{"a": {cpus(3), 0}}, corev1.ResourceList{"memory": resource.MustParse("1Gi")}, keys("a")},
		"the most important first":  {map[string]refusal{"a": {cpus(3), 0}, "b": {cpus(3), 5}}, cpus(6), keys("b", "a")},
		"what is too large is left": {map[string]refusal{"a": {cpus(3), 9}, "b": {cpus(1), 0}}, cpus(2), keys("b")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newRefusals()
			x.observe("shop", cpus(0))
			for name, r := range tt.refused {
				x.refuse(inShop(name), r, x.try(inShop(name)))
			}
			if diff := cmp.Diff(tt.want, x.observe("shop", tt.left)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFewMoreAreTriedThanThereIsRoomFor(t *testing.T) {
	x := newRefusals()
	x.observe("shop", cpus(0))
	for i := range 1000 {
		x.refuse(inShop(fmt.Sprintf("b%03d", i)), refusal{cpus(1), 0}, 1)
	}
	if got := x.observe("other", cpus(500)); len(got) != 0 {
		t.Errorf("room elsewhere wakes %v", got)
	}
	if got := len(x.observe("shop", cpus(10))); got != 10+beside {
		t.Errorf("room for 10 wakes %d of 1000", got)
	}
	if got := len(x.observe("shop", cpus(9))); got != 0 {
		t.Errorf("less room wakes %d", got)
	}
	if got := len(x.observe("shop", corev1.ResourceList{})); got != 1000-10-beside {
		t.Errorf("without a quota %d are woken", got)
	}
}

func TestRoomThatComesDuringAnAttempt(t *testing.T) {
	x, web := newRefusals(), inShop("web")
	x.observe("shop", cpus(0))
	gains := x.try(web)
	x.observe("shop", cpus(5)) // nobody is registered yet
	if !x.refuse(web, refusal{cpus(5), 0}, gains) {
		t.Error("it is left waiting beside the room it needs")
	}
	if x.refuse(web, refusal{cpus(6), 0}, gains) {
		t.Error("it tries again without room")
	}
	if x.refuse(web, refusal{cpus(5), 0}, x.try(web)) {
		t.Error("it tries again though nothing came since: what it saw is what refused it")
	}
	x.forget(web)
	if got := x.observe("shop", cpus(9)); len(got) != 0 {
		t.Errorf("what is gone is woken: %v", got)
	}
}

func TestAQuotaWakesWhatItRefused(t *testing.T) {
	team := &policyv1alpha1.FederatedResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "team"}, Spec: policyv1alpha1.FederatedResourceQuotaSpec{Overall: cpus(4)}}
	if err := (quota.Ledger{Used: cpus(4)}).Write(team); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(team).Build()
	f := newFollowing(t)
	f.refusals = newRefusals()
	h := f.quotas(c)
	change := func(mutate func()) {
		t.Helper()
		mutate()
		if err := c.Update(context.Background(), team); err != nil {
			t.Fatal(err)
		}
		h.Update(t.Context(), event.UpdateEvent{ObjectOld: team, ObjectNew: team}, f.q)
	}
	refuse := func() { f.refusals.refuse(inShop("web"), refusal{cpus(3), 0}, f.refusals.try(inShop("web"))) }
	h.Create(t.Context(), event.CreateEvent{Object: team, IsInInitialList: true}, f.q)
	refuse()
	change(func() { team.Spec.Overall = cpus(6) })
	if got := f.queued(); len(got) > 0 {
		t.Errorf("too little room wakes %v", got)
	}
	change(func() { team.Spec.Overall = cpus(7) })
	if diff := cmp.Diff([]string{"web"}, f.queued()); diff != "" {
		t.Error("it was raised", diff)
	}
	refuse()
	change(func() { _ = quota.Ledger{Used: cpus(3)}.Write(team) })
	if diff := cmp.Diff([]string{"web"}, f.queued()); diff != "" {
		t.Error("another one shrank", diff)
	}
	refuse()
	change(func() { team.Annotations = nil })
	if got := f.queued(); len(got) > 0 {
		t.Errorf("woken while nobody knows what is used: %v", got)
	}
	if err := c.Delete(context.Background(), team); err != nil {
		t.Fatal(err)
	}
	h.Delete(t.Context(), event.DeleteEvent{Object: team}, f.q)
	if diff := cmp.Diff([]string{"web"}, f.queued()); diff != "" {
		t.Error("it is gone", diff)
	}
}

func TestWhatAQuotaRefusedWaitsForIt(t *testing.T) {
	w := newWorld(t, cluster("m1", nil), binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Replicas = 3
		b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: cpus(2)}
	}))
	w.refusals = newRefusals()
	w.refusals.observe("shop", cpus(0))
	refusal := apierrors.NewForbidden(schema.GroupResource{Resource: "resourcebindings"}, "web-deployment", nil)
	refusal.ErrStatus.Reason = workv1alpha2.ReasonQuotaExceeded
	w.refuse = refusal
	web := inShop("web-deployment")
	result, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: web})
	if err != nil || result.RequeueAfter != unplacedRetry {
		t.Fatalf("it is polled for: %+v, %v", result, err)
	}
	if got := w.refusals.observe("shop", cpus(5)); len(got) != 0 {
		t.Errorf("woken though it asks for 6: %v", got)
	}
	if diff := cmp.Diff([]types.NamespacedName{web}, w.refusals.observe("shop", cpus(6))); diff != "" {
		t.Error(diff)
	}
	w.refuse = nil
	if _, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: web}); err != nil {
		t.Fatal(err)
	}
	var b workv1alpha2.ResourceBinding
	if err := w.client.Get(context.Background(), client.ObjectKey(web), &b); err != nil || scheduled(&b).Status != metav1.ConditionTrue {
		t.Errorf("%+v, %v", scheduled(&b), err)
	}
}
