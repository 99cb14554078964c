package failover

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestAMoveIsKeptAsADecision(t *testing.T) {
	w := newWorld(t, lost("fra", 20*time.Second), whole("iad"), whole("sin"), deployment(on("fra", 2, "iad", 2, "sin", 2)))
	var kept []trafficv1alpha1.DecisionSpec
	w.keep = func(spec trafficv1alpha1.DecisionSpec, _ func(context.Context, *trafficv1alpha1.DecisionSpec)) {
		kept = append(kept, spec)
	}
	w.to = on("iad", 3, "sin", 3)
	w.reconcile()
	w.reconcile()
	if len(kept) != 1 {
		t.Fatalf("%d decisions", len(kept))
	}
	d := kept[0]
	if d.Cause != trafficv1alpha1.CauseFailover || d.Controller != "failover" || d.Subject.Kind != "Deployment" || len(d.Steps) != 1 {
		t.Errorf("%+v", d)
	}
	want := []trafficv1alpha1.DecisionCluster{
		{Cluster: "fra", Before: ptr.To[int32](2), Detail: "the data path and the control plane of fra have been lost since 2026-05-01T11:59:40Z, longer than moveWorkloadsAfter 15s"},
		{Cluster: "iad", Before: ptr.To[int32](2), After: ptr.To[int32](3)}, {Cluster: "sin", Before: ptr.To[int32](2), After: ptr.To[int32](3)},
	}
	if diff := cmp.Diff(want, d.Clusters); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
