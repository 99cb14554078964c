package validation

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
)

func TestValidateRemedy(t *testing.T) {
	on := func(condition string, operator remedyv1alpha1.ClusterConditionOperator, status string) remedyv1alpha1.RemedySpec {
		return remedyv1alpha1.RemedySpec{DecisionMatches: []remedyv1alpha1.DecisionMatch{{ClusterConditionMatch: &remedyv1alpha1.ClusterConditionRequirement{
			ConditionType: condition, Operator: operator, ConditionStatus: status,
		}}}}
	}
	const test = "spec.decisionMatches[0].clusterConditionMatch"
	cases := map[string]struct {
		spec remedyv1alpha1.RemedySpec
		want []string
	}{
		"nothing said":                    {},
		"as it is meant":                  {spec: on("ServiceDomainNameResolutionReady", "NotEqual", "True")},
		"an action of somebody else's":    {spec: remedyv1alpha1.RemedySpec{Actions: []remedyv1alpha1.RemedyAction{"PageSomebody"}}},
		"an action without a name":        {spec: remedyv1alpha1.RemedySpec{Actions: []remedyv1alpha1.RemedyAction{""}}, want: []string{"spec.actions[0]"}},
		"a status that no condition has":  {spec: on("Ready", "NotEqual", "true"), want: []string{test + ".conditionStatus"}},
		"an operator nobody knows":        {spec: on("Ready", "Like", "True"), want: []string{test + ".operator"}},
		"no condition":                    {spec: on("", "Equal", "True"), want: []string{test + ".conditionType"}},
		"no test":                         {spec: remedyv1alpha1.RemedySpec{DecisionMatches: []remedyv1alpha1.DecisionMatch{{}}}, want: []string{test}},
		"a name that no cluster can have": {spec: remedyv1alpha1.RemedySpec{ClusterAffinity: &remedyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra", "Fra!"}}}, want: []string{"spec.clusterAffinity.clusterNames[1]"}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, err := range ValidateRemedy(&remedyv1alpha1.Remedy{Spec: tt.spec}) {
				got = append(got, err.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
