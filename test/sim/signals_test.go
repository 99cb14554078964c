package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// What each of the two signals of a cluster does by itself, and both together: the table of
// docs/failover.md. The third column of the table, error rates in the mesh, is not measured yet.
func TestSignalsAreKeptApart(t *testing.T) {
	const (
		ok      = "ok"
		lost    = "lost"
		unknown = "unknown"
	)
	type outcome struct {
		State  v1.EndpointState
		Reason string
		// Clients of the cluster's region are answered with it.
		Answered bool
		// Pods are placed elsewhere after moveWorkloadsAfter.
		PodsMove bool
	}
	for _, tc := range []struct {
		data, control string
		want          outcome
	}{
		{ok, ok, outcome{v1.EndpointServing, v1.EndpointReasonReady, true, false}},
		{ok, lost, outcome{v1.EndpointSuspect, v1.EndpointReasonControlPlaneLost, true, false}},
		{lost, ok, outcome{v1.EndpointDown, v1.EndpointReasonUnhealthy, false, false}},
		{lost, lost, outcome{v1.EndpointDown, v1.EndpointReasonUnhealthy, false, true}},
		{unknown, ok, outcome{v1.EndpointServing, v1.EndpointReasonReady, true, false}},
		{unknown, lost, outcome{v1.EndpointSuspect, v1.EndpointReasonControlPlaneLost, true, false}},
	} {
		t.Run("data path "+tc.data+", control plane "+tc.control, func(t *testing.T) {
			w := New(Options{Sites: threeSites}).Watch(Invariants()...)
			run(t, w, time.Minute)
			if tc.control == lost {
				w.Happen(Fault{Kind: CutAPI, At: "fra"})
			}
			switch tc.data {
			case lost:
				w.Happen(Fault{Kind: CutData, At: "fra"})
			case unknown: // nobody tells the hub, and their reports have become old
				for _, s := range w.Servers {
					w.Happen(Fault{Kind: CutNSHub, At: s.Name})
				}
				run(t, w, time.Minute)
			}
			run(t, w, time.Minute)
			e := endpoint(w.Store.Apps[0].Plan, "fra")
			got := outcome{e.State, e.Reason, strings.Contains(w.answers(), "eu fra"), len(away(w.Store.Apps[0].Binding)) > 0}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, w.Story())
			}
		})
	}
}

func run(t *testing.T, w *World, d time.Duration) {
	t.Helper()
	if err := w.Run(d); err != nil {
		t.Fatalf("%v\n%s", err, w.Story())
	}
}
