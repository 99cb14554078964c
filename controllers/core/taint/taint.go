// Package taint decides which taints a cluster has by its conditions, as ClusterTaintPolicies ask. It does not
// know who tolerates them, nor what follows.
package taint

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// Taints are those the cluster should have, in the order it has them. Policies speak one after the other,
// oldest first; one whose lists both hold adds and then removes. A taint is known by its key and effect: one
// that is there is not overwritten, whoever put it there, and taints that no policy names stay. What a policy
// has added stays when the policy goes.
func Taints(cluster *clusterv1alpha1.Cluster, policies []*policyv1alpha1.ClusterTaintPolicy, now time.Time) []corev1.Taint {
	taints := slices.Clone(cluster.Spec.Taints)
	for _, p := range inOrder(policies) {
		if !affinity.Matches(cluster, p.Spec.TargetClusters) {
			continue
		}
		if holds(p.Spec.AddOnConditions, cluster.Status.Conditions) {
			taints = add(taints, cluster.Spec.Taints, p.Spec.Taints, now)
		}
		if holds(p.Spec.RemoveOnConditions, cluster.Status.Conditions) {
			taints = slices.DeleteFunc(taints, func(have corev1.Taint) bool { return slices.ContainsFunc(p.Spec.Taints, same(have)) })
		}
	}
	return taints
}

// inOrder sorts by age, and by name what is of one age.
func inOrder(policies []*policyv1alpha1.ClusterTaintPolicy) []*policyv1alpha1.ClusterTaintPolicy {
	return slices.SortedFunc(slices.Values(policies), func(a, b *policyv1alpha1.ClusterTaintPolicy) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
}

// holds says whether all tests hold. No tests never hold, nor does one of a condition that is not there.
func holds(tests []policyv1alpha1.MatchCondition, conditions []metav1.Condition) bool {
	for _, test := range tests {
		c := meta.FindStatusCondition(conditions, test.ConditionType)
		if c == nil {
			return false
		}
		listed := slices.Contains(test.StatusValues, c.Status)
		switch test.Operator {
		case policyv1alpha1.MatchConditionOpIn:
			if !listed {
				return false
			}
		case policyv1alpha1.MatchConditionOpNotIn:
			if listed {
				return false
			}
		default:
			return false
		}
	}
	return len(tests) > 0
}

// add adds what is missing. A taint that an earlier policy took away from what the cluster has, and this one
// gives back, is the one the cluster has: nothing happened to it.
func add(taints, had []corev1.Taint, wanted []policyv1alpha1.Taint, now time.Time) []corev1.Taint {
	for _, want := range wanted {
		if slices.ContainsFunc(taints, func(have corev1.Taint) bool { return same(have)(want) }) {
			continue
		}
		taint := corev1.Taint{Key: want.Key, Value: want.Value, Effect: want.Effect, TimeAdded: &metav1.Time{Time: now}}
		if i := slices.IndexFunc(had, func(have corev1.Taint) bool { return same(have)(want) && have.Value == want.Value }); i >= 0 {
			taint = had[i]
		}
		taints = append(taints, taint)
	}
	return taints
}

func same(have corev1.Taint) func(policyv1alpha1.Taint) bool {
	return func(t policyv1alpha1.Taint) bool { return t.Key == have.Key && t.Effect == have.Effect }
}

// Equal says whether two lists hold the same taints, in whatever order.
func Equal(a, b []corev1.Taint) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y corev1.Taint) bool {
			return x.Key == y.Key && x.Effect == y.Effect && x.Value == y.Value && x.TimeAdded.Equal(y.TimeAdded)
		}) {
			return false
		}
	}
	return true
}
