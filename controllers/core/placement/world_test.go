package placement

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// The tests describe worlds in few words: members made by member(), policies by dup(), static() and
// so on, present targets as "m1:2 m2:1".

type (
	clusters = []*clusterv1alpha1.Cluster
	policy   = policyv1alpha1.Placement
	set      = policyv1alpha1.ClusterAffinity
)

func member(name string, traits ...func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{
		{GroupVersion: "v1", Resources: []clusterv1alpha1.APIResource{{Name: "configmaps", Kind: "ConfigMap"}}},
		{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	for _, t := range traits {
		t(c)
	}
	return c
}

func members(names string) (out clusters) {
	for _, n := range strings.Fields(names) {
		out = append(out, member(n))
	}
	return out
}

func label(key, value string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) { metav1.SetMetaDataLabel(&c.ObjectMeta, key, value) }
}

func in(provider, region string, zones ...string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Spec.Provider, c.Spec.Region, c.Spec.Zones = provider, region, zones
	}
}

func taint(key, value string, effect corev1.TaintEffect) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Spec.Taints = append(c.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: effect})
	}
}

func noAPIs(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil }

func dying(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }

// pods gives the cluster room for so many more pods.
func pods(n int64) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
			Allocatable: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(n, resource.DecimalSI)},
		}
	}
}

func dup() policy {
	return policy{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDuplicated}}
}

// static weighs clusters: "m1=2 m2,m3=1".
func static(rules string) policy {
	weights := &policyv1alpha1.ClusterPreferences{}
	for _, r := range strings.Fields(rules) {
		names, weight, _ := strings.Cut(r, "=")
		w, err := strconv.ParseInt(weight, 10, 64)
		if err != nil {
			panic(err)
		}
		weights.StaticWeightList = append(weights.StaticWeightList, policyv1alpha1.StaticClusterWeight{
			TargetCluster: set{ClusterNames: strings.Split(names, ",")}, Weight: w})
	}
	return divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted, weights)
}

func equal() policy { return divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted, nil) }

func dynamic() policy {
	return divided(policyv1alpha1.ReplicaDivisionPreferenceWeighted,
		&policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas})
}

func aggregated() policy { return divided(policyv1alpha1.ReplicaDivisionPreferenceAggregated, nil) }

func divided(preference policyv1alpha1.ReplicaDivisionPreference, weights *policyv1alpha1.ClusterPreferences) policy {
	return policy{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
		ReplicaDivisionPreference: preference,
		WeightPreference:          weights,
	}}
}

func with(p policy, change func(*policy)) policy {
	change(&p)
	return p
}

func only(p policy, a set) policy { p.ClusterAffinity = &a; return p }

func named(names string) set { return set{ClusterNames: strings.Fields(names)} }

// terms are ordered groups: "first=m1 second=m2,m3".
func terms(p policy, groups string) policy {
	for _, g := range strings.Fields(groups) {
		name, names, _ := strings.Cut(g, "=")
		p.ClusterAffinities = append(p.ClusterAffinities, policyv1alpha1.ClusterAffinityTerm{
			AffinityName: name, ClusterAffinity: set{ClusterNames: strings.Split(names, ",")}})
	}
	return p
}

// overflow adds overflow groups to the first term.
func overflow(p policy, groups ...string) policy {
	for _, g := range groups {
		p.ClusterAffinities[0].OverflowAffinities = append(p.ClusterAffinities[0].OverflowAffinities,
			policyv1alpha1.OverflowAffinityTerm{AffinityName: g, ClusterAffinity: named(g)})
	}
	return p
}

func spreadBy(p policy, by policyv1alpha1.SpreadFieldValue, minGroups, maxGroups int) policy {
	p.SpreadConstraints = append(p.SpreadConstraints, policyv1alpha1.SpreadConstraint{SpreadByField: by, MinGroups: minGroups, MaxGroups: maxGroups})
	return p
}

func matchLabels(pairs ...string) *metav1.LabelSelector {
	s := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		s.MatchLabels[pairs[i]] = pairs[i+1]
	}
	return s
}

func where(key string, op corev1.NodeSelectorOperator, values ...string) set {
	return set{FieldSelector: &policyv1alpha1.FieldSelector{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}}}}
}

// targets reads "m1:2 m2:1".
func targets(text string) (out []workv1alpha2.TargetCluster) {
	for _, t := range strings.Fields(text) {
		name, n, _ := strings.Cut(t, ":")
		replicas, err := strconv.ParseInt(n, 10, 32)
		if err != nil {
			panic(err)
		}
		out = append(out, workv1alpha2.TargetCluster{Name: name, Replicas: int32(replicas)})
	}
	return out
}

// UIDs whose hash is even and odd: names break ties ascending and descending.
const (
	even types.UID = "a"
	odd  types.UID = "b"
)

// scene is one placement to be made.
type scene struct {
	clusters clusters
	policy   policy
	replicas int32
	config   bool // a ConfigMap instead of a Deployment
	requests bool // the Deployment requests CPU
	uid      types.UID
	present  string
	evicting string
	exclude  string
	affinity string // the term in use
	fresh    bool
	change   func(*Input)
}

func (s scene) input() Input {
	spec := &workv1alpha2.ResourceBindingSpec{
		Resource:  workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", UID: s.uid},
		Replicas:  s.replicas,
		Placement: &s.policy,
		Clusters:  targets(s.present),
	}
	if s.config {
		spec.Resource.APIVersion, spec.Resource.Kind = "v1", "ConfigMap"
	}
	if s.requests {
		spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}}
	}
	for _, name := range strings.Fields(s.evicting) {
		spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{FromCluster: name})
	}
	out := Input{
		Clusters: s.clusters, Spec: spec, Exclude: sets.New(strings.Fields(s.exclude)...), Fresh: s.fresh,
		Status: &workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: s.affinity},
	}
	if s.change != nil {
		s.change(&out)
	}
	return out
}
