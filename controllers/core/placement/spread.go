package placement

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// bounds on the number of groups used.
type bounds struct{ min, max int }

// String reads "2 to 3", "2", "at least 2".
func (b bounds) String() string {
	switch {
	case b.max == math.MaxInt:
		return fmt.Sprintf("at least %d", b.min)
	case b.min == b.max:
		return fmt.Sprint(b.min)
	}
	return fmt.Sprintf("%d to %d", b.min, b.max)
}

// grouping is one way to form groups of clusters, and how many of them are to be used.
type grouping struct {
	by    policyv1alpha1.SpreadFieldValue // empty for a label
	label string
	bounds
	lacks string // what a cluster outside of all groups lacks
}

// groupingFields are the fields that form groups, in the order in which clusters are asked for them.
var groupingFields = []policyv1alpha1.SpreadFieldValue{
	policyv1alpha1.SpreadByFieldProvider, policyv1alpha1.SpreadByFieldRegion, policyv1alpha1.SpreadByFieldZone,
}

// String names the grouping: region, label rack.
func (g *grouping) String() string {
	if g.by == "" {
		return "label " + g.label
	}
	return string(g.by)
}

// plural names its groups: regions, values of label rack.
func (g *grouping) plural() string {
	if g.by == "" {
		return "values of label " + g.label
	}
	return string(g.by) + "s"
}

// groupsOf appends the groups the cluster is in: its one provider, region or label value, or each of
// its zones.
func (g *grouping) groupsOf(c *clusterv1alpha1.Cluster, into []string) []string {
	one := ""
	switch g.by {
	case policyv1alpha1.SpreadByFieldProvider:
		one = c.Spec.Provider
	case policyv1alpha1.SpreadByFieldRegion:
		one = c.Spec.Region
	case policyv1alpha1.SpreadByFieldZone:
		one = c.Spec.Zone
		for _, zone := range c.Spec.Zones {
			if zone != "" && !slices.Contains(into, zone) {
				into = append(into, zone)
			}
		}
		if len(c.Spec.Zones) > 0 {
			return into
		}
	default:
		one = c.Labels[g.label]
	}
	if one == "" {
		return into
	}
	return append(into, one)
}

// has says whether the cluster is in any group.
func (g *grouping) has(c *clusterv1alpha1.Cluster) bool {
	var few [4]string
	return len(g.groupsOf(c, few[:0])) > 0
}

// spread are the spread constraints: on the number of clusters, and on that of groups of them.
type spread struct {
	cluster   bounds
	groupings []grouping
}

func newSpread(p *policyv1alpha1.Placement) spread {
	s := spread{cluster: bounds{1, math.MaxInt}}
	for i := range p.SpreadConstraints {
		c := &p.SpreadConstraints[i]
		b := bounds{min: max(c.MinGroups, 1), max: c.MaxGroups}
		if b.max == 0 {
			b.max = math.MaxInt
		}
		g := grouping{label: c.SpreadByLabel, bounds: b}
		if g.label == "" {
			g.by = spreadField(c)
		}
		if g.by == policyv1alpha1.SpreadByFieldCluster {
			s.cluster = b
			continue
		}
		g.lacks = fmt.Sprintf("has no %s to spread by", &g)
		s.groupings = append(s.groupings, g)
	}
	slices.SortStableFunc(s.groupings, func(a, b grouping) int {
		return cmp.Or(cmp.Compare(fieldRank(a.by), fieldRank(b.by)), cmp.Compare(a.label, b.label))
	})
	return s
}

// fieldRank orders groupings; labels come last.
func fieldRank(by policyv1alpha1.SpreadFieldValue) int {
	if i := slices.Index(groupingFields, by); i >= 0 {
		return i
	}
	return len(groupingFields)
}

// missing says which field or label that constraints group by the cluster lacks.
func (s *spread) missing(c *clusterv1alpha1.Cluster) string {
	for i := range s.groupings {
		if !s.groupings[i].has(c) {
			return s.groupings[i].lacks
		}
	}
	return ""
}

// one says whether exactly one cluster is asked for.
func (s *spread) one() bool { return s.cluster == bounds{1, 1} }

// String lists the constraints with their numbers.
func (s *spread) String() string {
	parts := make([]string, 0, len(s.groupings)+1)
	for i := range s.groupings {
		parts = append(parts, fmt.Sprintf("%s %s", &s.groupings[i], s.groupings[i].bounds))
	}
	return strings.Join(append(parts, "cluster "+s.cluster.String()), ", ")
}

// unmet is the refusal of spread constraints.
func unmet(format string, args ...any) *refusal {
	return &refusal{workv1alpha2.ReasonSchedulerError, "spec.placement.spreadConstraints: " + fmt.Sprintf(format, args...)}
}

// selectSpread picks among candidates in order of preference, and says how.
func (p *placer) selectSpread(candidates []candidate) ([]candidate, string, *refusal) {
	if p.demand.inSets() && p.spread.one() {
		roomy := slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return c.available < 1 })
		if len(roomy) == 0 {
			return nil, "", &refusal{workv1alpha2.ReasonSchedulerError, fmt.Sprintf("no enough resource when selecting 1 cluster for %s", &p.demand)}
		}
		candidates = roomy
	}
	if len(p.spread.groupings) > 0 {
		return p.selectByGroups(candidates)
	}
	return p.selectByCluster(candidates)
}

func (p *placer) selectByCluster(candidates []candidate) ([]candidate, string, *refusal) {
	b := p.spread.cluster
	if len(candidates) < b.min {
		return nil, "", unmet("%d clusters fit, minGroups by cluster is %d", len(candidates), b.min)
	}
	n := min(len(candidates), b.max)
	how := fmt.Sprintf("the best %d of %d clusters", n, len(candidates))
	if !p.strategy.byCapacity() || p.demand.inSets() {
		return candidates[:n], how, nil
	}
	picked, enough := withRoom(slices.Clone(candidates), n, p.demand.units())
	if !enough {
		return nil, how, &refusal{workv1alpha2.ReasonSchedulerError, fmt.Sprintf("no enough resource when selecting %d clusters for %s", n, &p.demand)}
	}
	return picked, how, nil
}

// withRoom starts from the first n and, going back from the last of them, swaps each for the one
// outside that has the most room, until there is room for the replicas.
func withRoom(candidates []candidate, n int, replicas int64) ([]candidate, bool) {
	in, out := candidates[:n], candidates[n:]
	room := roomOf(in)
	for last := n - 1; room < replicas; last-- {
		if last < 0 {
			return nil, false
		}
		swap, roomiest := -1, in[last].available
		for i := range out {
			if out[i].available > roomiest {
				swap, roomiest = i, out[i].available
			}
		}
		if swap >= 0 {
			room += roomiest - in[last].available
			in[last], out[swap] = out[swap], in[last]
		}
	}
	return in, true
}

func roomOf(candidates []candidate) (sum int64) {
	for i := range candidates {
		sum += candidates[i].available
	}
	return sum
}
