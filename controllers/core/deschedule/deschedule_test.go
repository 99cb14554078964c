package deschedule

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

var deployments = []schema.GroupKind{{Group: "apps", Kind: "Deployment"}}

func divided(preference policyv1alpha1.ReplicaDivisionPreference, weights *policyv1alpha1.ClusterPreferences) *policyv1alpha1.Placement {
	return &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: preference, WeightPreference: weights}}
}

func dynamic() *policyv1alpha1.Placement {
	return divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted, &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas})
}

func aggregated() *policyv1alpha1.Placement {
	return divided(policyv1alpha1.ReplicaDivisionPreferenceAggregated, nil)
}

type targets = []workv1alpha2.TargetCluster

// deployment is settled: all of its replicas are placed, and the scheduler has seen it.
func deployment(p *policyv1alpha1.Placement, to ...workv1alpha2.TargetCluster) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment", Generation: 7,
		Labels: map[string]string{names.PropagationPolicyPermanentID: "p"}}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	b.Spec.Placement, b.Spec.Clusters = p, to
	for _, t := range to {
		b.Spec.Replicas += t.Replicas
	}
	b.Status.SchedulerObservedGeneration = 7
	return b
}

// report says what the member says.
func report(b *workv1alpha2.ResourceBinding, cluster, status string) {
	item := workv1alpha2.AggregatedStatusItem{ClusterName: cluster}
	if status != "" {
		item.Status = &runtime.RawExtension{Raw: []byte(status)}
	}
	b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, item)
}

