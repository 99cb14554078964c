package placement

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

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

// Selection.

// oracleBounds reads a spread constraint; ok is false without one for the field.
func oracleBounds(in Input, by policyv1alpha1.SpreadFieldValue) (lo, hi int, ok bool) {
	for _, s := range in.Spec.Placement.SpreadConstraints {
		if s.SpreadByField == by {
			lo, hi = max(1, s.MinGroups), s.MaxGroups
			if hi == 0 {
				hi = math.MaxInt
			}
			return lo, hi, true
		}
	}
	return 0, 0, false
}

func oraclePrefers(a, b oracleCluster) int {
	if a.tier != b.tier {
		return a.tier - b.tier
	}
	if a.score != b.score {
		return int(b.score - a.score)
	}
	if a.all != b.all {
		return int(b.all - a.all)
	}
	return strings.Compare(a.cluster.Name, b.cluster.Name)
}

func oracleSelect(in Input, candidates []oracleCluster) ([]oracleCluster, bool) {
	placement := in.Spec.Placement
	if len(placement.SpreadConstraints) == 0 || oracleStrategy(in) == "static" {
		return candidates, true
	}
	sorted := slices.Clone(candidates)
	slices.SortFunc(sorted, oraclePrefers)
	if _, _, ok := oracleBounds(in, policyv1alpha1.SpreadByFieldRegion); ok {
		return oracleByRegion(in, sorted)
	}
	lo, hi, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldCluster)
	if len(sorted) < lo {
		return nil, false
	}
	n := min(len(sorted), hi)
	in1, out := slices.Clone(sorted[:n]), slices.Clone(sorted[n:])
	if oracleStrategy(in) == "duplicated" {
		return in1, true
	}
	wanted := int64(in.Spec.Replicas)
	for i := n - 1; i >= 0 && oracleSum(in1) < wanted; i-- {
		largest := -1
		for j := range out {
			if largest < 0 || out[j].all > out[largest].all {
				largest = j
			}
		}
		if largest >= 0 && out[largest].all > in1[i].all {
			in1[i], out[largest] = out[largest], in1[i]
		}
	}
	return in1, oracleSum(in1) >= wanted
}

func oracleSum(clusters []oracleCluster) (sum int64) {
	for _, c := range clusters {
		sum += c.all
	}
	return sum
}

type oracleRegion struct {
	name    string
	members []oracleCluster
	score   int64
}

type oraclePath struct {
	regions []oracleRegion
	id      int
}

func (p oraclePath) count() (n int) {
	for _, r := range p.regions {
		n += len(r.members)
	}
	return n
}

func (p oraclePath) score() (n int64) {
	for _, r := range p.regions {
		n += r.score
	}
	return n
}

func oracleByRegion(in Input, sorted []oracleCluster) ([]oracleCluster, bool) {
	rmin, rmax, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldRegion)
	cmin, cmax, _ := oracleBounds(in, policyv1alpha1.SpreadByFieldCluster)
	var regions []oracleRegion
	for _, c := range sorted {
		at := slices.IndexFunc(regions, func(r oracleRegion) bool { return r.name == c.cluster.Spec.Region })
		if at < 0 {
			at, regions = len(regions), append(regions, oracleRegion{name: c.cluster.Spec.Region})
		}
		regions[at].members = append(regions[at].members, c)
	}
	for i := range regions {
		regions[i].score = oracleRegionScore(in, regions[i].members, rmin, cmin)
	}
	slices.SortFunc(regions, func(a, b oracleRegion) int {
		return cmp.Or(cmp.Compare(len(a.members), len(b.members)), cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
	// Depth first; a path is closed as soon as it is feasible.
	var paths []oraclePath
	var walk func(from int, path []oracleRegion)
	walk = func(from int, path []oracleRegion) {
		p := oraclePath{slices.Clone(path), len(paths)}
		if len(path) >= rmin && len(path) <= rmax && p.count() >= cmin {
			paths = append(paths, p)
			return
		}
		for i := from; i < len(regions) && len(path) < rmax; i++ {
			walk(i+1, append(slices.Clone(path), regions[i]))
		}
	}
	walk(0, nil)
	if len(paths) == 0 {
		return nil, false
	}
	slices.SortFunc(paths, func(a, b oraclePath) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(b.count(), a.count()), cmp.Compare(a.id, b.id))
	})
	chosen := paths[0]
	for _, p := range paths[1:] {
		if oracleIsPrefix(p, chosen) {
			chosen = p
		}
	}
	if len(chosen.regions) > cmax {
		return nil, false
	}
	var selected, rest []oracleCluster
	for _, r := range chosen.regions {
		selected, rest = append(selected, r.members[0]), append(rest, r.members[1:]...)
	}
	slices.SortFunc(rest, oraclePrefers)
	for len(selected) < cmax && len(rest) > 0 {
		selected, rest = append(selected, rest[0]), rest[1:]
	}
	return selected, true
}

// oracleIsPrefix compares paths with the regions of each by score, then name.
func oracleIsPrefix(short, long oraclePath) bool {
	if len(short.regions) >= len(long.regions) {
		return false
	}
	byScore := func(p oraclePath) []oracleRegion {
		return slices.SortedFunc(slices.Values(p.regions), func(a, b oracleRegion) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
		})
	}
	s, l := byScore(short), byScore(long)
	for i := range s {
		if s[i].name != l[i].name {
			return false
		}
	}
	return true
}

