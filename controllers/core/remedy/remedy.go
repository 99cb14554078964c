// Package remedy decides which actions Remedies ask of a cluster. What an action means is for those who read
// them in the cluster's status.
package remedy

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	remedyv1alpha1 "github.com/seaway-io/seaway/api/remedy/v1alpha1"
)

// Actions are those that the Remedies ask of the cluster, sorted, each once; nil when there are none.
func Actions(cluster *clusterv1alpha1.Cluster, remedies []*remedyv1alpha1.Remedy) []string {
	var out []string
	for _, r := range remedies {
		if !Concerns(&r.Spec, cluster.Name) || !matches(r.Spec.DecisionMatches, cluster.Status.Conditions) {
			continue
		}
		for _, action := range r.Spec.Actions {
			out = append(out, string(action))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Concerns says whether a Remedy is for a cluster. One that names no clusters where it could is for none; one
// without an affinity is for all.
func Concerns(spec *remedyv1alpha1.RemedySpec, cluster string) bool {
	return spec.ClusterAffinity == nil || slices.Contains(spec.ClusterAffinity.ClusterNames, cluster)
}

// matches says whether one of the matches holds. No matches always do; a condition that is not there never does.
func matches(list []remedyv1alpha1.DecisionMatch, conditions []metav1.Condition) bool {
	if len(list) == 0 {
		return true
	}
	return slices.ContainsFunc(list, func(m remedyv1alpha1.DecisionMatch) bool {
		test := m.ClusterConditionMatch
		if test == nil {
			return false
		}
		c := meta.FindStatusCondition(conditions, test.ConditionType)
		if c == nil {
			return false
		}
		switch test.Operator {
		case remedyv1alpha1.ClusterConditionEqual:
			return string(c.Status) == test.ConditionStatus
		case remedyv1alpha1.ClusterConditionNotEqual:
			return string(c.Status) != test.ConditionStatus
		}
		return false
	})
}