func TestShortages(t *testing.T) {
	five := []Shortage{{Cluster: "m1", Assigned: 5, Ready: 3}}
	type change = func(*workv1alpha2.ResourceBinding)
	for name, tc := range map[string]struct {
		placement *policyv1alpha1.Placement // dynamic when nil
		status    string                    // of m1, which has 5; {"replicas":5,"readyReplicas":3} when empty
		change    change
		kinds     []schema.GroupKind
		want      []Shortage
	}{
		"divided by room":              {want: five},
		"aggregated":                   {placement: aggregated(), want: five},
		"static weights":               {placement: divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted, nil)},
		"duplicated":                   {placement: &policyv1alpha1.Placement{}},
		"no placement":                 {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement = nil }},
		"another kind":                 {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Resource.Kind = "StatefulSet" }},
		"another group":                {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Resource.APIVersion = "example.com/v1" }},
		"another version of the group": {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Resource.APIVersion = "apps/v1beta1" }, want: five},
		"a kind that was asked for": {
			change: func(b *workv1alpha2.ResourceBinding) {
				b.Spec.Resource.APIVersion, b.Spec.Resource.Kind = "example.com/v1", "Crowd"
			},
			kinds: []schema.GroupKind{{Group: "example.com", Kind: "Crowd"}}, want: five},
		"several components": {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Components = []workv1alpha2.Component{{Name: "a"}} }},
		"being deleted": {change: func(b *workv1alpha2.ResourceBinding) {
			b.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}},
		"nobody's": {change: func(b *workv1alpha2.ResourceBinding) { b.Labels = nil }},
		"scheduling suspended": {change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
		}},
		"the scheduler has not seen it":         {change: func(b *workv1alpha2.ResourceBinding) { b.Generation++ }},
		"replicas without a place":              {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas++ }},
		"too many replicas placed":              {change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas-- }},
		"all ready":                             {status: `{"replicas":5,"readyReplicas":5}`},
		"more ready than assigned":              {status: `{"replicas":6,"readyReplicas":6}`},
		"none ready":                            {status: `{"replicas":5}`, want: []Shortage{{Cluster: "m1", Assigned: 5}}},
		"more pods than assigned":               {status: `{"replicas":7,"readyReplicas":3}`, want: []Shortage{{Cluster: "m1", Assigned: 5, Ready: 3, Surplus: 2}}},
		"a report without a status":             {status: "none"},
		"a status that does not count":          {status: `{"readyReplicas":3}`},
		"a status that makes no sense":          {status: `{"replicas":"five"}`},
		"a status that is no object":            {status: `[]`},
		"counts that are negative":              {status: `{"replicas":-5,"readyReplicas":-3}`, want: []Shortage{{Cluster: "m1", Assigned: 5}}},
		"a count beyond reason":                 {status: `{"replicas":9000000000000000000,"readyReplicas":1}`, want: []Shortage{{Cluster: "m1", Assigned: 5, Ready: 1, Surplus: math.MaxInt32}}},
		"no report, such as of a new cluster":   {change: func(b *workv1alpha2.ResourceBinding) { b.Status.AggregatedStatus = b.Status.AggregatedStatus[1:] }},
		"only clusters that are targets matter": {change: func(b *workv1alpha2.ResourceBinding) { report(b, "m9", `{"replicas":4}`) }, want: five},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.placement == nil {
				tc.placement = dynamic()
			}
			b := deployment(tc.placement, targets{{Name: "m1", Replicas: 5}, {Name: "m2", Replicas: 2}}...)
			switch tc.status {
			case "":
				tc.status = `{"replicas":5,"readyReplicas":3}`
			case "none":
				tc.status = ""
			}
			report(b, "m1", tc.status)
			report(b, "m2", `{"replicas":2,"readyReplicas":2}`)
			if tc.change != nil {
				tc.change(b)
			}
			if tc.kinds == nil {
				tc.kinds = deployments
			}
			if diff := cmp.Diff(tc.want, Shortages(b, tc.kinds)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestShortagesOfAClusterResourceBinding(t *testing.T) {
	b := deployment(dynamic(), workv1alpha2.TargetCluster{Name: "m1", Replicas: 5})
	report(b, "m1", `{"replicas":5,"readyReplicas":3}`)
	global := &workv1alpha2.ClusterResourceBinding{ObjectMeta: b.ObjectMeta, Spec: b.Spec, Status: b.Status}
	if got := Shortages(global, deployments); len(got) != 1 {
		t.Errorf("got %v, want what the namespaced twin has", got)
	}
}

func TestLower(t *testing.T) {
	for name, tc := range map[string]struct {
		short   []Shortage
		hanging map[string]int32
		want    string // targets; empty for nothing
		said    string
	}{
		"one hangs":                   {[]Shortage{{"m1", 5, 3, 0}}, map[string]int32{"m1": 1}, "{m1:4, m2:2}", "1 replica (1 of m1)"},
		"all that is not ready":       {[]Shortage{{"m1", 5, 3, 0}}, map[string]int32{"m1": 2}, "{m1:3, m2:2}", "2 replicas (2 of m1)"},
		"more hang than is not ready": {[]Shortage{{"m1", 5, 3, 0}}, map[string]int32{"m1": 4}, "{m1:3, m2:2}", "2 replicas (2 of m1)"},
		"a count beyond reason":       {[]Shortage{{"m1", 5, 3, 0}}, map[string]int32{"m1": math.MaxInt32}, "{m1:3, m2:2}", "2 replicas (2 of m1)"},
		"none is ready":               {[]Shortage{{"m1", 5, 0, 0}}, map[string]int32{"m1": 5}, "{m1:0, m2:2}", "5 replicas (5 of m1)"},
		"two clusters":                {[]Shortage{{"m1", 5, 3, 0}, {"m2", 2, 0, 0}}, map[string]int32{"m1": 1, "m2": 2}, "{m1:4, m2:0}", "3 replicas (1 of m1, 2 of m2)"},
		"one of them does not know":   {[]Shortage{{"m1", 5, 3, 0}, {"m2", 2, 0, 0}}, map[string]int32{"m1": -1, "m2": 2}, "{m1:5, m2:0}", "2 replicas (2 of m2)"},
		"those that leave already":    {[]Shortage{{"m1", 5, 3, 1}}, map[string]int32{"m1": 2}, "{m1:4, m2:2}", "1 replica (1 of m1)"},
		"all of them leave already":   {[]Shortage{{"m1", 5, 3, 2}}, map[string]int32{"m1": 2}, "", ""},
		"surplus beyond reason":       {[]Shortage{{"m1", 5, 3, math.MaxInt32}}, map[string]int32{"m1": 2}, "", ""},
		"none hang":                   {[]Shortage{{"m1", 5, 3, 0}}, nil, "", ""},
		"a cluster that is no target": {[]Shortage{{"m9", 5, 3, 0}}, map[string]int32{"m9": 2}, "", ""},
		"nothing is short":            {nil, map[string]int32{"m1": 3}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := targets{{Name: "m1", Replicas: 5}, {Name: "m2", Replicas: 2}}
			to, taken := Lower(before, tc.short, tc.hanging)
			if diff := cmp.Diff("{m1:5, m2:2}", placement.Targets(before)); diff != "" {
				t.Errorf("the input changed:\n%s", diff)
			}
			if tc.want == "" {
				if to != nil || taken != nil {
					t.Errorf("got %v, %v, want nothing", to, taken)
				}
				return
			}
			if diff := cmp.Diff([]string{tc.want, tc.said}, []string{placement.Targets(to), Sentence(taken)}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func ExampleSentence() {
	fmt.Println(Sentence([]Taken{{"m1", 2}, {"m2", 1}}))
	// Output: 3 replicas (2 of m1, 1 of m2)
}
