package cluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

var (
	start      = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	thresholds = Thresholds{Failure: 5 * time.Second, Success: 5 * time.Second, Hole: 12 * time.Second}
)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func condition(status metav1.ConditionStatus, reason string, since time.Time) *metav1.Condition {
	return &metav1.Condition{Type: "Ready", Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(since)}
}

// step is one sample and what is said after it: status, reason and the second of the
// last transition.
type step struct {
	second     int
	reachable  bool
	ready      bool
	wantStatus metav1.ConditionStatus
	wantReason string
	wantSince  int
}

func TestReady(t *testing.T) {
	const T, F = metav1.ConditionTrue, metav1.ConditionFalse
	const ready, lost, sick = clusterv1alpha1.ReasonClusterReady, clusterv1alpha1.ReasonClusterNotReachable, clusterv1alpha1.ReasonClusterNotReady
	cases := map[string]struct {
		before *metav1.Condition
		steps  []step
	}{
		"the first sample counts at once": {
			steps: []step{{0, true, true, T, ready, 0}},
		},
		"also when it is bad": {
			steps: []step{{0, false, false, F, lost, 0}},
		},
		"a short absence is not told": {
			before: condition(T, ready, at(-100)),
			steps: []step{
				{0, true, true, T, ready, -100},
				{2, false, false, T, ready, -100},
				{4, false, false, T, ready, -100},
				{6, true, true, T, ready, -100},
			},
		},
		"a long one is, from its beginning": {
			before: condition(T, ready, at(-100)),
			steps: []step{
				{0, false, false, T, ready, -100},
				{2, false, false, T, ready, -100},
				{4, false, false, T, ready, -100},
				{6, false, false, F, lost, 0},
				{8, false, false, F, lost, 0},
			},
		},
		"absent and sick add up": {
			before: condition(T, ready, at(-100)),
			steps: []step{
				{0, false, false, T, ready, -100},
				{3, true, false, T, ready, -100},
				{6, true, false, F, sick, 0},
				{8, false, false, F, lost, 0},
			},
		},
		"a return must last, too": {
			before: condition(F, lost, at(-100)),
			steps: []step{
				{0, true, true, F, lost, -100},
				{2, false, false, F, lost, -100},
				{4, true, true, F, lost, -100},
				{6, true, true, F, lost, -100},
				{9, true, true, T, ready, 4},
			},
		},
		"a run with a hole is none": {
			before: condition(T, ready, at(-100)),
			steps: []step{
				{0, false, false, T, ready, -100},
				{60, false, false, T, ready, -100},
				{62, false, false, T, ready, -100},
				{65, false, false, F, lost, 60},
			},
		},
		"another writer's Unknown needs a run as well": {
			before: condition(metav1.ConditionUnknown, "x", at(-100)),
			steps: []step{
				{0, true, true, metav1.ConditionUnknown, "x", -100},
				{5, true, true, T, ready, 0},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			current, memory := tc.before, Memory{}
			for _, s := range tc.steps {
				var c metav1.Condition
				c, memory = Ready(current, memory, Sample{At: at(s.second), Reachable: s.reachable, Ready: s.ready, Message: "m"}, thresholds)
				got := step{s.second, s.reachable, s.ready, c.Status, c.Reason, int(c.LastTransitionTime.Sub(start) / time.Second)}
				if got != s {
					t.Fatalf("after second %d: %+v, want %+v", s.second, got, s)
				}
				current = &c
			}
		})
	}
}

// TestReadyIsSteady feeds any samples and checks the promises: a change needs an
// unbroken run as long as the threshold, a run that long always makes the change, and
// the time of the last transition moves only with the status.
func TestReadyIsSteady(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th := Thresholds{
			Failure: time.Duration(rapid.IntRange(0, 20).Draw(t, "failure")) * time.Second,
			Success: time.Duration(rapid.IntRange(0, 20).Draw(t, "success")) * time.Second,
		}
		current := condition(metav1.ConditionTrue, "x", at(-1000))
		var memory Memory
		var runFrom time.Time
		var runOf metav1.ConditionStatus
		now := start
		for range rapid.IntRange(1, 60).Draw(t, "samples") {
			now = now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "gap")) * time.Second)
			sample := Sample{At: now, Reachable: rapid.Bool().Draw(t, "reachable"), Ready: rapid.Bool().Draw(t, "ready")}
			observed := conditionOf(sample).Status
			if observed != runOf {
				runOf, runFrom = observed, now
			}
			var next metav1.Condition
			next, memory = Ready(current, memory, sample, th)
			threshold := th.Failure
			if observed == metav1.ConditionTrue {
				threshold = th.Success
			}
			long := now.Sub(runFrom) >= threshold
			switch {
			case next.Status != current.Status && !long:
				t.Fatalf("changed to %s after a run of %s, threshold %s", next.Status, now.Sub(runFrom), threshold)
			case next.Status != observed && long:
				t.Fatalf("still %s after a run of %s, threshold %s", next.Status, now.Sub(runFrom), threshold)
			case next.Status == current.Status && !next.LastTransitionTime.Equal(&current.LastTransitionTime):
				t.Fatal("the transition time moved without a transition")
			case next.Status != current.Status && !next.LastTransitionTime.Time.Equal(runFrom):
				t.Fatalf("the transition is dated %s, the run began %s", next.LastTransitionTime, runFrom)
			}
			current = &next
		}
	})
}

func TestTaints(t *testing.T) {
	notReady := corev1.Taint{Key: names.TaintClusterNotReady, Effect: corev1.TaintEffectNoSchedule}
	unreachable := corev1.Taint{Key: names.TaintClusterUnreachable, Effect: corev1.TaintEffectNoSchedule}
	byHand := []corev1.Taint{
		{Key: names.TaintClusterNotReady, Effect: corev1.TaintEffectNoExecute},
		{Key: "not-ready", Effect: corev1.TaintEffectNoSchedule},
		{Key: names.TaintClusterUnschedulable, Effect: corev1.TaintEffectNoSchedule},
	}
	with := func(own ...corev1.Taint) []corev1.Taint { return append(append([]corev1.Taint{}, byHand...), own...) }
	cases := map[string]struct {
		present []corev1.Taint
		ready   *metav1.Condition
		want    []corev1.Taint
	}{
		"never looked at":       {byHand, nil, with(notReady)},
		"ready":                 {with(notReady, unreachable), condition(metav1.ConditionTrue, "", start), with()},
		"not ready":             {byHand, condition(metav1.ConditionFalse, "", start), with(notReady)},
		"not ready, as before":  {with(notReady), condition(metav1.ConditionFalse, "", start), with(notReady)},
		"from lost to unknown":  {with(notReady), condition(metav1.ConditionUnknown, "", start), with(unreachable)},
		"from unknown to ready": {with(unreachable), condition(metav1.ConditionTrue, "", start), with()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := append([]corev1.Taint{}, tc.present...)
			if diff := cmp.Diff(tc.want, Taints(tc.present, tc.ready)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, tc.present); diff != "" {
				t.Errorf("the input was changed: %s", diff)
			}
		})
	}
}
