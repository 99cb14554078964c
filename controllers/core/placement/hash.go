package placement

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// InputHash is equal for inputs that are placed by equal facts, in whatever order the clusters are
// given. Of a cluster it counts what filters and constraints read and, where room matters, how much
// there is: not heartbeats, versions, or reports that leave the room as it was. It is 16 hex digits, the
// same in every process.
func InputHash(in Input) string {
	h := newHasher()
	h.object(bindingFacts(&in))
	h.object(in.Groups)
	for _, a := range in.Advice {
		h.text(a.Plugin)
		h.number(a.Weight)
		h.truth(a.Failed != "")
		if a.Failed == "" {
			h.object(a.Opinions)
		}
	}
	h.truth(in.Fresh || triggered(in.Spec, in.Status))
	h.truth(in.KeepEmpty)
	if in.Wall.Stands() {
		h.text(in.Wall.String())
	}
	h.text(in.observedAffinity())
	p, errs := newPlacer(&in)
	if len(errs) > 0 {
		return h.String()
	}
	for i := range p.members {
		p.hashMember(&h, &p.members[i])
	}
	return h.String()
}

// bindingFacts is what a placement reads of the binding's spec.
func bindingFacts(in *Input) any {
	spec := in.Spec
	facts := struct {
		APIVersion, Kind, UID string
		Replicas              int32
		Requirements          *workv1alpha2.ReplicaRequirements
		Components            []workv1alpha2.Component
		Placement             any
		Clusters              []workv1alpha2.TargetCluster
		Leaving               []string
	}{
		spec.Resource.APIVersion, spec.Resource.Kind, string(spec.Resource.UID), spec.Replicas, spec.ReplicaRequirements,
		spec.Components, spec.Placement, slices.Clone(spec.Clusters), nil,
	}
	slices.SortStableFunc(facts.Clusters, func(a, b workv1alpha2.TargetCluster) int { return cmp.Compare(a.Name, b.Name) })
	for i := range spec.GracefulEvictionTasks {
		facts.Leaving = append(facts.Leaving, spec.GracefulEvictionTasks[i].FromCluster)
	}
	slices.Sort(facts.Leaving)
	return facts
}

// hashMember adds what the placement reads of a cluster.
func (p *placer) hashMember(h *hasher, m *memberView) {
	facts := m.facts
	if m.supply == nil {
		facts = factsOf(m.Cluster)
	}
	h.number(int64(facts))
	_, target := p.present[m.Name]
	h.truth(p.in.Exclude.Has(m.Name))
	if p.in.Only != nil || p.in.Frozen.Has(m.Name) {
		h.text(p.bounds.out(m.Name, target))
		h.truth(p.in.Frozen.Has(m.Name))
	}
	if target && p.readsRoom() && trouble(m.Cluster) > 0 {
		h.number(int64(trouble(m.Cluster)))
	}
	h.truth(p.servers.has(m))
	if p.readsRoom() {
		h.number(p.room(m))
	}
}

// factsOf is the hash of what any placement reads of a cluster, but for room and APIs.
func factsOf(c *clusterv1alpha1.Cluster) uint64 {
	h := newHasher()
	h.text(c.Name)
	h.truth(c.DeletionTimestamp != nil)
	var labels uint64 // a sum, as maps have no order
	for key, value := range c.Labels {
		one := newHasher()
		one.text(key)
		one.text(value)
		labels += one.sum
	}
	h.number(int64(labels))
	h.text(c.Spec.Provider)
	h.text(c.Spec.Region)
	h.text(c.Spec.Zone)
	h.number(int64(len(c.Spec.Zones)))
	for _, zone := range c.Spec.Zones {
		h.text(zone)
	}
	for i := range c.Spec.Taints {
		t := &c.Spec.Taints[i]
		h.text(t.Key)
		h.text(t.Value)
		h.text(string(t.Effect))
	}
	return h.sum
}

// hasher is FNV-1a with 64 bits over texts, with a faster step for numbers. Fields cannot run into each
// other.
type hasher struct{ sum uint64 }

func newHasher() hasher { return hasher{14695981039346656037} }

func (h *hasher) String() string { return fmt.Sprintf("%016x", h.sum) }

func (h *hasher) text(s string) {
	h.number(int64(len(s)))
	for i := range len(s) {
		h.sum = (h.sum ^ uint64(s[i])) * 1099511628211
	}
}

func (h *hasher) number(n int64) {
	h.sum = bits.RotateLeft64((h.sum^uint64(n))*0x9e3779b97f4a7c15, 31)
}

func (h *hasher) truth(b bool) {
	if b {
		h.number(1)
	} else {
		h.number(0)
	}
}

// object adds plain data. It encodes the same wherever it came from, maps by sorted keys.
func (h *hasher) object(v any) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return // not reached: API types and plain structs encode
	}
	h.text(string(encoded))
}
