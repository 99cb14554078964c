// Package affinity says which clusters a ClusterAffinity picks. It is used wherever a policy names
// clusters: by placement, by overrides, by traffic. It knows nothing of scheduling: taints, health
// and capacity are somebody else's question.
package affinity

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// Matcher is a ClusterAffinity made ready to be asked about many clusters. It is safe for
// concurrent use as long as the affinity it was made from is not changed.
type Matcher struct {
	affinity *policyv1alpha1.ClusterAffinity
	// labels is nil when every label set is fine
	labels labels.Selector
	never  bool
}

// New prepares an affinity. A nil affinity picks every cluster. One whose label selector can not be
// parsed picks none: admission refuses it, and no cluster is better than all of them.
func New(affinity *policyv1alpha1.ClusterAffinity) Matcher {
	m := Matcher{affinity: affinity}
	if affinity == nil || affinity.LabelSelector == nil {
		return m
	}
	selector, err := metav1.LabelSelectorAsSelector(affinity.LabelSelector)
	m.labels, m.never = selector, err != nil
	return m
}

// Matches is New(affinity).Matches(cluster), for a single question.
func Matches(cluster *clusterv1alpha1.Cluster, affinity *policyv1alpha1.ClusterAffinity) bool {
	return New(affinity).Matches(cluster)
}

// Matches says whether everything that the affinity sets holds for the cluster. An excluded name is
// never picked, also when it is listed in clusterNames.
func (m Matcher) Matches(cluster *clusterv1alpha1.Cluster) bool {
	if m.never || cluster == nil {
		return false
	}
	a := m.affinity
	if a == nil {
		return true
	}
	if slices.Contains(a.ExcludeClusters, cluster.Name) {
		return false
	}
	if len(a.ClusterNames) > 0 && !slices.Contains(a.ClusterNames, cluster.Name) {
		return false
	}
	if m.labels != nil && !m.labels.Matches(labels.Set(cluster.Labels)) {
		return false
	}
	return a.FieldSelector == nil || matchesFields(cluster, a.FieldSelector)
}

func matchesFields(cluster *clusterv1alpha1.Cluster, selector *policyv1alpha1.FieldSelector) bool {
	for _, requirement := range selector.MatchExpressions {
		if !matchesField(cluster, requirement) {
			return false
		}
	}
	return true
}

// matchesField compares one field. A field the cluster does not have is In nothing and NotIn
// everything, as with labels; an unknown key or operator matches nothing.
func matchesField(cluster *clusterv1alpha1.Cluster, requirement corev1.NodeSelectorRequirement) bool {
	values, known := fieldValues(cluster, requirement.Key)
	if !known {
		return false
	}
	listed := slices.ContainsFunc(values, func(v string) bool {
		return v != "" && slices.Contains(requirement.Values, v)
	})
	switch requirement.Operator {
	case corev1.NodeSelectorOpIn:
		return listed
	case corev1.NodeSelectorOpNotIn:
		return !listed
	}
	return false
}

func fieldValues(cluster *clusterv1alpha1.Cluster, key string) (values []string, known bool) {
	switch key {
	case policyv1alpha1.ProviderField:
		return []string{cluster.Spec.Provider}, true
	case policyv1alpha1.RegionField:
		return []string{cluster.Spec.Region}, true
	case policyv1alpha1.ZoneField:
		if len(cluster.Spec.Zones) == 0 {
			return []string{cluster.Spec.Zone}, true
		}
		return cluster.Spec.Zones, true
	}
	return nil, false
}