func oracleRegionScore(in Input, members []oracleCluster, rmin, cmin int) int64 {
	mean := func(of []oracleCluster) int64 {
		var sum int64
		for _, c := range of {
			sum += c.score
		}
		return sum / max(1, int64(len(of)))
	}
	if oracleStrategy(in) == "duplicated" {
		var valid []oracleCluster
		for _, c := range members {
			if c.all >= int64(in.Spec.Replicas) {
				valid = append(valid, c)
			}
		}
		return int64(len(valid))*1000 + mean(valid)
	}
	target := int64(math.Ceil(float64(in.Spec.Replicas) / float64(rmin)))
	taken := 0
	for taken < len(members) && (taken < max(cmin, rmin) || oracleSum(members[:taken]) < target) {
		taken++
	}
	if sum := oracleSum(members[:taken]); sum < target {
		return sum*1000 + mean(members)
	}
	return target*1000 + mean(members[:taken])
}

// Assignment.

func oracleStrategy(in Input) string {
	rs := in.Spec.Placement.ReplicaScheduling
	switch {
	case rs == nil || rs.ReplicaSchedulingType == policyv1alpha1.ReplicaSchedulingTypeDuplicated:
		return "duplicated"
	case rs.ReplicaDivisionPreference == policyv1alpha1.ReplicaDivisionPreferenceAggregated:
		return "aggregated"
	case rs.WeightPreference != nil && rs.WeightPreference.DynamicWeight != "":
		return "dynamic"
	}
	return "static"
}

func oracleAssign(in Input, selected []oracleCluster) (map[string]int64, bool) {
	out := map[string]int64{}
	if !oracleIsWorkload(in) {
		return out, true
	}
	switch oracleStrategy(in) {
	case "duplicated":
		for _, c := range selected {
			out[c.cluster.Name] = int64(in.Spec.Replicas)
		}
		return out, true
	case "static":
		return oracleWebster(in, int64(in.Spec.Replicas), oracleWeights(in, selected)), true
	}
	// Tier by tier: each gets what is left, up to its total available.
	rest := int64(in.Spec.Replicas)
	for tier := 0; tier <= 3; tier++ {
		var members []oracleCluster
		for _, c := range selected {
			if c.tier == tier {
				members = append(members, c)
			}
		}
		n := min(rest, oracleSum(members))
		for name, got := range oracleDivide(in, members, n) {
			out[name] = got
		}
		rest -= n
	}
	return out, rest == 0
}

func oracleWeights(in Input, selected []oracleCluster) map[string]int64 {
	weights := map[string]int64{}
	if w := in.Spec.Placement.ReplicaScheduling.WeightPreference; w != nil {
		for _, c := range selected {
			for _, rule := range w.StaticWeightList {
				if oracleMatches(c.cluster, &rule.TargetCluster) {
					weights[c.cluster.Name] = max(weights[c.cluster.Name], rule.Weight)
				}
			}
		}
	}
	if len(weights) == 0 {
		for _, c := range selected {
			weights[c.cluster.Name] = 1
		}
	}
	return weights
}

// oracleDivide divides n over clusters that have room for it, by dynamic weight or aggregated.
func oracleDivide(in Input, members []oracleCluster, n int64) map[string]int64 {
	var assigned int64
	present := map[string]int64{}
	for _, c := range members {
		present[c.cluster.Name] = c.has
		assigned += c.has
	}
	fresh := in.Fresh || oracleTriggered(in)
	weight := func(c oracleCluster) int64 { return c.all } // fresh: estimate and own
	first := func(oracleCluster) bool { return false }
	divide, keep := n, map[string]int64{}
	switch {
	case fresh:
	case assigned == n:
		return present
	case assigned > n: // down: by what they have
		weight = func(c oracleCluster) int64 { return c.has }
	default: // up: the difference only, by what the estimators say; the aggregated fill those in use first
		weight = func(c oracleCluster) int64 { return c.room }
		first = func(c oracleCluster) bool { return c.has > 0 }
		divide, keep = n-assigned, present
	}
	parties := slices.Clone(members)
	if oracleStrategy(in) == "aggregated" {
		slices.SortFunc(parties, func(a, b oracleCluster) int {
			if first(a) != first(b) {
				if first(a) {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.cluster.Name, b.cluster.Name))
		})
		var sum int64
		for i := range parties {
			if sum += weight(parties[i]); sum >= divide {
				parties = parties[:i+1]
				break
			}
		}
	}
	weights := map[string]int64{}
	for _, c := range parties {
		weights[c.cluster.Name] = weight(c)
	}
	out := oracleWebster(in, divide, weights)
	for name, has := range keep {
		out[name] += has
	}
	return out
}

// oracleWebster deals out n seats one by one, each to the greatest weight/(2*seats+1); of equal ones
// to that with fewer seats, then by name: backwards when FNV-1a (32 bits) of the template's UID is odd.
func oracleWebster(in Input, n int64, weights map[string]int64) map[string]int64 {
	hash := uint32(2166136261)
	for _, b := range []byte(in.Spec.Resource.UID) {
		hash = (hash ^ uint32(b)) * 16777619
	}
	backwards := in.Spec.Resource.UID != "" && hash%2 == 1
	var names []string
	for name, w := range weights {
		if w > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if backwards {
		slices.Reverse(names)
	}
	seats := map[string]int64{}
	quotient := func(name string) *big.Rat { return big.NewRat(weights[name], 2*seats[name]+1) }
	for range n {
		if len(names) == 0 {
			break
		}
		best := names[0]
		for _, name := range names[1:] {
			if c := quotient(name).Cmp(quotient(best)); c > 0 || c == 0 && seats[name] < seats[best] {
				best = name
			}
		}
		seats[best]++
	}
	return seats
}
