// Package affinity says which clusters a ClusterAffinity picks. It is used wherever a policy names
// clusters: by placement, by overrides, by traffic. It knows nothing of scheduling: taints, health
// and capacity are somebody else's question.
package affinity

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// manyNames is from how many names on a list is worth an index.
const manyNames = 64

// Matcher is a ClusterAffinity made ready to be asked about many clusters. It is safe for
// concurrent use as long as the affinity it was made from is not changed.
type Matcher struct {
	affinity *policyv1alpha1.ClusterAffinity
	// labels is nil when every label set is fine
	labels labels.Selector
	// named and excluded index lists that are long; nil for those that are not
	named, excluded sets.Set[string]
	never           bool
}

// New prepares an affinity. A nil affinity picks every cluster. One whose label selector can not be
// parsed picks none: admission refuses it, and no cluster is better than all of them.
func New(affinity *policyv1alpha1.ClusterAffinity) Matcher {
	m := Matcher{affinity: affinity}
	if affinity == nil {
		return m
	}
	m.named, m.excluded = index(affinity.ClusterNames), index(affinity.ExcludeClusters)
	if affinity.LabelSelector == nil {
		return m
	}
	selector, err := metav1.LabelSelectorAsSelector(affinity.LabelSelector)
	m.labels, m.never = selector, err != nil
	return m
}

func index(names []string) sets.Set[string] {
	if len(names) < manyNames {
		return nil
	}
	return sets.New(names...)
}

func lists(names []string, index sets.Set[string], name string) bool {
	if index != nil {
		return index.Has(name)
	}
	return slices.Contains(names, name)
}

// Matches is New(affinity).Matches(cluster), for a single question.
func Matches(cluster *clusterv1alpha1.Cluster, affinity *policyv1alpha1.ClusterAffinity) bool {
	return New(affinity).Matches(cluster)
}

// Matches says whether everything that the affinity sets holds for the cluster. An excluded name is
// never picked, also when it is listed in clusterNames.
func (m Matcher) Matches(cluster *clusterv1alpha1.Cluster) bool { return m.Mismatch(cluster) == "" }

// What a cluster fails, after its name in a sentence.
const (
	MismatchMissing = "does not exist"
	MismatchExclude = "is listed in exclude"
	MismatchLabels  = "does not match labelSelector"
	MismatchFields  = "does not match fieldSelector"
	MismatchNames   = "is not listed in clusterNames"
)

// Mismatch says which part of the affinity the cluster fails first; empty when it is picked. The
// texts are constants, as most clusters of a large fleet are out of most affinities.
func (m Matcher) Mismatch(cluster *clusterv1alpha1.Cluster) string {
	a := m.affinity
	switch {
	case cluster == nil:
		return MismatchMissing
	case a == nil:
		return ""
	case lists(a.ExcludeClusters, m.excluded, cluster.Name):
		return MismatchExclude
	case m.never || m.labels != nil && !m.labels.Matches(labels.Set(cluster.Labels)):
		return MismatchLabels
	case a.FieldSelector != nil && !matchesFields(cluster, a.FieldSelector):
		return MismatchFields
	case len(a.ClusterNames) > 0 && !lists(a.ClusterNames, m.named, cluster.Name):
		return MismatchNames
	}
	return ""
}

func matchesFields(cluster *clusterv1alpha1.Cluster, selector *policyv1alpha1.FieldSelector) bool {
	for i := range selector.MatchExpressions {
		if !MatchesField(cluster, &selector.MatchExpressions[i]) {
			return false
		}
	}
	return true
}

// MatchesField compares one field. A field the cluster does not have is In nothing and NotIn
// everything, as with labels; an unknown key or operator matches nothing.
func MatchesField(cluster *clusterv1alpha1.Cluster, requirement *corev1.NodeSelectorRequirement) bool {
	listed := func(value string) bool { return value != "" && slices.Contains(requirement.Values, value) }
	var in bool
	switch requirement.Key {
	case policyv1alpha1.ProviderField:
		in = listed(cluster.Spec.Provider)
	case policyv1alpha1.RegionField:
		in = listed(cluster.Spec.Region)
	case policyv1alpha1.ZoneField:
		in = slices.ContainsFunc(cluster.Spec.Zones, listed) || len(cluster.Spec.Zones) == 0 && listed(cluster.Spec.Zone)
	default:
		return false
	}
	switch requirement.Operator {
	case corev1.NodeSelectorOpIn:
		return in
	case corev1.NodeSelectorOpNotIn:
		return !in
	}
	return false
}
