package placement

import (
	"cmp"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// The oracle makes a placement a second time, by the rules as they are documented and in the order in
// which they are stated. It shares no code with the package: it enumerates where the package
// searches, deals seats out one by one where the package gives many at once, and computes quotients
// as fractions. It is slow and ought to be obviously right. It knows nothing of custom algorithms,
// workload affinity, assumed replicas and components.

// oracleAnswer is what the oracle makes of an input.
type oracleAnswer struct {
	targets  []workv1alpha2.TargetCluster
	affinity string
	reason   string
}

// oracleCluster is a cluster that passed the filters.
type oracleCluster struct {
	cluster *clusterv1alpha1.Cluster
	tier    int   // 0 for the affinity itself, 1.. for its overflow
	score   int64 // 100 for a present target
	has     int64 // replicas assigned there
	room    int64 // what the estimators say
	all     int64 // "available": room and what is assigned there
}

func oraclePlace(in Input) oracleAnswer {
	terms := in.Spec.Placement.ClusterAffinities
	if len(terms) == 0 {
		one := policyv1alpha1.ClusterAffinityTerm{}
		if in.Spec.Placement.ClusterAffinity != nil {
			one.ClusterAffinity = *in.Spec.Placement.ClusterAffinity
		}
		terms = []policyv1alpha1.ClusterAffinityTerm{one}
	}
	start := 0
	if !oracleTriggered(in) {
		for i := range terms {
			if in.Status != nil && terms[i].AffinityName == in.Status.SchedulerObservedAffinityName {
				start = i
			}
		}
	}
	reason := ""
	for i := start; i < len(terms); i++ {
		targets, why := oracleTerm(in, &terms[i])
		if why == "" {
			return oracleAnswer{targets, terms[i].AffinityName, workv1alpha2.ReasonScheduledSuccess}
		}
		if reason == "" {
			reason = why // the first error decides
		}
	}
	// Not Karmada's rule but ours: what runs stays, but for clusters that are being deleted.
	answer := oracleAnswer{reason: reason}
	if in.Status != nil {
		answer.affinity = in.Status.SchedulerObservedAffinityName
	}
	for _, t := range in.Spec.Clusters {
		if c := oracleFind(in, t.Name); c == nil || c.DeletionTimestamp == nil {
			answer.targets = append(answer.targets, t)
		}
	}
	return answer
}

func oracleTriggered(in Input) bool {
	at := in.Spec.RescheduleTriggeredAt
	return at != nil && (in.Status == nil || in.Status.LastScheduledTime == nil || at.After(in.Status.LastScheduledTime.Time))
}

func oracleFind(in Input, name string) *clusterv1alpha1.Cluster {
	for _, c := range in.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func oracleTerm(in Input, term *policyv1alpha1.ClusterAffinityTerm) ([]workv1alpha2.TargetCluster, string) {
	candidates := oracleFilter(in, term)
	if len(candidates) == 0 {
		return nil, workv1alpha2.ReasonNoClusterFit
	}
	selected, ok := oracleSelect(in, candidates)
	if !ok {
		return nil, workv1alpha2.ReasonSchedulerError
	}
	replicas, ok := oracleAssign(in, selected)
	if !ok {
		return nil, workv1alpha2.ReasonUnschedulable
	}
	var targets []workv1alpha2.TargetCluster
	for _, c := range selected {
		n := replicas[c.cluster.Name]
		if n != 0 || in.KeepEmpty || !oracleIsWorkload(in) {
			targets = append(targets, workv1alpha2.TargetCluster{Name: c.cluster.Name, Replicas: int32(n)})
		}
	}
	slices.SortFunc(targets, func(a, b workv1alpha2.TargetCluster) int { return cmp.Compare(a.Name, b.Name) })
	return targets, ""
}

func oracleIsWorkload(in Input) bool {
	return in.Spec.Replicas > 0 || in.Spec.ReplicaRequirements != nil
}

// Filters.

func oracleFilter(in Input, term *policyv1alpha1.ClusterAffinityTerm) (out []oracleCluster) {
	for _, c := range in.Clusters {
		target, has := false, int64(0)
		for _, t := range in.Spec.Clusters {
			if t.Name == c.Name {
				target, has = true, int64(t.Replicas)
			}
		}
		tier := oracleTier(in, c, term)
		evicting := false
		for _, task := range in.Spec.GracefulEvictionTasks {
			evicting = evicting || task.FromCluster == c.Name
		}
		if c.DeletionTimestamp != nil || in.Exclude.Has(c.Name) || tier < 0 || evicting || !oracleSpreadable(in, c) {
			continue
		}
		if !target && (!oracleServes(in, c) || !oracleTolerated(in, c)) {
			continue
		}
		x := oracleCluster{cluster: c, tier: tier, has: has, room: oracleRoom(in, c)}
		if target {
			x.score = 100
		}
		x.all = x.room + x.has
		out = append(out, x)
	}
	return out
}

func oracleServes(in Input, c *clusterv1alpha1.Cluster) bool {
	for _, e := range c.Status.APIEnablements {
		for _, r := range e.Resources {
			if e.GroupVersion == in.Spec.Resource.APIVersion && r.Kind == in.Spec.Resource.Kind {
				return true
			}
		}
	}
	return false
}

func oracleTolerated(in Input, c *clusterv1alpha1.Cluster) bool {
	for _, taint := range c.Spec.Taints {
		if taint.Effect == corev1.TaintEffectPreferNoSchedule {
			continue
		}
		tolerated := false
		for _, t := range in.Spec.Placement.ClusterTolerations {
			effect := t.Effect == "" || t.Effect == taint.Effect
			every := t.Key == "" && t.Operator == corev1.TolerationOpExists
			exists := t.Key == taint.Key && t.Operator == corev1.TolerationOpExists
			equal := t.Key == taint.Key && t.Value == taint.Value && (t.Operator == "" || t.Operator == corev1.TolerationOpEqual)
			tolerated = tolerated || effect && (every || exists || equal)
		}
		if !tolerated {
			return false
		}
	}
	return true
}

func oracleSpreadable(in Input, c *clusterv1alpha1.Cluster) bool {
	for _, s := range in.Spec.Placement.SpreadConstraints {
		switch s.SpreadByField {
		case policyv1alpha1.SpreadByFieldRegion:
			if c.Spec.Region == "" {
				return false
			}
		case policyv1alpha1.SpreadByFieldProvider:
			if c.Spec.Provider == "" {
				return false
			}
		case policyv1alpha1.SpreadByFieldZone:
			if len(c.Spec.Zones) == 0 {
				return false
			}
		}
	}
	return true
}

// oracleTier is the first of the term and, for workloads, its overflow that the cluster is in, or -1.
func oracleTier(in Input, c *clusterv1alpha1.Cluster, term *policyv1alpha1.ClusterAffinityTerm) int {
	if oracleMatches(c, &term.ClusterAffinity) {
		return 0
	}
	for i := range term.OverflowAffinities {
		if oracleIsWorkload(in) && oracleMatches(c, &term.OverflowAffinities[i].ClusterAffinity) {
			return i + 1
		}
	}
	return -1
}

func oracleMatches(c *clusterv1alpha1.Cluster, a *policyv1alpha1.ClusterAffinity) bool {
	if slices.Contains(a.ExcludeClusters, c.Name) || len(a.ClusterNames) > 0 && !slices.Contains(a.ClusterNames, c.Name) {
		return false
	}
	if a.LabelSelector != nil {
		for k, v := range a.LabelSelector.MatchLabels {
			if got, ok := c.Labels[k]; !ok || got != v {
				return false
			}
		}
		for _, e := range a.LabelSelector.MatchExpressions {
			got, ok := c.Labels[e.Key]
			listed := ok && slices.Contains(e.Values, got)
			if e.Operator == metav1.LabelSelectorOpIn && !listed || e.Operator == metav1.LabelSelectorOpNotIn && listed ||
				e.Operator == metav1.LabelSelectorOpExists && !ok || e.Operator == metav1.LabelSelectorOpDoesNotExist && ok {
				return false
			}
		}
	}
	if a.FieldSelector != nil {
		for _, e := range a.FieldSelector.MatchExpressions {
			values := map[string][]string{"provider": {c.Spec.Provider}, "region": {c.Spec.Region}, "zone": c.Spec.Zones}[e.Key]
			any := false
			for _, v := range values {
				any = any || v != "" && slices.Contains(e.Values, v)
			}
			if any != (e.Operator == corev1.NodeSelectorOpIn) {
				return false
			}
		}
	}
	return true
}

// oracleRoom is what the estimators say: the least of them, free pods and free resources. Without
// replicas nobody is asked.
func oracleRoom(in Input, c *clusterv1alpha1.Cluster) int64 {
	if in.Spec.Replicas == 0 {
		return math.MaxInt32
	}
	if c.Status.ResourceSummary == nil {
		return 0
	}
	summary := c.Status.ResourceSummary
	free := func(name corev1.ResourceName) int64 {
		allocatable, allocated, allocating := summary.Allocatable[name], summary.Allocated[name], summary.Allocating[name]
		return max(0, allocatable.MilliValue()-allocated.MilliValue()-allocating.MilliValue())
	}
	room := free(corev1.ResourcePods) / 1000
	if r := in.Spec.ReplicaRequirements; r != nil {
		for name, q := range r.ResourceRequest {
			room = min(room, free(name)/q.MilliValue())
		}
	}
	if e, ok := in.Estimates[c.Name]; ok && e >= 0 {
		room = min(room, int64(e))
	}
	return room
}
