package placement

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestDue(t *testing.T) {
	at := func(s int64) *metav1.Time { return &metav1.Time{Time: time.Unix(s, 0)} }
	affine := func(p *policy) { p.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{} }
	type due struct {
		scene
		applied     *policy  // the present policy when nil
		outside     []string // clusters on the other side of the wall
		annotation  string   // instead of applied
		terminating string
		failed      bool
		change      func(*workv1alpha2.ResourceBindingSpec, *workv1alpha2.ResourceBindingStatus)
		want        Cause
	}
	ordered := terms(equal(), "home=m1 away=m2")
	otherAway, otherHome := terms(equal(), "home=m1 away=m3"), terms(equal(), "home=m9 away=m2")
	plain, tied := equal(), with(equal(), affine)
	tests := map[string]due{
		"placed as asked":                          {scene: scene{policy: equal(), replicas: 3, present: "m1:2 m2:1"}, want: NotDue},
		"never placed":                             {scene: scene{policy: equal(), replicas: 3}, annotation: " ", want: CausePlacement},
		"an annotation that makes no sense":        {scene: scene{policy: equal(), replicas: 3, present: "m1:3"}, annotation: "{", want: CausePlacement},
		"the policy changed":                       {scene: scene{policy: static("m1=1"), replicas: 3, present: "m1:3"}, applied: &plain, want: CausePlacement},
		"an annotation in another order of fields": {scene: scene{policy: equal(), replicas: 3, present: "m1:3"}, annotation: `{"replicaScheduling":{"replicaDivisionPreference":"Weighted","replicaSchedulingType":"Divided"}}`, want: NotDue},
		"workload affinity alone changed":          {scene: scene{policy: tied, replicas: 3, present: "m1:3"}, applied: &plain, want: NotDue},
		"the term in use did not change":           {scene: scene{policy: ordered, replicas: 3, present: "m1:3", affinity: "home"}, applied: &otherAway, want: NotDue},
		"the term in use changed":                  {scene: scene{policy: ordered, replicas: 3, present: "m1:3", affinity: "home"}, applied: &otherHome, want: CausePlacement},
		"the term in use is gone":                  {scene: scene{policy: terms(equal(), "new=m1"), replicas: 3, present: "m1:3", affinity: "home"}, applied: &ordered, want: CausePlacement},
		"one affinity became several":              {scene: scene{policy: ordered, replicas: 3, present: "m1:3"}, applied: &plain, want: CausePlacement},
		"more replicas, divided":                   {scene: scene{policy: equal(), replicas: 4, present: "m1:2 m2:1"}, want: CauseReplicas},
		"fewer replicas, divided":                  {scene: scene{policy: equal(), replicas: 2, present: "m1:2 m2:1"}, want: CauseReplicas},
		"a cluster was evicted, divided":           {scene: scene{policy: equal(), replicas: 3, present: "m1:2"}, want: CauseReplicas},
		"more replicas, duplicated":                {scene: scene{policy: dup(), replicas: 4, present: "m1:4 m2:3"}, want: CauseReplicas},
		"duplicated: every change":                 {scene: scene{policy: dup(), replicas: 4, present: "m1:4"}, want: CauseEvery},
		"no replicaScheduling: every change":       {scene: scene{replicas: 4, present: "m1:3"}, want: CauseEvery},
		"no replicas: every change":                {scene: scene{policy: equal(), config: true, present: "m1:0"}, want: CauseEvery},
		"a reschedule was asked for": {scene: scene{policy: equal(), replicas: 3, present: "m1:3"}, change: func(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus) {
			spec.RescheduleTriggeredAt, status.LastScheduledTime = at(9), at(8)
		}, want: CauseTriggered},
		"a reschedule was asked for and done": {scene: scene{policy: equal(), replicas: 3, present: "m1:3"}, change: func(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus) {
			spec.RescheduleTriggeredAt, status.LastScheduledTime = at(9), at(9)
		}, want: NotDue},
		"a target is being deleted":        {scene: scene{policy: equal(), replicas: 3, present: "m1:2 m2:1"}, terminating: "m2", want: CauseTerminating},
		"another cluster is being deleted": {scene: scene{policy: equal(), replicas: 3, present: "m1:2 m2:1"}, terminating: "m3", want: NotDue},
		"a target is outside of the wall":  {scene: scene{policy: equal(), replicas: 3, present: "m1:2 m2:1"}, outside: []string{"m2", "m3"}, want: CauseResidency},
		"another cluster is outside":       {scene: scene{policy: equal(), replicas: 3, present: "m1:2 m2:1"}, outside: []string{"m3"}, want: NotDue},
		"the last attempt failed":          {scene: scene{policy: dynamic(), replicas: 3, present: "m1:2 m2:1"}, failed: true, want: CauseRetry},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := tt.input()
			condition := metav1.Condition{Type: workv1alpha2.Scheduled, Status: metav1.ConditionTrue}
			if tt.failed {
				condition.Status = metav1.ConditionFalse
			}
			in.Status.Conditions = []metav1.Condition{condition}
			if tt.change != nil {
				tt.change(in.Spec, in.Status)
			}
			applied := tt.annotation
			if applied == "" {
				from := in.Spec.Placement
				if tt.applied != nil {
					from = tt.applied
				}
				var err error
				if applied, err = AppliedPlacement(from); err != nil {
					t.Fatal(err)
				}
			}
			if got := Due(in.Spec, in.Status, applied, sets.New(tt.terminating), sets.New(tt.outside...)); got != tt.want {
				t.Errorf("due %q, want %q", got, tt.want)
			}
		})
	}
}

func TestInterest(t *testing.T) {
	bad := only(dup(), where("planet", "In", "earth"))
	tests := map[string]struct {
		policy policy
		inUse  string
		name   string
		want   bool
	}{
		"no affinity: every cluster":               {policy: dup(), name: "m1", want: true},
		"a cluster in the affinity":                {policy: only(dup(), named("m1")), name: "m1", want: true},
		"a cluster outside":                        {policy: only(dup(), named("m1")), name: "m2"},
		"a cluster of the term in use":             {policy: terms(dup(), "home=m1 away=m2"), inUse: "away", name: "m2", want: true},
		"a cluster of another term":                {policy: terms(dup(), "home=m1 away=m2"), inUse: "away", name: "m1"},
		"no term in use: those of all terms":       {policy: terms(dup(), "home=m1 away=m2"), name: "m1", want: true},
		"a term in use that is gone: those of all": {policy: terms(dup(), "home=m1 away=m2"), inUse: "old", name: "m2", want: true},
		"overflow belongs to the term":             {policy: overflow(terms(dynamic(), "home=m1"), "m2"), inUse: "home", name: "m2", want: true},
		"an affinity that cannot be parsed: none":  {policy: bad, name: "m1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := NewInterest(&tt.policy, tt.inUse).Includes(member(tt.name)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
