package traffic

import (
	"context"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/leader"
)

// lease is held by one process after another.
type lease struct{ holder, version string }

func (l *lease) term(identity string) *leader.Term {
	return leader.NewTerm(identity, func(context.Context) (*coordinationv1.Lease, error) {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: l.version}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &l.holder}}, nil
	})
}

func TestALateLeaderDoesNotOverwriteAPlan(t *testing.T) {
	h := aShop(t)
	l := &lease{"first", "100"}
	first, second := l.term("first"), l.term("second")
	h.policies.term = first
	h.plan("shop", "shop")
	expectEpoch := func(want int64) {
		t.Helper()
		if got := get(h, "shop", "shop", &v1.TrafficPlan{}).Spec.Epoch; got != want {
			t.Errorf("the plan is of epoch %d, want %d", got, want)
		}
	}
	expectEpoch(100)

	l.holder, l.version = "second", "200"
	h.policies.term = second
	h.writes = nil
	h.plan("shop", "shop")
	h.expectWrites() // nothing to change
	h.verdict["fra"] = v1.VerdictUnhealthy
	h.plan("shop", "shop")
	expectEpoch(200)

	h.policies.term = first
	h.verdict["fra"] = v1.VerdictHealthy
	h.writes = nil
	if result := h.plan("shop", "shop"); result.RequeueAfter != lateRetry {
		t.Errorf("looks again after %s", result.RequeueAfter)
	}
	h.expectWrites()
	expectEpoch(200)
}

// A plan that came with a backup of another hub has an epoch that this hub will not reach for years.
func TestTheLeaderOutlastsAPlanFromAnotherLife(t *testing.T) {
	h := aShop(t)
	l := &lease{"me", "100"}
	h.policies.term = l.term("me")
	h.plan("shop", "shop")
	plan := get(h, "shop", "shop", &v1.TrafficPlan{})
	plan.Spec.Epoch, plan.Spec.Tiers = 5_000_000, nil
	if err := h.Update(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	h.plan("shop", "shop")
	if plan := get(h, "shop", "shop", &v1.TrafficPlan{}); plan.Spec.Epoch != 5_000_001 || len(plan.Spec.Tiers) == 0 {
		t.Errorf("epoch %d, tiers %v", plan.Spec.Epoch, plan.Spec.Tiers)
	}
}
