package scheduler

import (
	"encoding/json"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// interests finds the bindings that a change of a cluster concerns. Bindings of one policy share a
// group, so that a change is compared with few affinities, however many bindings there are.
type interests struct {
	mu     sync.RWMutex
	groups map[string]*group
	member map[types.NamespacedName]string // the group of each binding
}

// group are bindings that wait for the same.
type group struct {
	placement.Interest
	// earlier are the affinity terms before the one in use; nil when there are none.
	earlier          *placement.Interest
	apiVersion, kind string
	failed           string // the reason why they could not be placed; empty when they are
	several          bool   // affinity terms; the reason is that of the first
	bindings         sets.Set[types.NamespacedName]
}

// short says whether more room may help.
func (g *group) short() bool {
	switch g.failed {
	case workv1alpha2.ReasonUnschedulable, workv1alpha2.ReasonSchedulerError:
		return true
	case workv1alpha2.ReasonNoClusterFit:
		return g.several
	}
	return false
}

func newInterests() *interests {
	return &interests{groups: map[string]*group{}, member: map[types.NamespacedName]string{}}
}

// set notes what a binding waits for.
func (x *interests) set(b workv1alpha2.Binding) {
	key, spec := keyOf(b), b.GetBindingSpec()
	if spec.Placement == nil {
		x.drop(key)
		return
	}
	status := b.GetBindingStatus()
	why, observed := failed(status), status.SchedulerObservedAffinityName
	id := groupID(spec, observed, why)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.member[key] == id {
		return
	}
	x.leave(key)
	g := x.groups[id]
	if g == nil {
		g = &group{
			Interest:   placement.NewInterest(spec.Placement.DeepCopy(), observed),
			apiVersion: spec.Resource.APIVersion, kind: spec.Resource.Kind,
			failed: why, several: len(spec.Placement.ClusterAffinities) > 1, bindings: sets.New[types.NamespacedName](),
		}
		if term := termInUse(spec, status); term > 0 {
			earlier := placement.NewInterest(withTerms(spec, 0, term).Placement.DeepCopy(), "")
			g.earlier = &earlier
		}
		x.groups[id] = g
	}
	g.bindings.Insert(key)
	x.member[key] = id
}

func groupID(spec *workv1alpha2.ResourceBindingSpec, observed, failed string) string {
	id, err := json.Marshal(struct {
		One      *policyv1alpha1.ClusterAffinity
		Many     []policyv1alpha1.ClusterAffinityTerm
		Observed string
		API      string
		Kind     string
		Failed   string
	}{spec.Placement.ClusterAffinity, spec.Placement.ClusterAffinities, observed, spec.Resource.APIVersion, spec.Resource.Kind, failed})
	if err != nil {
		return "" // not reached: the placement came from JSON
	}
	return string(id)
}

// failed is the reason why the last attempt to place a binding failed; empty when it did not.
func failed(status *workv1alpha2.ResourceBindingStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled); c != nil && c.Status == metav1.ConditionFalse {
		return c.Reason
	}
	return ""
}

// drop forgets a binding.
func (x *interests) drop(key types.NamespacedName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.leave(key)
}

func (x *interests) leave(key types.NamespacedName) {
	id, ok := x.member[key]
	if !ok {
		return
	}
	delete(x.member, key)
	g := x.groups[id]
	if g.bindings.Delete(key); g.bindings.Len() == 0 {
		delete(x.groups, id)
	}
}

// concerned are the bindings that a change from before to after concerns. Before is nil for a
// cluster that is new.
func (x *interests) concerned(before, after *clusterv1alpha1.Cluster) (out []types.NamespacedName) {
	change := changeOf(before, after)
	if change == (clusterChange{}) {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, g := range x.groups {
		if g.concerned(change, before, after) {
			out = append(out, g.bindings.UnsortedList()...)
		}
	}
	return out
}

// short are the bindings that lack room in a cluster, among others.
func (x *interests) short(c *clusterv1alpha1.Cluster) (out []types.NamespacedName) {
	return x.those(func(g *group) bool { return g.short() && g.Includes(c) })
}

// failed are the bindings that could not be placed.
func (x *interests) failed() []types.NamespacedName {
	return x.those(func(g *group) bool { return g.failed != "" })
}

func (x *interests) those(which func(*group) bool) (out []types.NamespacedName) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, g := range x.groups {
		if which(g) {
			out = append(out, g.bindings.UnsortedList()...)
		}
	}
	return out
}

// clusterChange says what of a cluster changed.
type clusterChange struct{ moved, roomier, newAPIs, readiness bool }

func changeOf(before, after *clusterv1alpha1.Cluster) clusterChange {
	if before == nil {
		return clusterChange{moved: true}
	}
	return clusterChange{
		moved:     repositioned(before, after),
		roomier:   !equality.Semantic.DeepEqual(before.Status.ResourceSummary, after.Status.ResourceSummary),
		newAPIs:   !equality.Semantic.DeepEqual(before.Status.APIEnablements, after.Status.APIEnablements),
		readiness: ready(before) != ready(after),
	}
}

// concerned says whether a change of a cluster may give the bindings another placement. Those that
// use a later affinity term than their first look at the clusters of earlier ones as well; room
// there they ask for now and then, as it changes all the time.
func (g *group) concerned(change clusterChange, before, after *clusterv1alpha1.Cluster) bool {
	includes := func(i *placement.Interest) bool { return i.Includes(after) || before != nil && i.Includes(before) }
	served := change.newAPIs && !serves(before, g) && serves(after, g)
	recovered := change.readiness && ready(after)
	if change.moved || served || change.roomier && g.short() || recovered && g.failed != "" {
		if includes(&g.Interest) {
			return true
		}
	}
	return g.earlier != nil && (change.moved || served || change.readiness) && includes(g.earlier)
}

// repositioned says whether a cluster may match other affinities and tolerations than before, or is
// on its way out.
func repositioned(before, after *clusterv1alpha1.Cluster) bool {
	return !equality.Semantic.DeepEqual(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(before.Spec, after.Spec) || leaves(before, after)
}

// leaves says whether somebody began to delete the cluster.
func leaves(before, after *clusterv1alpha1.Cluster) bool {
	return before != nil && before.DeletionTimestamp == nil && after.DeletionTimestamp != nil
}

func serves(c *clusterv1alpha1.Cluster, g *group) bool {
	return slices.ContainsFunc(c.Status.APIEnablements, func(e clusterv1alpha1.APIEnablement) bool {
		return e.GroupVersion == g.apiVersion && slices.ContainsFunc(e.Resources, func(r clusterv1alpha1.APIResource) bool { return r.Kind == g.kind })
	})
}
