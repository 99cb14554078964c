package placement

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Snapshot is the clusters at one time, read once for many placements: sorted, what they serve
// compared once for all clusters that serve the same, what is free in them as plain numbers. It is
// never changed and safe for concurrent use, as long as nobody changes the clusters.
type Snapshot struct {
	members []memberView // sorted by name
	apis    []*apiSet
}

// memberView is one cluster, with what is known of it in advance.
type memberView struct {
	*clusterv1alpha1.Cluster
	// apis is the index of what it serves in its Snapshot; below 0 outside of one.
	apis int
	// supply is what is free in it; nil outside of a Snapshot.
	supply *supply
	// facts is the hash of what else is read of it; only in a Snapshot.
	facts uint64
}

// apiSet is what a cluster serves.
type apiSet struct {
	enabled []clusterv1alpha1.APIEnablement
}

// NewSnapshot reads clusters. Of a previous snapshot, if there is one, it takes over what it knows of
// clusters that have not changed since, so that one change in a large fleet costs little.
func NewSnapshot(clusters []*clusterv1alpha1.Cluster, previous *Snapshot) *Snapshot {
	s := &Snapshot{members: unprepared(clusters)}
	taken := map[*apiSet]int{}
	for i := range s.members {
		m := &s.members[i]
		if old := previous.find(m.Cluster); old != nil {
			set := previous.apis[old.apis]
			at, known := taken[set]
			if !known {
				at = s.index(set)
				taken[set] = at
			}
			m.supply, m.facts, m.apis = old.supply, old.facts, at
			continue
		}
		m.supply = new(supply)
		m.supply.read(m.Cluster, nil)
		m.facts = factsOf(m.Cluster)
		m.apis = s.index(&apiSet{m.Status.APIEnablements})
	}
	return s
}

// comparedSets bounds with how many others a set is compared. Beyond it, sets that are equal may be
// kept twice, which only costs.
const comparedSets = 16

// index finds a set of APIs, or adds it.
func (s *Snapshot) index(set *apiSet) int {
	for i := len(s.apis) - 1; i >= max(0, len(s.apis)-comparedSets); i-- {
		if sameAPIs(s.apis[i].enabled, set.enabled) {
			return i
		}
	}
	s.apis = append(s.apis, set)
	return len(s.apis) - 1
}

// find looks up the same version of a cluster.
func (s *Snapshot) find(c *clusterv1alpha1.Cluster) *memberView {
	if s == nil || c.ResourceVersion == "" {
		return nil
	}
	i, ok := slices.BinarySearchFunc(s.members, c.Name, func(m memberView, name string) int { return cmp.Compare(m.Name, name) })
	if !ok || s.members[i].UID != c.UID || s.members[i].ResourceVersion != c.ResourceVersion {
		return nil
	}
	return &s.members[i]
}

// unprepared sorts clusters by name without reading them.
func unprepared(clusters []*clusterv1alpha1.Cluster) []memberView {
	members := make([]memberView, 0, len(clusters))
	for _, c := range clusters {
		if c != nil {
			members = append(members, memberView{Cluster: c, apis: -1})
		}
	}
	byName := func(a, b memberView) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(members, byName) {
		slices.SortStableFunc(members, byName)
	}
	return members
}

// members are the clusters of the input, sorted by name.
func (in *Input) members() []memberView {
	if in.Snapshot != nil {
		return in.Snapshot.members
	}
	return unprepared(in.Clusters)
}

func sameAPIs(a, b []clusterv1alpha1.APIEnablement) bool {
	return slices.EqualFunc(a, b, func(a, b clusterv1alpha1.APIEnablement) bool {
		return a.GroupVersion == b.GroupVersion && slices.EqualFunc(a.Resources, b.Resources, func(a, b clusterv1alpha1.APIResource) bool {
			return a.Kind == b.Kind
		})
	})
}

// servers answers which members serve a kind, once for all that serve the same.
type servers struct {
	version, kind string
	apis          []*apiSet
	asked, serves []bool // by set
}

func newServers(s *Snapshot, gvk schema.GroupVersionKind) servers {
	out := servers{version: gvk.GroupVersion().String(), kind: gvk.Kind}
	if s != nil {
		out.apis = s.apis
		out.asked, out.serves = make([]bool, len(s.apis)), make([]bool, len(s.apis))
	}
	return out
}

func (s *servers) has(m *memberView) bool {
	if m.apis < 0 {
		return serves(m.Status.APIEnablements, s.version, s.kind)
	}
	if !s.asked[m.apis] {
		s.asked[m.apis], s.serves[m.apis] = true, serves(s.apis[m.apis].enabled, s.version, s.kind)
	}
	return s.serves[m.apis]
}

func serves(enabled []clusterv1alpha1.APIEnablement, version, kind string) bool {
	for i := range enabled {
		if enabled[i].GroupVersion != version {
			continue
		}
		for j := range enabled[i].Resources {
			if enabled[i].Resources[j].Kind == kind {
				return true
			}
		}
	}
	return false
}
