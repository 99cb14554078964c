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
}

// apiSet is what a cluster serves.
type apiSet struct {
	hash    uint64
	enabled []clusterv1alpha1.APIEnablement
}

// NewSnapshot reads clusters. Of a previous snapshot, if there is one, it takes over what it knows of
// clusters that have not changed since, so that one change in a large fleet costs little.
func NewSnapshot(clusters []*clusterv1alpha1.Cluster, previous *Snapshot) *Snapshot {
	s := &Snapshot{members: unprepared(clusters)}
	r := apiReader{into: s, from: map[*apiSet]int{}, known: map[uint64][]int{}}
	for i := range s.members {
		m := &s.members[i]
		if old := previous.find(m.Cluster); old != nil {
			m.supply, m.apis = old.supply, r.index(previous.apis[old.apis])
			continue
		}
		m.supply = new(supply)
		m.supply.read(m.Cluster, nil)
		m.apis = r.read(m.Status.APIEnablements)
	}
	return s
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

// apiReader finds clusters that serve the same.
type apiReader struct {
	into  *Snapshot
	from  map[*apiSet]int  // sets of the previous snapshot that are in this one
	known map[uint64][]int // sets by their hash
}

// read finds or adds what a cluster serves.
func (r *apiReader) read(enabled []clusterv1alpha1.APIEnablement) int {
	h := newHasher()
	for i := range enabled {
		h.text(enabled[i].GroupVersion)
		h.number(int64(len(enabled[i].Resources)))
		for j := range enabled[i].Resources {
			h.text(enabled[i].Resources[j].Kind)
		}
	}
	return r.add(&apiSet{hash: h.sum, enabled: enabled})
}

// index takes over a set of the previous snapshot.
func (r *apiReader) index(set *apiSet) int {
	i, ok := r.from[set]
	if !ok {
		i = r.add(set)
		r.from[set] = i
	}
	return i
}

func (r *apiReader) add(set *apiSet) int {
	for _, i := range r.known[set.hash] {
		if sameAPIs(r.into.apis[i].enabled, set.enabled) {
			return i
		}
	}
	i := len(r.into.apis)
	r.into.apis = append(r.into.apis, set)
	r.known[set.hash] = append(r.known[set.hash], i)
	return i
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
