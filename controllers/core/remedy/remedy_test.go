package remedy

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
)

func remedy(change func(*remedyv1alpha1.RemedySpec), actions ...remedyv1alpha1.RemedyAction) *remedyv1alpha1.Remedy {
	r := &remedyv1alpha1.Remedy{Spec: remedyv1alpha1.RemedySpec{Actions: actions}}
	if change != nil {
		change(&r.Spec)
	}
	return r
}

func on(tests ...*remedyv1alpha1.ClusterConditionRequirement) func(*remedyv1alpha1.RemedySpec) {
	return func(spec *remedyv1alpha1.RemedySpec) {
		for _, t := range tests {
			spec.DecisionMatches = append(spec.DecisionMatches, remedyv1alpha1.DecisionMatch{ClusterConditionMatch: t})
		}
	}
}

func test(condition string, operator remedyv1alpha1.ClusterConditionOperator, status string) *remedyv1alpha1.ClusterConditionRequirement {
	return &remedyv1alpha1.ClusterConditionRequirement{ConditionType: condition, Operator: operator, ConditionStatus: status}
}

func named(clusters ...string) func(*remedyv1alpha1.RemedySpec) {
	return func(spec *remedyv1alpha1.RemedySpec) {
		spec.ClusterAffinity = &remedyv1alpha1.ClusterAffinity{ClusterNames: clusters}
	}
}

func member(conditions ...metav1.Condition) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}, Status: clusterv1alpha1.ClusterStatus{Conditions: conditions}}
}

func TestActions(t *testing.T) {
	const dns = remedyv1alpha1.ServiceDomainNameResolutionReady
	broken := member(metav1.Condition{Type: dns, Status: metav1.ConditionFalse}, metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue})
	type remedies = []*remedyv1alpha1.Remedy
	traffic := []string{"TrafficControl"}
	cases := map[string]struct {
		cluster  *clusterv1alpha1.Cluster
		remedies remedies
		want     []string
	}{
		"none":                               {broken, nil, nil},
		"without a match it is always asked": {broken, remedies{remedy(nil, remedyv1alpha1.TrafficControl)}, traffic},
		"for a cluster by name":              {broken, remedies{remedy(named("iad", "fra"), remedyv1alpha1.TrafficControl)}, traffic},
		"for another cluster":                {broken, remedies{remedy(named("iad"), remedyv1alpha1.TrafficControl)}, nil},
		"for no cluster":                     {broken, remedies{remedy(named(), remedyv1alpha1.TrafficControl)}, nil},
		"the condition is so":                {broken, remedies{remedy(on(test(dns, "Equal", "False")), remedyv1alpha1.TrafficControl)}, traffic},
		"it is not":                          {broken, remedies{remedy(on(test(dns, "Equal", "True")), remedyv1alpha1.TrafficControl)}, nil},
		"it is anything but":                 {broken, remedies{remedy(on(test(dns, "NotEqual", "True")), remedyv1alpha1.TrafficControl)}, traffic},
		"nothing is known of it":             {member(), remedies{remedy(on(test(dns, "NotEqual", "True")), remedyv1alpha1.TrafficControl)}, nil},
		"one match of several is enough":     {broken, remedies{remedy(on(test("Ready", "Equal", "False"), nil, test(dns, "Equal", "False")), remedyv1alpha1.TrafficControl)}, traffic},
		"an empty match does not":            {broken, remedies{remedy(on(nil), remedyv1alpha1.TrafficControl)}, nil},
		"an operator nobody knows":           {broken, remedies{remedy(on(test(dns, "Like", "False")), remedyv1alpha1.TrafficControl)}, nil},
		"several, sorted, each once":         {broken, remedies{remedy(nil, "Z", remedyv1alpha1.TrafficControl), remedy(nil, remedyv1alpha1.TrafficControl, "A")}, []string{"A", "TrafficControl", "Z"}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Actions(tt.cluster, tt.remedies)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Another Remedy never takes an action away, and the order of Remedies does not count.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		remedies := rapid.SliceOf(rapid.Custom(func(t *rapid.T) *remedyv1alpha1.Remedy {
			change := rapid.SampledFrom([]func(*remedyv1alpha1.RemedySpec){nil, named("fra"), named("iad"), on(test("Ready", "Equal", "True")), on(test("Ready", "NotEqual", "True"))}).Draw(t, "change")
			return remedy(change, rapid.SliceOf(rapid.SampledFrom([]remedyv1alpha1.RemedyAction{"A", "B", "TrafficControl"})).Draw(t, "actions")...)
		})).Draw(t, "remedies")
		cluster := member(metav1.Condition{Type: "Ready", Status: rapid.SampledFrom([]metav1.ConditionStatus{"True", "False"}).Draw(t, "ready")})
		all := Actions(cluster, remedies)
		if diff := cmp.Diff(all, Actions(cluster, rapid.Permutation(remedies).Draw(t, "order"))); diff != "" {
			t.Error(diff)
		}
		if len(remedies) > 0 {
			for _, action := range Actions(cluster, remedies[1:]) {
				if !slices.Contains(all, action) {
					t.Errorf("%s is gone with one more Remedy", action)
				}
			}
		}
	})
}
