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
	apiVersion, kind string
	short            bool // of room
	bindings         sets.Set[types.NamespacedName]
}

func newInterests() *interests {
	return &interests{groups: map[string]*group{}, member: map[types.NamespacedName]string{}}
}

// set notes what a binding waits for.
func (x *interests) set(b workv1alpha2.Binding) {
	key, spec := types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}, b.GetBindingSpec()
	if spec.Placement == nil {
		x.drop(key)
		return
	}
	short := waitsForRoom(b.GetBindingStatus())
	observed := b.GetBindingStatus().SchedulerObservedAffinityName
	id := groupID(spec, observed, short)
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
			short: short, bindings: sets.New[types.NamespacedName](),
		}
		x.groups[id] = g
	}
	g.bindings.Insert(key)
	x.member[key] = id
}

func groupID(spec *workv1alpha2.ResourceBindingSpec, observed string, short bool) string {
	id, err := json.Marshal(struct {
		One      *policyv1alpha1.ClusterAffinity
		Many     []policyv1alpha1.ClusterAffinityTerm
		Observed string
		API      string
		Kind     string
		Short    bool
	}{spec.Placement.ClusterAffinity, spec.Placement.ClusterAffinities, observed, spec.Resource.APIVersion, spec.Resource.Kind, short})
	if err != nil {
		return "" // not reached: the placement came from JSON
	}
	return string(id)
}

// waitsForRoom says whether the last attempt failed, and more room may help.
func waitsForRoom(status *workv1alpha2.ResourceBindingStatus) bool {
	c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled)
	return c != nil && c.Status == metav1.ConditionFalse &&
		(c.Reason == workv1alpha2.ReasonUnschedulable || c.Reason == workv1alpha2.ReasonSchedulerError)
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
	moved := before == nil || repositioned(before, after)
	roomier := before != nil && !equality.Semantic.DeepEqual(before.Status.ResourceSummary, after.Status.ResourceSummary)
	newAPIs := before != nil && !equality.Semantic.DeepEqual(before.Status.APIEnablements, after.Status.APIEnablements)
	if !moved && !roomier && !newAPIs {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, g := range x.groups {
		wakes := moved || roomier && g.short || newAPIs && !serves(before, g) && serves(after, g)
		if wakes && (g.Includes(after) || before != nil && g.Includes(before)) {
			out = append(out, g.bindings.UnsortedList()...)
		}
	}
	return out
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
