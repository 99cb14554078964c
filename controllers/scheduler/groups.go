package scheduler

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// groups knows where the bindings of each workload affinity group run. Like the ledger it holds what
// is being written as well: a decision notes how its groups stood, and is made again when a peer was
// placed meanwhile.
type groups struct {
	mu      sync.Mutex
	members map[groupKey]map[types.NamespacedName]*peer
	peers   map[types.NamespacedName]*peer
	version map[groupKey]uint64
	changes uint64 // versions are drawn from it, so that none ever comes again
}

// groupKey names a group. Those for affinity and those against it are apart, and so are namespaces.
type groupKey struct {
	namespace, name string
	anti            bool
}

// peer is a binding that is in groups.
type peer struct {
	groups   []groupKey
	clusters []string // as last seen
	// claimed is what a write under way makes of clusters, or one whose event has not come yet.
	claimed    []string
	writing    bool
	generation int64 // that the write made; 0 when none is awaited
	waits      bool  // a change of its peers may change its placement
}

func (p *peer) where() []string {
	if p.writing || p.generation > 0 {
		return p.claimed
	}
	return p.clusters
}

func newGroups() *groups {
	return &groups{members: map[groupKey]map[types.NamespacedName]*peer{}, peers: map[types.NamespacedName]*peer{}, version: map[groupKey]uint64{}}
}

func groupsOf(b workv1alpha2.Binding) (out []groupKey) {
	g := b.GetBindingSpec().WorkloadAffinityGroups
	if g == nil {
		return nil
	}
	if g.AffinityGroup != "" {
		out = append(out, groupKey{b.GetNamespace(), g.AffinityGroup, false})
	}
	if g.AntiAffinityGroup != "" {
		out = append(out, groupKey{b.GetNamespace(), g.AntiAffinityGroup, true})
	}
	return out
}

// observe takes note of a binding as a watch shows it, and returns the bindings that its move
// concerns.
func (x *groups) observe(b workv1alpha2.Binding) (wake []types.NamespacedName) {
	key, in := keyOf(b), groupsOf(b)
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.peers[key]
	if p == nil && len(in) == 0 {
		return nil
	}
	if p != nil && !slices.Equal(p.groups, in) {
		wake = x.leave(key)
		p = nil
	}
	if len(in) == 0 {
		return wake
	}
	if p == nil {
		p = &peer{groups: in}
		x.peers[key] = p
		for _, g := range in {
			if x.members[g] == nil {
				x.members[g] = map[types.NamespacedName]*peer{}
			}
			x.members[g][key] = p
		}
	}
	p.waits = waits(b)
	if p.generation > 0 && b.GetGeneration() >= p.generation {
		p.generation = 0
	}
	now := clusterNames(b.GetBindingSpec().Clusters)
	if slices.Equal(p.clusters, now) {
		return wake
	}
	p.clusters = now
	x.bump(p)
	return append(wake, x.waiting(key, p)...)
}

// drop forgets a binding, and returns those that its end concerns.
func (x *groups) drop(key types.NamespacedName) []types.NamespacedName {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.leave(key)
}

func (x *groups) leave(key types.NamespacedName) (wake []types.NamespacedName) {
	p := x.peers[key]
	if p == nil {
		return nil
	}
	if len(p.where()) > 0 {
		x.bump(p)
		wake = x.waiting(key, p)
	}
	delete(x.peers, key)
	for _, g := range p.groups {
		if delete(x.members[g], key); len(x.members[g]) == 0 {
			delete(x.members, g)
			delete(x.version, g)
		}
	}
	return wake
}

func (x *groups) bump(p *peer) {
	x.changes++
	for _, g := range p.groups {
		x.version[g] = x.changes
	}
}

func (x *groups) waiting(of types.NamespacedName, p *peer) (out []types.NamespacedName) {
	for _, g := range p.groups {
		for key, other := range x.members[g] {
			if key != of && other.waits {
				out = append(out, key)
			}
		}
	}
	return out
}

// standing is how the groups of a binding stood at one moment.
type standing struct {
	placement.Groups
	version []uint64
}

// of says how the groups of a binding stand, without itself.
func (x *groups) of(b workv1alpha2.Binding) (out standing) {
	in := groupsOf(b)
	if len(in) == 0 {
		return out
	}
	self := keyOf(b)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, g := range in {
		var peers []placement.Peer
		for key, p := range x.members[g] {
			if at := p.where(); key != self && len(at) > 0 {
				peers = append(peers, placement.Peer{Name: key.Name, Clusters: at})
			}
		}
		slices.SortFunc(peers, func(a, b placement.Peer) int { return cmp.Compare(a.Name, b.Name) })
		if g.anti {
			out.AntiAffinity = peers
		} else {
			out.Affinity = peers
		}
		out.version = append(out.version, x.version[g])
	}
	return out
}

// commit enters what is about to be written, unless the groups stand otherwise by now. After it
// comes settle.
func (x *groups) commit(b workv1alpha2.Binding, seen standing, to []workv1alpha2.TargetCluster) bool {
	if len(seen.version) == 0 {
		return true
	}
	in := groupsOf(b)
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, g := range in {
		if x.version[g] != seen.version[i] {
			return false
		}
	}
	if p := x.peers[keyOf(b)]; p != nil {
		if names := clusterNames(to); !slices.Equal(names, p.where()) {
			p.claimed, p.writing = names, true
			x.bump(p)
		}
	}
	return true
}

// settle ends what commit began: with the generation that was written, or 0 when nothing was.
func (x *groups) settle(key types.NamespacedName, generation int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.peers[key]
	if p == nil || !p.writing {
		return
	}
	p.writing, p.generation = false, generation
	if generation == 0 {
		x.bump(p)
	}
}

// waits says whether a change of other bindings may give this one another placement: the last
// attempt failed, or it goes wherever it may.
func waits(b workv1alpha2.Binding) bool {
	spec := b.GetBindingSpec()
	return spec.Placement != nil && (failed(b.GetBindingStatus()) != "" || spreads(spec))
}

// spreads says whether all fitting clusters are targets.
func spreads(spec *workv1alpha2.ResourceBindingSpec) bool {
	return !placement.IsWorkload(spec) || placement.StrategyOf(spec.Placement) == placement.Duplicated
}

func keyOf(b workv1alpha2.Binding) types.NamespacedName {
	return types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}
}

func clusterNames(targets []workv1alpha2.TargetCluster) []string {
	out := sets.New[string]()
	for i := range targets {
		out.Insert(targets[i].Name)
	}
	return sets.List(out)
}
